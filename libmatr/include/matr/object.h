/* object.h - one ELF file as the dynamic linker sees it.
 *
 * A `struct matr_object` is plain data: everything that decides bindings and relocation, taken from
 * the program headers and the dynamic section alone. Section headers may be missing, and ld.so
 * never reads them (gABI chapter 5, "Program Loading and Dynamic Linking"). It does not matter
 * whether it was read from an ELF file (matr_object_open()) or from the store (matr/store.h).
 *
 * All pointers in an object belong to it.
 */
#ifndef MATR_OBJECT_H
#define MATR_OBJECT_H

#include <linux/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>
#include <matr/file_id.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MATR_BUILD_ID_MAX 32 /* bytes; GNU ld writes 20, 16 or 8 */

struct matr_build_id {
	uint8_t size; /* 0: the file has none */
	uint8_t bytes[MATR_BUILD_ID_MAX];
};

struct matr_segment { /* one program header, all kinds, in file order */
	uint32_t type, flags;
	uint64_t offset, vaddr, file_size, memory_size, align;
};

struct matr_dynamic { /* one entry of the dynamic section, DT_NULL not included */
	int64_t tag;
	uint64_t value; /* as in the file: addresses are not relocated */
};

/* One version name an object defines or needs (gABI/LSB "Symbol Versioning"). Indexed by version
 * index, as .gnu.version refers to it; entries that the file does not use have name NULL. */
struct matr_version {
	const char *name; /* NULL for indices 0 and 1, the base version, and gaps */
	const char *file; /* needed versions: vn_file; defined ones: NULL */
	uint32_t hash;	  /* 0 where name is NULL */
	bool hidden;	  /* needed versions: 0x8000 of vna_other */
	bool weak;	  /* VER_FLG_WEAK */
	bool defined;	  /* from DT_VERDEF rather than DT_VERNEED */
};

struct matr_symbol {
	const char *name;
	uint64_t value, size;
	uint16_t section;   /* st_shndx: SHN_UNDEF, SHN_ABS, ... */
	uint16_t version;   /* raw .gnu.version value, 0x8000 is "hidden"; 1 where there is none */
	uint8_t type;	    /* STT_* */
	uint8_t binding;    /* STB_* */
	uint8_t visibility; /* STV_* */
	bool hashed;	    /* reachable through DT_GNU_HASH (else DT_HASH): lookups can find it */
};

enum matr_relocation_table { MATR_TABLE_RELA, MATR_TABLE_JMPREL };

struct matr_relocation { /* everything but relative relocations */
	uint64_t offset;
	int64_t addend;
	uint32_t type;	 /* R_X86_64_* */
	uint32_t symbol; /* index into symbols; 0: none */
	uint8_t table;	 /* enum matr_relocation_table */
	uint64_t word;	 /* JUMP_SLOT only: the word the file holds at offset; else 0 */
};

struct matr_relative { /* word at offset = load address + addend */
	uint64_t offset;
	int64_t addend; /* RELA: r_addend; RELR: the word the file holds there */
};

enum {
	MATR_OBJECT_PIE = 1 << 0,	       /* ET_DYN with DF_1_PIE, or ET_DYN with PT_INTERP */
	MATR_OBJECT_FIXED = 1 << 1,	       /* ET_EXEC */
	MATR_OBJECT_SYMBOLIC = 1 << 2,	       /* DT_SYMBOLIC or DF_SYMBOLIC */
	MATR_OBJECT_BIND_NOW = 1 << 3,	       /* DT_BIND_NOW, DF_BIND_NOW or DF_1_NOW */
	MATR_OBJECT_TEXTREL = 1 << 4,	       /* DT_TEXTREL or DF_TEXTREL */
	MATR_OBJECT_NODEFLIB = 1 << 5,	       /* DF_1_NODEFLIB */
	MATR_OBJECT_FILTER = 1 << 6,	       /* DT_FILTER or DT_AUXILIARY */
	MATR_OBJECT_VERSIONED = 1 << 7,	       /* has DT_VERSYM, and versions */
	MATR_OBJECT_GNU_HASH = 1 << 8,	       /* lookups go through DT_GNU_HASH; else DT_HASH */
	MATR_OBJECT_STATIC_TLS = 1 << 9,       /* DF_STATIC_TLS */
	MATR_OBJECT_HASHED = 1 << 10,	       /* has DT_GNU_HASH or DT_HASH: ld.so searches it */
	MATR_OBJECT_INDIRECT_EXTERN = 1 << 12, /* GNU_PROPERTY_1_NEEDED_INDIRECT_EXTERN_ACCESS */
	/* Bits from 16 on: the CPU level that it demands (elf/isa.h). */
	MATR_OBJECT_ODD_CHAINS = 1 << 11, /* DT_HASH: of a name's symbols not the last one first */
};

struct matr_object {
	char *path; /* canonical: no symbolic links */
	struct matr_file_id file;
	struct matr_build_id build_id;
	uint64_t build_id_vaddr; /* of the build-id's bytes; 0: none */

	uint32_t flags; /* MATR_OBJECT_* */
	uint16_t machine;
	const char *interpreter; /* PT_INTERP; NULL: none */
	const char *soname;	 /* DT_SONAME; NULL: none */
	const char *rpath;	 /* DT_RPATH, raw; NULL: none (or overridden by DT_RUNPATH) */
	const char *runpath;	 /* DT_RUNPATH, raw; NULL: none */
	const char **needed;	 /* DT_NEEDED, DT_AUXILIARY and DT_FILTER in file order */
	size_t n_needed;

	struct matr_segment *segments;
	size_t n_segments;
	struct matr_dynamic *dynamic;
	size_t n_dynamic;
	uint64_t dynamic_vaddr; /* PT_DYNAMIC p_vaddr */

	struct matr_symbol *symbols;
	size_t n_symbols;
	struct matr_version *versions;
	size_t n_versions;

	struct matr_relocation *relocations; /* DT_RELA then DT_JMPREL, in file order */
	size_t n_relocations;
	struct matr_relative *relatives; /* R_X86_64_RELATIVE, in file order */
	size_t n_relatives;
	struct matr_relative *relr; /* DT_RELR expanded, in file order */
	size_t n_relr;

	void *private_data; /* what keeps the strings alive; freed with the object */
};

/* Read an ELF file once, and close it. Every offset, count and string is checked against the file
 * before it is used. An ELF file without PT_DYNAMIC is no error: it has n_dynamic 0.
 * path: symbolic links are followed; the object's path is canonical.
 * *out belongs to the caller: matr_object_free().
 * Errors: SYSTEM, NOT_ELF (or not one that ld.so takes), FOREIGN (not 64-bit, not x86-64),
 * MALFORMED, RESOURCES. */
MATR_API int matr_object_open(const char *path, struct matr_object **out, struct matr_error *err);

/* Free an object. NULL is allowed. */
MATR_API void matr_object_free(struct matr_object *object);

/* Read PT_INTERP of the ELF file at `path`, and nothing else of it.
 * Returns 1 if it has one; 0 and "" if not, or if it is no well-formed 64-bit x86 ELF file; -1
 * if it cannot be read (SYSTEM). */
MATR_API int matr_program_interpreter(const char *path, char interpreter[PATH_MAX],
				      struct matr_error *err);

/* Get the version that a symbol carries or asks for. It belongs to the object.
 * Returns NULL if it has none (index 0 or 1, or no DT_VERSYM). */
MATR_API const struct matr_version *matr_object_symbol_version(const struct matr_object *object,
							       const struct matr_symbol *symbol);

#ifdef __cplusplus
}
#endif

#endif
