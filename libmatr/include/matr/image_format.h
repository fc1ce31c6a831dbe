/* image_format.h - the epoch image, the one thing libmatr and ld-stable share.
 *
 * The image is one immutable file. libmatr writes it (libmatr/src/image), ld-stable reads it at
 * exec. docs/image-format.md explains the format in prose; this header is the definition. It is
 * freestanding: no libc, only <stdint.h> and <stddef.h>.
 *
 *	header | CPU record, libraries, strings, programs, manifests | hash table | page data
 *	<---------------------- metadata, mapped at exec -------------------->
 *
 * References are byte offsets from the start of the image; 0 means "none" (the header is there).
 * Everything but strings starts at a multiple of 8, page data at a multiple of the page size.
 * Integers are in the machine's byte order.
 *
 * The *region* is the address range that the metadata and all libraries of the epoch share. Every
 * address in the region is given relative to its start, where the metadata is mapped: its *place*.
 * Page data is relocated for the place `region`. A process that draws a place of its own adds the
 * difference to each word that `shifts` lists.
 */
#ifndef MATR_IMAGE_FORMAT_H
#define MATR_IMAGE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MATR_IMAGE_MAGIC   UINT64_C(0x474d49585254414d) /* "MATRXIMG" in memory order */
#define MATR_IMAGE_FORMAT  8u				/* version of everything below */
#define MATR_IMAGE_ENDIAN  UINT32_C(0x01020304)
#define MATR_IMAGE_PAGE	   4096u /* bytes; page data and segments are multiples of it */
#define MATR_BUILD_ID_SIZE 32	 /* longest build-id that a reader of ELF files keeps, bytes */

/* The window from which places are drawn: clear of what the kernel maps by itself on x86-64, with
 * 47 address bits and up to 32 bits of mmap randomness. */
#define MATR_REGION_LOW	 UINT64_C(0x660000000000)
#define MATR_REGION_HIGH UINT64_C(0x6f0000000000)

/* Places lie in the lower half of these: so the metadata and common libraries, which are up to as
 * much above it, are in one page of the kernel's tables. Bytes. */
#define MATR_REGION_TABLE (UINT64_C(1) << 30)

/* The place that a random number stands for, in the window, for a region of `size` bytes, which is
 * smaller than the window by MATR_REGION_TABLE at least. */
static inline uint64_t matr_region_place(uint64_t random, uint64_t size)
{
	const uint64_t pages = MATR_REGION_TABLE / 2 / MATR_IMAGE_PAGE;
	uint64_t tables = (MATR_REGION_HIGH - MATR_REGION_LOW - size) / MATR_REGION_TABLE;

	return MATR_REGION_LOW + random / pages % tables * MATR_REGION_TABLE +
	       random % pages * MATR_IMAGE_PAGE;
}

/* One file on the machine that began the epoch. Portable images: size only, the rest is 0. */
struct matr_image_file {
	uint64_t device, inode;
	uint64_t size;	      /* bytes */
	int64_t mtime, ctime; /* nanoseconds since 1970 */
};

enum { /* header flags */
       /* Files are identified by size and content (struct matr_image_content), since they may be
	* copies of those that the epoch was begun with. */
       MATR_IMAGE_PORTABLE = 1 << 0,
};

struct matr_image_header {
	uint64_t magic;
	uint32_t format;
	uint32_t endian;
	uint64_t file_size;	    /* of the whole image, bytes */
	uint64_t metadata_size;	    /* bytes that an exec maps; page data follows */
	uint64_t epoch;		    /* the store's id of the epoch it was compiled from */
	uint64_t region;	    /* shared place; page data is relocated for it */
	uint64_t region_size;	    /* bytes: metadata and all libraries */
	uint64_t hash;		    /* struct matr_image_slot[hash_size] */
	uint64_t libraries;	    /* struct matr_image_library[n_libraries] */
	uint64_t cpu;		    /* struct matr_image_cpu; 0: none */
	uint64_t whole_size;	    /* file_size of the image when it was last built from nothing */
	uint64_t loader_hash;	    /* matr_image_checksum64() of the ld.so that words refer to */
	uint64_t metadata_checksum; /* matr_image_checksum64() of metadata behind the header */
	uint64_t pages_checksum;    /* of the page data */
	/* /etc/ld.so.preload as it was: ld.so reads it at every exec. size 0: empty or missing. */
	struct matr_image_file preload;
	uint32_t hash_size; /* a power of two, at most half of it in use */
	uint32_t n_applications;
	uint32_t n_libraries;
	uint32_t libraries_room; /* records that fit where they are; the next image adds some */
	uint32_t cpu_level;	 /* glibc-hwcaps level it was resolved for: 1 (baseline) to 4 */
	uint32_t flags;		 /* MATR_IMAGE_* */
	uint32_t reserved;
	uint32_t checksum; /* of this header, this field taken as 0 */
};

/* Open addressing, linear probing: start at key & (hash_size - 1); a slot with manifest 0 ends
 * the search. Several slots may carry one key. The key of a withdrawn application has its bits
 * inverted, in place; metadata_checksum is of the slots as they were made. */
struct matr_image_slot {
	uint64_t key; /* matr_image_key() of the application's struct matr_image_file; portable: of
			 its build-id, or of its path where it has none */
	uint64_t manifest;
};

enum { /* manifest flags */
       /* The application's canonical path must be the recorded one too: $ORIGIN took part in the
	* search, the mapping is edited, or there is no build-id in a portable image. */
       MATR_MANIFEST_PATH = 1 << 0,
       /* A directory for a certain CPU level was searched: the CPU must have exactly cpu_level. */
       MATR_MANIFEST_CPU = 1 << 1,
       /* $ORIGIN is used by the application: not to be started as `ld-stable PROGRAM`, where ld.so
	* would take ld-stable's directory for it. */
       MATR_MANIFEST_ORIGIN = 1 << 2,
       /* Some function is defined nowhere and stays lazily bound. */
       MATR_MANIFEST_LAZY = 1 << 3,
       /* The place is drawn at each exec. Otherwise it is the header's `region`. */
       MATR_MANIFEST_RANDOM = 1 << 4,
       /* The application has DT_FILTER or DT_AUXILIARY: ld.so opens objects out of order. */
       MATR_MANIFEST_FILTER = 1 << 5,
       /* The application is ET_EXEC, at load address 0: words bound to it are in page data. */
       MATR_MANIFEST_FIXED = 1 << 6,
       /* Text and read-only data of the libraries are page data too, mapped in `runs`. */
       MATR_MANIFEST_PACK = 1 << 7,
       /* Loads that were not recorded are noted at exec (docs/closures.md). */
       MATR_MANIFEST_RECORD = 1 << 8,
};

/* Base of a word in a relocation program. */
enum {
	MATR_BASE_OWN = 0,   /* load address of the object that has the word */
	MATR_BASE_PLACE = 1, /* where the image is mapped */
	MATR_BASE_APPLICATION = 2,
	MATR_BASE_LOADER = 3,	/* ld.so */
	MATR_BASE_ABSOLUTE = 4, /* 0 */
	MATR_BASES = 5,
};

/* One application. The manifest and its arrays lie in one piece of `size` bytes, whose checksum an
 * exec verifies. Array members are offsets from the image's start. */
struct matr_image_manifest {
	uint32_t checksum; /* matr_image_checksum() of the size - 8 bytes that follow `size` */
	uint32_t size;
	uint32_t flags; /* MATR_MANIFEST_* */
	uint32_t n_objects;
	uint64_t key;		     /* of its slot */
	struct matr_image_file file; /* the application's */
	uint64_t content;	     /* struct matr_image_content of the application */
	uint64_t path;		     /* canonical path of the application */
	uint64_t objects;      /* struct matr_image_object[n_objects]; [0] is the application */
	uint64_t needed;       /* uint64_t[n_needed]: strings for DT_NEEDED: the scope's paths in
				 breadth-first order, the names of each object behind its path */
	uint64_t words;	       /* relocation program: the application's own words */
	uint64_t residual;     /* Elf64_Rela[n_residual]: the application's, left to ld.so */
	uint64_t ifuncs;       /* struct matr_image_ifunc[n_ifuncs] */
	uint64_t ifunc_slots;  /* uint64_t[], see MATR_SLOT_* */
	uint64_t copies;       /* struct matr_image_copy[n_copies] */
	uint64_t closures;     /* struct matr_image_closures, 0: none */
	uint64_t runs;	       /* struct matr_image_run[n_runs], of packed libraries */
	uint64_t library_path; /* the LD_LIBRARY_PATH it is valid for; 0: none */
	uint64_t added_bytes;  /* what the application added to the image when it was compiled */
	uint64_t alignment;    /* a drawn place differs from `region` by a multiple of it, bytes */
	uint32_t n_needed;
	uint32_t n_residual;
	uint32_t n_ifuncs;
	uint32_t n_copies;
	uint32_t n_relocations;	   /* that the mapping applies, over all objects */
	uint32_t n_relative;	   /* of these */
	uint32_t n_ifunc_slots;	   /* of these */
	uint32_t n_residual_total; /* left to ld.so, over all objects */
	uint32_t n_runs;
	uint32_t reserved;
};

/* Packed libraries that follow each other at their bases and in page data: one mapping. */
struct matr_image_run {
	uint64_t at;	 /* relative to the place; a multiple of the page size */
	uint64_t size;	 /* bytes, whole pages */
	uint64_t offset; /* relative to the end of the metadata */
};

enum { /* object flags */
       /* The dynamic linker: in the process already, and it relocates itself. */
       MATR_OBJECT_ENTRY_INTERPRETER = 1 << 0,
       /* ld.so relocates something of it, so RELRO stays writable until ld.so protects it. */
       MATR_OBJECT_ENTRY_RESIDUAL = 1 << 1,
       /* A patch lies in RELRO: map it writable, protect it when the patches are applied. */
       MATR_OBJECT_ENTRY_WRITES_RELRO = 1 << 2,
       /* A slot of an IFUNC without a recorded result lies in RELRO: protect it after that. */
       MATR_OBJECT_ENTRY_LATE_RELRO = 1 << 3,
       /* The application only: ld.so relocates it whole, by its own tables. */
       MATR_OBJECT_ENTRY_UNTOUCHED = 1 << 4,
       /* It lies in one of the manifest's runs; its file is compared, but not mapped. */
       MATR_OBJECT_ENTRY_PACKED = 1 << 5,
};

#define MATR_IMAGE_NO_LIBRARY UINT32_C(0xffffffff) /* the application, the dynamic linker */

struct matr_image_object {
	uint64_t path;	  /* what DT_NEEDED lists and l_name becomes */
	uint64_t headers; /* ELF header and program headers that ld.so is shown */
	uint64_t patches; /* relocation program: words that differ from the page data; 0: none */
	uint32_t headers_size; /* bytes */
	uint32_t library;      /* index into the header's libraries, or MATR_IMAGE_NO_LIBRARY */
	uint32_t n_residual;   /* relocations left to ld.so */
	uint32_t flags;	       /* MATR_OBJECT_ENTRY_* */
};

/* One library's file at its base, with one variant of its pages. Variants of one file have records
 * of their own, with the same base. Records of common libraries come first. */
struct matr_image_library {
	uint64_t base;	  /* load address, relative to the place */
	uint64_t first;	  /* lowest mapped address, relative to base; a multiple of the page size */
	uint64_t span;	  /* bytes of address space from base + first */
	uint64_t dynamic; /* its own dynamic section, relative to base */
	uint64_t alignment; /* of region + base, bytes */
	struct matr_image_file file;
	uint64_t content;  /* struct matr_image_content, in portable images; else 0 */
	uint64_t segments; /* struct matr_image_segment[n_segments], by address */
	uint64_t shifts;   /* struct matr_image_shifts: words that hold an address in the region */
	uint64_t path;	   /* canonical, for people */
	uint32_t n_segments;
	uint32_t n_variants; /* records of this file, this one included */
};

enum {			       /* what a segment is mapped from */
       MATR_SEGMENT_FILE = 0,  /* the library */
       MATR_SEGMENT_IMAGE = 1, /* page data */
       MATR_SEGMENT_ZERO = 2,  /* nothing: .bss */
};

struct matr_image_segment {
	uint64_t vaddr;	     /* relative to the library's base */
	uint64_t size;	     /* bytes */
	uint64_t offset;     /* in the library's file, or in the image */
	uint16_t source;     /* MATR_SEGMENT_* */
	uint16_t relro;	     /* 1: `protection` is what it has once it is relocated */
	uint32_t protection; /* PROT_* */
};

/* Places of words, encoded like DT_RELR but in 32-bit entries: an even entry e is the word at
 * start + (e / 2) * 8; an odd entry is a bitmap, bit n (1..31) for the n-th word after the last
 * even entry's word, or after the 31 words that the preceding bitmap covered. */
struct matr_image_shifts {
	uint64_t start; /* relative to the library's base, a multiple of 8 */
	uint32_t n_entries;
	uint32_t n_words;
	uint32_t n_written;
	uint32_t reserved;
	/* struct matr_image_written written[n_written]; uint32_t entries[n_entries] */
};

/* Pages in which words are written, without any others: they are populated with one call, which
 * takes a fraction of a page fault each. In order, and apart from each other. */
struct matr_image_written {
	uint64_t vaddr; /* relative to the load address; a multiple of the page size */
	uint64_t size;	/* bytes */
};

/* Identity of a file by its bytes in memory. In portable images: the bytes that decide its
 * bindings. In others only applications have it, with enough to distinguish them if
 * /proc/self/exe is about another process. The hash is matr_image_checksum64() of each range,
 * seeded with the hash of the ranges before it. */
struct matr_image_content {
	uint64_t hash;
	uint32_t n_ranges;
	uint32_t n_file_ranges; /* of libraries in portable images: what page data stands for */
				/* struct { uint64_t vaddr, size; } ranges[n_ranges], in memory;
	 * struct { uint64_t offset, size; } file_ranges[n_file_ranges], in the file */
};

/* An IFUNC resolver, called once; its result goes to every slot. */
struct matr_image_ifunc {
	uint32_t object; /* scope index */
	uint32_t n_slots;
	uint64_t vaddr;	     /* of the resolver */
	uint64_t result;     /* recorded result, relative to the object's load address; page data
				and patches hold it. 0: not recorded, every slot is written */
	uint64_t first_slot; /* index into ifunc_slots */
};

#define MATR_SLOT_OBJECT(slot)	 ((uint32_t)((slot) >> 48)) /* scope index of the object written */
#define MATR_SLOT_VADDR(slot)	 ((slot)&UINT64_C(0xffffffffffff))
#define MATR_SLOT(object, vaddr) ((uint64_t)(object) << 48 | (vaddr))

struct matr_image_copy {       /* R_X86_64_COPY */
	uint64_t target_vaddr; /* in the application */
	uint64_t source_vaddr; /* in the provider */
	uint64_t size;	       /* bytes */
	uint32_t object;       /* scope index of the provider */
	uint32_t reserved;
};

/* ---- closures: what the application loads with dlopen() ---- */

/* In one piece of `size` bytes, which is checked when the application first loads something. */
struct matr_image_closures {
	uint32_t checksum; /* matr_image_checksum() of the size - 8 bytes that follow `size` */
	uint32_t size;
	/* struct matr_image_loaded[n_loaded]: members of all closures, each once. */
	uint64_t loaded;
	/* struct matr_image_object[n_objects]: what a member is in some closures. */
	uint64_t objects;
	/* uint32_t[hash_size]: number of a loaded object + 1, by matr_image_key() of its path; open
	 * addressing as in struct matr_image_slot, 0 ends the search. */
	uint64_t hash;
	/* Objects that DT_NEEDED of each object leads to. Objects are numbered: those of the
	 * start by scope index, then the loaded ones. */
	uint64_t needed_first; /* uint32_t[]: where its entries begin; one more: where all end */
	uint64_t needed;       /* uint32_t[n_needed]: numbers, or MATR_NEEDED_UNKNOWN */
	uint32_t n_needed;
	uint32_t n_loaded;
	uint32_t n_objects;
	uint32_t hash_size; /* a power of two */
};

#define MATR_NEEDED_UNKNOWN                                                                        \
	UINT32_MAX /* the name means several objects, or none, or is a filter's */

struct matr_image_loaded {
	uint64_t path;	  /* l_name */
	uint64_t closure; /* struct matr_image_closure that this is the root of; 0: none */
	uint64_t base;	  /* load address, relative to the place: the same in all closures */
};

/* Members that loading one object brings into the process. A member that came with another
 * closure is left as it is. */
struct matr_image_closure {
	/* Of the members but the root, which is the first. Closures share these arrays where
	 * they are alike. */
	uint64_t members;     /* uint32_t[n_members - 1]: indices into objects */
	uint64_t numbers;     /* uint32_t[n_members - 1]: which loaded objects they are */
	uint64_t ifuncs;      /* struct matr_image_ifunc[n_ifuncs], of the scope of the start */
	uint64_t ifunc_slots; /* uint64_t[], see MATR_SLOT_*: the object is a member's index */
	/* An object that is not recorded, but in the process when the closure is loaded, may
	 * have been loaded with RTLD_GLOBAL. It does not matter unless it has a symbol or a file
	 * name of these. */
	uint64_t names; /* uint32_t[n_names]: GNU hashes of symbol names */
	uint64_t files; /* uint32_t[n_files]: GNU hashes of DT_NEEDED entries */
	uint32_t n_members;
	uint32_t n_ifuncs;
	uint32_t n_names;
	uint32_t n_files;
	uint32_t n_relocations; /* applied to all members */
	uint32_t n_residual;	/* left to ld.so */
	uint32_t root_object;	/* index into objects */
	uint32_t root;		/* which loaded object it is */
};

/* A relocation program says: word at (load address of the object + slot) = base + value, with one
 * of the bases MATR_BASE_*. It is a list of groups, one per base (more where values do not fit 32
 * bits). Slots are encoded like those of struct matr_image_shifts. The values follow in slot order:
 *
 *	struct matr_image_program
 *	struct matr_image_written written[n_written]
 *	{ struct matr_image_group | uint32_t entries[n_entries] | uint32_t values[n_slots] |
 *	  padding to 8 } * n_groups
 */
struct matr_image_program {
	uint32_t size; /* bytes, this struct included */
	uint32_t n_groups;
	uint32_t n_written;
	uint32_t reserved;
};

struct matr_image_group {
	uint64_t start; /* virtual address, a multiple of 8 */
	uint64_t bias;	/* value = bias + values[i], modulo 2^64 */
	uint32_t base;	/* MATR_BASE_* */
	uint32_t n_entries;
	uint32_t n_slots;
	uint32_t reserved;
};

/* Results of ld.so's init_cpu_features, found by comparing ld.so's data with and without it.
 * Written to ld.so's data before ld.so runs, if the CPU is the recorded one. */
struct matr_image_cpu_identity {
	uint32_t leaf1_a, leaf1_c, leaf1_d; /* cpuid leaf 1, without the APIC id */
	uint32_t xcr0;			    /* low half of XGETBV(0) */
	uint64_t hwcap2, minsigstksz;	    /* AT_HWCAP2 and AT_MINSIGSTKSZ */
};

struct matr_image_cpu {
	struct matr_image_cpu_identity identity;
	uint64_t hwcap;	   /* AT_HWCAP that ld.so is shown instead of the kernel's */
	uint64_t platform; /* string for AT_PLATFORM relative to ld.so; 0: the kernel's stays */
	uint64_t n_words;
	/* struct matr_image_cpu_word words[n_words] */
};

struct matr_image_cpu_word {
	uint32_t vaddr; /* in ld.so */
	uint32_t base;	/* MATR_BASE_LOADER or MATR_BASE_ABSOLUTE */
	uint64_t value;
};

/* ---- checksums: small enough to be compiled into both sides ---- */

static inline uint64_t matr_image_checksum_word(uint64_t hash, const unsigned char *bytes)
{
	uint64_t word;

	__builtin_memcpy(&word, bytes, 8);
	hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
	return hash ^ hash >> 32;
}

/* A 64-bit multiply-and-fold hash over 8-byte words: it detects accidents, not attacks (ownership
 * keeps those out). `size` may be any number of bytes. Whole blocks of 32 bytes are hashed as four
 * sequences that do not wait for each other, and those become four words. */
static inline uint64_t matr_image_checksum64(const void *data, size_t size, uint64_t seed)
{
	const unsigned char *bytes = (const unsigned char *)data;
	uint64_t hash = seed ^ (UINT64_C(0x9e3779b97f4a7c15) * (size + 1));

	if (size >= 32) {
		uint64_t a = hash, b = hash + 1, c = hash + 2, d = hash + 3;
		for (; size >= 32; size -= 32, bytes += 32) {
			a = matr_image_checksum_word(a, bytes);
			b = matr_image_checksum_word(b, bytes + 8);
			c = matr_image_checksum_word(c, bytes + 16);
			d = matr_image_checksum_word(d, bytes + 24);
		}
		const uint64_t four[] = {a, b, c, d};
		for (size_t i = 0; i < 4; i++)
			hash = matr_image_checksum_word(hash, (const unsigned char *)&four[i]);
	}
	for (; size >= 8; size -= 8, bytes += 8)
		hash = matr_image_checksum_word(hash, bytes);
	for (; size > 0; size--, bytes++) {
		hash = (hash ^ *bytes) * UINT64_C(0xc4ceb9fe1a85ec53);
		hash ^= hash >> 29;
	}
	return hash ^ hash >> 33;
}

static inline uint32_t matr_image_checksum(const void *data, size_t size)
{
	uint64_t hash = matr_image_checksum64(data, size, 0);
	return (uint32_t)(hash ^ hash >> 32);
}

/* Checksum of a piece that opens with its checksum and its size (a manifest, closures). */
static inline uint32_t matr_image_piece_checksum(const void *piece)
{
	const uint32_t *head = (const uint32_t *)piece;

	return matr_image_checksum(head + 2, head[1] - 8);
}

/* Test whether the piece is whole: its size fits and its checksum is right.
 * room: bytes up to the end of what the piece lies in. least: size of the struct that the piece
 * opens with. Both are at least 8. */
static inline bool matr_image_piece_is_whole(const void *piece, uint64_t room, uint32_t least)
{
	const uint32_t *head = (const uint32_t *)piece;

	return room >= least && head[1] >= least && head[1] <= room &&
	       matr_image_piece_checksum(piece) == head[0];
}

/* ---- places of words (struct matr_image_shifts), one at a time ---- */

/* A bitmap covers the 31 words from `next` on. */
struct matr_image_places {
	const uint32_t *entry, *end;
	uint64_t start, next;
	uint64_t first; /* place of the lowest bit in `bits` */
	uint32_t bits;
};

/* start: the struct's own, or where that is in memory. */
static inline struct matr_image_places matr_image_places(const void *entries, uint32_t n,
							 uint64_t start)
{
	const uint32_t *first = (const uint32_t *)entries;
	struct matr_image_places places = {first, first + n, start, start, 0, 0};

	return places;
}

/* Returns false at the end. */
static inline bool matr_image_next_place(struct matr_image_places *places, uint64_t *place)
{
	while (!places->bits) {
		if (places->entry == places->end)
			return false;
		uint32_t entry = *places->entry++;
		if (!(entry & 1)) {
			*place = places->start + (uint64_t)(entry >> 1) * 8;
			places->next = *place + 8;
			return true;
		}
		places->bits = entry >> 1;
		places->first = places->next;
		places->next += 31 * 8;
	}
	*place = places->first + (uint64_t)__builtin_ctz(places->bits) * 8;
	places->bits &= places->bits - 1;
	return true;
}

static inline const struct matr_image_written *
matr_image_shifts_written(const struct matr_image_shifts *shifts)
{
	return (const struct matr_image_written *)(const void *)(shifts + 1);
}

static inline const uint32_t *matr_image_shifts_entries(const struct matr_image_shifts *shifts)
{
	return (const uint32_t *)(const void *)(matr_image_shifts_written(shifts) +
						shifts->n_written);
}

static inline const struct matr_image_written *
matr_image_program_written(const struct matr_image_program *program)
{
	return (const struct matr_image_written *)(const void *)(program + 1);
}

static inline const struct matr_image_group *
matr_image_program_groups(const struct matr_image_program *program)
{
	return (const struct matr_image_group *)(const void *)(matr_image_program_written(program) +
							       program->n_written);
}

/* Bytes from the group to the next. */
static inline uint64_t matr_image_group_size(const struct matr_image_group *group)
{
	uint64_t size = sizeof *group + 4 * ((uint64_t)group->n_entries + group->n_slots);

	return (size + 7) & ~UINT64_C(7);
}

/* Key of a struct matr_image_file, a build-id, or a path (its bytes without the NUL). */
static inline uint64_t matr_image_key(const void *data, size_t size)
{
	return matr_image_checksum64(data, size, UINT64_C(0x6d617472));
}

/* DT_GNU_HASH's hash of a symbol name; closures have it of file names too. */
static inline uint32_t matr_image_name_hash(const char *name)
{
	uint32_t hash = 5381;

	while (*name)
		hash = hash * 33 + (unsigned char)*name++;
	return hash;
}

#ifdef __cplusplus
}
#endif

#endif
