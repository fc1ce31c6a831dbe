/* loader_format.h - the interpreter file, what libmatr writes into it and ld-stable reads.
 *
 * The file that stands in ld.so's place is the real ld.so with ld-stable behind it:
 *
 *	0		ld.so's segments at their own addresses; file offset = address throughout.
 *			Changed: e_entry (ld-stable's), e_phoff, e_phnum, the program header table,
 *			the system-call sites listed in struct matr_sites, and .eh_frame, which
 *			has ld-stable's entries behind its own.
 *	base		ld-stable's data, in one writable PT_LOAD with ld.so's own
 *	base + data	ld-stable's text and read-only data, the last PT_LOAD, whole pages
 *	not loaded	ld.so's other sections, section headers
 *
 * ld-stable is linked at 0, data first, and needs no relocation as the interpreter. `base` is a
 * multiple of a page and the same for every start: ld.so's ELF header is at ld-stable's
 * __ehdr_start + config.embedded, which is -base. Its entry point, an offset from there, is
 * config.loader_entry. (struct matr_loader_config, matr/image_format.h)
 *
 * The header is freestanding: no libc, only <stddef.h> and <stdint.h>.
 */
#ifndef MATR_LOADER_FORMAT_H
#define MATR_LOADER_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include <matr/image_format.h>

#define MATR_CONFIG_MAGIC UINT64_C(0x464e4f435254414d) /* "MATRCONF" */
#define MATR_CONFIG_PATH  1024			       /* bytes, the NUL included */

/* Stamped into each copy of ld-stable. A loader cannot take paths from its environment. */
struct matr_loader_config {
	uint64_t magic;
	uint32_t format; /* MATR_IMAGE_FORMAT: an ld-stable reads its own version only */
	uint32_t reserved;
	/* In the interpreter file only: ld.so's ELF header relative to that of ld-stable, a
	 * negative number (0: there is no ld.so), and the file it was taken from. */
	int64_t embedded;
	uint64_t loader_size;	       /* bytes */
	int64_t loader_mtime;	       /* nanoseconds since 1970 */
	uint64_t loader_hash;	       /* matr_image_checksum64() of its bytes */
	char prefix[MATR_CONFIG_PATH]; /* absolute, canonical */
	char self[MATR_CONFIG_PATH];   /* this copy of ld-stable */
	char loader[MATR_CONFIG_PATH]; /* the real ld.so where ld-stable stands in its place */
	char image[MATR_CONFIG_PATH];  /* the epoch image */
	/* Also in the interpreter file only. */
	uint64_t loader_entry; /* ld.so's own entry point, relative to its ELF header */
	char unserved[256];    /* why none of its system-call sites is replaced; "": all are */
	uint64_t debug;	       /* its _r_debug, relative to its ELF header; 0: not found */
};

/* Place for the notes of what programs with MATR_MANIFEST_RECORD load: files in a directory of the
 * prefix, named by the manifest's key and a number. */
#define MATR_NOTED_DIRECTORY "noted"
#define MATR_NOTED_FILES     16		 /* for one program */
#define MATR_NOTED_SIZE	     (256 << 10) /* bytes; nothing is added to a file that is larger */

/* Exchange of ld-stable and libmatr to make a CPU record (struct matr_image_cpu), in a file
 * whose descriptor LD_STABLE_CPU names: at 0 a record to try, its n_words words behind it; from
 * MATR_CPU_DATA on ld-stable writes this, followed by `size` bytes of ld.so's data. */
#define MATR_CPU_DATA 65536

struct matr_cpu_data {
	uint64_t loader;	  /* load address of ld.so */
	uint64_t vaddr, size;	  /* what was written of it, relative to that; bytes */
	uint64_t hwcap, platform; /* as the kernel gave them */
	struct matr_image_cpu_identity identity;
};

#define MATR_SITES_MAGIC UINT64_C(0x534554495352544d) /* "MTRSITES" */
#define MATR_SITES_MAX	 32			      /* sites in one ld.so; 2.44 has 18 */

/* System call of a site. Every call of these kinds in ld.so is a site, including those that are
 * never used for libraries: the handler decides by the arguments. */
enum matr_site_kind {
	MATR_SITE_NONE,
	MATR_SITE_OPENAT,
	MATR_SITE_READ,
	MATR_SITE_PREAD,
	MATR_SITE_FSTAT,      /* from glibc 2.39 on */
	MATR_SITE_NEWFSTATAT, /* before */
	MATR_SITE_MMAP,
	MATR_SITE_MUNMAP,
	MATR_SITE_MPROTECT,
	MATR_SITE_CLOSE,
	MATR_SITE_ACCESS,
	MATR_SITE_SET_TID_ADDRESS, /* exactly one */
	MATR_SITE_KINDS,
};

/* One replaced site. Addresses are offsets from ld.so's ELF header. */
struct matr_site {
	uint32_t address; /* where the jump to the thunk is */
	uint32_t back;	  /* where the thunk returns to: `address` and the replaced instructions */
	uint32_t call;	  /* where the system call instruction was */
	uint16_t kind;	  /* enum matr_site_kind */
	uint16_t number;  /* system call number */
};

/* In ld-stable's read-only data (arch/.../sites.S), found by its magic number at a multiple of 8.
 *
 * The thunks are n_slots slots of slot_size bytes, the first at the address of `slots` plus its
 * value. Site i uses slot i. The assembler has made each whole except for three places, which
 * libmatr fills; sizes and places are bytes, counted from the start of the slot:
 *
 *	before	room for the replaced instructions up to the system call
 *	after	room for those behind it
 *	back	a jump back to ld.so
 *
 * Instructions are copied as they are, so they must not depend on their address. */
struct matr_sites {
	uint64_t magic;
	int32_t slots;
	uint16_t slot_size, n_slots;
	uint16_t before, before_size;
	uint16_t after, after_size;
	uint16_t back, back_size;
	uint32_t n_sites; /* 0: this ld.so's sites are not replaced, see config.unserved */
	struct matr_site sites[MATR_SITES_MAX];
};

#endif
