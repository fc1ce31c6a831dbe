/* cpu_record.c - making a CPU record: what this ld.so finds out about this CPU (image_format.h).
 *
 * What ld.so writes differs between versions, and its places are private. So they are found by
 * comparison: ld.so's data when it has mapped a program, with its own look at the CPU and without.
 * It does not look if the first word of its CPU features is set. The words that differ, and are the
 * same in each of two runs, are the record. It is used only if a run with it ends like one without.
 */
#include "loader/cpu_record.h"

#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <matr/loader_format.h>
#include <matr/object.h>

enum {
	MAX_DATA = 1 << 20, /* bytes of data that an ld.so may have */
	LOADER_SPAN = 1 << 24,
	MAX_WORDS = (MATR_CPU_DATA - (int)sizeof(struct matr_image_cpu)) /
		    (int)sizeof(struct matr_image_cpu_word),
};

/* One run: ld.so's data when everything was mapped. */
struct run {
	struct matr_cpu_data head;
	uint64_t *words;
	size_t n;
};

struct record {
	struct matr_image_cpu cpu;
	struct matr_image_cpu_word words[MAX_WORDS];
};

static int unavailable(struct matr_error *err, const char *what)
{
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, NULL, "%s", what);
}

/* ---- running ld.so ---- */

/* Run everything on one CPU, because cpuid also returns the CPU's number. */
static _Noreturn void execute(int interpreter, int fd, const char *program)
{
	char variable[32];
	char *arguments[] = {(char *)"ld-stable", (char *)(uintptr_t)program, NULL};
	char *environment[] = {variable, NULL};
	cpu_set_t allowed, one;

	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
		for (int i = 0; i < CPU_SETSIZE; i++) {
			if (CPU_ISSET(i, &allowed)) {
				CPU_SET(i, &one);
				break;
			}
		}
		(void)sched_setaffinity(0, sizeof one, &one);
	}
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	snprintf(variable, sizeof variable, "LD_STABLE_CPU=%d", fd);
	if (null >= 0 && dup2(null, 0) >= 0 && dup2(null, 1) >= 0 && dup2(null, 2) >= 0 &&
	    fcntl(fd, F_SETFD, 0) == 0)
		fexecve(interpreter, arguments, environment);
	_exit(127);
}

static int read_run(int fd, struct run *out, struct matr_error *err)
{
	struct matr_cpu_data *head = &out->head;

	if (pread(fd, head, sizeof *head, MATR_CPU_DATA) != (ssize_t)sizeof *head ||
	    head->size > MAX_DATA || head->size % sizeof(uint64_t))
		return unavailable(err, "ld.so did not get as far as mapping a program");
	out->n = head->size / sizeof(uint64_t);
	out->words = malloc(head->size + 1);
	if (!out->words)
		return matr_fail_memory(err);
	if (pread(fd, out->words, head->size, MATR_CPU_DATA + sizeof *head) != (ssize_t)head->size)
		return unavailable(err, "ld.so's data could not be read");
	return 0;
}

static int run_once(int interpreter, const char *program, const struct record *record,
		    struct run *out, struct matr_error *err)
{
	size_t size = sizeof record->cpu + record->cpu.n_words * sizeof *record->words;
	int fd = memfd_create("matr-cpu", MFD_CLOEXEC), status = 0, result = -1;

	if (fd < 0)
		return matr_fail_errno(err, NULL, "no memory for a CPU record");
	if (ftruncate(fd, MATR_CPU_DATA) != 0 || pwrite(fd, record, size, 0) != (ssize_t)size) {
		matr_fail_errno(err, NULL, "no memory for a CPU record");
		goto done;
	}
	pid_t child = fork();
	if (child < 0) {
		matr_fail_errno(err, NULL, "cannot fork");
		goto done;
	}
	if (child == 0)
		execute(interpreter, fd, program);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	result = read_run(fd, out, err);
done:
	close(fd);
	return result;
}

/* ---- comparing ---- */

struct normal { /* a word, regardless of where ld.so was */
	bool relative;
	uint64_t value;
};

static struct normal normal(const struct run *run, size_t k)
{
	uint64_t distance = run->words[k] - run->head.loader;

	return distance < LOADER_SPAN ? (struct normal){true, distance}
				      : (struct normal){false, run->words[k]};
}

static bool same(const struct run *a, const struct run *b, size_t k)
{
	struct normal left = normal(a, k), right = normal(b, k);

	return left.relative == right.relative && left.value == right.value;
}

/* Test whether the word is the address of AT_PLATFORM, which is on the stack and different in each
 * run. */
static bool is_platform(const struct run *run, size_t k)
{
	return run->head.platform && run->words[k] == run->head.platform;
}

static int add_word(struct record *record, uint64_t vaddr, struct normal value,
		    struct matr_error *err)
{
	if (record->cpu.n_words == MAX_WORDS || vaddr > UINT32_MAX)
		return unavailable(err, "ld.so finds out more than a CPU record can hold");
	record->words[record->cpu.n_words++] = (struct matr_image_cpu_word){
		.vaddr = (uint32_t)vaddr,
		.base = value.relative ? MATR_BASE_LOADER : MATR_BASE_ABSOLUTE,
		.value = value.value,
	};
	return 0;
}

/* `looked`: two runs in which ld.so looked at the CPU; `blind`: two in which it did not. */
static int compare(const struct run looked[2], const struct run blind[2], struct record *out,
		   struct matr_error *err)
{
	const struct matr_cpu_data *head = &looked[0].head;
	int n_hwcap = 0;

	out->cpu = (struct matr_image_cpu){
		.identity = head->identity,
	};
	for (size_t k = 0; k < looked[0].n; k++) {
		struct normal value = normal(&looked[0], k);
		uint64_t vaddr = head->vaddr + k * sizeof(uint64_t);
		if (!same(&looked[0], &looked[1], k))
			continue;
		if (is_platform(&blind[0], k) && is_platform(&blind[1], k) && value.relative) {
			out->cpu.platform = value.value;
			continue;
		}
		if (!same(&blind[0], &blind[1], k) || same(&looked[0], &blind[0], k))
			continue;
		if (blind[0].words[k] == head->hwcap && !value.relative) {
			out->cpu.hwcap = value.value;
			n_hwcap++;
		} else if (add_word(out, vaddr, value, err) < 0) {
			return -1;
		}
	}
	return n_hwcap <= 1 ? 0 : unavailable(err, "ld.so keeps AT_HWCAP in several places");
}

/* Check that a run with the record ends like those without. */
static int check(const struct run looked[2], const struct run *recorded, struct matr_error *err)
{
	if (recorded->n != looked[0].n)
		return unavailable(err, "ld.so's data is of another size with the CPU record");
	for (size_t k = 0; k < recorded->n; k++) {
		if (same(&looked[0], &looked[1], k) && !same(&looked[0], recorded, k))
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, NULL,
					 "ld.so's word at 0x%llx is another with the CPU record",
					 (unsigned long long)recorded->head.vaddr + k * 8);
	}
	return 0;
}

/* ---- the address of ld.so's CPU features ---- */

static const struct matr_segment *segment_of(const struct matr_object *object, uint64_t vaddr)
{
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type == PT_LOAD && vaddr >= segment->vaddr &&
		    vaddr - segment->vaddr < segment->file_size)
			return segment;
	}
	return NULL;
}

/* The function that returns their address begins with the instruction that computes it. */
static int find_features(const char *ld_so, uint64_t *vaddr, struct matr_error *err)
{
	static const unsigned char lea[] = {0x48, 0x8d, 0x05}; /* lea disp32(%rip), %rax */
	struct matr_object *object;
	unsigned char code[24] = {0};
	uint64_t function = 0;

	if (matr_object_open(ld_so, &object, err) < 0)
		return -1;
	for (size_t i = 0; i < object->n_symbols; i++) {
		if (strcmp(object->symbols[i].name, "_dl_x86_get_cpu_features") == 0 &&
		    object->symbols[i].section != SHN_UNDEF)
			function = object->symbols[i].value;
	}
	const struct matr_segment *segment = function ? segment_of(object, function) : NULL;
	int fd = segment ? open(ld_so, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd < 0 ? -1
			   : pread(fd, code, sizeof code,
				   (off_t)(segment->offset + function - segment->vaddr));
	if (fd >= 0)
		close(fd);
	matr_object_free(object);
	for (size_t i = 0; n == (ssize_t)sizeof code && i + 7 <= sizeof code; i++) {
		int32_t distance;
		if (memcmp(code + i, lea, sizeof lea) != 0)
			continue;
		memcpy(&distance, code + i + sizeof lea, sizeof distance);
		*vaddr = function + i + 7 + (uint64_t)(int64_t)distance;
		return 0;
	}
	return unavailable(err, "ld.so does not show where its CPU features are");
}

bool loader_cpu_record_is_current(const struct matr_image_cpu *cpu)
{
	unsigned a, b, c, d;
	uint32_t low = 0, high = 0;

	if (!__get_cpuid(1, &a, &b, &c, &d))
		return false;
	if (c & bit_OSXSAVE)
		__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	const struct matr_image_cpu_identity now = {
		.leaf1_a = a,
		.leaf1_c = c,
		.leaf1_d = d,
		.xcr0 = low,
		.hwcap2 = getauxval(AT_HWCAP2),
		.minsigstksz = getauxval(AT_MINSIGSTKSZ),
	};
	return memcmp(&now, &cpu->identity, sizeof now) == 0;
}

/* ---- all of it ---- */

static int make(int interpreter, const char *program, uint64_t features, struct record *record,
		struct matr_error *err)
{
	struct record *first = calloc(1, sizeof *first);
	struct run looked[2] = {{.n = 0}, {.n = 0}}, blind[2] = {{.n = 0}, {.n = 0}};
	struct run recorded = {.n = 0};
	int result = first ? 0 : matr_fail_memory(err);

	for (int i = 0; i < 2 && !result; i++)
		result = run_once(interpreter, program, first, &looked[i], err);
	if (!result) {
		size_t k = (features - looked[0].head.vaddr) / sizeof(uint64_t);
		if (features < looked[0].head.vaddr || k >= looked[0].n || !looked[0].words[k])
			result = unavailable(err, "ld.so's CPU features are not in its data");
		else
			result = add_word(first, features,
					  (struct normal){false, looked[0].words[k]}, err);
	}
	for (int i = 0; i < 2 && !result; i++) {
		result = run_once(interpreter, program, first, &blind[i], err);
		if (!result && blind[i].n != looked[0].n)
			result = unavailable(err, "ld.so's data is of another size");
	}
	/* The word that was set is the same in all runs. */
	if (!result)
		result = compare(looked, blind, record, err);
	if (!result)
		result = add_word(record, features, (struct normal){false, first->words[0].value},
				  err);
	if (!result)
		result = run_once(interpreter, program, record, &recorded, err);
	if (!result)
		result = check(looked, &recorded, err);
	for (int i = 0; i < 2; i++) {
		free(looked[i].words);
		free(blind[i].words);
	}
	free(recorded.words);
	free(first);
	return result;
}

int loader_cpu_record_make(const void *interpreter, size_t size, const char *ld_so,
			   const char *program, struct matr_image_cpu **out, struct matr_error *err)
{
	struct record *record = calloc(1, sizeof *record);
	int fd = memfd_create("ld-stable", MFD_CLOEXEC);
	uint64_t features = 0;
	int result = -1;

	if (!record || fd < 0) {
		matr_fail_memory(err);
		goto done;
	}
	if (write(fd, interpreter, size) != (ssize_t)size || fchmod(fd, 0700) != 0) {
		matr_fail_errno(err, NULL, "no memory for a CPU record");
		goto done;
	}
	if (find_features(ld_so, &features, err) == 0)
		result = make(fd, program, features, record, err);
done:
	if (fd >= 0)
		close(fd);
	if (result) {
		free(record);
		record = NULL;
	}
	*out = record ? &record->cpu : NULL;
	return result;
}
