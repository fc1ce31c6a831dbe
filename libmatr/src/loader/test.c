/* test.c - test that the system's programs start with this ld-stable.
 *
 * Before ld-stable takes the loader's place it has to show what it does. A program of this system
 * is copied to memory, with the path of the new file for its interpreter, and executed from there:
 * the kernel maps ld-stable as it will map it for every program, and nothing on disk is touched.
 * Each is run as it is, by the new file as it comes (from its mapping, where an epoch is in force),
 * and by the new file with a variable that asks for a plain start; output and exit status must be
 * the same, and the new file must have said that it was there. Then the new file is started by
 * name, as ldd does.
 */
#include "loader/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "elf/interpreter.h"

enum {
	TIMEOUT = 20000,	    /* milliseconds for a program to finish */
	MAX_PROGRAM = 64 << 20,	    /* bytes */
	MAX_OUTPUT = 1 << 20,	    /* bytes that are looked at */
	WANTED = 2,		    /* programs that must have been tried at least */
	EXECUTABLE_MEMORY = 0x0010, /* MFD_EXEC */
};

struct run { /* what a program did */
	int status;
	char *out, *errors;
};

static void run_free(struct run *run)
{
	free(run->out);
	free(run->errors);
	*run = (struct run){0};
}

/* A file in memory. Kernels that know MFD_EXEC may want it (vm.memfd_noexec), older ones refuse
 * it. */
static int memory_file(const char *name)
{
	int fd = (int)syscall(SYS_memfd_create, name, MFD_CLOEXEC | EXECUTABLE_MEMORY);
	if (fd < 0 && errno == EINVAL)
		fd = (int)syscall(SYS_memfd_create, name, MFD_CLOEXEC);
	return fd;
}

static char *read_back(int fd)
{
	struct stat status;
	char *text = NULL;

	if (fstat(fd, &status) == 0) {
		size_t size =
			status.st_size < MAX_OUTPUT ? (size_t)status.st_size : (size_t)MAX_OUTPUT;
		text = malloc(size + 1);
		ssize_t n = text ? pread(fd, text, size, 0) : -1;
		if (text)
			text[n > 0 ? n : 0] = 0;
	}
	return text;
}

static _Noreturn void child(int program, char *const argv[], char *const envp[], int out,
			    int errors)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(errors, 2) < 0)
		_exit(125);
	syscall(SYS_execveat, program, "", argv, envp, AT_EMPTY_PATH);
	_exit(126);
}

/* Wait, but not for ever: a loader that does not work may well loop. */
static int wait_for(pid_t pid)
{
	struct pollfd process = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	int status;

	if (process.fd >= 0) {
		int ready;
		while ((ready = poll(&process, 1, TIMEOUT)) < 0 && errno == EINTR)
			;
		if (ready == 0)
			kill(pid, SIGKILL);
		close(process.fd);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

/* Run the program in the file descriptor. */
static int run(int program, char *const argv[], bool plain, struct run *result,
	       struct matr_error *err)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C",
		    home[] = "HOME=/", debug[] = "LD_STABLE_DEBUG=1", now[] = "LD_BIND_NOW=1";
	char *const envp[] = {path, locale, home, debug, plain ? now : NULL, NULL};
	int out = memory_file("output"), errors = memory_file("errors");

	*result = (struct run){.status = -1};
	pid_t pid = out < 0 || errors < 0 ? -1 : fork();
	if (pid == 0)
		child(program, argv, envp, out, errors);
	int saved = errno;
	if (pid > 0) {
		result->status = wait_for(pid);
		result->out = read_back(out);
		result->errors = read_back(errors);
	}
	if (out >= 0)
		close(out);
	if (errors >= 0)
		close(errors);
	errno = saved;
	if (pid < 0)
		return matr_fail_errno(err, argv[0], "cannot be started for the self-test");
	if (!result->out || !result->errors) {
		run_free(result);
		return matr_fail_memory(err);
	}
	return 0;
}

static int run_path(const char *path, char *const argv[], struct run *result,
		    struct matr_error *err)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return matr_fail_errno(err, path, "cannot be opened");
	int failed = run(fd, argv, false, result, err);
	close(fd);
	return failed;
}

/* Cut addresses, which differ from run to run, out of what ld.so lists. */
static void cut_addresses(char *text)
{
	char *to = text;

	for (char *at = text; *at;) {
		if (strncmp(at, "(0x", 3) == 0)
			at += strcspn(at, ")");
		else
			*to++ = *at++;
	}
	*to = 0;
}

/* The copy that has ld-stable for its interpreter. -1: error, -2: not a program that names an
 * interpreter. */
static int altered_copy(const char *path, const char *interpreter, struct matr_error *err)
{
	void *bytes;
	size_t size, room;

	if (file_read(path, MAX_PROGRAM, &bytes, &size, NULL) != 0)
		return -2;
	char *at = elf_interpreter(bytes, size, &room);
	if (!at || !elf_set_interpreter(at, room, interpreter)) {
		free(bytes);
		return -2;
	}
	int fd = memory_file("matr-test");
	size_t done = 0;
	while (fd >= 0 && done < size) {
		ssize_t n = write(fd, (char *)bytes + done, size - done);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	free(bytes);
	if (fd >= 0 && done == size)
		return fd;
	matr_fail_errno(err, path, "cannot be copied to memory for the self-test");
	if (fd >= 0)
		close(fd);
	return -1;
}

static int differs(const char *file, const char *program, const char *what, const struct run *real,
		   const struct run *ours, struct matr_error *err)
{
	if (WIFSIGNALED(ours->status) && !WIFSIGNALED(real->status))
		return matr_fail(err, MATR_ERROR_STATE, file, "self-test: %s %s: killed by %s",
				 program, what, strsignal(WTERMSIG(ours->status)));
	if (ours->status != real->status)
		return matr_fail(err, MATR_ERROR_STATE, file,
				 "self-test: %s %s: exit status %d instead of %d: %.200s", program,
				 what, WEXITSTATUS(ours->status), WEXITSTATUS(real->status),
				 ours->errors);
	if (strcmp(ours->out, real->out) != 0)
		return matr_fail(err, MATR_ERROR_STATE, file, "self-test: %s %s: other output",
				 program, what);
	return 0;
}

/* 1: tried and well; 0: not a program to try. */
static int try_program(const char *file, char *const argv[], struct matr_error *err)
{
	struct run real, ours;

	if (access(argv[0], X_OK) != 0)
		return 0;
	int copy = altered_copy(argv[0], file, err);
	if (copy < 0)
		return copy == -2 ? 0 : -1;
	int result = run_path(argv[0], argv, &real, err);
	for (int plain = 0; plain < 2 && result == 0; plain++) {
		result = run(copy, argv, plain, &ours, err);
		if (result == 0) {
			result = differs(file, argv[0], plain ? "started plainly" : "started",
					 &real, &ours, err);
			if (result == 0 && !strstr(ours.errors, "ld-stable: "))
				result = matr_fail(err, MATR_ERROR_STATE, file,
						   "self-test: %s did not start by it", argv[0]);
			run_free(&ours);
		}
	}
	run_free(&real);
	close(copy);
	return result == 0 ? 1 : -1;
}

/* As ldd does it, and `ld.so PROGRAM`. */
static int try_by_name(const char *file, const char *real_loader, struct matr_error *err)
{
	static char shell[] = "/bin/sh", list[] = "--list", verify[] = "--verify", command[] = "-c",
		    text[] = "echo by name; exit 5", name[] = "ld.so";
	char *const arguments[][5] = {
		{name, verify, shell},
		{name, list, shell},
		{name, shell, command, text},
	};
	struct run real, ours;

	for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
		if (run_path(real_loader, arguments[i], &real, err) != 0)
			return -1;
		int result = run_path(file, arguments[i], &ours, err);
		if (result == 0) {
			cut_addresses(real.out);
			cut_addresses(ours.out);
			result = differs(file, arguments[i][1], "by name", &real, &ours, err);
			run_free(&ours);
		}
		run_free(&real);
		if (result != 0)
			return -1;
	}
	return 0;
}

int loader_test(const char *file, const char *real, struct matr_error *err)
{
	/* C, C++, many libraries, threads, dlopen, a script's interpreter: what there is of it. */
	static char *const programs[][4] = {
		{"/bin/sh", "-c", "echo $((6 * 7)); exit 3", NULL},
		{"/bin/cat", "/etc/passwd", NULL, NULL},
		{"/usr/bin/id", NULL, NULL, NULL},
		{"/usr/bin/dpkg", "--version", NULL, NULL},
		{"/usr/bin/apt-get", "--version", NULL, NULL},
		{"/usr/bin/rpm", "--version", NULL, NULL},
		{"/usr/bin/systemctl", "--version", NULL, NULL},
		{"/usr/bin/perl", "-e", "use POSIX; print POSIX::floor(4.5), qq(\\n)", NULL},
		{"/usr/bin/python3", "-c", "import threading, json; print(json.dumps([1]))", NULL},
	};
	int tried = 0;

	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
		int result = try_program(file, programs[i], err);
		if (result < 0)
			return -1;
		tried += result;
	}
	if (tried < WANTED)
		return matr_fail(err, MATR_ERROR_STATE, file,
				 "self-test: no programs to try it with");
	return try_by_name(file, real, err);
}
