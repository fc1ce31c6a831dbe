/* measure.c - the time that starting a program takes.
 *
 * The loader's time is wanted without the noise of exec and of the program itself, for binaries
 * that are not instrumented. So the program is started under ptrace, a breakpoint is put at
 * `_dl_debug_state` of its interpreter and at its entry point, and the clock runs only while the
 * program runs: ld.so calls _dl_debug_state with RT_ADD before it maps libraries and with
 * RT_CONSISTENT when everything is relocated and no constructor has run (elf/rtld.c, dl_main). All
 * it takes from the program is the auxiliary vector, so the same code measures ld.so and ld-stable.
 */
#include "common/measure.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <matr/object.h>

enum { MAX_BREAKPOINTS = 3 };

enum point { POINT_DEBUG_STATE, POINT_ENTRY, POINT_MAIN };

struct breakpoint {
	enum point point;
	uint64_t address;
	long word; /* what was there */
	bool set;
};

struct tracee {
	pid_t pid;
	uint64_t base, entry, phdr;
	struct breakpoint breakpoints[MAX_BREAKPOINTS];
	int n_breakpoints;
	long faults_before; /* page faults up to the exec */
};

static int64_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* ---- symbols of ELF files, found in .symtab, else in .dynsym ---- */

struct file_map {
	const uint8_t *data;
	size_t size;
};

static int map_file(const char *path, struct file_map *map, struct matr_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return matr_fail_errno(err, path, "cannot be opened");
	struct stat status;
	if (fstat(fd, &status) < 0 || status.st_size < (off_t)sizeof(Elf64_Ehdr)) {
		close(fd);
		return matr_fail(err, MATR_ERROR_NOT_ELF, path, "is no ELF file");
	}
	map->size = (size_t)status.st_size;
	void *data = mmap(NULL, map->size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (data == MAP_FAILED)
		return matr_fail_errno(err, path, "cannot be mapped");
	map->data = data;
	if (memcmp(data, ELFMAG, SELFMAG) != 0) {
		munmap(data, map->size);
		return matr_fail(err, MATR_ERROR_NOT_ELF, path, "is no ELF file");
	}
	return 0;
}

static bool in_file(const struct file_map *map, uint64_t offset, uint64_t size)
{
	return offset <= map->size && size <= map->size - offset;
}

static bool in_table(const struct file_map *map, const Elf64_Shdr *section)
{
	return in_file(map, section->sh_offset, section->sh_size);
}

/* st_value of the symbol of that name in one symbol table; 0: it has none. */
static uint64_t find_in_table(const struct file_map *map, const Elf64_Shdr *symbols,
			      const Elf64_Shdr *strings, const char *name)
{
	size_t length = strlen(name) + 1;

	for (size_t i = 0; i < symbols->sh_size / sizeof(Elf64_Sym); i++) {
		Elf64_Sym symbol; /* the table need not be aligned */
		memcpy(&symbol, map->data + symbols->sh_offset + i * sizeof symbol, sizeof symbol);
		if (symbol.st_shndx != SHN_UNDEF && symbol.st_name + length <= strings->sh_size &&
		    memcmp(map->data + strings->sh_offset + symbol.st_name, name, length) == 0)
			return symbol.st_value;
	}
	return 0;
}

/* st_value of the defined symbol `name`; 0: there is none. */
static uint64_t find_symbol(const struct file_map *map, const char *name)
{
	static const uint32_t types[] = {SHT_SYMTAB, SHT_DYNSYM};
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)map->data;
	Elf64_Shdr section, strings;

	if (header->e_shentsize != sizeof section ||
	    !in_file(map, header->e_shoff, (uint64_t)header->e_shnum * sizeof section))
		return 0;
	const uint8_t *sections = map->data + header->e_shoff;
	for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
		for (size_t s = 0; s < header->e_shnum; s++) {
			memcpy(&section, sections + s * sizeof section, sizeof section);
			if (section.sh_type != types[t] || section.sh_link >= header->e_shnum)
				continue;
			memcpy(&strings, sections + section.sh_link * sizeof strings,
			       sizeof strings);
			if (!in_table(map, &section) || !in_table(map, &strings))
				continue;
			uint64_t value = find_in_table(map, &section, &strings, name);
			if (value != 0)
				return value;
		}
	}
	return 0;
}

/* The loader's file seldom changes between runs, but it may: it is looked at once per run, outside
 * the measured time. */
static uint64_t symbol_in_file(const char *path, const char *name)
{
	struct file_map map;
	if (map_file(path, &map, NULL) < 0)
		return 0;
	uint64_t value = find_symbol(&map, name);
	munmap((void *)(uintptr_t)map.data, map.size);
	return value;
}

/* ---- the tracee ---- */

static int set_breakpoint(struct tracee *tracee, enum point point, uint64_t address,
			  struct matr_error *err)
{
	errno = 0;
	long word = ptrace(PTRACE_PEEKTEXT, tracee->pid, (void *)address, NULL);
	if (errno != 0)
		return matr_fail_errno(err, NULL, "reading %#" PRIx64, address);
	long trap = (long)(((unsigned long)word & ~0xfful) | 0xcc);
	if (ptrace(PTRACE_POKETEXT, tracee->pid, (void *)address, (void *)trap) < 0)
		return matr_fail_errno(err, NULL, "writing %#" PRIx64, address);
	tracee->breakpoints[tracee->n_breakpoints++] =
		(struct breakpoint){.point = point, .address = address, .word = word, .set = true};
	return 0;
}

static int read_auxv(struct tracee *tracee, struct matr_error *err)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/auxv", (int)tracee->pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return matr_fail_errno(err, path, "cannot be opened");
	Elf64_auxv_t vector[64];
	ssize_t size = read(fd, vector, sizeof vector);
	close(fd);
	for (ssize_t i = 0; i < size / (ssize_t)sizeof vector[0]; i++) {
		if (vector[i].a_type == AT_BASE)
			tracee->base = vector[i].a_un.a_val;
		else if (vector[i].a_type == AT_ENTRY)
			tracee->entry = vector[i].a_un.a_val;
		else if (vector[i].a_type == AT_PHDR)
			tracee->phdr = vector[i].a_un.a_val;
	}
	return tracee->entry ? 0 : matr_fail(err, MATR_ERROR_SYSTEM, path, "has no AT_ENTRY");
}

/* errors: takes standard error; -1: /dev/null does. */
static void redirect(int errors)
{
	int null = open("/dev/null", O_RDWR);
	if (null < 0)
		_exit(127);
	for (int fd = 0; fd < 3; fd++)
		dup2(fd == STDERR_FILENO && errors >= 0 ? errors : null, fd);
	if (null > 2)
		close(null);
}

/* Page faults of a process that took no input or output; -1: unknown. */
static long proc_faults(pid_t pid)
{
	char path[64], text[1024];
	long faults = -1;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *stream = fopen(path, "re");
	if (stream == NULL)
		return -1;
	size_t n = fread(text, 1, sizeof text - 1, stream);
	fclose(stream);
	text[n] = '\0';
	/* The name in parentheses may hold anything; minflt is the eighth field behind it
	 * (proc(5)). */
	const char *field = strrchr(text, ')');
	for (int i = 0; field != NULL && i < 8; i++)
		field = strchr(field + 1, ' ');
	if (field != NULL)
		faults = strtol(field, NULL, 10);
	return faults;
}

struct listening { /* to what a program writes to standard error, with a variable set */
	const char *name, *value;
	int errors;
};

/* Start the program and stop it right after the exec. listening: may be NULL. */
static int start(struct tracee *tracee, char *const program[], const struct listening *listening,
		 struct matr_error *err)
{
	*tracee = (struct tracee){0};
	pid_t pid = fork();
	if (pid < 0)
		return matr_fail_errno(err, program[0], "cannot fork");
	if (pid == 0) {
		redirect(listening ? listening->errors : -1);
		if (listening && setenv(listening->name, listening->value, 1) != 0)
			_exit(127);
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
			_exit(127);
		execv(program[0], program);
		_exit(127);
	}
	tracee->pid = pid;
	int status;
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return matr_fail(err, MATR_ERROR_SYSTEM, program[0], "cannot be traced");
	long options =
		PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD;
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)options) < 0 ||
	    ptrace(PTRACE_CONT, pid, NULL, NULL) < 0 || waitpid(pid, &status, 0) != pid)
		return matr_fail_errno(err, program[0], "ptrace");
	if (!WIFSTOPPED(status) || status >> 8 != (SIGTRAP | PTRACE_EVENT_EXEC << 8))
		return matr_fail(err, MATR_ERROR_SYSTEM, program[0], "cannot be executed");
	tracee->faults_before = proc_faults(pid);
	return read_auxv(tracee, err);
}

static void finish(struct tracee *tracee)
{
	if (tracee->pid > 0) {
		kill(tracee->pid, SIGKILL);
		int status;
		while (waitpid(tracee->pid, &status, 0) == tracee->pid && WIFSTOPPED(status))
			ptrace(PTRACE_CONT, tracee->pid, NULL, NULL);
		tracee->pid = 0;
	}
}

/* Breakpoints at the loader's _dl_debug_state (where it has one), at the entry point, and at main
 * (where the program has a symbol table). */
static int prepare(struct tracee *tracee, char *const program[], struct matr_error *err)
{
	char interpreter[PATH_MAX], path[PATH_MAX + 64];
	if (matr_program_interpreter(program[0], interpreter, NULL) > 0 && tracee->base != 0) {
		snprintf(path, sizeof path, "/proc/%d/root%s", (int)tracee->pid, interpreter);
		uint64_t state = symbol_in_file(path, "_dl_debug_state");
		if (state == 0)
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, interpreter,
					 "has no symbol _dl_debug_state");
		if (set_breakpoint(tracee, POINT_DEBUG_STATE, tracee->base + state, err) < 0)
			return -1;
	}
	struct file_map map;
	if (map_file(program[0], &map, err) < 0)
		return -1;
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)map.data;
	uint64_t load = tracee->entry - header->e_entry;
	uint64_t main_symbol = find_symbol(&map, "main");
	munmap((void *)(uintptr_t)map.data, map.size);
	if (main_symbol != 0 && set_breakpoint(tracee, POINT_MAIN, load + main_symbol, err) < 0)
		return -1;
	return set_breakpoint(tracee, POINT_ENTRY, tracee->entry, err);
}

static struct breakpoint *breakpoint_at(struct tracee *tracee, uint64_t address)
{
	for (int i = 0; i < tracee->n_breakpoints; i++)
		if (tracee->breakpoints[i].set && tracee->breakpoints[i].address == address)
			return &tracee->breakpoints[i];
	return NULL;
}

/* Leave the breakpoint just hit so that the program goes on as if it were not there. */
static int step_off(struct tracee *tracee, struct breakpoint *breakpoint,
		    struct user_regs_struct *registers, struct matr_error *err)
{
	if (breakpoint->point == POINT_DEBUG_STATE) {
		/* The function does nothing: return from it, and keep the breakpoint. */
		errno = 0;
		long address = ptrace(PTRACE_PEEKDATA, tracee->pid, (void *)registers->rsp, NULL);
		if (errno != 0)
			return matr_fail_errno(err, NULL, "reading the stack");
		registers->rip = (unsigned long)address;
		registers->rsp += 8;
	} else {
		registers->rip = breakpoint->address;
		breakpoint->set = false;
		if (ptrace(PTRACE_POKETEXT, tracee->pid, (void *)breakpoint->address,
			   (void *)breakpoint->word) < 0)
			return matr_fail_errno(err, NULL, "writing text");
	}
	if (ptrace(PTRACE_SETREGS, tracee->pid, NULL, registers) < 0)
		return matr_fail_errno(err, NULL, "setting registers");
	return 0;
}

static int ended_early(const char *program, struct matr_error *err)
{
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, program, "ended in the dynamic linker");
}

/* Run up to `last` (or the end of the program) and note when each point was passed. */
static int run_to(struct tracee *tracee, const char *program, enum point last,
		  struct measured_load *time, struct matr_error *err)
{
	int64_t spent = 0;
	int hits = 0, signal = 0;
	*time = (struct measured_load){.relocated = -1, .entry = -1, .main = -1};
	for (;;) {
		int status;
		int64_t from = now();
		if (ptrace(PTRACE_CONT, tracee->pid, NULL, (void *)(intptr_t)signal) < 0 ||
		    waitpid(tracee->pid, &status, 0) != tracee->pid)
			return matr_fail_errno(err, program, "ptrace");
		spent += now() - from;
		if (!WIFSTOPPED(status)) {
			tracee->pid = 0;
			return ended_early(program, err);
		}
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8))
			return ended_early(program, err);
		signal = WSTOPSIG(status);
		if (signal != SIGTRAP)
			continue;
		signal = 0;
		struct user_regs_struct registers;
		if (ptrace(PTRACE_GETREGS, tracee->pid, NULL, &registers) < 0)
			return matr_fail_errno(err, program, "reading registers");
		struct breakpoint *breakpoint = breakpoint_at(tracee, registers.rip - 1);
		if (breakpoint == NULL)
			continue;
		switch (breakpoint->point) {
		case POINT_DEBUG_STATE:
			if (++hits == 2) /* RT_ADD, then RT_CONSISTENT; a constructor may
			                    dlopen() later */
				time->relocated = spent;
			break;
		case POINT_ENTRY:
			time->entry = spent;
			break;
		case POINT_MAIN:
			time->main = spent;
			break;
		}
		if (step_off(tracee, breakpoint, &registers, err) < 0)
			return -1;
		if (breakpoint->point == last)
			return 0;
	}
}

/* ---- the measurements ---- */

int measure_load(char *const program[], struct measured_load *time, struct matr_error *err)
{
	struct tracee tracee;
	int result = start(&tracee, program, NULL, err);
	if (result == 0)
		result = prepare(&tracee, program, err);
	if (result == 0) {
		bool has_main =
			tracee.n_breakpoints > 0 &&
			(tracee.breakpoints[0].point == POINT_MAIN ||
			 (tracee.n_breakpoints > 1 && tracee.breakpoints[1].point == POINT_MAIN));
		result =
			run_to(&tracee, program[0], has_main ? POINT_MAIN : POINT_ENTRY, time, err);
	}
	finish(&tracee);
	return result;
}

int measure_heard(char *const program[], const char *name, const char *value, char *out,
		  size_t size, struct matr_error *err)
{
	struct listening listening = {.name = name, .value = value};
	struct measured_load time;
	struct tracee tracee;
	int ends[2];

	out[0] = '\0';
	/* Output that does not fit into the pipe is lost: nothing reads while the program runs. */
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return matr_fail_errno(err, program[0], "no pipe");
	listening.errors = ends[1];
	int result = start(&tracee, program, &listening, err);
	close(ends[1]);
	if (result == 0)
		result = prepare(&tracee, program, err);
	if (result == 0)
		result = run_to(&tracee, program[0], POINT_ENTRY, &time, err);
	finish(&tracee);
	ssize_t n = read(ends[0], out, size - 1);
	out[n > 0 ? n : 0] = '\0';
	close(ends[0]);
	return result;
}

int measure_whole(char *const program[], int64_t *time, int *status, struct matr_error *err)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;

	int error = posix_spawn_file_actions_init(&actions);
	if (error != 0)
		return matr_fail(err, MATR_ERROR_RESOURCES, program[0], "%s", strerror(error));
	for (int fd = 0; fd < 3 && error == 0; fd++)
		error = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	int64_t from = now();
	if (error == 0)
		error = posix_spawn(&pid, program[0], &actions, NULL, program, environ);
	if (error == 0 && waitpid(pid, status, 0) != pid)
		error = errno;
	*time = now() - from;
	posix_spawn_file_actions_destroy(&actions);
	if (error != 0)
		return matr_fail(err, MATR_ERROR_SYSTEM, program[0], "cannot be executed: %s",
				 strerror(error));
	return 0;
}

/* Sum of the "NAME: N kB" line in a file of /proc/PID. */
static long proc_kilobytes(pid_t pid, const char *file, const char *name)
{
	char path[64], line[512];
	long kilobytes = -1;
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
	FILE *stream = fopen(path, "re");
	if (stream == NULL)
		return -1;
	size_t length = strlen(name);
	while (fgets(line, sizeof line, stream) != NULL)
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			kilobytes = strtol(line + length + 1, NULL, 10);
	fclose(stream);
	return kilobytes;
}

/* The program runs to its end under ptrace, where its memory is looked at: ru_maxrss would count
 * the worker's own pages, which the child shares until it execs. */
int measure_memory(char *const program[], struct measured_memory *memory, struct matr_error *err)
{
	struct tracee tracee;
	int result = start(&tracee, program, NULL, err), signal = 0;
	/* At the beginning and at the end of system calls; the first is the exec's end. */
	long stops = 0;
	*memory = (struct measured_memory){.peak = -1, .dirty = -1, .faults = -1, .status = -1};
	while (result == 0) {
		int status;
		if (ptrace(PTRACE_SYSCALL, tracee.pid, NULL, (void *)(intptr_t)signal) < 0 ||
		    waitpid(tracee.pid, &status, 0) != tracee.pid) {
			result = matr_fail_errno(err, program[0], "ptrace");
			break;
		}
		if (!WIFSTOPPED(status)) {
			memory->status = status;
			tracee.pid = 0;
			break;
		}
		signal = WSTOPSIG(status);
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8)) {
			memory->peak = proc_kilobytes(tracee.pid, "status", "VmHWM");
			memory->dirty = proc_kilobytes(tracee.pid, "smaps_rollup", "Private_Dirty");
			memory->faults = proc_faults(tracee.pid) - tracee.faults_before;
			memory->calls = stops / 2;
			signal = 0;
		} else if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			stops++;
			signal = 0;
		} else if (status >> 16 != 0) { /* another ptrace event, such as an exec */
			signal = 0;
		}
	}
	finish(&tracee);
	return result;
}

static long count_lines(pid_t pid, const char *file)
{
	char path[64];
	long count = 0;
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
	FILE *stream = fopen(path, "re");
	for (int c; stream != NULL && (c = getc(stream)) != EOF;)
		count += c == '\n';
	if (stream != NULL)
		fclose(stream);
	return count;
}

/* Several processes of the program at once, as memory is shared among them. */
int measure_entry(char *const program[], struct measured_entry *entry, struct matr_error *err)
{
	enum { PROCESSES = 8 };
	struct tracee tracees[PROCESSES] = {0};
	struct measured_load time;
	int result = 0, n = 0;
	*entry = (struct measured_entry){0};
	for (; n < PROCESSES && result == 0; n++) {
		result = start(&tracees[n], program, NULL, err);
		if (result == 0)
			result = prepare(&tracees[n], program, err);
		if (result == 0)
			result = run_to(&tracees[n], program[0], POINT_ENTRY, &time, err);
	}
	pid_t pid = tracees[0].pid;
	if (result == 0)
		*entry = (struct measured_entry){
			.mappings = count_lines(pid, "maps"),
			.faults = proc_faults(pid) - tracees[0].faults_before,
			.dirty = proc_kilobytes(pid, "smaps_rollup", "Private_Dirty"),
			.pss = proc_kilobytes(pid, "smaps_rollup", "Pss"),
		};
	while (n-- > 0)
		finish(&tracees[n]);
	return result;
}
