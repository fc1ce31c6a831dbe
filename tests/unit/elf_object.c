/* elf_object.c - the results of matr_object_open() for real files, compared with readelf.
 *
 * readelf goes by section headers where it can, libmatr never does: two ways to the same tables.
 */
#include <elf.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "unit.h"

#include <matr/image_format.h>
#include <matr/object.h>

/* Of a pattern, the first file that there is: some have a version in their names. */
static const char *files[] = {
	"/lib64/ld-linux-x86-64.so.2",
	"/lib/x86_64-linux-gnu/libc.so.6",
	"/lib/x86_64-linux-gnu/libm.so.6",
	"/lib/x86_64-linux-gnu/libdl.so.2",
	"/lib/x86_64-linux-gnu/libpthread.so.0",
	"/lib/x86_64-linux-gnu/libresolv.so.2",
	"/lib/x86_64-linux-gnu/libgcc_s.so.1",
	"/lib/x86_64-linux-gnu/libz.so.1",
	"/lib/x86_64-linux-gnu/libtinfo.so.6",
	"/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
	"/usr/lib/x86_64-linux-gnu/libLLVM*.so*",
	"/usr/lib/x86_64-linux-gnu/libelf.so.1",
	"/usr/lib/x86_64-linux-gnu/libsqlite3.so.0",
	"/usr/lib/x86_64-linux-gnu/libzstd.so.1",
	"/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
	"/usr/lib/x86_64-linux-gnu/libgmp.so.10",
	"/usr/lib/x86_64-linux-gnu/libicudata.so.*",
	"/usr/lib/x86_64-linux-gnu/libX11.so.6",
	"/usr/lib/x86_64-linux-gnu/libasan.so.8",
	"/usr/lib/x86_64-linux-gnu/libgfortran.so.5",
	"/bin/bash",
	"/usr/bin/env",
	"/usr/bin/python3",
	"/usr/bin/gdb",
	"/usr/bin/clang",
	"/usr/sbin/zic",
	"/usr/sbin/ldconfig",
};

enum { N_FILES = sizeof files / sizeof files[0] };

static struct matr_object *open_object(const char *path)
{
	struct matr_object *object = NULL;
	struct matr_error err;

	if (matr_object_open(path, &object, &err) != 0)
		ck_abort_msg("%s: %s", err.file, err.message);
	return object;
}

static void find_files(void)
{
	for (size_t i = 0; i < N_FILES; i++) {
		glob_t found;
		if (glob(files[i], 0, NULL, &found) != 0)
			continue;
		char *first = strdup(found.gl_pathv[0]);
		if (!first)
			abort();
		files[i] = first;
		globfree(&found);
	}
}

static bool is_there(int i)
{
	return access(files[i], R_OK) == 0;
}

static FILE *readelf(const char *options, const char *path)
{
	char command[512];

	snprintf(command, sizeof command, "LC_ALL=C readelf -W %s '%s' 2>/dev/null", options, path);
	FILE *pipe = popen(command, "r"); /* NOLINT: the commands are ours */
	ck_assert_ptr_nonnull(pipe);
	return pipe;
}

/* libcheck notes down every assertion it passes; this is for those that are made by the 100,000. */
static void expect(bool condition, const char *path, const char *what, uint64_t where)
{
	if (!condition)
		ck_abort_msg("%s: %s %#llx", path, what, (unsigned long long)where);
}

/* ---- symbols ---- */

static const char *const type_names[16] = {"NOTYPE", "OBJECT", "FUNC", "SECTION",
					   "FILE",   "COMMON", "TLS",  [10] = "IFUNC"};
static const char *const binding_names[16] = {"LOCAL", "GLOBAL", "WEAK", [10] = "UNIQUE"};
static const char *const visibility_names[4] = {"DEFAULT", "INTERNAL", "HIDDEN", "PROTECTED"};

/* NAME, NAME@VERSION or NAME@@VERSION, as readelf has it: the symbol that stands for a version has
 * no version of its own there. */
static void write_name(const struct matr_object *object, const struct matr_symbol *symbol,
		       char *out, size_t size)
{
	const struct matr_version *version = matr_object_symbol_version(object, symbol);
	bool is_default = symbol->section != SHN_UNDEF && !(symbol->version & 0x8000) && version &&
			  version->defined;

	if (version && version->defined && strcmp(symbol->name, version->name) == 0)
		version = NULL;
	snprintf(out, size, "%s%s%s", symbol->name, version ? (is_default ? "@@" : "@") : "",
		 version ? version->name : "");
}

static unsigned long section_number(const char *text)
{
	if (strcmp(text, "UND") == 0)
		return SHN_UNDEF;
	return strcmp(text, "ABS") == 0 ? SHN_ABS : strtoul(text, NULL, 10);
}

static void compare_symbol(const char *path, const struct matr_object *object, const char *line)
{
	char size_text[32], type[32], binding[32], visibility[32], section[32], ours[8192];
	unsigned long index;
	unsigned long long value;
	int at = 0;

	if (sscanf(line, " %lu: %llx %31s %31s %31s %31s %31s %n", &index, &value, size_text, type,
		   binding, visibility, section, &at) < 7)
		return;
	expect(index < object->n_symbols, path, "no symbol", index);
	const struct matr_symbol *symbol = &object->symbols[index];
	expect(symbol->value == value, path, "value of symbol", index);
	expect(symbol->size == strtoull(size_text, NULL, 0), path, "size of symbol", index);
	expect(strcmp(type_names[symbol->type], type) == 0, path, "type of symbol", index);
	expect(strcmp(binding_names[symbol->binding], binding) == 0, path, "binding of symbol",
	       index);
	expect(strcmp(visibility_names[symbol->visibility], visibility) == 0, path,
	       "visibility of symbol", index);
	expect(symbol->section == section_number(section), path, "section of symbol", index);
	if (symbol->type == STT_SECTION) /* readelf shows the section's name */
		return;
	write_name(object, symbol, ours, sizeof ours);
	size_t length = strcspn(line + at, " \n"); /* " (4)" may follow */
	if (strlen(ours) != length || strncmp(ours, line + at, length) != 0)
		ck_abort_msg("%s: symbol %lu is %s, not %.*s", path, index, ours, (int)length,
			     line + at);
}

START_TEST(symbols_are_readelfs)
{
	if (!is_there(_i))
		return;
	struct matr_object *object = open_object(files[_i]);
	FILE *pipe = readelf("--dyn-syms", files[_i]);
	char *line = NULL;
	size_t room = 0;
	unsigned long n;

	while (getline(&line, &room, pipe) > 0) {
		if (sscanf(line, "Symbol table '.dynsym' contains %lu", &n) == 1)
			ck_assert_uint_eq(object->n_symbols, n);
		compare_symbol(files[_i], object, line);
	}
	pclose(pipe);
	free(line);
	matr_object_free(object);
}
END_TEST

/* The linker puts symbols into the hash table that are defined and global. (Undefined symbols may
 * be there too: all of them in DT_HASH, some in the DT_GNU_HASH of programs.) */
START_TEST(defined_symbols_are_hashed)
{
	if (!is_there(_i))
		return;
	struct matr_object *object = open_object(files[_i]);

	for (size_t i = 1; i < object->n_symbols; i++) {
		const struct matr_symbol *symbol = &object->symbols[i];
		if (symbol->section != SHN_UNDEF || symbol->binding == STB_LOCAL)
			expect(symbol->hashed == (symbol->binding != STB_LOCAL), files[_i],
			       "hashed of symbol", i);
	}
	ck_assert(object->flags & MATR_OBJECT_HASHED);
	ck_assert(!object->symbols[0].hashed);
	matr_object_free(object);
}
END_TEST

/* ---- relocations ---- */

struct counts {
	size_t relocations, relatives, relr;
};

static void compare_relr(const char *path, const struct matr_object *object,
			 unsigned long long offset, struct counts *seen)
{
	expect(seen->relr < object->n_relr, path, "no DT_RELR word", offset);
	expect(object->relr[seen->relr++].offset == offset, path, "DT_RELR word", offset);
}

/* Words of DT_RELR: an address in a line by itself until binutils 2.42; then a column behind the
 * index and the entry, which goes on in lines that begin with blanks. */
static void compare_relocation(const char *path, const struct matr_object *object, const char *line,
			       struct counts *seen)
{
	static const char blanks[] = "                        ";
	unsigned long long offset, info, addend;
	char type[64];

	if (sscanf(line, "%*4x: %16llx %16llx", &info, &offset) == 2) {
		compare_relr(path, object, offset, seen);
		return;
	}
	if (!strncmp(line, blanks, sizeof blanks - 1) && sscanf(line, "%16llx", &offset) == 1) {
		compare_relr(path, object, offset, seen);
		return;
	}
	int n = sscanf(line, "%16llx %16llx %63s %llx", &offset, &info, type, &addend);
	if (n < 1 || strspn(line, "0123456789abcdef") != 16)
		return;
	if (n == 1) {
		compare_relr(path, object, offset, seen);
	} else if (ELF64_R_TYPE(info) == R_X86_64_RELATIVE) {
		expect(seen->relatives < object->n_relatives, path, "no relative", offset);
		const struct matr_relative *relative = &object->relatives[seen->relatives++];
		expect(relative->offset == offset, path, "offset of relative", offset);
		expect((uint64_t)relative->addend == addend, path, "addend of relative", offset);
	} else {
		expect(seen->relocations < object->n_relocations, path, "no relocation", offset);
		const struct matr_relocation *relocation =
			&object->relocations[seen->relocations++];
		expect(relocation->offset == offset && relocation->type == ELF64_R_TYPE(info) &&
			       relocation->symbol == ELF64_R_SYM(info),
		       path, "relocation", offset);
	}
}

START_TEST(relocations_are_readelfs)
{
	if (!is_there(_i))
		return;
	struct matr_object *object = open_object(files[_i]);
	FILE *pipe = readelf("-r", files[_i]);
	struct counts seen = {0};
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, pipe) > 0)
		compare_relocation(files[_i], object, line, &seen);
	pclose(pipe);
	free(line);
	ck_assert_uint_eq(seen.relocations, object->n_relocations);
	ck_assert_uint_eq(seen.relatives, object->n_relatives);
	ck_assert_uint_eq(seen.relr, object->n_relr);
	matr_object_free(object);
}
END_TEST

/* The words that relocation changes, read from the file by way of the segments. */
static uint64_t word_of(const struct matr_object *object, FILE *file, uint64_t vaddr)
{
	uint64_t word = 0;

	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type != PT_LOAD || vaddr < segment->vaddr ||
		    vaddr - segment->vaddr >= segment->file_size)
			continue;
		long at = (long)(vaddr - segment->vaddr + segment->offset);
		expect(fseek(file, at, SEEK_SET) == 0 && fread(&word, sizeof word, 1, file) == 1,
		       object->path, "cannot be read at", vaddr);
	}
	return word;
}

START_TEST(words_are_the_files)
{
	if (!is_there(_i))
		return;
	struct matr_object *object = open_object(files[_i]);
	FILE *file = fopen(files[_i], "r");

	ck_assert_ptr_nonnull(file);
	for (size_t i = 0; i < object->n_relocations; i++) {
		const struct matr_relocation *relocation = &object->relocations[i];
		uint64_t word = relocation->type == R_X86_64_JUMP_SLOT
					? word_of(object, file, relocation->offset)
					: 0;
		expect(relocation->word == word, files[_i], "word of PLT slot", relocation->offset);
	}
	for (size_t i = 0; i < object->n_relr; i++)
		expect((uint64_t)object->relr[i].addend ==
			       word_of(object, file, object->relr[i].offset),
		       files[_i], "DT_RELR addend", object->relr[i].offset);
	fclose(file);
	matr_object_free(object);
}
END_TEST

/* ---- the dynamic section and notes ---- */

/* Text between the brackets of "... [libc.so.6]"; "" if there are none. */
static const char *bracketed(char *line)
{
	char *start = strchr(line, '['), *end = strrchr(line, ']');

	if (!start || !end)
		return "";
	*end = '\0';
	return start + 1;
}

static void compare_dynamic(const struct matr_object *object, char *line, size_t *n_needed)
{
	unsigned long n;

	if (sscanf(line, "Dynamic section at offset %*x contains %lu", &n) == 1)
		ck_assert_uint_eq(object->n_dynamic + 1, n);
	else if (strstr(line, "(NEEDED)"))
		ck_assert_str_eq(object->needed[(*n_needed)++], bracketed(line));
	else if (strstr(line, "(SONAME)"))
		ck_assert_str_eq(object->soname, bracketed(line));
	else if (strstr(line, "(RUNPATH)"))
		ck_assert_str_eq(object->runpath, bracketed(line));
	else if (strstr(line, "(RPATH)") && !object->runpath)
		ck_assert_str_eq(object->rpath, bracketed(line));
	else if (strstr(line, "(FLAGS_1)"))
		ck_assert_int_eq(!!strstr(line, " NOW"), !!(object->flags & MATR_OBJECT_BIND_NOW));
}

START_TEST(dynamic_section_is_readelfs)
{
	if (!is_there(_i))
		return;
	struct matr_object *object = open_object(files[_i]);
	FILE *pipe = readelf("-d", files[_i]);
	size_t n_needed = 0, room = 0;
	char *line = NULL;

	while (getline(&line, &room, pipe) > 0)
		compare_dynamic(object, line, &n_needed);
	pclose(pipe);
	free(line);
	ck_assert_uint_eq(n_needed, object->n_needed);
	matr_object_free(object);
}
END_TEST

START_TEST(build_id_is_readelfs)
{
	if (!is_there(_i))
		return;
	struct matr_object *object = open_object(files[_i]);
	FILE *pipe = readelf("-n", files[_i]), *file = fopen(files[_i], "r");
	char line[512], ours[2 * MATR_BUILD_ID_MAX + 1] = "", *colon;
	bool found = false;

	for (int i = 0; i < object->build_id.size; i++)
		sprintf(ours + (size_t)i * 2, "%02x", object->build_id.bytes[i]);
	while (fgets(line, sizeof line, pipe))
		if (strstr(line, "Build ID") && (colon = strchr(line, ':'))) {
			found = true;
			ck_assert_str_eq(strtok(colon + 1, " \n"), ours);
		}
	ck_assert_int_eq(found, object->build_id.size != 0);
	ck_assert_int_eq(found, object->build_id_vaddr != 0);
	ck_assert_ptr_nonnull(file);
	if (found) {
		uint64_t word = word_of(object, file, object->build_id_vaddr);
		ck_assert_int_eq(memcmp(&word, object->build_id.bytes, 8), 0);
	}
	fclose(file);
	pclose(pipe);
	matr_object_free(object);
}
END_TEST

/* ---- the file itself ---- */

START_TEST(path_is_canonical)
{
	struct matr_object *object = open_object("/proc/self/exe");
	char expected[4096];
	ssize_t length = readlink("/proc/self/exe", expected, sizeof expected - 1);

	ck_assert_int_gt(length, 0);
	expected[length] = '\0';
	ck_assert_str_eq(object->path, expected);
	ck_assert_uint_gt(object->file.inode, 0);
	ck_assert_uint_gt(object->file.size, 1000);
	ck_assert_int_gt(object->file.mtime, INT64_C(1500000000) * 1000000000);
	ck_assert_ptr_nonnull(object->interpreter);
	matr_object_free(object);
	matr_object_free(NULL);
}
END_TEST

START_TEST(enough_files_are_there)
{
	int n = 0;

	for (int i = 0; i < N_FILES; i++)
		n += is_there(i);
	ck_assert_int_ge(n, 10);
}
END_TEST

int main(void)
{
	TCase *real = tcase_create("real files");

	find_files();
	tcase_set_timeout(real, 900);
	tcase_add_loop_test(real, symbols_are_readelfs, 0, N_FILES);
	tcase_add_loop_test(real, defined_symbols_are_hashed, 0, N_FILES);
	tcase_add_loop_test(real, relocations_are_readelfs, 0, N_FILES);
	tcase_add_loop_test(real, words_are_the_files, 0, N_FILES);
	tcase_add_loop_test(real, dynamic_section_is_readelfs, 0, N_FILES);
	tcase_add_loop_test(real, build_id_is_readelfs, 0, N_FILES);
	tcase_add_test(real, path_is_canonical);
	tcase_add_test(real, enough_files_are_there);
	return unit_run(real, "object");
}
