/* loadtime.c - how long an unmodified program spends in its dynamic loader.
 *
 * The benchmarks need the loader's time without the noise of exec and of the program itself, for
 * binaries that nobody instrumented. So the program is started under ptrace, a breakpoint is put
 * at `_dl_debug_state` of its interpreter and at its entry point, and the clock runs only while
 * the program runs: ld.so calls _dl_debug_state with RT_ADD before it maps libraries and with
 * RT_CONSISTENT when everything is relocated and no constructor has run (elf/rtld.c, dl_main). All
 * it takes from the program is the auxiliary vector, so the same code measures ld.so and ld-stable.
 *
 *	loadtime [--env NAME=VALUE]... [--runs N] [--cpu N] -- PROGRAM ARGS...
 *	loadtime --serve ... -- PROGRAM ARGS...
 *
 * The first form prints medians. With --serve it is a worker that answers one line per command line
 * on its standard input, so that a coordinator can let several workers (in different mount
 * namespaces) take turns:
 *
 *	load     measure the loader once:  load RELOCATED_NS ENTRY_NS MAIN_NS   (-1: no such point)
 *	whole    exec to exit, untraced:   whole NS STATUS
 *	memory   one whole traced run:     memory PEAK_KB PRIVATE_DIRTY_KB FAULTS CALLS STATUS
 *	entry    eight stopped at the entry, what one of them has:
 *	                                   entry MAPPINGS FAULTS PRIVATE_DIRTY_KB PSS_KB
 *
 * FAULTS are page faults, CALLS system calls, both since the exec.
 *
 * An error is answered with "error TEXT".
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
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

#define MAX_BREAKPOINTS 3
#define MAX_RUNS	100000

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

struct load_time { /* nanoseconds after the exec; -1: the point was not reached or is not known */
	int64_t relocated, entry, main;
};

static char **program;
static char problem[256];

static int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int fail(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(problem, sizeof problem, format, arguments);
	va_end(arguments);
	return -1;
}

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

static int map_file(const char *path, struct file_map *map)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail("%s: %s", path, strerror(errno));
	struct stat status;
	if (fstat(fd, &status) < 0 || status.st_size < (off_t)sizeof(Elf64_Ehdr)) {
		close(fd);
		return fail("%s: not an ELF file", path);
	}
	map->size = (size_t)status.st_size;
	void *data = mmap(NULL, map->size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (data == MAP_FAILED)
		return fail("%s: %s", path, strerror(errno));
	map->data = data;
	if (memcmp(data, ELFMAG, SELFMAG) != 0) {
		munmap(data, map->size);
		return fail("%s: not an ELF file", path);
	}
	return 0;
}

static bool in_file(const struct file_map *map, uint64_t offset, uint64_t size)
{
	return offset <= map->size && size <= map->size - offset;
}

/* st_value of the defined symbol `name`; 0: there is none. */
static uint64_t find_symbol(const struct file_map *map, const char *name)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)map->data;
	if (header->e_shentsize != sizeof(Elf64_Shdr) ||
	    !in_file(map, header->e_shoff, (uint64_t)header->e_shnum * sizeof(Elf64_Shdr)))
		return 0;
	const Elf64_Shdr *sections = (const Elf64_Shdr *)(map->data + header->e_shoff);
	static const uint32_t types[] = {SHT_SYMTAB, SHT_DYNSYM};
	for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
		for (size_t s = 0; s < header->e_shnum; s++) {
			const Elf64_Shdr *section = &sections[s];
			if (section->sh_type != types[t] || section->sh_link >= header->e_shnum)
				continue;
			const Elf64_Shdr *strings = &sections[section->sh_link];
			if (!in_file(map, section->sh_offset, section->sh_size) ||
			    !in_file(map, strings->sh_offset, strings->sh_size))
				continue;
			const Elf64_Sym *symbols =
				(const Elf64_Sym *)(map->data + section->sh_offset);
			size_t length = strlen(name) + 1;
			for (size_t i = 0; i < section->sh_size / sizeof(Elf64_Sym); i++) {
				const Elf64_Sym *symbol = &symbols[i];
				if (symbol->st_shndx != SHN_UNDEF &&
				    symbol->st_name + length <= strings->sh_size &&
				    memcmp(map->data + strings->sh_offset + symbol->st_name, name,
					   length) == 0)
					return symbol->st_value;
			}
		}
	}
	return 0;
}

/* The loader's file seldom changes between runs, but it may: it is looked at once per run, outside
 * the measured time. */
static uint64_t symbol_in_file(const char *path, const char *name)
{
	struct file_map map;
	if (map_file(path, &map) < 0)
		return 0;
	uint64_t value = find_symbol(&map, name);
	munmap((void *)(uintptr_t)map.data, map.size);
	return value;
}

/* PT_INTERP of the program into `path`; false: it has none. */
static bool interpreter_of(const char *file, char *path, size_t size)
{
	struct file_map map;
	if (map_file(file, &map) < 0)
		return false;
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)map.data;
	bool found = false;
	if (header->e_phentsize == sizeof(Elf64_Phdr) &&
	    in_file(&map, header->e_phoff, (uint64_t)header->e_phnum * sizeof(Elf64_Phdr))) {
		const Elf64_Phdr *headers = (const Elf64_Phdr *)(map.data + header->e_phoff);
		for (size_t i = 0; i < header->e_phnum; i++) {
			if (headers[i].p_type != PT_INTERP || headers[i].p_filesz >= size ||
			    !in_file(&map, headers[i].p_offset, headers[i].p_filesz))
				continue;
			memcpy(path, map.data + headers[i].p_offset, headers[i].p_filesz);
			path[headers[i].p_filesz] = '\0';
			found = true;
		}
	}
	munmap((void *)(uintptr_t)map.data, map.size);
	return found;
}

/* ---- the tracee ---- */

static int set_breakpoint(struct tracee *tracee, enum point point, uint64_t address)
{
	errno = 0;
	long word = ptrace(PTRACE_PEEKTEXT, tracee->pid, (void *)address, NULL);
	if (errno != 0)
		return fail("reading %#lx: %s", (unsigned long)address, strerror(errno));
	long trap = (long)(((unsigned long)word & ~0xfful) | 0xcc);
	if (ptrace(PTRACE_POKETEXT, tracee->pid, (void *)address, (void *)trap) < 0)
		return fail("writing %#lx: %s", (unsigned long)address, strerror(errno));
	tracee->breakpoints[tracee->n_breakpoints++] =
		(struct breakpoint){.point = point, .address = address, .word = word, .set = true};
	return 0;
}

static int read_auxv(struct tracee *tracee)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/auxv", (int)tracee->pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail("%s: %s", path, strerror(errno));
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
	return tracee->entry != 0 ? 0 : fail("no AT_ENTRY");
}

static void quiet(void)
{
	int null = open("/dev/null", O_RDWR);
	if (null < 0)
		_exit(127);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
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

/* Start the program and stop it right after the exec. */
static int start(struct tracee *tracee)
{
	*tracee = (struct tracee){0};
	pid_t pid = fork();
	if (pid < 0)
		return fail("fork: %s", strerror(errno));
	if (pid == 0) {
		quiet();
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
			_exit(127);
		execv(program[0], program);
		_exit(127);
	}
	tracee->pid = pid;
	int status;
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return fail("%s: could not be traced", program[0]);
	long options =
		PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD;
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)options) < 0 ||
	    ptrace(PTRACE_CONT, pid, NULL, NULL) < 0 || waitpid(pid, &status, 0) != pid)
		return fail("%s: ptrace: %s", program[0], strerror(errno));
	if (!WIFSTOPPED(status) || status >> 8 != (SIGTRAP | PTRACE_EVENT_EXEC << 8))
		return fail("%s: cannot be executed", program[0]);
	tracee->faults_before = proc_faults(pid);
	return read_auxv(tracee);
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
static int prepare(struct tracee *tracee)
{
	char interpreter[4096], path[4160];
	if (interpreter_of(program[0], interpreter, sizeof interpreter) && tracee->base != 0) {
		snprintf(path, sizeof path, "/proc/%d/root%s", (int)tracee->pid, interpreter);
		uint64_t state = symbol_in_file(path, "_dl_debug_state");
		if (state == 0)
			return fail("%s: no symbol _dl_debug_state", interpreter);
		if (set_breakpoint(tracee, POINT_DEBUG_STATE, tracee->base + state) < 0)
			return -1;
	}
	struct file_map map;
	if (map_file(program[0], &map) < 0)
		return -1;
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)map.data;
	uint64_t load = tracee->entry - header->e_entry;
	uint64_t main_symbol = find_symbol(&map, "main");
	munmap((void *)(uintptr_t)map.data, map.size);
	if (main_symbol != 0 && set_breakpoint(tracee, POINT_MAIN, load + main_symbol) < 0)
		return -1;
	return set_breakpoint(tracee, POINT_ENTRY, tracee->entry);
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
		    struct user_regs_struct *registers)
{
	if (breakpoint->point == POINT_DEBUG_STATE) {
		/* The function does nothing: return from it, and keep the breakpoint. */
		errno = 0;
		long address = ptrace(PTRACE_PEEKDATA, tracee->pid, (void *)registers->rsp, NULL);
		if (errno != 0)
			return fail("reading the stack: %s", strerror(errno));
		registers->rip = (unsigned long)address;
		registers->rsp += 8;
	} else {
		registers->rip = breakpoint->address;
		breakpoint->set = false;
		if (ptrace(PTRACE_POKETEXT, tracee->pid, (void *)breakpoint->address,
			   (void *)breakpoint->word) < 0)
			return fail("writing text: %s", strerror(errno));
	}
	if (ptrace(PTRACE_SETREGS, tracee->pid, NULL, registers) < 0)
		return fail("setting registers: %s", strerror(errno));
	return 0;
}

/* Run up to `last` (or the end of the program) and note when each point was passed. */
static int run_to(struct tracee *tracee, enum point last, struct load_time *time)
{
	int64_t spent = 0;
	int hits = 0, signal = 0;
	*time = (struct load_time){.relocated = -1, .entry = -1, .main = -1};
	for (;;) {
		int status;
		int64_t from = now();
		if (ptrace(PTRACE_CONT, tracee->pid, NULL, (void *)(intptr_t)signal) < 0 ||
		    waitpid(tracee->pid, &status, 0) != tracee->pid)
			return fail("ptrace: %s", strerror(errno));
		spent += now() - from;
		if (!WIFSTOPPED(status)) {
			tracee->pid = 0;
			return fail("%s: ended in the loader", program[0]);
		}
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8))
			return fail("%s: ended in the loader", program[0]);
		signal = WSTOPSIG(status);
		if (signal != SIGTRAP)
			continue;
		signal = 0;
		struct user_regs_struct registers;
		if (ptrace(PTRACE_GETREGS, tracee->pid, NULL, &registers) < 0)
			return fail("reading registers: %s", strerror(errno));
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
		if (step_off(tracee, breakpoint, &registers) < 0)
			return -1;
		if (breakpoint->point == last)
			return 0;
	}
}

/* ---- the measurements ---- */

static int measure_load(struct load_time *time)
{
	struct tracee tracee;
	int result = start(&tracee);
	if (result == 0)
		result = prepare(&tracee);
	if (result == 0) {
		bool has_main =
			tracee.n_breakpoints > 0 &&
			(tracee.breakpoints[0].point == POINT_MAIN ||
			 (tracee.n_breakpoints > 1 && tracee.breakpoints[1].point == POINT_MAIN));
		result = run_to(&tracee, has_main ? POINT_MAIN : POINT_ENTRY, time);
	}
	finish(&tracee);
	return result;
}

static int measure_whole(int64_t *time, int *status)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	posix_spawn_file_actions_init(&actions);
	for (int fd = 0; fd < 3; fd++)
		posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	int64_t from = now();
	int error = posix_spawn(&pid, program[0], &actions, NULL, program, environ);
	if (error == 0 && waitpid(pid, status, 0) != pid)
		error = errno;
	*time = now() - from;
	posix_spawn_file_actions_destroy(&actions);
	return error == 0 ? 0 : fail("%s: %s", program[0], strerror(error));
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

struct memory {
	long peak, dirty; /* KiB */
	long faults, calls;
	int status; /* of waitpid() */
};

/* The program runs to its end under ptrace, where its memory is looked at: ru_maxrss would count
 * the worker's own pages, which the child shares until it execs. */
static int measure_memory(struct memory *memory)
{
	struct tracee tracee;
	int result = start(&tracee), signal = 0;
	long stops =
		0; /* at the beginning and at the end of system calls, exec's end is the first */
	*memory = (struct memory){.peak = -1, .dirty = -1, .faults = -1, .status = -1};
	while (result == 0) {
		int status;
		if (ptrace(PTRACE_SYSCALL, tracee.pid, NULL, (void *)(intptr_t)signal) < 0 ||
		    waitpid(tracee.pid, &status, 0) != tracee.pid) {
			result = fail("ptrace: %s", strerror(errno));
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

struct at_entry {
	long mappings, faults;
	long dirty, pss; /* KiB */
};

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
static int measure_entry(struct at_entry *entry)
{
	enum { PROCESSES = 8 };
	struct tracee tracees[PROCESSES] = {0};
	struct load_time time;
	int result = 0, n = 0;
	*entry = (struct at_entry){0};
	for (; n < PROCESSES && result == 0; n++) {
		result = start(&tracees[n]);
		if (result == 0)
			result = prepare(&tracees[n]);
		if (result == 0)
			result = run_to(&tracees[n], POINT_ENTRY, &time);
	}
	pid_t pid = tracees[0].pid;
	if (result == 0)
		*entry = (struct at_entry){
			.mappings = count_lines(pid, "maps"),
			.faults = proc_faults(pid) - tracees[0].faults_before,
			.dirty = proc_kilobytes(pid, "smaps_rollup", "Private_Dirty"),
			.pss = proc_kilobytes(pid, "smaps_rollup", "Pss"),
		};
	while (n-- > 0)
		finish(&tracees[n]);
	return result;
}

static void answer(const char *command)
{
	int result = 0;
	if (strcmp(command, "load") == 0) {
		struct load_time time;
		if ((result = measure_load(&time)) == 0)
			printf("load %lld %lld %lld\n", (long long)time.relocated,
			       (long long)time.entry, (long long)time.main);
	} else if (strcmp(command, "whole") == 0) {
		int64_t time;
		int status;
		if ((result = measure_whole(&time, &status)) == 0)
			printf("whole %lld %d\n", (long long)time, status);
	} else if (strcmp(command, "memory") == 0) {
		struct memory memory;
		if ((result = measure_memory(&memory)) == 0)
			printf("memory %ld %ld %ld %ld %d\n", memory.peak, memory.dirty,
			       memory.faults, memory.calls, memory.status);
	} else if (strcmp(command, "entry") == 0) {
		struct at_entry entry;
		if ((result = measure_entry(&entry)) == 0)
			printf("entry %ld %ld %ld %ld\n", entry.mappings, entry.faults, entry.dirty,
			       entry.pss);
	} else {
		result = fail("unknown command %s", command);
	}
	if (result < 0)
		printf("error %s\n", problem);
}

static int serve(void)
{
	char line[64];
	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		answer(line);
		fflush(stdout);
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

static double median_us(int64_t *times, int n)
{
	qsort(times, (size_t)n, sizeof times[0], compare);
	int64_t middle = n % 2 != 0 ? times[n / 2] : (times[n / 2 - 1] + times[n / 2]) / 2;
	return middle < 0 ? -1.0 : (double)middle / 1000.0;
}

static int report(int runs)
{
	enum { RELOCATED, ENTRY, MAIN, WHOLE, KINDS };
	static const char *const names[KINDS] = {"relocated", "entry", "main", "exit"};
	int64_t *times[KINDS];
	for (int kind = 0; kind < KINDS; kind++) {
		times[kind] = calloc((size_t)runs, sizeof(int64_t));
		if (times[kind] == NULL) {
			fprintf(stderr, "loadtime: out of memory\n");
			return 1;
		}
	}
	for (int i = 0; i < runs; i++) {
		struct load_time load;
		int status;
		if (measure_load(&load) < 0 || measure_whole(&times[WHOLE][i], &status) < 0) {
			fprintf(stderr, "loadtime: %s\n", problem);
			return 1;
		}
		times[RELOCATED][i] = load.relocated;
		times[ENTRY][i] = load.entry;
		times[MAIN][i] = load.main;
	}
	for (int kind = 0; kind < KINDS; kind++) {
		printf("%s_us %.1f\n", names[kind], median_us(times[kind], runs));
		free(times[kind]);
	}
	return 0;
}

static int usage(void)
{
	fputs("usage: loadtime [--serve] [--runs N] [--cpu N] [--env NAME=VALUE]... -- PROGRAM "
	      "ARGS...\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	bool serving = false;
	long runs = 25, cpu = -1;
	int i = 1;
	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--serve") == 0)
			serving = true;
		else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
			runs = strtol(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--cpu") == 0 && i + 1 < argc)
			cpu = strtol(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--env") == 0 && i + 1 < argc)
			putenv(argv[++i]);
		else
			return usage();
	}
	if (i + 1 >= argc || runs < 1 || runs > MAX_RUNS)
		return usage();
	program = &argv[i + 1];
	if (cpu >= 0) { /* tracer and tracee share a core: no wake-up across cores is measured */
		cpu_set_t set;
		CPU_ZERO(&set);
		CPU_SET((size_t)cpu, &set);
		if (sched_setaffinity(0, sizeof set, &set) < 0) {
			fprintf(stderr, "loadtime: --cpu %ld: %s\n", cpu, strerror(errno));
			return 1;
		}
	}
	return serving ? serve() : report((int)runs);
}
