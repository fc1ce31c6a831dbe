/* hit.c - waits for a process and kills it at a moment of its life.
 *
 * Static and quick, so that it also sees what lives for some milliseconds only, and works where
 * nothing else does any more.
 *
 * usage: hit PATTERN MICROSECONDS PID
 *        hit PATTERN - PID
 *
 * PATTERN is an extended regular expression that the command line (arguments with blanks between)
 * has to match. The process gets SIGKILL when it has been seen for MICROSECONDS. With "-" it is
 * left to end, and how long it was seen is printed, in microseconds.
 *
 * Exit status: 0 it was killed (its command line is printed) or, with "-", has ended; 1 it had
 * ended by itself; 2 none came while the process PID lived.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

static ssize_t read_proc(const char *pid, const char *name, char *out, size_t size)
{
	char path[300];

	snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);
	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = 0;
	return n;
}

static void command_line(const char *pid, char *out, size_t size)
{
	ssize_t n = read_proc(pid, "cmdline", out, size);

	for (ssize_t i = 0; i + 1 < n; i++) {
		if (!out[i])
			out[i] = ' ';
	}
}

/* A process that has not ended: not a zombie either. */
static int lives(const char *pid)
{
	char text[512];

	read_proc(pid, "stat", text, sizeof text);
	const char *state = strrchr(text, ')');
	return state && state[1] && state[2] != 'Z' && state[2] != 'X';
}

static pid_t find(const regex_t *pattern, char *command, size_t size)
{
	pid_t found = 0;
	const struct dirent *entry;
	DIR *list = opendir("/proc");

	if (!list)
		err(3, "/proc");
	while (!found && (entry = readdir(list)) != NULL) {
		pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
		if (pid == 0 || pid == getpid())
			continue;
		command_line(entry->d_name, command, size);
		if (regexec(pattern, command, 0, NULL, 0) == 0)
			found = pid;
	}
	closedir(list);
	return found;
}

static void sleep_for(long microseconds)
{
	nanosleep(&(struct timespec){microseconds / 1000000, microseconds % 1000000 * 1000}, NULL);
}

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void print_life(int fd)
{
	long from = now();

	if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1) != 1)
		err(3, "poll");
	printf("%ld\n", now() - from);
}

int main(int argc, char **argv)
{
	regex_t pattern;
	char command[4096], name[16];
	pid_t pid = 0;

	if (argc != 4 || regcomp(&pattern, argv[1], REG_EXTENDED | REG_NOSUB) != 0)
		errx(3, "usage: hit PATTERN MICROSECONDS PID");
	for (int more = 1; !pid && more;) {
		more = lives(argv[3]); /* before the look: what it leaves behind is still seen */
		pid = find(&pattern, command, sizeof command);
		if (!pid)
			sleep_for(200);
	}
	if (!pid)
		return 2;
	snprintf(name, sizeof name, "%d", pid);
	int fd = pidfd_open(pid, 0);
	if (fd < 0)
		return 1;
	if (strcmp(argv[2], "-") == 0) {
		print_life(fd);
		return 0;
	}
	sleep_for(atol(argv[2]));
	if (!lives(name) || pidfd_send_signal(fd, SIGKILL, NULL, 0) != 0)
		return 1;
	printf("%s\n", command);
	return 0;
}
