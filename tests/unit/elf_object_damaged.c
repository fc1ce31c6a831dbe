/* elf_object_damaged.c - matr_object_open() with a real library that was cut short, has header
 * fields replaced, or bytes changed at random.
 *
 * Nothing may crash, block or read out of bounds (run it with MATR_SANITIZE). What is still
 * readable may be read.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "unit.h"

#include <matr/object.h>

#include "spoilt_file.h"

static struct spoilt_file file;

static void setup(void)
{
	spoilt_file_setup(&file);
}

static void teardown(void)
{
	spoilt_file_teardown(&file);
}

struct library {
	unsigned char *bytes;
	size_t size;
	uint64_t load_end; /* where what is loaded ends in the file */
};

static void read_library(struct library *library)
{
	FILE *stream = fopen("/lib64/ld-linux-x86-64.so.2", "r"); /* it has DT_RELR too */
	struct stat status;
	Elf64_Ehdr header;

	ck_assert_ptr_nonnull(stream);
	ck_assert_int_eq(fstat(fileno(stream), &status), 0);
	library->size = (size_t)status.st_size;
	library->bytes = malloc(library->size);
	ck_assert_ptr_nonnull(library->bytes);
	ck_assert_uint_eq(fread(library->bytes, library->size, 1, stream), 1);
	fclose(stream);
	library->load_end = 0;
	memcpy(&header, library->bytes, sizeof header);
	for (size_t i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr entry;
		memcpy(&entry, library->bytes + header.e_phoff + i * sizeof entry, sizeof entry);
		if (entry.p_type == PT_LOAD && entry.p_offset + entry.p_filesz > library->load_end)
			library->load_end = entry.p_offset + entry.p_filesz;
	}
}

START_TEST(truncated)
{
	struct library library;

	read_library(&library);
	for (size_t size = 0; size < library.size; size += size < 2000 ? 1 : 997) {
		spoilt_file_write(&file, library.bytes, size);
		enum matr_code code = spoilt_file_open(&file);
		if (code == MATR_OK ? size < library.load_end
				    : code != MATR_ERROR_MALFORMED && code != MATR_ERROR_NOT_ELF)
			ck_abort_msg("%zu bytes: error %d, %s", size, code, file.err.message);
	}
	free(library.bytes);
}
END_TEST

/* Write in place: rewriting the whole library each time would take most of the time. */
static void patch(int fd, size_t offset, const void *bytes, size_t size)
{
	if (pwrite(fd, bytes, size, (off_t)offset) != (ssize_t)size)
		ck_abort_msg("%s: %s", file.path, strerror(errno));
}

/* Every 2, 4 and 8 bytes of the ELF header, the program headers and the dynamic section
 * replaced. */
START_TEST(fields_replaced)
{
	static const uint64_t values[] = {0,	      1,	  7,	      0x7fffffff,
					  0xffffffff, 1ull << 31, 1ull << 63, UINT64_MAX};
	static const size_t sizes[] = {2, 4, 8};
	struct library library;
	struct matr_object *object;

	read_library(&library);
	spoilt_file_write(&file, library.bytes, library.size);
	ck_assert_int_eq(matr_object_open(file.path, &object, &file.err), 0);
	size_t headers = sizeof(Elf64_Ehdr) + object->n_segments * sizeof(Elf64_Phdr);
	size_t dynamic_size = (object->n_dynamic + 1) * sizeof(Elf64_Dyn), dynamic = 0;
	for (size_t i = 0; i < object->n_segments; i++)
		if (object->segments[i].type == PT_DYNAMIC)
			dynamic = object->segments[i].offset;
	matr_object_free(object);
	int fd = open(file.path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	for (size_t at = 0; at < headers + dynamic_size; at += 2) {
		size_t offset = at < headers ? at : dynamic + (at - headers);
		for (size_t s = 0; s < 3; s++) {
			if (at % sizes[s] != 0)
				continue;
			for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
				patch(fd, offset, &values[v], sizes[s]);
				spoilt_file_open(&file);
			}
			patch(fd, offset, library.bytes + offset, sizes[s]);
		}
	}
	close(fd);
	ck_assert_int_eq(spoilt_file_open(&file), MATR_OK);
	free(library.bytes);
}
END_TEST

static uint64_t next_random(uint64_t *state) /* xorshift64 */
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A few bits or bytes at a time, in what is not code: the first segment has headers and tables, the
 * last has data. */
START_TEST(random_changes)
{
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)_i;
	struct library library;
	struct matr_object *object;
	size_t offsets[8], first_end = 0, last_start = 0;

	read_library(&library);
	spoilt_file_write(&file, library.bytes, library.size);
	ck_assert_int_eq(matr_object_open(file.path, &object, &file.err), 0);
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type != PT_LOAD)
			continue;
		if (!first_end)
			first_end = segment->offset + segment->file_size;
		last_start = segment->offset;
	}
	matr_object_free(object);
	int fd = open(file.path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	for (int round = 0; round < 4000; round++) {
		size_t n = 1 + next_random(&state) % 8;
		for (size_t i = 0; i < n; i++) {
			uint64_t random = next_random(&state);
			offsets[i] =
				random % 4
					? random / 4 % first_end
					: last_start + random / 4 % (library.load_end - last_start);
			unsigned char byte = library.bytes[offsets[i]];
			byte = random >> 62 ? byte ^ (unsigned char)(1u << (random >> 59 & 7))
					    : (unsigned char)(random >> 48);
			patch(fd, offsets[i], &byte, 1);
		}
		spoilt_file_open(&file);
		for (size_t i = 0; i < n; i++)
			patch(fd, offsets[i], library.bytes + offsets[i], 1);
	}
	close(fd);
	ck_assert_int_eq(spoilt_file_open(&file), MATR_OK);
	free(library.bytes);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("damaged objects");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, truncated);
	tcase_add_test(tests, fields_replaced);
	tcase_add_loop_test(tests, random_changes, 0, 4);
	return unit_run(tests, "damaged objects");
}
