#define _GNU_SOURCE
#include "values.h"
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static sigjmp_buf back;
static void on_fault(int n)
{
	siglongjmp(back, n);
}
static void on_interrupt(int n)
{
	(void)n;
	small(1, 2, 1);
	_exit(3);
}
int main(int argc, char **argv)
{
	const char *what = argv[1];
	small(1, 2, 1);
	if (!strcmp(what, "close"))
		for (int i = 0; i < 1024; i++)
			close(i);
	if (!strcmp(what, "exec") && argc == 3 && atoi(argv[2]) > 0) {
		char left[16];
		snprintf(left, sizeof left, "%d", atoi(argv[2]) - 1);
		execl("/proc/self/exe", argv[0], what, left, (char *)NULL);
	}
	if (!strcmp(what, "fault")) {
		signal(SIGSEGV, on_fault);
		for (volatile int i = 0; i < 100; i++)
			if (!sigsetjmp(back, 1))
				qsort((void *)8, 2, 4, compare);
	}
	if (!strcmp(what, "abort"))
		abort();
	if (!strcmp(what, "daemon")) {
		if (fork())
			_exit(0);
		setsid();
		usleep(300000);
		small(1, 2, 1);
		_exit(0);
	}
	if (!strcmp(what, "handle"))
		signal(SIGINT, on_interrupt);
	if (!strcmp(what, "handle") || !strcmp(what, "wait")) {
		puts("ready");
		fflush(stdout);
		pause();
	}
	for (int i = 0; i < 4; i++)
		small(1, 2, 1);
	for (int i = 2; i < argc; i++)
		puts(argv[i]);
	return 0;
}
