/* forkexec.c - child processes: fork alone, exec of itself by /proc/self/exe and by name, of
 * another program, vfork and posix_spawn, and a shell. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
extern int dl_exported(int n);

static int wait_for(pid_t pid)
{
	int status;
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static int child(char *const argv[])
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		execv(argv[0], argv);
		_exit(99);
	}
	return wait_for(pid);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		printf("child %s %d\n", argv[1], dl_exported(0));
		return atoi(argv[1]);
	}
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		_exit(dl_exported(-40));
	printf("fork %d\n", wait_for(pid));
	printf("self %d\n", child((char *[]){"/proc/self/exe", "11", NULL}));
	printf("name %d\n", child((char *[]){argv[0], "12", NULL}));
	printf("true %d\n", child((char *[]){"/bin/true", NULL}));
	printf("false %d\n", child((char *[]){"/bin/false", NULL}));
	fflush(stdout);
	char *spawn[] = {argv[0], "13", NULL};
	if (posix_spawn(&pid, argv[0], NULL, NULL, spawn, environ) == 0)
		printf("spawn %d\n", wait_for(pid));
	fflush(stdout);
	printf("shell %d\n", system("exit 14") / 256);
	char exe[4096];
	ssize_t size = readlink("/proc/self/exe", exe, sizeof exe - 1);
	printf("exe %.*s\n", (int)size, exe);
	printf("name %s %s\n", program_invocation_name, program_invocation_short_name);
	return 0;
}
