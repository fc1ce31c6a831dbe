/* launch.c - start a program under limits, for tests/system/start/limits.sh.
 *
 * usage: launch RULE... -- PROGRAM [ARGUMENT]...
 *
 *	as=N data=N stack=N nofile=N memlock=N	setrlimit(), both limits
 *	personality=N	personality()
 *	errno=CALL	a seccomp filter: the call fails with EPERM
 *	kill=CALL	a seccomp filter: the call kills the process
 *	errno=exec-map	the same for mmap() of code
 *	descriptors	every descriptor but 0 to 2 is closed
 *
 * By ptrace, one of these, the last rule:
 *
 *	hint		MAP_FIXED_NOREPLACE is ignored, as before Linux 4.17
 *	at=FILE COMMAND	the shell runs COMMAND when the program has opened and examined FILE
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static void fail(const char *what)
{
	fprintf(stderr, "launch: %s: %s\n", what, strerror(errno));
	exit(125);
}

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{"as=", RLIMIT_AS},	    {"data=", RLIMIT_DATA},	  {"stack=", RLIMIT_STACK},
	{"nofile=", RLIMIT_NOFILE}, {"memlock=", RLIMIT_MEMLOCK},
};

static const struct {
	const char *name;
	unsigned number;
} calls[] = {
	{"getrandom", SYS_getrandom},	{"mmap", SYS_mmap},	  {"mprotect", SYS_mprotect},
	{"newfstatat", SYS_newfstatat}, {"openat", SYS_openat},	  {"personality", SYS_personality},
	{"prctl", SYS_prctl},		{"pread64", SYS_pread64}, {"prlimit64", SYS_prlimit64},
	{"readlinkat", SYS_readlinkat}, {"fstat", SYS_fstat},	  {"munmap", SYS_munmap},
};

static void load_filter(struct sock_filter *filter, unsigned short n)
{
	struct sock_fprog program = {.len = n, .filter = filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		fail("seccomp");
}

static void filter_call(unsigned number, unsigned action)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	load_filter(filter, sizeof filter / sizeof *filter);
}

/* Calls that systemd's MemoryDenyWriteExecute= and similar settings can refuse. */
static void filter_exec_map(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	load_filter(filter, sizeof filter / sizeof *filter);
}

static void filter(const char *call, unsigned action)
{
	if (strcmp(call, "exec-map") == 0) {
		filter_exec_map();
		return;
	}
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		if (strcmp(call, calls[i].name) == 0) {
			filter_call(calls[i].number, action);
			return;
		}
	}
	errno = EINVAL;
	fail(call);
}

static bool limit(const char *rule)
{
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		size_t length = strlen(limits[i].name);
		if (strncmp(rule, limits[i].name, length) != 0)
			continue;
		rlim_t value = (rlim_t)strtoll(rule + length, NULL, 0);
		struct rlimit both = {value, value};
		if (setrlimit(limits[i].resource, &both) != 0)
			fail(rule);
		return true;
	}
	return false;
}

/* ---- by ptrace ---- */

static const char *awaited, *command; /* at= */

/* Test whether the process has this string at the address. */
static bool has_string(pid_t pid, unsigned long address, const char *string)
{
	for (size_t at = 0;; at++) {
		errno = 0;
		long word = ptrace(PTRACE_PEEKDATA, pid, address + at, 0);
		if (errno || (char)word != string[at])
			return false;
		if (!string[at])
			return true;
	}
}

/* The kernel of old takes the flag for nothing: the address is a hint. */
static void ignore_noreplace(pid_t pid, struct user_regs_struct *registers)
{
	if (registers->orig_rax != SYS_mmap || !(registers->r10 & MAP_FIXED_NOREPLACE))
		return;
	registers->r10 &= ~(unsigned long long)MAP_FIXED_NOREPLACE;
	ptrace(PTRACE_SETREGS, pid, 0, registers);
}

/* Run the command between the check of the file and what follows, once. */
static void watch(pid_t pid, const struct user_regs_struct *registers)
{
	static bool opened;
	bool status = registers->orig_rax == SYS_fstat ||
		      (registers->orig_rax == SYS_newfstatat && (int)registers->rdi >= 0);

	if (registers->orig_rax == SYS_openat && has_string(pid, registers->rsi, awaited)) {
		opened = true;
	} else if (status && opened && command) {
		if (system(command) != 0)
			fail(command);
		command = NULL;
	}
}

static void trace(pid_t pid)
{
	struct user_regs_struct registers;
	bool entering = false;
	int status, signal = 0;

	waitpid(pid, &status, 0);
	if (ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0)
		fail("ptrace");
	for (;;) {
		ptrace(PTRACE_SYSCALL, pid, 0, signal);
		if (waitpid(pid, &status, 0) < 0 || WIFEXITED(status))
			exit(WEXITSTATUS(status));
		if (WIFSIGNALED(status))
			raise(WTERMSIG(status));
		signal = WSTOPSIG(status);
		if (signal == (SIGTRAP | 0x80)) {
			entering = !entering;
			ptrace(PTRACE_GETREGS, pid, 0, &registers);
			if (awaited && !entering)
				watch(pid, &registers);
			else if (!awaited && entering)
				ignore_noreplace(pid, &registers);
		}
		if (signal == (SIGTRAP | 0x80) || signal == SIGTRAP) /* SIGTRAP: execve */
			signal = 0;
	}
}

static void be_traced(void)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid > 0)
		trace(pid);
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
}

static void apply(const char *rule)
{
	if (limit(rule))
		return;
	if (strncmp(rule, "personality=", 12) == 0) {
		if (personality(strtoul(rule + 12, NULL, 0)) == -1)
			fail(rule);
	} else if (strncmp(rule, "errno=", 6) == 0) {
		filter(rule + 6, SECCOMP_RET_ERRNO | EPERM);
	} else if (strncmp(rule, "kill=", 5) == 0) {
		filter(rule + 5, SECCOMP_RET_KILL_PROCESS);
	} else if (strcmp(rule, "descriptors") == 0) {
		closefrom(3);
	} else if (strcmp(rule, "hint") == 0) {
		be_traced();
	} else if (strncmp(rule, "at=", 3) == 0) {
		awaited = rule + 3;
	} else if (awaited && !command) {
		command = rule;
		be_traced();
	} else {
		errno = EINVAL;
		fail(rule);
	}
}

int main(int argc, char **argv)
{
	int i = 1;

	/* Close inherited descriptors: the number that a limit leaves must not depend on them. */
	close_range(3, ~0U, 0);
	for (; i < argc && strcmp(argv[i], "--") != 0; i++)
		apply(argv[i]);
	if (i + 1 >= argc) {
		fputs("usage: launch RULE... -- PROGRAM [ARGUMENT]...\n", stderr);
		return 125;
	}
	execv(argv[i + 1], argv + i + 1);
	fail(argv[i + 1]);
}
