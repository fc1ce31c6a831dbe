/* started.c - runs a program and says how it was started: what is mapped and what ld.so has linked
 * when it ends.
 *
 * ld-stable says nothing when a program has gained privileges, so this looks at the process itself.
 * It traces it as root, for then the kernel still grants the privileges, and stops it as it is
 * about to end, or to become another program: all that was mapped is still there then.
 *
 * usage: started UID PROGRAM [ARG]...    UID: the user who starts it
 *
 * The program has no input, and its output is thrown away.
 *
 * On standard output, a line each: `secure 0|1` (AT_SECURE), `uid REAL EFFECTIVE`, `gid REAL
 * EFFECTIVE`, `privileges CAPS` (effective), `mapped FILE` in the order of addresses, `linked NAME`
 * in the order of the link map, `status N` (wait status).
 */
#define _GNU_SOURCE
#include <elf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPTIONS = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL };

static FILE *open_proc(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	FILE *file = fopen(path, "re");
	if (!file)
		err(2, "%s", path);
	return file;
}

/* Of the process's memory; 0 where there is none. */
static void peek(int memory, uint64_t address, void *out, size_t size)
{
	if (pread(memory, out, size, (off_t)address) != (ssize_t)size)
		memset(out, 0, size);
}

static void show_ids(pid_t pid)
{
	char line[512];
	FILE *file = open_proc(pid, "status");

	while (fgets(line, sizeof line, file)) {
		unsigned int real, effective;
		char caps[64];
		if (sscanf(line, "Uid: %u %u", &real, &effective) == 2)
			printf("uid %u %u\n", real, effective);
		else if (sscanf(line, "Gid: %u %u", &real, &effective) == 2)
			printf("gid %u %u\n", real, effective);
		else if (sscanf(line, "CapEff: %63s", caps) == 1)
			printf("privileges %s\n", caps);
	}
	fclose(file);
}

static void show_mapped(pid_t pid)
{
	char line[8192], last[8192] = "";
	FILE *file = open_proc(pid, "maps");

	while (fgets(line, sizeof line, file)) {
		const char *name = strchr(line, '/');
		if (name && strcmp(name, last) != 0)
			printf("mapped %s", strcpy(last, name));
	}
	fclose(file);
}

/* The dynamic section of the program, from where the kernel put it. */
static uint64_t dynamic_section(int memory, uint64_t headers, uint64_t n)
{
	uint64_t bias = 0, dynamic = 0;

	for (uint64_t i = 0; i < n; i++) {
		Elf64_Phdr header;
		peek(memory, headers + i * sizeof header, &header, sizeof header);
		if (header.p_type == PT_PHDR)
			bias = headers - header.p_vaddr;
		else if (header.p_type == PT_DYNAMIC)
			dynamic = header.p_vaddr;
	}
	return dynamic ? bias + dynamic : 0;
}

static void show_linked(int memory, uint64_t dynamic)
{
	Elf64_Dyn entry = {.d_tag = DT_DEBUG + 1};
	struct r_debug debug;
	struct link_map object = {0};

	for (uint64_t at = dynamic; at && entry.d_tag != DT_NULL && entry.d_tag != DT_DEBUG;
	     at += sizeof entry)
		peek(memory, at, &entry, sizeof entry);
	if (entry.d_tag != DT_DEBUG || !entry.d_un.d_ptr)
		return;
	peek(memory, entry.d_un.d_ptr, &debug, sizeof debug);
	for (uint64_t at = (uint64_t)debug.r_map; at; at = (uint64_t)object.l_next) {
		char name[4096] = "";
		peek(memory, at, &object, sizeof object);
		for (size_t i = 0; i + 1 < sizeof name; i++) {
			peek(memory, (uint64_t)object.l_name + i, &name[i], 1);
			if (!name[i])
				break;
		}
		printf("linked %s\n", *name ? name : "the program");
	}
}

static void show(pid_t pid)
{
	uint64_t headers = 0, n_headers = 0;
	Elf64_auxv_t entry;
	char path[64];
	FILE *vector = open_proc(pid, "auxv");

	while (fread(&entry, sizeof entry, 1, vector) == 1 && entry.a_type != AT_NULL) {
		if (entry.a_type == AT_SECURE)
			printf("secure %d\n", (int)entry.a_un.a_val);
		else if (entry.a_type == AT_PHDR)
			headers = entry.a_un.a_val;
		else if (entry.a_type == AT_PHNUM)
			n_headers = entry.a_un.a_val;
	}
	fclose(vector);
	show_ids(pid);
	show_mapped(pid);
	snprintf(path, sizeof path, "/proc/%d/mem", pid);
	int memory = open(path, O_RDONLY | O_CLOEXEC);
	if (memory < 0)
		err(2, "%s", path);
	show_linked(memory, dynamic_section(memory, headers, n_headers));
	close(memory);
}

static void start(uid_t user, char **command)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
	    setsid() < 0 || setgroups(0, NULL) != 0 || setgid(user) != 0 || setuid(user) != 0 ||
	    ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(126);
	execv(command[0], command);
	_exit(127);
}

/* Test whether the process is at the entry of a system call by which its memory goes. */
static int is_last_call(pid_t pid)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) <= 0)
		err(2, "PTRACE_GET_SYSCALL_INFO");
	return info.op == PTRACE_SYSCALL_INFO_ENTRY &&
	       (info.entry.nr == SYS_exit_group || info.entry.nr == SYS_execve ||
		info.entry.nr == SYS_execveat);
}

int main(int argc, char **argv)
{
	int status, signal = 0, shown = 0;

	if (argc < 3)
		errx(2, "usage: started UID PROGRAM [ARG]...");
	pid_t pid = fork();
	if (pid == 0)
		start((uid_t)atoi(argv[1]), argv + 2);
	/* The first stop is the exec's. */
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)OPTIONS) != 0)
		errx(2, "%s: cannot be started", argv[2]);
	while (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal) == 0 &&
	       waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		signal = WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
		if (signal == SIGTRAP) /* of a later exec */
			signal = 0;
		if (!shown && WSTOPSIG(status) == (SIGTRAP | 0x80) && is_last_call(pid)) {
			show(pid);
			shown = 1;
		}
	}
	printf("status %d\n", status);
	return fflush(stdout) == 0 && shown ? 0 : 1;
}
