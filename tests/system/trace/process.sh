#!/usr/bin/env bash
# process.sh - `matr trace` and what a process does meanwhile: results of every kind, callbacks, descriptors that are closed,
# an exec of itself, signals from the terminal; and times against those that the program takes itself.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/trace.sh
. "$TESTS/lib/trace.sh"

# calls NAME SYMBOL: calls and unfinished
calls()
{
	/usr/bin/python3 -c 'import csv, sys
rows = [r for r in csv.DictReader(open(sys.argv[1])) if r["symbol"] == sys.argv[2]]
print(sum(int(r["calls"]) for r in rows), sum(int(r["unfinished"]) for r in rows))' "$T/$1.csv" "$2"
}

# ---- arguments and results in every place the ABI has for them ----

mkdir -p "$T/lib" "$T/a directory"
cat >"$T/values.h" <<'C'
#include <complex.h>
#include <immintrin.h>
struct words { long a, b; };                 /* rax:rdx */
struct mixed { double a; long b; };          /* xmm0, rax */
struct reals { double a, b; };               /* xmm0:xmm1 */
struct large { long a[9]; };                 /* memory, its address in rax */
struct words words(long a, struct large by_value, long b);
struct mixed mixed(double a, long b);
struct reals reals(double a, double b);
struct large large(int a, int b, int c, int d, int e, int f, int g, int h, int i);
long double extended(long double a, long double b);
long double complex two_extended(long double a); /* st0:st1 */
double many(double a, double b, double c, double d, double e, double f, double g, double h, double i, double j);
int variadic(const char *kinds, ...);
__m256d wide(__m256d a, __m256d b);
__m512d wider(__m512d a, __m512d b);
_Bool small(char a, short b, _Bool c);
int compare(const void *a, const void *b);
C
cat >"$T/values.c" <<'C'
#include "values.h"
#include <stdarg.h>
struct words words(long a, struct large v, long b) { return (struct words){a + v.a[0], b + v.a[8]}; }
struct mixed mixed(double a, long b) { return (struct mixed){a * 2, b * 2}; }
struct reals reals(double a, double b) { return (struct reals){b, a}; }
struct large large(int a, int b, int c, int d, int e, int f, int g, int h, int i) { return (struct large){{a, b, c, d, e, f, g, h, i}}; }
long double extended(long double a, long double b) { return a / b; }
long double complex two_extended(long double a) { return a + 2 * a * I; }
double many(double a, double b, double c, double d, double e, double f, double g, double h, double i, double j) { return a + b + c + d + e + f + g + h + i * 10 + j * 100; }
int variadic(const char *kinds, ...)
{
	double sum = 0;
	va_list list;
	va_start(list, kinds);
	for (; *kinds; kinds++) sum += *kinds == 'd' ? va_arg(list, double) : *kinds == 'l' ? (double)va_arg(list, long double) : va_arg(list, int);
	va_end(list);
	return (int)sum;
}
__attribute__((target("avx"))) __m256d wide(__m256d a, __m256d b) { return _mm256_sub_pd(a, b); }
__attribute__((target("avx512f"))) __m512d wider(__m512d a, __m512d b) { return _mm512_sub_pd(a, b); }
_Bool small(char a, short b, _Bool c) { return a < b && c; }
int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
C
cat >"$T/uses.c" <<'C'
#include "values.h"
#include <stdio.h>
#include <stdlib.h>
__attribute__((target("avx"))) static void use_wide(void)
{
	double d[4];
	_mm256_storeu_pd(d, wide(_mm256_set_pd(4, 3, 2, 1), _mm256_set1_pd(10)));
	printf("%g %g %g %g\n", d[0], d[1], d[2], d[3]);
}
__attribute__((target("avx512f"))) static void use_wider(void)
{
	double d[8];
	_mm512_storeu_pd(d, wider(_mm512_set_pd(8, 7, 6, 5, 4, 3, 2, 1), _mm512_set1_pd(10)));
	printf("%g %g\n", d[0], d[7]);
}
int main(void)
{
	struct large nine = large(1, 2, 3, 4, 5, 6, 7, 8, 9);
	struct words w = words(100, nine, 200);
	struct mixed m = mixed(1.5, 7);
	struct reals r = reals(1, 2);
	long double complex c = two_extended(1.25L);
	int numbers[1000];
	printf("%ld %ld %ld %ld %g %ld %g %g\n", nine.a[0], nine.a[8], w.a, w.b, m.a, m.b, r.a, r.b);
	printf("%Lg %Lg %Lg %g\n", extended(1, 3), creall(c), cimagl(c), many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
	printf("%d %d\n", variadic("idlidd", 1, 2.0, 3.0L, 4, 5.0, 6.0), small(1, 2, 1));
	if (__builtin_cpu_supports("avx")) use_wide();
	if (__builtin_cpu_supports("avx512f")) use_wider();
	for (int i = 0; i < 1000; i++) numbers[i] = i * 7919 % 1000;
	qsort(numbers, 1000, sizeof *numbers, compare);
	for (int i = 0; i < 1000; i++) if (numbers[i] != i) return 1;
	return 0;
}
C
cat >"$T/counted.c" <<'C'
/* Counts the comparisons of qsort by itself. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
static long n;
int compare(const void *a, const void *b)
{
	static int (*real)(const void *, const void *);
	if (!real) real = (int (*)(const void *, const void *))dlsym(RTLD_NEXT, "compare");
	n++;
	return real(a, b);
}
__attribute__((destructor)) static void say(void) { fprintf(stderr, "%ld 0\n", n); }
C
$CC -O1 -fPIC -shared -Wno-psabi -o "$T/lib/libvalues.so" "$T/values.c" && $CC -O1 -fPIC -shared -o "$T/lib/libcounted.so" "$T/counted.c"
$CC -O1 -Wno-psabi -o "$T/uses" "$T/uses.c" -L"$T/lib" -lvalues -Wl,-rpath,"$T/lib"
"$T/uses" >"$T/plain.out" || echo "Bail out! $?"
trace values --symbol '*' "$T/uses"
check "arguments and results of every kind: output" cmp "$T/plain.out" "$T/values.out"
check "arguments and results of every kind: status" test "$(cat "$T/values.status")" = 0
for function in words mixed reals large extended two_extended many variadic small qsort; do
	check "$function was timed" test "$(calls values $function)" = '1 0'
done
check "a callback, as often as a counting library sees it" test "$(calls values compare)" = "$(LD_PRELOAD=$T/lib/libcounted.so "$T/uses" 2>&1 >/dev/null)"

# The address of a function may be its PLT entry in the program, for all; calls are bound to the function all the same.
cat >"$T/taker.c" <<'C'
extern int compare(const void *, const void *);
int (*pointer)(const void *, const void *) = compare;
int taker(const int *a, const int *b) { return compare(a, b) + pointer(b, a); }
C
cat >"$T/plt.c" <<'C'
extern int compare(const void *, const void *), taker(const int *, const int *);
int (*volatile own)(const void *, const void *);
int main(void) { int a = 1, b = 2; own = compare; return compare(&a, &b) + own(&b, &a) + taker(&a, &b); }
C
$CC -O1 -fPIC -shared -o "$T/lib/libtaker.so" "$T/taker.c"
$CC -O1 -fno-pie -no-pie -o "$T/plt" "$T/plt.c" -L"$T/lib" -ltaker -lvalues -Wl,-rpath,"$T/lib"
check "(the program has such an address)" test "$(readelf -W --dyn-syms "$T/plt" | awk '$8 == "compare" { print $7, $2 !~ /^0*$/ }')" = 'UND 1'
trace plt --symbol compare --requester libtaker.so "$T/plt"
check "a function that has a PLT entry for its address: calls" test "$(cat "$T/plt.status") $(calls plt compare)" = '0 2 0'

# ---- what the process does ----

cat >"$T/does.c" <<'C'
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "values.h"
static sigjmp_buf back;
static void on_fault(int n) { siglongjmp(back, n); }
static void on_interrupt(int n) { (void)n; small(1, 2, 1); _exit(3); }
int main(int argc, char **argv)
{
	const char *what = argv[1];
	small(1, 2, 1);
	if (!strcmp(what, "close")) for (int i = 0; i < 1024; i++) close(i);
	if (!strcmp(what, "exec") && argc == 3 && atoi(argv[2]) > 0) {
		char left[16];
		snprintf(left, sizeof left, "%d", atoi(argv[2]) - 1);
		execl("/proc/self/exe", argv[0], what, left, (char *)NULL);
	}
	if (!strcmp(what, "fault")) {
		signal(SIGSEGV, on_fault);
		for (volatile int i = 0; i < 100; i++) if (!sigsetjmp(back, 1)) qsort((void *)8, 2, 4, compare);
	}
	if (!strcmp(what, "abort")) abort();
	if (!strcmp(what, "daemon")) { if (fork()) _exit(0); setsid(); usleep(300000); small(1, 2, 1); _exit(0); }
	if (!strcmp(what, "handle")) signal(SIGINT, on_interrupt);
	if (!strcmp(what, "handle") || !strcmp(what, "wait")) { puts("ready"); fflush(stdout); pause(); }
	for (int i = 0; i < 4; i++) small(1, 2, 1);
	for (int i = 2; i < argc; i++) puts(argv[i]);
	return 0;
}
C
$CC -O1 -Wno-psabi -o "$T/does" "$T/does.c" -L"$T/lib" -lvalues -Wl,-rpath,"$T/lib"
cp "$T/does" "$T/a directory/a program"
trace close --symbol small "$T/does" close
check "all descriptors closed" test "$(calls close small)" = '5 0'
trace exec --symbol small "$T/does" exec 3
check "an exec of itself counts along" test "$(calls exec small) $(cat "$T/exec.out")" = '8 0 0'
trace fault --symbol qsort --symbol compare "$T/does" fault
check "out of a fault with siglongjmp" test "$(cat "$T/fault.status") $(calls fault qsort)" = '0 100 100'
trace abort --symbol '*' "$T/does" abort
check "abort()" test "$(cat "$T/abort.status") $(calls abort abort)" = '134 1 1'
trace daemon --symbol small "$T/does" daemon
check "who goes on after the program's end is not waited for" test "$(cat "$T/daemon.status") $(calls daemon small)" = '0 1 0'
check "spaces in the program's name and in arguments, and --" test "$("$MATR" trace --symbol small -o "$T/spaces.csv" --format csv -- "$T/a directory/a program" -- 'two  words' '--symbol' 2>&1 |
	tr '\n' ,) $(calls spaces small)" = 'two  words,--symbol, 5 0'
check "options behind the program are the program's" test "$(cd "$T" && "$MATR" trace --symbol small -o "$T/own.csv" --format csv ./does -x --format xml 2>&1 | tr '\n' ,)" = '--format,xml,'
check "in front of it, they are not" test "$(cd "$T" && "$MATR" trace ./does --symbol small -o "$T/own.csv" --format csv -- -x --format xml 2>&1 | tr '\n' ,)" = '--format,xml,'
# interrupted WHAT: as a terminal does it, the whole process group; exit status, and calls
interrupted()
{
	/usr/bin/python3 - "$MATR" "$T" "$1" <<'END2'
import os, signal, subprocess, sys
matr, directory, what = sys.argv[1:]
p = subprocess.Popen([matr, "trace", "--symbol", "small", "--format", "csv", "-o", f"{directory}/int.csv", f"{directory}/does", what],
                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
assert p.stdout.readline() == b"ready\n"
os.killpg(p.pid, signal.SIGINT)
print(p.wait(60))
END2
	calls int small
}
check "Ctrl-C: the program dies of it, the table is there" test "$(interrupted wait | tr '\n' ,)" = '130,1 0,'
check "Ctrl-C: the program has a handler" test "$(interrupted handle | tr '\n' ,)" = '3,2 0,'
cat >"$T/signals.py" <<'END2'
import signal
print(*(signal.getsignal(s) for s in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)))
END2
ignoring() { (trap '' HUP QUIT && "$@" /usr/bin/python3 "$T/signals.py"); }
check "signals that are ignored stay so, others do not" test "$(ignoring "$MATR" trace --symbol malloc -o "$T/signals.csv")" = "$(ignoring env)"
echo 'as it was' >"$T/kept"
"$MATR" trace --symbol smal -o "$T/kept" "$T/does" x >"$T/out" 2>&1 || :
check "nothing is run: the file for the table stays as it was" test "$(cat "$T/kept")" = 'as it was'
"$MATR" trace --symbol small -o "$T/none/table" "$T/does" x printed >"$T/out" 2>&1 || :
check "the table cannot be written: nothing is run" test "$(grep -c printed "$T/out") $(wc -l <"$T/out")" = '0 1'

# ---- times: between what the function sees of the clock, and what its caller sees ----

cat >"$T/inner.c" <<'C'
#include <time.h>
long inside_inner, inside_outer;
long now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000L + t.tv_nsec; }
void inner(long ns) { long start = now(), end; while ((end = now()) - start < ns) continue; __atomic_add_fetch(&inside_inner, end - start, __ATOMIC_RELAXED); }
C
cat >"$T/outer.c" <<'C'
extern long now(void), inside_outer;
extern void inner(long);
long around_inner;
void outer(long ns)
{
	long start = now(), before, after, end;
	while ((before = now()) - start < ns) continue;
	inner(2 * ns);
	after = now();
	while ((end = now()) - after < ns) continue;
	__atomic_add_fetch(&around_inner, after - before, __ATOMIC_RELAXED);
	__atomic_add_fetch(&inside_outer, end - start, __ATOMIC_RELAXED);
}
C
cat >"$T/times.c" <<'C'
#include <pthread.h>
#include <stdio.h>
extern long now(void), inside_inner, inside_outer, around_inner;
extern void outer(long);
static long around_outer;
static void *work(void *none)
{
	for (int i = 0; i < 50; i++) { long start = now(); outer(100000 + i * 10000); __atomic_add_fetch(&around_outer, now() - start, __ATOMIC_RELAXED); }
	return none;
}
int main(void)
{
	pthread_t threads[3];
	for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, work, NULL);
	for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
	printf("%ld %ld %ld %ld\n", inside_inner, around_inner, inside_outer, around_outer);
	return 0;
}
C
$CC -O1 -fPIC -shared -o "$T/lib/libinner.so" "$T/inner.c" && $CC -O1 -fPIC -shared -o "$T/lib/libouter.so" "$T/outer.c" -L"$T/lib" -linner -Wl,-rpath,"$T/lib"
$CC -O1 -o "$T/times" "$T/times.c" -L"$T/lib" -louter -linner -Wl,-rpath,"$T/lib" -pthread
trace times --symbol outer --symbol inner "$T/times"
/usr/bin/python3 - "$T/times.csv" "$T/times.out" >"$T/said" 2>&1 <<'END2' && ok "times of three threads, nested ($(cat "$T/said"))" || not_ok "times of three threads, nested" "$T/said" "$T/times.csv"
import csv, sys
rows = {r["symbol"]: {k: int(r[k]) for k in ("calls", "total_ns", "self_ns", "unfinished")} for r in csv.DictReader(open(sys.argv[1]))}
inside_inner, around_inner, inside_outer, around_outer = map(int, open(sys.argv[2]).read().split())
outer, inner = rows["outer"], rows["inner"]
assert outer["calls"] == inner["calls"] == 150 and outer["unfinished"] == inner["unfinished"] == 0, rows
allowed = 0.002 # the rate of the time stamp counter is measured
for name, low, value, high in (("inner", inside_inner, inner["total_ns"], around_inner), ("outer", inside_outer, outer["total_ns"], around_outer),
                               ("outer's own", inside_outer - around_inner, outer["self_ns"], around_outer - inside_inner)):
    assert low * (1 - allowed) <= value <= high * (1 + allowed), (name, low, value, high)
    print(f"{name}: {low} <= {value} <= {high};", end=" ")
assert abs(outer["total_ns"] - outer["self_ns"] - inner["total_ns"]) <= 150 * 100, rows
END2
finish
