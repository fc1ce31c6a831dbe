/* image_format.h - the epoch image, the one thing libmatr and ld-stable share.
 *
 * The image is one immutable file, mapped read-only by every process of an epoch. libmatr writes it
 * (libmatr/src/image), ld-stable reads it at exec. docs/image-format.md explains the layout in
 * prose; this header is the definition. It is freestanding: no libc, only <stdint.h> and <stddef.h>.
 *
 *	header | hash table | manifests | relocation programs | residual tables | strings
 *
 * All references are byte offsets from the start of the image; 0 means "none" (the header is
 *there). Everything but strings starts at a multiple of 8. Integers are in the machine's byte
 *order.
 */
#ifndef MATR_IMAGE_FORMAT_H
#define MATR_IMAGE_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MATR_IMAGE_MAGIC   UINT64_C(0x474d49585254414d) /* "MATRXIMG" in memory order */
#define MATR_IMAGE_FORMAT  4u				/* version of everything below */
#define MATR_IMAGE_ENDIAN  UINT32_C(0x01020304)
#define MATR_BUILD_ID_SIZE 32 /* longest build-id an image can hold, bytes */

struct matr_image_header {
	uint64_t magic;
	uint32_t format;
	uint32_t endian;
	uint64_t file_size; /* of the whole image, bytes */
	uint64_t epoch;	    /* the store's id of the epoch it was compiled from */
	uint64_t hash;	    /* struct matr_image_slot[hash_size] */
	uint32_t hash_size; /* a power of two, at most half of it in use */
	uint32_t n_applications;
	uint64_t bulk_checksum; /* matr_image_checksum() of all that follows the header */
	uint32_t cpu_level;	/* glibc-hwcaps level it was resolved for: 1 (baseline) to 4 */
	uint32_t checksum;	/* of this header, this field taken as 0 */
	/* /etc/ld.so.preload as it was: ld.so reads it at every exec. 0, 0: empty, or not there. */
	uint64_t preload_size; /* bytes */
	int64_t preload_mtime; /* nanoseconds since 1970 */
};

/* Open addressing, linear probing: start at key & (hash_size - 1); a slot with manifest 0 ends the
 * search. Several slots may carry one key (copies of a program at different paths). Of an application that was
 * withdrawn the key's bits are inverted, in place; bulk_checksum is of the slots as they were made. */
struct matr_image_slot {
	uint64_t key; /* matr_image_key() of the build-id, or of the path where there is none */
	uint64_t manifest;
};

enum {
	/* The application's canonical path must be the recorded one too: $ORIGIN took part in the
	 * search, or there is no build-id. */
	MATR_MANIFEST_PATH = 1 << 0,
	/* A directory for a certain CPU level was searched: the CPU must have exactly cpu_level. */
	MATR_MANIFEST_CPU = 1 << 1,
	/* $ORIGIN is used by the application: not to be started as `ld-stable PROGRAM`, where ld.so
	 * would take ld-stable's directory for it. */
	MATR_MANIFEST_ORIGIN = 1 << 2,
	/* Some function is defined nowhere and stays lazily bound. */
	MATR_MANIFEST_LAZY = 1 << 3,
	/* Not everybody can read every library: whoever cannot has others, or none. */
	MATR_MANIFEST_PRIVATE = 1 << 4,
	/* The files may be copies of those that the epoch was begun with: of an object's file only the size is
	 * compared, and in memory its build-id, which each has. */
	MATR_MANIFEST_PORTABLE = 1 << 5,
};

/* One application. The manifest and its arrays lie in one piece of `size` bytes, which is all that
 * an exec checks and reads besides strings and programs. Array members are offsets from the image
 * start. */
struct matr_image_manifest {
	uint32_t checksum; /* matr_image_checksum() of the size - 8 bytes that follow `size` */
	uint32_t size;
	uint32_t flags; /* MATR_MANIFEST_* */
	uint32_t n_objects;
	uint64_t path;	      /* canonical path of the application */
	uint64_t objects;     /* struct matr_image_object[n_objects]; [0] is the application */
	uint64_t needed;      /* uint64_t[n_needed]: strings for DT_NEEDED, the scope's paths in
	                         breadth-first order; ld-stable adds itself after n_scope_needed */
	uint64_t directories; /* struct matr_image_directory[n_directories] */
	uint64_t ifuncs;      /* struct matr_image_ifunc[n_ifuncs] */
	uint64_t ifunc_slots; /* uint64_t[], see MATR_SLOT_* */
	uint64_t copies;      /* struct matr_image_copy[n_copies] */
	uint32_t n_needed;
	uint32_t
		n_scope_needed; /* so many of `needed` are the scope; the rest the original names */
	uint32_t n_directories;
	uint32_t n_ifuncs;
	uint32_t n_copies;
	uint32_t n_relocations; /* that the mapping applies, over all objects */
	uint32_t n_residual;	/* left to ld.so, over all objects */
	uint32_t n_loaded;	/* objects in `closures` */
	uint64_t closures;	/* struct matr_image_closures, 0: none */
	uint64_t library_path;	/* the LD_LIBRARY_PATH it is valid for; 0: none */
};

enum {
	/* ld.so relocates this object itself: nothing of it is written or edited. */
	MATR_OBJECT_ENTRY_UNTOUCHED = 1 << 0,
	/* The dynamic linker: its name is ld-stable's choice and is not compared. Always untouched.
	 */
	MATR_OBJECT_ENTRY_INTERPRETER = 1 << 1,
	/* ld.so relocates the PLT itself (in closures only): DT_JMPREL and DT_PLTRELSZ stay. */
	MATR_OBJECT_ENTRY_KEEP_PLT = 1 << 2,
};

struct matr_image_object {
	uint64_t path;		 /* l_name; for the application its canonical path */
	uint64_t dynamic_vaddr;	 /* PT_DYNAMIC's p_vaddr */
	uint64_t build_id_vaddr; /* where the build-id's bytes are; 0: the object has none */
	uint64_t file_size;	 /* bytes */
	int64_t file_mtime;	 /* nanoseconds since 1970 */
	uint64_t witness_vaddr;	 /* a word that relocation changes... */
	uint64_t witness_word;	 /* ...and its value in the file; vaddr 0: none */
	uint64_t rela;	    /* file value of DT_RELA (an address), to tell relocated from raw */
	uint64_t relative;  /* relocation program, provider 0 is the object itself; 0: none */
	uint64_t symbolic;  /* relocation program, providers as in `providers`; 0: none */
	uint64_t lazy;	    /* relocation program, provider 0: PLT slots of functions that
				     nothing defines, set for lazy binding; 0: none */
	uint64_t providers; /* uint32_t[n_providers]: scope indices, or MATR_IMAGE_ABSOLUTE */
	uint64_t residual;  /* Elf64_Rela[n_residual], what stays ld.so's */
	uint64_t populate_vaddr; /* range worth populating in one call; size 0: none */
	uint64_t populate_size;	 /* bytes */
	uint32_t n_providers;
	uint32_t n_residual;
	uint32_t fingerprint; /* matr_image_fingerprint() of the dynamic section */
	uint16_t flags;	      /* MATR_OBJECT_ENTRY_* */
	uint8_t build_id_size;
	uint8_t reserved;
	uint8_t build_id[MATR_BUILD_ID_SIZE];
};

#define MATR_IMAGE_ABSOLUTE UINT32_C(0xffffffff) /* provider with base address 0 */

/* A directory that took part in the search. While its mtime is the recorded one, no name in it was
 * added, removed or replaced, so that the objects' files need not be looked at one by one. */
struct matr_image_directory {
	uint64_t path;
	int64_t mtime; /* nanoseconds since 1970 */
};

/* An IFUNC resolver, called once; its result goes to every slot. */
struct matr_image_ifunc {
	uint32_t object; /* scope index */
	uint32_t n_slots;
	uint64_t vaddr;	     /* of the resolver */
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

/* ---- closures: what the application loads with dlopen() ----
 *
 * Where an object of the scope is meant, numbers up to the manifest's n_objects are its objects, and
 * those from n_objects on the application's loaded objects: all members of all its closures.
 */

/* In one piece of `size` bytes, which is checked when the application first loads something. */
struct matr_image_closures {
	uint32_t checksum; /* matr_image_checksum() of the size - 8 bytes that follow `size` */
	uint32_t size;
	uint64_t loaded; /* struct matr_image_loaded[manifest's n_loaded] */
	uint64_t
		hash; /* uint32_t[hash_size]: number of a loaded object + 1, by matr_image_key() of its path; open
			    addressing as in struct matr_image_slot, 0 ends the search */
	uint32_t hash_size;
	uint32_t reserved;
};

struct matr_image_loaded {
	uint64_t path; /* l_name */
	uint64_t
		identity; /* struct matr_image_object of one of the closures: what the file has to be */
	uint64_t closure; /* struct matr_image_closure that this object is the root of; 0: none */
};

/* What loading one object brings into the process, and how that is relocated. An object that is there
 * already, having come with another closure, is left as it is. */
struct matr_image_closure {
	uint64_t members;     /* struct matr_image_object[n_members]; [0] is the root */
	uint64_t loaded;      /* uint32_t[n_members]: which loaded objects they are */
	uint64_t ifuncs;      /* struct matr_image_ifunc[n_ifuncs] */
	uint64_t ifunc_slots; /* uint64_t[], see MATR_SLOT_* */
	/* An object that is not recorded, but in the process when the closure is loaded, may have been
	 * loaded with RTLD_GLOBAL. It does not matter as long as it has neither a symbol nor a file name of these. */
	uint64_t names; /* uint32_t[n_names]: GNU hashes of symbol names */
	uint64_t files; /* uint32_t[n_files]: GNU hashes of DT_NEEDED entries */
	uint32_t n_members;
	uint32_t n_ifuncs;
	uint32_t n_names;
	uint32_t n_files;
	uint32_t n_relocations; /* applied to all members */
	uint32_t n_residual;	/* left to ld.so */
};

/* A relocation program says: word at (load address + slot) = (provider's load address + value).
 * It is a list of groups, one per provider (more where values do not fit 32 bits). The slots of a
 * group are encoded like DT_RELR but in 32-bit entries: an even entry e is the slot at
 * start + (e / 2) * 8; an odd entry is a bitmap, bit n (1..31) for the n-th word after the last even
 * entry's slot, or after the 31 words the preceding bitmap covered. The values follow in slot order:
 *
 *	struct matr_image_program
 *	{ struct matr_image_group | uint32_t entries[n_entries] | uint32_t values[n_slots] |
 *	  padding to 8 } * n_groups
 *
 * A mixed group (provider MATR_IMAGE_MIXED) has slots of many providers, where few are of each; the
 * providers, uint32_t[n_slots], follow its values.
 */
#define MATR_IMAGE_MIXED UINT32_C(0xffffffff)

struct matr_image_program {
	uint32_t size; /* bytes, this struct included */
	uint32_t n_groups;
};

struct matr_image_group {
	uint64_t start;	   /* virtual address, a multiple of 8 */
	uint64_t bias;	   /* value = bias + values[i], modulo 2^64 */
	uint32_t provider; /* index into the object's providers; relative programs: 0, itself */
	uint32_t n_entries;
	uint32_t n_slots;
	uint32_t reserved;
};

#define MATR_IMAGE_ANY_TIME INT64_MIN /* preload_mtime of an image for copies */

/* ---- the configuration stamped into a prefix's copy of ld-stable (matr/loader.h) ---- */

#define MATR_CONFIG_MAGIC UINT64_C(0x464e4f435254414d) /* "MATRCONF" */
#define MATR_CONFIG_PATH  1024			       /* bytes, the NUL included */

struct matr_loader_config {
	uint64_t magic;
	uint32_t format; /* MATR_IMAGE_FORMAT: an ld-stable reads its own version only */
	uint32_t reserved;
	/* In the interpreter file only (matr/loader_format.h): ld.so's ELF header relative to that of
	 * ld-stable, a negative number (0: there is no ld.so), and the size and time of the file it was
	 * taken from. */
	int64_t embedded;
	uint64_t loader_size;
	int64_t loader_mtime;
	char prefix[MATR_CONFIG_PATH]; /* absolute, canonical */
	char self[MATR_CONFIG_PATH];   /* this copy of ld-stable: what DT_NEEDED names */
	char loader[MATR_CONFIG_PATH]; /* the real ld.so where ld-stable stands in its place */
	char image[MATR_CONFIG_PATH];  /* the epoch image */
	/* Also in the interpreter file only. */
	uint64_t loader_entry; /* ld.so's own entry point, relative to its ELF header */
	char unserved[256];    /* why none of its system-call sites is replaced; "": all are */
};

/* ---- checksums: small enough to be compiled into both sides ---- */

/* A 64-bit multiply-and-fold hash over 8-byte words, folded to 32 bits: it detects accidents, not
 * attacks (ownership keeps those out). `size` may be any number of bytes. */
static inline uint64_t matr_image_checksum64(const void *data, size_t size, uint64_t seed)
{
	const unsigned char *bytes = (const unsigned char *)data;
	uint64_t hash = seed ^ (UINT64_C(0x9e3779b97f4a7c15) * (size + 1));

	for (; size >= 8; size -= 8, bytes += 8) {
		uint64_t word;
		__builtin_memcpy(&word, bytes, 8);
		hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
		hash ^= hash >> 32;
	}
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

/* Key of a build-id (or path: its bytes without the NUL). */
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

/* One step of the dynamic section's fingerprint, for every entry before DT_NULL, starting from 0.
 * ld.so adds the load address to some pointers in memory, so of every value only the low twelve
 * bits count where the tag is one that holds an address; DT_DEBUG's value does not count at all. */
static inline uint32_t matr_image_fingerprint(uint32_t hash, int64_t tag, uint64_t value)
{
	switch (tag) {
	case 21: /* DT_DEBUG */
		value = 0;
		break;
	case 3:		 /* DT_PLTGOT */
	case 4:		 /* DT_HASH */
	case 5:		 /* DT_STRTAB */
	case 6:		 /* DT_SYMTAB */
	case 7:		 /* DT_RELA */
	case 17:	 /* DT_REL */
	case 23:	 /* DT_JMPREL */
	case 36:	 /* DT_RELR */
	case 0x6ffffef5: /* DT_GNU_HASH */
	case 0x6ffffff0: /* DT_VERSYM */
		value &= 0xfff;
		break;
	default:
		break;
	}
	uint64_t mixed = (hash ^ (uint64_t)tag * UINT64_C(0x9e3779b97f4a7c15)) +
			 value * UINT64_C(0xff51afd7ed558ccd);
	mixed *= UINT64_C(0xc4ceb9fe1a85ec53);
	return (uint32_t)(mixed >> 32 ^ mixed);
}

#ifdef __cplusplus
}
#endif

#endif
