/* tiny_elf.h - a shared library of one page that has a little of everything, made in memory.
 *
 * Tests spoil one thing of it at a time. Every offset in the file is the virtual address too.
 */
#ifndef MATR_TEST_TINY_ELF_H
#define MATR_TEST_TINY_ELF_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

enum tiny_dynamic { /* index of each dynamic entry */
		    TINY_NEEDED,
		    TINY_SONAME,
		    TINY_RPATH,
		    TINY_STRTAB,
		    TINY_STRSZ,
		    TINY_SYMTAB,
		    TINY_SYMENT,
		    TINY_HASH,
		    TINY_GNU_HASH,
		    TINY_RELA,
		    TINY_RELASZ,
		    TINY_RELAENT,
		    TINY_JMPREL,
		    TINY_PLTRELSZ,
		    TINY_PLTREL,
		    TINY_RELR,
		    TINY_RELRSZ,
		    TINY_RELRENT,
		    TINY_VERSYM,
		    TINY_VERNEED,
		    TINY_VERNEEDNUM,
		    TINY_VERDEF,
		    TINY_VERDEFNUM,
		    TINY_FLAGS,
		    TINY_NULL,
		    TINY_N_DYNAMIC
};

enum tiny_symbol { TINY_SYMBOL_NULL, TINY_PRINT, TINY_ANSWER, TINY_QUESTION, TINY_N_SYMBOLS };

struct tiny_elf {
	Elf64_Ehdr header;
	Elf64_Phdr load, dynamic_header, note_header, interpreter_header;
	char interpreter[16];
	struct {
		Elf64_Nhdr head;
		char name[4];
		uint8_t bytes[20];
	} note;
	Elf64_Dyn dynamic[TINY_N_DYNAMIC];
	Elf64_Sym symbols[TINY_N_SYMBOLS];
	Elf64_Half versions[TINY_N_SYMBOLS];
	/* one bucket, one chain: print, answer, question */
	struct {
		uint32_t n_buckets, n_chains, buckets[1], chains[TINY_N_SYMBOLS];
	} hash;
	struct {
		uint32_t n_buckets, first, n_bloom, shift;
		uint64_t bloom[1];
		uint32_t buckets[1], chains[2];
	} gnu_hash;
	Elf64_Rela rela[3];   /* RELATIVE of words[0], GLOB_DAT of words[1], 64 of words[2] */
	Elf64_Rela jmprel[1]; /* JUMP_SLOT of words[3] */
	uint64_t relr[2];     /* words[4], then a bitmap for words[5] and words[7] */
	struct {
		Elf64_Verneed need;
		Elf64_Vernaux version;
	} verneed;
	struct {
		Elf64_Verdef base;
		Elf64_Verdaux base_name;
		Elf64_Verdef one;
		Elf64_Verdaux one_name;
	} verdef;
	char strings[128];
	uint64_t words[8];
};

void tiny_elf_make(struct tiny_elf *elf);

/* The address of something in it: TINY_AT(rela[1]) */
#define TINY_AT(member) offsetof(struct tiny_elf, member)

#endif
