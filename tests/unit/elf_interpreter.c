/* elf_interpreter.c - finding and replacing PT_INTERP in the bytes of a program, of bad ones in
 * particular. */
#include "elf/interpreter.h"
#include "unit.h"

#include <check.h>
#include <elf.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char usual[] = "/lib64/ld-linux-x86-64.so.2";

struct file { /* a program, as small as it can be */
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
	char path[sizeof usual];
};

static struct file good(void)
{
	struct file file = {
		.header =
			{
				.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
					    ELFDATA2LSB},
				.e_type = ET_DYN,
				.e_machine = EM_X86_64,
				.e_phoff = offsetof(struct file, segments),
				.e_phentsize = sizeof(Elf64_Phdr),
				.e_phnum = 2,
			},
		.segments =
			{
				{.p_type = PT_PHDR},
				{.p_type = PT_INTERP,
				 .p_offset = offsetof(struct file, path),
				 .p_filesz = sizeof usual},
			},
	};
	memcpy(file.path, usual, sizeof usual);
	return file;
}

/* In a block of exactly that size, so that a sanitizer sees what reads beyond. */
static char *find(const struct file *file, size_t size, size_t *room, void **block)
{
	*block = malloc(size ? size : 1);
	ck_assert_ptr_nonnull(*block);
	memcpy(*block, file, size);
	return elf_interpreter(*block, size, room);
}

static void refused(const struct file *file, size_t size)
{
	size_t room;
	void *block;
	ck_assert_ptr_null(find(file, size, &room, &block));
	free(block);
}

START_TEST(finds_and_replaces)
{
	struct file file = good();
	size_t room;
	void *block;
	char *path = find(&file, sizeof file, &room, &block);

	ck_assert_str_eq(path, usual);
	ck_assert_uint_eq(room, sizeof usual);
	ck_assert(!elf_set_interpreter(path, room, "/lib64/ld-linux-x86-64.so.22"));
	ck_assert_str_eq(path, usual);
	ck_assert(elf_set_interpreter(path, room, "/lib64/matr-ld.so"));
	ck_assert_str_eq(path, "/lib64/matr-ld.so");
	for (size_t i = strlen(path); i < room; i++)
		ck_assert_int_eq(path[i], 0);
	ck_assert(elf_set_interpreter(path, room, usual)); /* fills the room exactly */
	ck_assert_mem_eq(block, &file, sizeof file);
	free(block);
}
END_TEST

START_TEST(truncated)
{
	struct file file = good();
	for (size_t size = 0; size < offsetof(struct file, path) + sizeof usual; size++)
		refused(&file, size);
}
END_TEST

START_TEST(malformed)
{
	struct file file = good();
	file.header.e_ident[EI_CLASS] = ELFCLASS32;
	refused(&file, sizeof file);
	file = good();
	file.header.e_machine = EM_AARCH64;
	refused(&file, sizeof file);
	file = good();
	file.header.e_phentsize = 1;
	refused(&file, sizeof file);
	file = good();
	file.header.e_phoff = UINT64_MAX - 8;
	refused(&file, sizeof file);
	file = good();
	file.header.e_phnum = 0xffff;
	refused(&file, sizeof file);
	file = good();
	file.segments[1].p_offset = UINT64_MAX - 4;
	refused(&file, sizeof file);
	file = good();
	file.segments[1].p_filesz = UINT64_MAX - 4;
	refused(&file, sizeof file);
	file = good();
	file.segments[1].p_filesz = 0;
	refused(&file, sizeof file);
	file = good();
	file.path[sizeof usual - 1] = 'x';
	refused(&file, sizeof file);
	file = good();
	file.segments[1].p_type = PT_NOTE;
	refused(&file, sizeof file);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("program_interpreter");
	tcase_add_test(tests, finds_and_replaces);
	tcase_add_test(tests, truncated);
	tcase_add_test(tests, malformed);
	return unit_run(tests, "program_interpreter");
}
