/* loader_interpreter_file.c - the interpreter file made of this system's ld.so and of spoilt
 * copies. */
#include "loader/interpreter_file.h"

#include <check.h>
#include <elf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <matr/loader_format.h>

#include "base/file.h"
#include "loader/call_sites.h"
#include "loader/interpreter_check.h"
#include "loader/thunk.h"
#include "unit.h"

enum { MAX_FILE = 64 << 20 };

static const char ld_so_path[] = "/lib64/ld-linux-x86-64.so.2";
static const struct call_site_room room = {16, 12};

static struct interpreter_source ld_so, ld_stable;
static struct elf_image real, stable; /* of these */
static struct call_sites sites;	      /* of ld.so */

static struct interpreter_source load(const char *path)
{
	struct interpreter_source source = {.path = path};
	struct matr_error err;
	void *bytes;

	ck_assert_msg(file_read(path, MAX_FILE, &bytes, &source.size, &err) == 0, "%s: %s", path,
		      err.message);
	source.bytes = bytes;
	return source;
}

static void setup(void)
{
	struct matr_error err;

	ld_so = load(ld_so_path);
	ld_stable = load(LD_STABLE);
	ck_assert_int_eq(elf_image_open(&real, ld_so.path, ld_so.bytes, ld_so.size, &err), 0);
	ck_assert_int_eq(
		elf_image_open(&stable, ld_stable.path, ld_stable.bytes, ld_stable.size, &err), 0);
	ck_assert_msg(call_sites_find(&real, &room, &sites, &err) == 0, "%s", err.message);
}

static void teardown(void)
{
	free((void *)ld_so.bytes);
	free((void *)ld_stable.bytes);
}

/* A copy of ld.so to spoil. */
static unsigned char *copy_real(void)
{
	unsigned char *copy = malloc(ld_so.size);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, ld_so.bytes, ld_so.size);
	return copy;
}

static int make(const void *bytes, size_t size, enum interpreter_table table,
		struct interpreter_file *out, struct matr_error *err)
{
	const struct interpreter_source source = {ld_so_path, bytes, size};

	*err = (struct matr_error){.code = MATR_OK};
	return interpreter_file_make(&source, &ld_stable, table, out, err);
}

/* ---- the file that is made ---- */

static const struct matr_site *site_of(enum matr_site_kind kind)
{
	for (size_t i = 0; i < sites.n; i++) {
		if (sites.sites[i].kind == kind)
			return &sites.sites[i];
	}
	ck_abort_msg("ld.so has no such site");
}

START_TEST(sites_are_system_calls)
{
	size_t counts[MATR_SITE_KINDS] = {0};

	for (size_t i = 0; i < sites.n; i++) {
		const struct matr_site *site = &sites.sites[i];
		counts[site->kind]++;
		ck_assert_uint_ge(site->back - site->address, 5);
		ck_assert_mem_eq((const char *)ld_so.bytes + site->call, "\x0f\x05", 2);
		ck_assert(i == 0 || site->address >= sites.sites[i - 1].back);
	}
	ck_assert_uint_eq(counts[MATR_SITE_SET_TID_ADDRESS], 1);
	ck_assert_uint_eq(site_of(MATR_SITE_OPENAT)->number, 257);
	ck_assert_uint_eq(site_of(MATR_SITE_MMAP)->number, 9);
	ck_assert_uint_eq(site_of(MATR_SITE_READ)->number, 0);
}
END_TEST

/* The file, wherever its table of program headers is put. The checks are part of making it, and are
 * repeated here so that a file that was not checked would be noticed. */
START_TEST(made_for_each_place)
{
	struct interpreter_file file;
	struct elf_image image;
	struct matr_error err;
	struct thunks thunks;
	struct matr_sites table;

	ck_assert_msg(make(ld_so.bytes, ld_so.size, (enum interpreter_table)_i, &file, &err) == 0,
		      "%s", err.message);
	ck_assert_str_eq(file.unserved, "");
	ck_assert_uint_eq(file.entry, real.header.e_entry);
	ck_assert_int_eq(elf_image_open(&image, "made", file.bytes, file.size, &err), 0);
	ck_assert_uint_eq(image.header.e_phnum, real.header.e_phnum + 1);
	ck_assert_msg(interpreter_check_layout(&image, &real, &stable, file.base, &err) == 0, "%s",
		      err.message);
	ck_assert_msg(interpreter_check_sites(&image, &real, &stable, file.base, &err) == 0, "%s",
		      err.message);
	ck_assert_int_eq(thunks_find(&stable, &thunks, &err), 0);
	memcpy(&table, (char *)file.bytes + file.base + thunks.table, sizeof table);
	ck_assert_uint_eq(table.n_sites, sites.n);
	ck_assert_mem_eq(table.sites, sites.sites, sites.n * sizeof *sites.sites);
	if (_i == INTERPRETER_TABLE_PAGE)
		ck_assert_uint_lt(image.header.e_phoff, 4096);
	if (_i == INTERPRETER_TABLE_PLACE)
		ck_assert_uint_eq(image.header.e_phoff, real.header.e_phoff);
	if (_i == INTERPRETER_TABLE_SEGMENT)
		ck_assert_uint_gt(image.header.e_phoff, file.base);
	for (size_t i = 0; i < real.header.e_shnum; i++) /* same sections, same order */
		ck_assert_str_eq(elf_image_section_name(&image, &image.sections[i]),
				 elf_image_section_name(&real, &real.sections[i]));
	ck_assert_ptr_null(elf_image_section(&image, ".symtab"));
	ck_assert_ptr_null(elf_image_section(&image, ".debug_frame"));
	ck_assert_uint_eq(elf_image_section(&image, ".eh_frame")->sh_size,
			  elf_image_section(&real, ".eh_frame")->sh_size +
				  elf_image_section(&stable, ".matr_frames")->sh_size);
	free(file.bytes);
}
END_TEST

/* ---- input that no file can be made of ---- */

static void refused(const void *bytes, size_t size, enum matr_code code, const char *what)
{
	struct interpreter_file file;
	struct matr_error err;

	ck_assert_int_eq(make(bytes, size, INTERPRETER_TABLE_AUTO, &file, &err), -1);
	ck_assert_msg(err.code == code, "code %d: %s", err.code, err.message);
	ck_assert_msg(strstr(err.message, what) != NULL, "%s", err.message);
	ck_assert_str_eq(err.file, ld_so_path);
	ck_assert_ptr_null(file.bytes);
}

START_TEST(cut_off_anywhere)
{
	struct interpreter_file file;
	struct matr_error err;

	refused("", 0, MATR_ERROR_NOT_ELF, "not an ELF file");
	refused("\177ELF", 4, MATR_ERROR_NOT_ELF, "not an ELF file");
	for (size_t size = 0; size < ld_so.size; size += size < 5000 ? 61 : 4999) {
		unsigned char *copy = malloc(size + 1); /* so that reading beyond is noticed */
		memcpy(copy, ld_so.bytes, size);
		ck_assert_int_eq(make(copy, size, INTERPRETER_TABLE_AUTO, &file, &err), -1);
		ck_assert_str_ne(err.message, "");
		free(copy);
	}
}
END_TEST

/* Bytes of the headers, the function table and the section headers, at random: a file or one
 * error. */
START_TEST(damaged_anywhere)
{
	const Elf64_Phdr *frames = elf_image_segment(&real, PT_GNU_EH_FRAME);
	const size_t starts[] = {0, frames->p_offset, real.header.e_shoff, 0};
	const size_t sizes[] = {0xe00, 0x3000, ld_so.size - real.header.e_shoff, ld_so.size};
	struct interpreter_file file;
	struct matr_error err;

	srandom(1);
	for (size_t i = 0; i < 160; i++) {
		unsigned char *copy = copy_real();
		for (size_t k = 0; k < 1 + i % 4; k++)
			copy[starts[i % 4] + (size_t)random() % sizes[i % 4]] =
				(unsigned char)random();
		if (make(copy, ld_so.size, INTERPRETER_TABLE_AUTO, &file, &err) == 0)
			free(file.bytes);
		else
			ck_assert_str_ne(err.message, "");
		free(copy);
	}
}
END_TEST

START_TEST(another_machine)
{
	unsigned char *copy = copy_real();
	Elf64_Ehdr *header = (Elf64_Ehdr *)copy;

	header->e_machine = EM_AARCH64;
	refused(copy, ld_so.size, MATR_ERROR_FOREIGN, "another machine");
	header->e_machine = real.header.e_machine;
	header->e_ident[EI_CLASS] = ELFCLASS32;
	refused(copy, ld_so.size, MATR_ERROR_FOREIGN, "another machine");
	free(copy);
}
END_TEST

START_TEST(without_section_headers)
{
	unsigned char *copy = copy_real();
	Elf64_Ehdr *header = (Elf64_Ehdr *)copy;

	header->e_shoff = header->e_shnum = header->e_shstrndx = 0;
	refused(copy, ld_so.size, MATR_ERROR_UNSUPPORTED, "no section headers");
	free(copy);
}
END_TEST

START_TEST(another_layout)
{
	unsigned char *copy = copy_real();
	Elf64_Ehdr *header = (Elf64_Ehdr *)copy;
	Elf64_Phdr *segments = (Elf64_Phdr *)(copy + header->e_phoff);

	header->e_type = ET_EXEC;
	refused(copy, ld_so.size, MATR_ERROR_UNSUPPORTED, "not a shared object");
	header->e_type = ET_DYN;
	segments[1].p_vaddr += 4096;
	refused(copy, ld_so.size, MATR_ERROR_UNSUPPORTED, "not laid out as those of ld.so");
	segments[1].p_vaddr -= 4096;
	segments[0].p_memsz++; /* .bss where none can be */
	refused(copy, ld_so.size, MATR_ERROR_UNSUPPORTED, "not laid out as those of ld.so");
	free(copy);
}
END_TEST

START_TEST(not_an_ld_stable)
{
	const struct interpreter_source other = ld_so;
	struct interpreter_file file;
	struct matr_error err;

	ck_assert_int_eq(interpreter_file_make(&ld_so, &other, INTERPRETER_TABLE_AUTO, &file, &err),
			 -1);
	ck_assert_int_eq(err.code, MATR_ERROR_MALFORMED);
}
END_TEST

/* ---- an ld.so whose sites are not as expected: a file without them ---- */

static void unserved(const unsigned char *bytes, const char *reason)
{
	struct interpreter_file file;
	struct matr_error err;
	struct elf_image image, spoilt;
	struct thunks thunks;
	struct matr_sites table;

	ck_assert_msg(make(bytes, ld_so.size, INTERPRETER_TABLE_AUTO, &file, &err) == 0, "%s",
		      err.message);
	ck_assert_msg(strstr(file.unserved, reason) != NULL, "'%s' instead of '%s'", file.unserved,
		      reason);
	ck_assert_int_eq(elf_image_open(&spoilt, ld_so_path, bytes, ld_so.size, &err), 0);
	ck_assert_int_eq(elf_image_open(&image, "made", file.bytes, file.size, &err), 0);
	ck_assert_int_eq(interpreter_check_layout(&image, &spoilt, &stable, file.base, &err), 0);
	ck_assert_int_eq(thunks_find(&stable, &thunks, &err), 0);
	memcpy(&table, (char *)file.bytes + file.base + thunks.table, sizeof table);
	ck_assert_uint_eq(table.n_sites, 0);
	for (size_t i = 0; i < sites.n; i++) {
		const struct matr_site *site = &sites.sites[i];
		ck_assert_mem_eq((char *)file.bytes + site->address, bytes + site->address,
				 site->back - site->address);
	}
	free(file.bytes);
}

/* Give the call at a site another number. */
static void set_number(unsigned char *copy, const struct matr_site *site, uint32_t number)
{
	ck_assert_int_eq(copy[site->call - 5], 0xb8); /* mov $NUMBER, %eax */
	memcpy(copy + site->call - 4, &number, sizeof number);
}

START_TEST(another_number_of_sites)
{
	unsigned char *copy = copy_real();
	const struct matr_site *tid = site_of(MATR_SITE_SET_TID_ADDRESS);

	set_number(copy, tid, 500);
	unserved(copy, "makes no system call set_tid_address");
	set_number(copy, tid, tid->number);
	set_number(copy, site_of(MATR_SITE_MUNMAP), tid->number);
	unserved(copy, "calls set_tid_address in 2 places");
	set_number(copy, site_of(MATR_SITE_MUNMAP), 437);
	unserved(copy, "unexpected system call 437");
	free(copy);
}
END_TEST

START_TEST(a_number_that_is_not_known)
{
	const struct matr_site *site = site_of(MATR_SITE_MUNMAP);
	unsigned char *copy = copy_real();

	memcpy(copy + site->call - 5, "\x89\xf8\x0f\x1f\x00", 5); /* mov %edi, %eax; nop */
	unserved(copy, "the number of its system call");
	free(copy);
}
END_TEST

START_TEST(a_call_outside_of_functions)
{
	unsigned char *copy = copy_real();
	const Elf64_Phdr *frames = elf_image_segment(&real, PT_GNU_EH_FRAME);

	/* The table ends before the last functions. */
	uint32_t n = 10;
	memcpy(copy + frames->p_offset + 8, &n, sizeof n);
	unserved(copy, "outside of its functions");
	/* There is no table that could be read. */
	copy[frames->p_offset + 3] = 0xff;
	unserved(copy, "in an unknown form");
	free(copy);
}
END_TEST

START_TEST(a_pointer_into_a_site)
{
	const Elf64_Shdr *data = elf_image_section(&real, ".data.rel.ro");
	uint64_t inside = site_of(MATR_SITE_MMAP)->call + 1;
	unsigned char *copy = copy_real();

	ck_assert_ptr_nonnull(data);
	memcpy(copy + data->sh_offset, &inside, sizeof inside);
	unserved(copy, "cannot be replaced");
	free(copy);
}
END_TEST

/* A branch, however far away, and whether or not the code before it is understood. */
START_TEST(a_branch_into_a_site)
{
	const Elf64_Shdr *text = elf_image_section(&real, ".text");
	const struct matr_site *site = site_of(MATR_SITE_MMAP);
	unsigned char *copy = copy_real();
	size_t at = text->sh_offset;

	while (copy[at] != 0xe8) /* what may be a call */
		at++;
	int32_t distance = (int32_t)(site->call + 1 - (at + 5));
	memcpy(copy + at + 1, &distance, sizeof distance);
	unserved(copy, "at 0x");
	free(copy);
}
END_TEST

/* A short jump behind a site, back into it. */
START_TEST(a_short_branch_into_a_site)
{
	const struct matr_site *site = site_of(MATR_SITE_MPROTECT);
	unsigned char *copy = copy_real();

	/* cmp $-4095, %rax, 6 bytes -> jmp to the system call; nop */
	ck_assert_int_eq(copy[site->back], 0x48);
	memcpy(copy + site->back, "\xeb\xfc\x0f\x1f\x40\x00", 6);
	unserved(copy, "0x");
	free(copy);
}
END_TEST

START_TEST(flags_read_behind_a_site)
{
	const struct matr_site *site = site_of(MATR_SITE_CLOSE);
	unsigned char *copy = copy_real();

	/* cmp $-4096, %rax, 6 bytes -> cmove %eax, %eax; nop */
	ck_assert_int_eq(copy[site->back], 0x48);
	memcpy(copy + site->back, "\x0f\x44\xc0\x0f\x1f\x00", 6);
	unserved(copy, "flags may be read");
	free(copy);
}
END_TEST

START_TEST(an_unknown_instruction)
{
	const struct matr_site *site = site_of(MATR_SITE_CLOSE);
	unsigned char *copy = copy_real();

	memset(copy + site->back, 0x06, 6); /* push %es: not in 64-bit mode */
	unserved(copy, "unknown instruction");
	free(copy);
}
END_TEST

/* ---- a file that is not what it should be is noticed ---- */

struct made {
	struct interpreter_file file;
	struct elf_image image;
	struct thunks thunks;
};

static void make_good(struct made *made)
{
	struct matr_error err;

	ck_assert_int_eq(make(ld_so.bytes, ld_so.size, INTERPRETER_TABLE_AUTO, &made->file, &err),
			 0);
	ck_assert_int_eq(
		elf_image_open(&made->image, "made", made->file.bytes, made->file.size, &err), 0);
	ck_assert_int_eq(thunks_find(&stable, &made->thunks, &err), 0);
}

static void noticed(struct made *made, const char *what)
{
	struct matr_error err = {.code = MATR_OK};
	int layout = interpreter_check_layout(&made->image, &real, &stable, made->file.base, &err);

	if (layout == 0)
		ck_assert_int_eq(interpreter_check_sites(&made->image, &real, &stable,
							 made->file.base, &err),
				 -1);
	ck_assert_msg(strstr(err.message, what) != NULL, "'%s' instead of '%s'", err.message, what);
}

START_TEST(every_byte_of_a_thunk_matters)
{
	struct matr_error err;
	struct made made;

	make_good(&made);
	unsigned char *bytes = made.file.bytes;
	const struct matr_sites *table = &made.thunks.sites;
	uint64_t slot = made.file.base + made.thunks.slots;
	/* Only padding may be other padding. */
	size_t before = table->before + sites.sites[0].call - sites.sites[0].address;
	size_t after = table->after + sites.sites[0].back - sites.sites[0].call - 2;
	for (size_t i = 0; i < table->slot_size; i++) {
		bool is_padding = (i >= before && i < table->before + table->before_size) ||
				  (i >= after && i < table->after + table->after_size);
		bytes[slot + i] ^= 0x01;
		int result =
			interpreter_check_sites(&made.image, &real, &stable, made.file.base, &err);
		ck_assert_msg(result == -1 || is_padding, "byte %zu", i);
		bytes[slot + i] ^= 0x01;
	}
	free(made.file.bytes);
}
END_TEST

START_TEST(every_byte_of_a_site_matters)
{
	struct matr_error err;
	struct made made;

	make_good(&made);
	unsigned char *bytes = made.file.bytes;
	for (size_t i = 0; i < sites.n; i++) {
		for (uint32_t at = sites.sites[i].address; at < sites.sites[i].back; at++) {
			bytes[at] ^= 0x10;
			ck_assert_int_eq(interpreter_check_sites(&made.image, &real, &stable,
								 made.file.base, &err),
					 -1);
			bytes[at] ^= 0x10;
		}
	}
	free(made.file.bytes);
}
END_TEST

START_TEST(changes_of_ld_so_are_noticed)
{
	struct made made;

	make_good(&made);
	unsigned char *bytes = made.file.bytes;
	const Elf64_Shdr *rodata = elf_image_section(&real, ".rodata");
	bytes[rodata->sh_offset] ^= 1;
	noticed(&made, "a byte differs from ld.so's");
	bytes[rodata->sh_offset] ^= 1;
	bytes[made.file.base - 1] = 1;
	noticed(&made, ".bss is not zero");
	bytes[made.file.base - 1] = 0;
	free(made.file.bytes);
}
END_TEST

static Elf64_Phdr *last_load(struct made *made)
{
	Elf64_Phdr *last = NULL, *at = (Elf64_Phdr *)(void *)made->image.segments;

	for (size_t i = 0; i < made->image.header.e_phnum; i++) {
		if (at[i].p_type == PT_LOAD)
			last = &at[i];
	}
	return last;
}

/* Layouts for which kernel 6.1 kills a process. */
START_TEST(rules_of_the_kernel)
{
	struct made made;

	make_good(&made);
	Elf64_Phdr *last = last_load(&made);
	last->p_filesz -= 100;
	last->p_memsz -= 100;
	noticed(&made, "does not fill its page");
	last->p_filesz += 100;
	last->p_memsz += 100;
	last[-1].p_filesz -= 4096;
	noticed(&made, "a segment has .bss");
	last[-1].p_filesz += 4096;
	last[-1].p_flags |= PF_X;
	noticed(&made, "writable and executable");
	last[-1].p_flags &= ~(unsigned)PF_X;
	made.image.header.e_entry = real.header.e_entry;
	noticed(&made, "entry point");
	free(made.file.bytes);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("file");

	tcase_add_unchecked_fixture(tests, setup, teardown);
	tcase_add_test(tests, sites_are_system_calls);
	tcase_add_loop_test(tests, made_for_each_place, INTERPRETER_TABLE_AUTO,
			    INTERPRETER_TABLE_SEGMENT + 1);
	tcase_add_test(tests, cut_off_anywhere);
	tcase_add_test(tests, damaged_anywhere);
	tcase_add_test(tests, another_machine);
	tcase_add_test(tests, without_section_headers);
	tcase_add_test(tests, another_layout);
	tcase_add_test(tests, not_an_ld_stable);
	tcase_add_test(tests, another_number_of_sites);
	tcase_add_test(tests, a_number_that_is_not_known);
	tcase_add_test(tests, a_call_outside_of_functions);
	tcase_add_test(tests, a_pointer_into_a_site);
	tcase_add_test(tests, a_branch_into_a_site);
	tcase_add_test(tests, a_short_branch_into_a_site);
	tcase_add_test(tests, flags_read_behind_a_site);
	tcase_add_test(tests, an_unknown_instruction);
	tcase_add_test(tests, every_byte_of_a_thunk_matters);
	tcase_add_test(tests, every_byte_of_a_site_matters);
	tcase_add_test(tests, changes_of_ld_so_are_noticed);
	tcase_add_test(tests, rules_of_the_kernel);
	return unit_run(tests, "loader_interpreter_file");
}
