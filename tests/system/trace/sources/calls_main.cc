#include <complex>
#include <immintrin.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdexcept>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
struct big {
	long a[6];
};
extern "C" {
int add(int, int, int, int, int, int, int, int);
double mix(double, float, int, long double);
long double longer(long double);
struct big large(long);
int sum(int, ...);
__m256d wide(__m256d, __m256d);
std::complex<double> two(double);
void middle(int);
int recurse(int);
int tail(int);
void jumper(jmp_buf);
}
static void *worker(void *)
{
	long s = 0;
	for (int i = 0; i < 10000; i++)
		s += add(i, 0, 0, 0, 0, 0, 0, 1);
	return (void *)s;
}
static void *leaver(void *)
{
	struct s {
		~s()
		{
			puts("unwound");
		}
	} on_stack;
	add(1, 1, 1, 1, 1, 1, 1, 1);
	pthread_exit(NULL);
}
static void handler(int)
{
	add(0, 0, 0, 0, 0, 0, 0, 0);
}
static ucontext_t one, other;
static void coroutine()
{
	for (int i = 0; i < 3; i++) {
		add(i, 0, 0, 0, 0, 0, 0, 0);
		swapcontext(&other, &one);
	}
}
__attribute__((target("avx"))) static void vectors()
{
	__m256d v = wide(_mm256_set1_pd(1), _mm256_set_pd(1, 2, 3, 4));
	double d[4];
	_mm256_storeu_pd(d, v);
	printf("%g %g %g %g\n", d[0], d[1], d[2], d[3]);
}
int main(int argc, char **argv)
{
	printf("%d %g %Lg %ld\n", add(1, 2, 3, 4, 5, 6, 7, 8), mix(1, 2, 3, 4), longer(2.5L),
	       large(7).a[5]);
	printf("%d %g\n", sum(3, 1.0, 2.0, 3.0), two(3).imag());
	if (__builtin_cpu_supports("avx"))
		vectors();
	for (int i = 0; i < 100; i++)
		try {
			middle(i % 2);
		} catch (const std::runtime_error &e) {
			if (i == 0)
				puts(e.what());
		}
	for (volatile int i = 0; i < 5000; i++) {
		jmp_buf b;
		if (!setjmp(b))
			jumper(b);
	}
	printf("%d %d\n", recurse(500), tail(4));
	pthread_t t[8];
	long total = 0;
	for (auto &x : t)
		pthread_create(&x, NULL, worker, NULL);
	for (auto &x : t) {
		void *r;
		pthread_join(x, &r);
		total += (long)r;
	}
	printf("%ld\n", total);
	pthread_create(&t[0], NULL, leaver, NULL);
	pthread_join(t[0], NULL);
	signal(SIGUSR1, handler);
	for (int i = 0; i < 10; i++)
		raise(SIGUSR1);
	static char stack[65536];
	getcontext(&other);
	other.uc_stack.ss_sp = stack;
	other.uc_stack.ss_size = sizeof stack;
	makecontext(&other, coroutine, 0);
	for (int i = 0; i < 3; i++)
		swapcontext(&one, &other);
	fflush(stdout);
	pid_t child = fork();
	if (!child) {
		add(0, 0, 0, 0, 0, 0, 0, 0);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	if (argc > 1 && !strcmp(argv[1], "kill")) {
		puts("killed");
		fflush(stdout);
		kill(getpid(), SIGKILL);
	}
	if (argc > 1 && !strcmp(argv[1], "exec")) {
		fflush(stdout);
		execlp("echo", "echo", "executed", NULL);
	}
	return 7;
}
