/* kernel_init.c - the first process of the machine that tests/tree/kernel boots.
 *
 * /cases has a command a line, "NAME INTERPRETER COMMAND...": the file INTERPRETER gets ld.so's
 * place, and the command is run. It prints "case NAME: " and the exit status or signal. "write FILE
 * TEXT" writes to a file. In the end it turns the machine off. Static, because it has to work
 * whatever becomes of the dynamic programs.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char loader[] = "/lib64/ld-linux-x86-64.so.2";

static void write_to(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		perror(path);
}

static void run(char *line)
{
	char *words[32];
	int n = 0, status = 0;

	for (char *word = strtok(line, " \n"); word && n < 31; word = strtok(NULL, " \n"))
		words[n++] = word;
	words[n] = NULL;
	if (n < 3)
		return;
	if (strcmp(words[0], "write") == 0) {
		write_to(words[1], words[2]);
		return;
	}
	unlink(loader);
	if (symlink(words[1], loader) != 0)
		perror(words[1]);
	pid_t pid = fork();
	if (pid == 0) {
		alarm(120);
		execv(words[2], words + 2);
		perror(words[2]);
		_exit(126);
	}
	if (pid < 0)
		status = 125 << 8; /* no memory for another process */
	else
		waitpid(pid, &status, 0);
	printf("case %s: %s %d\n", words[0], WIFSIGNALED(status) ? "signal" : "status",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	fflush(stdout);
}

int main(void)
{
	char line[1024];

	mount("proc", "/proc", "proc", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	chdir("/programs");
	setenv("LD_STABLE_DEBUG", "1", 1);
	FILE *cases = fopen("/cases", "r");
	while (cases && fgets(line, sizeof line, cases))
		run(line);
	puts("end of cases");
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}
