/* elf_object_malformed.c - matr_object_open() with a tiny ELF file of our own: as it is, varied in
 * ways that ld.so does not mind, and with one thing wrong at a time. Then files that are no ELF
 * files.
 */
#include <elf.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "unit.h"

#include <matr/object.h>

#include "spoilt_file.h"
#include "tiny_elf.h"

static struct spoilt_file file;

static void setup(void)
{
	spoilt_file_setup(&file);
}

static void teardown(void)
{
	spoilt_file_teardown(&file);
}

/* ---- the tiny library ---- */

static struct matr_object *open_tiny(const struct tiny_elf *elf)
{
	struct matr_object *object = NULL;

	spoilt_file_write(&file, elf, sizeof *elf);
	if (matr_object_open(file.path, &object, &file.err) != 0)
		ck_abort_msg("%s: %s", file.err.file, file.err.message);
	return object;
}

START_TEST(tiny_library)
{
	struct tiny_elf elf;
	tiny_elf_make(&elf);
	struct matr_object *object = open_tiny(&elf);

	ck_assert_uint_eq(object->flags, MATR_OBJECT_PIE | MATR_OBJECT_BIND_NOW |
						 MATR_OBJECT_VERSIONED | MATR_OBJECT_GNU_HASH |
						 MATR_OBJECT_HASHED);
	ck_assert_str_eq(object->interpreter, "/lib/ld-tiny.so");
	ck_assert_str_eq(object->soname, "libtiny.so");
	ck_assert_str_eq(object->rpath, "/opt");
	ck_assert_ptr_null(object->runpath);
	ck_assert_uint_eq(object->n_needed, 1);
	ck_assert_str_eq(object->needed[0], "libneeded.so");
	ck_assert_uint_eq(object->build_id.size, 20);
	ck_assert_uint_eq(object->build_id.bytes[19], 19);
	ck_assert_uint_eq(object->build_id_vaddr, TINY_AT(note.bytes));
	ck_assert_uint_eq(object->n_dynamic, TINY_NULL);
	ck_assert_uint_eq(object->dynamic_vaddr, TINY_AT(dynamic));
	ck_assert_uint_eq(object->n_symbols, TINY_N_SYMBOLS);
	ck_assert(!object->symbols[TINY_PRINT].hashed);
	ck_assert(object->symbols[TINY_ANSWER].hashed);
	ck_assert(object->symbols[TINY_QUESTION].hashed);
	ck_assert_uint_eq(object->symbols[TINY_QUESTION].visibility, STV_PROTECTED);

	const struct matr_version *version =
		matr_object_symbol_version(object, &object->symbols[TINY_PRINT]);
	ck_assert_str_eq(version->name, "NEEDED_1");
	ck_assert_str_eq(version->file, "libneeded.so");
	ck_assert_uint_eq(version->hash, 0x1234);
	version = matr_object_symbol_version(object, &object->symbols[TINY_QUESTION]);
	ck_assert_str_eq(version->name, "TINY_1");
	ck_assert(version->defined);
	ck_assert_ptr_null(matr_object_symbol_version(object, &object->symbols[0]));

	ck_assert_uint_eq(object->n_relatives, 1);
	ck_assert_int_eq(object->relatives[0].addend, 7);
	ck_assert_uint_eq(object->n_relocations, 3);
	ck_assert_int_eq(object->relocations[1].addend, 4);
	ck_assert_uint_eq(object->relocations[2].table, MATR_TABLE_JMPREL);
	ck_assert_uint_eq(object->relocations[2].word, 0x1003);
	ck_assert_uint_eq(object->n_relr, 3);
	ck_assert_uint_eq(object->relr[2].offset, TINY_AT(words[7]));
	ck_assert_int_eq(object->relr[2].addend, 0x1007);
	matr_object_free(object);
}
END_TEST

/* Faults that ld.so accepts. */
START_TEST(tiny_library_varied)
{
	struct tiny_elf elf;
	struct matr_object *object;

	/* DT_RELA that counts DT_JMPREL too: not listed twice */
	tiny_elf_make(&elf);
	elf.dynamic[TINY_RELASZ].d_un.d_val = sizeof elf.rela + sizeof elf.jmprel;
	object = open_tiny(&elf);
	ck_assert_uint_eq(object->n_relocations, 3);
	ck_assert_uint_eq(object->relocations[2].table, MATR_TABLE_JMPREL);
	matr_object_free(object);

	/* DT_RUNPATH overrides DT_RPATH; the last of two entries counts */
	tiny_elf_make(&elf);
	elf.dynamic[TINY_SYMENT] = elf.dynamic[TINY_RPATH];
	elf.dynamic[TINY_SYMENT].d_tag = DT_RUNPATH;
	elf.dynamic[TINY_VERDEFNUM] = elf.dynamic[TINY_SONAME];
	elf.dynamic[TINY_SONAME].d_un.d_val = 1u << 30;
	object = open_tiny(&elf);
	ck_assert_ptr_null(object->rpath);
	ck_assert_str_eq(object->runpath, "/opt");
	ck_assert_str_eq(object->soname, "libtiny.so");
	matr_object_free(object);

	/* DT_HASH alone lists undefined symbols too */
	tiny_elf_make(&elf);
	elf.dynamic[TINY_GNU_HASH].d_tag = DT_DEBUG;
	object = open_tiny(&elf);
	ck_assert_uint_eq(object->n_symbols, TINY_N_SYMBOLS);
	ck_assert(object->symbols[TINY_PRINT].hashed);
	ck_assert(object->symbols[TINY_QUESTION].hashed);
	ck_assert(!(object->flags & MATR_OBJECT_GNU_HASH));
	matr_object_free(object);

	/* without a hash table the number of symbols follows from the relocations */
	elf.dynamic[TINY_HASH].d_tag = DT_DEBUG;
	object = open_tiny(&elf);
	ck_assert_uint_eq(object->n_symbols, TINY_N_SYMBOLS);
	ck_assert(!object->symbols[TINY_ANSWER].hashed);
	ck_assert(!(object->flags & MATR_OBJECT_HASHED));
	matr_object_free(object);

	/* a chain value that is not the hash of the name: ld.so does not find the symbol */
	tiny_elf_make(&elf);
	elf.gnu_hash.chains[0] ^= 2;
	elf.gnu_hash.bloom[0] = UINT64_MAX;
	object = open_tiny(&elf);
	ck_assert(!object->symbols[TINY_ANSWER].hashed);
	ck_assert(object->symbols[TINY_QUESTION].hashed);
	matr_object_free(object);

	/* nor behind a bloom filter that excludes it */
	elf.gnu_hash.bloom[0] = 0;
	object = open_tiny(&elf);
	ck_assert(!object->symbols[TINY_QUESTION].hashed);
	matr_object_free(object);

	/* a PLT slot in memory that is not from the file, and no dynamic section at all */
	tiny_elf_make(&elf);
	elf.jmprel[0].r_offset = sizeof elf;
	object = open_tiny(&elf);
	ck_assert_uint_eq(object->relocations[2].word, 0);
	matr_object_free(object);
	elf.dynamic_header.p_type = PT_NULL;
	object = open_tiny(&elf);
	ck_assert_uint_eq(object->n_dynamic, 0);
	ck_assert_uint_eq(object->n_symbols, 0);
	ck_assert_uint_eq(object->build_id.size, 20);
	matr_object_free(object);

	/* notes that do not lie in their segment */
	tiny_elf_make(&elf);
	elf.note.head.n_descsz = 21;
	object = open_tiny(&elf);
	ck_assert_uint_eq(object->build_id.size, 0);
	matr_object_free(object);
	elf.note.head.n_descsz = UINT32_MAX;
	object = open_tiny(&elf);
	ck_assert_uint_eq(object->build_id.size, 0);
	matr_object_free(object);
	tiny_elf_make(&elf);
	elf.note.head.n_namesz = UINT32_MAX;
	object = open_tiny(&elf);
	ck_assert_uint_eq(object->build_id.size, 0);
	matr_object_free(object);
}
END_TEST

/* One number of the tiny library, and a value for it that must not be accepted. */
struct fault {
	const char *name;
	size_t offset, size;
	uint64_t value;
};

#define FAULT(member, value)                                                                       \
	{                                                                                          \
#member, TINY_AT(member), sizeof((struct tiny_elf *)0)->member, (uint64_t)(value)  \
	}
#define DYNAMIC_FAULT(index, value)                                                                \
	{                                                                                          \
#index, TINY_AT(dynamic) + (index) * sizeof(Elf64_Dyn) + 8, 8, (uint64_t)(value)   \
	}
#define DYNAMIC_LACKS(index)                                                                       \
	{                                                                                          \
		"no " #index, TINY_AT(dynamic) + (index) * sizeof(Elf64_Dyn), 8, DT_DEBUG          \
	}

static const struct fault faults[] = {
	FAULT(header.e_phentsize, 55),
	FAULT(header.e_phnum, 2000),
	FAULT(header.e_phnum, PN_XNUM),
	FAULT(header.e_phoff, UINT64_MAX - 8),
	FAULT(load.p_filesz, sizeof(struct tiny_elf) + 1),
	FAULT(load.p_memsz, 8),
	FAULT(load.p_offset, UINT64_MAX),
	FAULT(load.p_vaddr, UINT64_MAX - 8),
	FAULT(load.p_vaddr, 8),		    /* not where the bytes of a page are */
	FAULT(load.p_type, PT_NULL),	    /* nothing is loaded */
	FAULT(load.p_flags, PF_R),	    /* relocations write to it */
	FAULT(note_header.p_type, PT_LOAD), /* overlaps the one before */
	FAULT(interpreter_header.p_filesz, 5),
	FAULT(interpreter_header.p_filesz, 0),
	FAULT(interpreter_header.p_offset, UINT64_MAX),
	FAULT(dynamic_header.p_vaddr, sizeof(struct tiny_elf)),
	FAULT(dynamic_header.p_vaddr, UINT64_MAX - 7),
	FAULT(dynamic_header.p_filesz, sizeof(Elf64_Dyn) * TINY_NULL), /* no DT_NULL */
	DYNAMIC_FAULT(TINY_NEEDED, 128),
	DYNAMIC_FAULT(TINY_SONAME, UINT64_MAX),
	DYNAMIC_FAULT(TINY_RPATH, 1u << 31),
	DYNAMIC_FAULT(TINY_STRTAB, UINT64_MAX),
	DYNAMIC_FAULT(TINY_STRSZ, 0),
	DYNAMIC_FAULT(TINY_STRSZ, 4), /* ends within a string */
	DYNAMIC_FAULT(TINY_STRSZ, UINT64_MAX),
	DYNAMIC_LACKS(TINY_STRSZ),
	DYNAMIC_LACKS(TINY_STRTAB),
	DYNAMIC_FAULT(TINY_SYMTAB, sizeof(struct tiny_elf) - 8),
	DYNAMIC_FAULT(TINY_SYMENT, 16),
	DYNAMIC_LACKS(TINY_SYMTAB),
	FAULT(symbols[1].st_name, 128),
	DYNAMIC_FAULT(TINY_VERSYM, sizeof(struct tiny_elf) - 2),
	DYNAMIC_FAULT(TINY_GNU_HASH, sizeof(struct tiny_elf) - 8),
	FAULT(gnu_hash.n_bloom, 0),
	FAULT(gnu_hash.n_bloom, 3),
	FAULT(gnu_hash.n_bloom, 1u << 31),
	FAULT(gnu_hash.n_buckets, UINT32_MAX),
	FAULT(gnu_hash.buckets[0], 1), /* before the first hashed symbol */
	FAULT(gnu_hash.buckets[0], UINT32_MAX),
	FAULT(gnu_hash.first, UINT32_MAX),
	FAULT(gnu_hash.chains[1], 2), /* goes on into the relocations */
	DYNAMIC_FAULT(TINY_RELA, sizeof(struct tiny_elf)),
	DYNAMIC_FAULT(TINY_RELASZ, 25),
	DYNAMIC_FAULT(TINY_RELASZ, UINT64_MAX - 15),
	DYNAMIC_FAULT(TINY_RELAENT, 16),
	DYNAMIC_LACKS(TINY_RELASZ),
	DYNAMIC_LACKS(TINY_RELAENT),
	DYNAMIC_LACKS(TINY_RELRENT),
	DYNAMIC_LACKS(TINY_VERSYM),
	FAULT(rela[0].r_info, ELF64_R_INFO(0, 24)),
	DYNAMIC_FAULT(TINY_JMPREL, 0x10000),
	DYNAMIC_FAULT(TINY_PLTRELSZ, 1),
	DYNAMIC_FAULT(TINY_PLTRELSZ, UINT64_MAX / 24 * 24),
	DYNAMIC_FAULT(TINY_PLTREL, DT_REL),
	DYNAMIC_LACKS(TINY_JMPREL),
	DYNAMIC_LACKS(TINY_PLTRELSZ),
	FAULT(rela[0].r_offset, sizeof(struct tiny_elf) + 60),
	FAULT(rela[1].r_offset, UINT64_MAX),
	FAULT(rela[1].r_info, ELF64_R_INFO(UINT64_C(0xffffffff), R_X86_64_GLOB_DAT)),
	FAULT(jmprel[0].r_offset, sizeof(struct tiny_elf) + 64),
	DYNAMIC_FAULT(TINY_RELR, UINT64_MAX),
	DYNAMIC_FAULT(TINY_RELRSZ, 12),
	DYNAMIC_FAULT(TINY_RELRSZ, UINT64_MAX - 7),
	DYNAMIC_FAULT(TINY_RELRENT, 4),
	DYNAMIC_LACKS(TINY_RELRSZ),
	FAULT(relr[0], 3),			 /* starts with a bitmap */
	FAULT(relr[0], sizeof(struct tiny_elf)), /* not from the file */
	FAULT(relr[0], UINT64_MAX - 1),		 /* wraps around */
	FAULT(relr[1], TINY_AT(words[4])),	 /* the same word again */
	FAULT(relr[1], TINY_AT(words[3])),	 /* descends */
	FAULT(relr[1], UINT64_MAX),		 /* beyond the file */
	DYNAMIC_FAULT(TINY_VERNEED, UINT64_MAX - 8),
	FAULT(verneed.need.vn_version, 2),
	FAULT(verneed.need.vn_file, 1000),
	FAULT(verneed.need.vn_aux, UINT32_MAX),
	FAULT(verneed.need.vn_next, UINT32_MAX),
	FAULT(verneed.version.vna_name, 1000),
	FAULT(verneed.version.vna_next, UINT32_MAX),
	DYNAMIC_FAULT(TINY_VERDEF, sizeof(struct tiny_elf) - 4),
	FAULT(verdef.base.vd_version, 0),
	FAULT(verdef.base.vd_next, 1u << 20),
	FAULT(verdef.one.vd_aux, 1u << 20),
	FAULT(verdef.one_name.vda_name, 1000),
};

enum { N_FAULTS = sizeof faults / sizeof faults[0] };

START_TEST(single_faults)
{
	struct tiny_elf elf;
	const struct fault *fault = &faults[_i];

	tiny_elf_make(&elf);
	memcpy((char *)&elf + fault->offset, &fault->value, fault->size);
	spoilt_file_write(&file, &elf, sizeof elf);
	ck_assert_msg(spoilt_file_open(&file) == MATR_ERROR_MALFORMED, "%s = %#llx: %s",
		      fault->name, (unsigned long long)fault->value, file.err.message);
}
END_TEST

START_TEST(circles_in_hash_chains)
{
	struct tiny_elf elf;

	tiny_elf_make(&elf);
	elf.dynamic[TINY_GNU_HASH].d_tag = DT_DEBUG;
	elf.hash.chains[TINY_QUESTION] = TINY_PRINT;
	spoilt_file_write(&file, &elf, sizeof elf);
	ck_assert_int_eq(spoilt_file_open(&file), MATR_ERROR_MALFORMED);
	elf.hash.chains[TINY_QUESTION] = TINY_N_SYMBOLS;
	spoilt_file_write(&file, &elf, sizeof elf);
	ck_assert_int_eq(spoilt_file_open(&file), MATR_ERROR_MALFORMED);
	elf.hash.chains[TINY_QUESTION] = 0;
	elf.hash.n_buckets = UINT32_MAX;
	spoilt_file_write(&file, &elf, sizeof elf);
	ck_assert_int_eq(spoilt_file_open(&file), MATR_ERROR_MALFORMED);
}
END_TEST

/* ---- not ELF, or not ours ---- */

START_TEST(not_elf)
{
	struct tiny_elf elf;

	spoilt_file_write(&file, "", 0);
	ck_assert_int_eq(spoilt_file_open(&file), MATR_ERROR_NOT_ELF);
	ck_assert_ptr_nonnull(strstr(file.err.message, "empty"));
	spoilt_file_write(&file, "#!/bin/sh\n", 10);
	ck_assert_int_eq(spoilt_file_open(&file), MATR_ERROR_NOT_ELF);
	spoilt_file_write(&file, "!<arch>\n", 8);
	ck_assert_int_eq(spoilt_file_open(&file), MATR_ERROR_NOT_ELF);
	tiny_elf_make(&elf);
	elf.header.e_ident[EI_CLASS] = ELFCLASS32;
	spoilt_file_write(&file, &elf, sizeof elf);
	ck_assert_int_eq(spoilt_file_open(&file), MATR_ERROR_FOREIGN);
	ck_assert_ptr_nonnull(strstr(file.err.message, "32-bit"));
	tiny_elf_make(&elf);
	elf.header.e_ident[EI_DATA] = ELFDATA2MSB;
	spoilt_file_write(&file, &elf, sizeof elf);
	ck_assert_int_eq(spoilt_file_open(&file), MATR_ERROR_NOT_ELF);
	tiny_elf_make(&elf);
	elf.header.e_machine = EM_AARCH64;
	spoilt_file_write(&file, &elf, sizeof elf);
	ck_assert_int_eq(spoilt_file_open(&file), MATR_ERROR_FOREIGN);
	tiny_elf_make(&elf);
	elf.header.e_type = ET_REL;
	spoilt_file_write(&file, &elf, sizeof elf);
	ck_assert_int_eq(spoilt_file_open(&file), MATR_ERROR_NOT_ELF);
}
END_TEST

START_TEST(absurd_section_headers)
{
	struct tiny_elf elf;
	Elf64_Shdr section = {.sh_size = 0xffffffff};

	/* elf_begin() would make room for 2^32 sections */
	tiny_elf_make(&elf);
	elf.header.e_shoff = TINY_AT(words);
	elf.header.e_shentsize = sizeof section;
	memcpy(elf.words, &section, sizeof section);
	spoilt_file_write(&file, &elf, sizeof elf);
	ck_assert_int_eq(spoilt_file_open(&file), MATR_ERROR_MALFORMED);
	/* section headers elsewhere, or too many of them, are nothing to us */
	tiny_elf_make(&elf);
	elf.header.e_shoff = UINT64_MAX - 3;
	elf.header.e_shnum = 65000;
	spoilt_file_write(&file, &elf, sizeof elf);
	ck_assert_int_eq(spoilt_file_open(&file), MATR_OK);
}
END_TEST

START_TEST(special_files)
{
	ck_assert_int_eq(mkdir(file.path, 0755), 0);
	ck_assert_int_eq(spoilt_file_open(&file), MATR_ERROR_SYSTEM);
	ck_assert_ptr_nonnull(strstr(file.err.message, "Is a directory"));
	ck_assert_int_eq(rmdir(file.path), 0);
	ck_assert_int_eq(mkfifo(file.path, 0644), 0);
	alarm(300); /* must not wait for a writer */
	ck_assert_int_eq(spoilt_file_open(&file), MATR_ERROR_NOT_ELF);
	ck_assert_ptr_nonnull(strstr(file.err.message, "fifo"));
	alarm(0);
	ck_assert_int_eq(unlink(file.path), 0);
	ck_assert_int_eq(symlink("/dev/null", file.path), 0);
	ck_assert_int_eq(spoilt_file_open(&file), MATR_ERROR_NOT_ELF);
	ck_assert_int_eq(unlink(file.path), 0);
	ck_assert_int_eq(symlink(file.path, file.path), 0);
	ck_assert_int_eq(spoilt_file_open(&file), MATR_ERROR_SYSTEM);
	ck_assert_int_eq(unlink(file.path), 0);
	ck_assert_int_eq(spoilt_file_open(&file), MATR_ERROR_SYSTEM);
	ck_assert_ptr_nonnull(strstr(file.err.message, "No such file"));
}
END_TEST

START_TEST(no_permission)
{
	int status;

	spoilt_file_write(&file, "x", 1);
	ck_assert_int_eq(chmod(file.path, 0), 0);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) { /* root may read everything */
		if (geteuid() == 0 && (chmod(file.directory, 0755) != 0 || setuid(65534) != 0))
			_exit(2);
		_exit(spoilt_file_open(&file) == MATR_ERROR_SYSTEM &&
				      strstr(file.err.message, "Permission")
			      ? 0
			      : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("malformed objects");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, tiny_library);
	tcase_add_test(tests, tiny_library_varied);
	tcase_add_loop_test(tests, single_faults, 0, N_FAULTS);
	tcase_add_test(tests, circles_in_hash_chains);
	tcase_add_test(tests, not_elf);
	tcase_add_test(tests, absurd_section_headers);
	tcase_add_test(tests, special_files);
	tcase_add_test(tests, no_permission);
	return unit_run(tests, "malformed objects");
}
