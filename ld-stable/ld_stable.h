/* ld_stable.h - the data and the parts of ld-stable.
 *
 * One file, two roles, two mappings of it in a process (docs/start.md):
 *
 * - The interpreter (interpreter.c) is started by the kernel as PT_INTERP or as a program. It reads
 *   the environment and the auxiliary vector (environment.c), finds the application's manifest in
 *   the epoch image (image.c, trust.c), hands the real ld.so altered program headers and dynamic
 *   section (handover.c), maps the real ld.so and enters it (loader.c).
 * - The hook (hook.c) runs in a second mapping, which the real ld.so loads as one more library. It
 *   finds the interpreter's `struct handover` through the altered dynamic section, checks that
 *   every object is the recorded one (applied.c), and applies the mapping (relocate.c) or, under
 *   `matr verify`, compares it with what ld.so wrote (verify.c). If the application has closures,
 *   it goes on to watch what is loaded later (closure.c).
 *
 * No part of it allocates, none has mutable state of its own: what the roles share is in the
 * handover. A function that can end in a plain start returns the reason, a string, or NULL.
 */
#ifndef LD_STABLE_H
#define LD_STABLE_H

#include <matr/image_format.h>

#include "machine.h"

/* References among ld-stable's files must not go through the GOT: nobody relocates it. */
#pragma GCC visibility push(hidden)

/* ---- what the kernel gave: environment.c ---- */

struct start {
	long *stack; /* argc, argv, NULL, envp, NULL, auxv */
	char **argv, **envp;
	Elf64_auxv_t *auxv;
	/* entries of auxv; NULL where the kernel gave none */
	Elf64_auxv_t *phdr, *phnum, *base, *entry, *execfn;
	uint64_t sysinfo_ehdr; /* the vDSO; 0: none */
	uint32_t uid, euid;
	bool secure;
	bool debug;    /* LD_STABLE_DEBUG=1 */
	int verify_fd; /* LD_STABLE_VERIFY; -1: not under `matr verify` */
	const char *
		verify_loads; /* LD_STABLE_VERIFY_LOADS, a file; NULL: not under `matr verify --loads` */
	bool bind_now;	      /* LD_BIND_NOW=1, which only goes with verify */
	const char *
		library_path; /* the variable LD_LIBRARY_PATH, name included; NULL: unset or empty */
};

/* False: what the kernel always gives is missing. */
bool start_read(struct start *start, long *stack);

/* A variable that changes the scope, the binding or the output; NULL: none. */
const char *environment_reason(const struct start *start);

/* LD_LIBRARY_PATH has to be exactly what the mapping is for. NULL: it is. */
const char *library_path_reason(const struct start *start, const char *recorded);

/* Remove the first `count` arguments, which are not the program's. The stack pointer stays. */
void start_drop_arguments(struct start *start, int count);

/* ---- files: file.c, trust.c ---- */

struct file_status {
	uint64_t device, inode, size;
	int64_t mtime; /* nanoseconds */
	uint32_t mode, uid;
};

bool file_status(const char *path, struct file_status *status);
bool file_status_fd(int fd, struct file_status *status);
long file_open(const char *path); /* for reading; -errno */

/* Returns why the image's file (its status given) or a directory above it is not to be trusted. */
const char *trust_reason(const char *path, const struct file_status *status, uint32_t euid);

/* Does the file belong to root or the caller, and may only they write it? Not its directories. */
bool file_is_trusted(const struct file_status *status, uint32_t euid);

/* ---- the program the mapping is for ---- */

struct program {
	const Elf64_Phdr *phdr;
	size_t phnum;
	uint64_t base; /* load address: 0 for ET_EXEC */
	uint64_t entry;
	const Elf64_Dyn *dynamic;
	const char *interpreter; /* PT_INTERP; NULL: none */
	const unsigned char *build_id;
	size_t build_id_size;
	bool by_name; /* started as `ld-stable PROGRAM` */
};

/* ---- the image: image.c, cpu_level.c ---- */

struct image {
	const struct matr_image_header *header; /* the whole file, mapped read-only */
	const struct matr_image_manifest *manifest;
};

static inline const void *image_at(const struct image *image, uint64_t offset)
{
	return (const char *)image->header + offset;
}

static inline const struct matr_image_object *image_objects(const struct image *image)
{
	return image_at(image, image->manifest->objects);
}

const char *image_open(struct image *image, const struct matr_loader_config *config,
		       const struct start *start);
/* Sets image->manifest. *object: what the reason is about, in the image; left alone if it is about
 * the program. */
const char *image_find(struct image *image, const struct start *start,
		       const struct program *program, const char **object);

uint32_t cpu_level(void); /* 1 to 4: x86-64 to x86-64-v4 */

/* ---- from interpreter to hook: handover.c ---- */

#define HANDOVER_TAG INT64_C(0x6d617472) /* in the OS-specific range of d_tag; ld.so skips it */
uint64_t handover_magic(void);		 /* another one in every build of ld-stable */

struct link_map_public { /* <link.h> struct link_map, the part that is ABI */
	uint64_t l_addr;
	char *l_name;
	Elf64_Dyn *l_ld;
	struct link_map_public *l_next, *l_prev;
};

struct r_debug_public { /* <link.h> struct r_debug */
	int r_version;
	struct link_map_public *r_map;
	uint64_t r_brk;
	int r_state;
	uint64_t r_ldbase;
};

/* Followed by the arrays it points to. */
struct handover {
	uint64_t magic;
	struct image image;
	uint64_t sysinfo_ehdr;
	bool debug;
	bool bind_now;
	bool checked; /* verify: the hook found every object to be the recorded one */
	int verify_fd;
	const char *verify_loads;
	/* The application's own, to be given back once ld.so has read the copies. */
	Elf64_auxv_t *auxv_phdr;
	uint64_t phdr;
	Elf64_Dyn *dynamic;
	const char *interpreter; /* its PT_INTERP */
	const char *loader;	 /* the name that ld.so has for itself instead */
	/* The copies. */
	Elf64_Phdr *phdr_copy;
	Elf64_Dyn *dynamic_copy;
	size_t n_needed_copy; /* DT_NEEDED entries it opens with, then the private tag */
	/* Filled by the hook, one per object of the scope. bases goes on with the loaded objects. */
	uint64_t *bases;
	Elf64_Dyn **dynamics;
	/* What is loaded later: closure.c. */
	struct loaded_object *loaded; /* manifest's n_loaded */
	const struct r_debug_public *link;
	struct link_map_public
		*last; /* of the objects that were there at the start; never unloaded */
	struct link_map_public *tail; /* of the objects that are there; NULL: not known */
	uint32_t generation;	      /* counts what was loaded */
	bool closures_checked;	      /* against their checksum */
	const struct matr_image_closure
		*compared; /* to be, by the next initialiser: closure_verify.c */
};

/* A loaded object of the manifest, as of the handover's generation `seen`. */
struct loaded_object {
	struct link_map_public *map;
	Elf64_Dyn *dynamic;
	uint64_t initialiser; /* its own: closure_verify.c */
	uint32_t seen;
	bool fresh; /* loaded just now */
};

const char *handover_make(struct handover **out, const struct start *start,
			  const struct program *program, const struct image *image,
			  const struct matr_loader_config *config, const char *loader);
struct handover *handover_find(void);
const struct r_debug_public *handover_debug(const struct handover *handover);
void give_back(struct handover *handover, struct link_map_public *maps);

bool is_ld_stable(uint64_t base); /* and of this very build */

/* Check the file that DT_NEEDED will name: ld.so stops at one that is missing or damaged, and with
 * it every program. NULL: it is of this very build, and root's or the caller's. */
const char *self_reason(const char *self, uint32_t euid);

/* ---- are the objects the recorded ones: applied.c ---- */

struct surprise {
	const char *what, *object;
};
const char *object_reason(const struct link_map_public *map, const struct matr_image_object *object,
			  const struct image *image);
/* Fill bases and dynamics; `surprise` names the object that is not as recorded. */
bool objects_are_recorded(struct handover *handover, struct link_map_public *maps,
			  struct surprise *surprise);

/* ---- writing words: relocate.c, populate.c ---- */

void relocate_all(const struct handover *handover);
void relocate_object(const struct handover *handover, const struct matr_image_object *object,
		     uint32_t index);
void leave_residual(struct handover *handover);
void leave_residual_of(const struct image *image, const struct matr_image_object *object,
		       Elf64_Dyn *dyn, uint64_t base);
uint64_t call_resolver(uint64_t address);

void populate(uint64_t start, uint64_t size);

/* ---- comparing them instead: verify.c, closure_verify.c ---- */

/* Compare every slot with what the mapping would have written, report, and exit. */
_Noreturn void verify_and_exit(const struct handover *handover);

/* The same for a closure: compare when ld.so has relocated the objects just loaded, and go on.
 * `initialisers`: the functions that stand in for theirs (arch/.../initialisers.S). Returns why
 * not. */
const char *closure_verify(struct handover *handover, const struct matr_image_closure *closure,
			   uint64_t initialisers);
void closure_not_verified(const struct handover *handover, const char *root, const char *reason,
			  const char *object);

/* ---- what is loaded later: closure.c ---- */

/* From now on apply the closures' mappings when they are loaded. */
void closures_follow(struct handover *handover, struct link_map_public *maps);

/* ---- the real ld.so: loader.c, redirect.c, config.c ---- */

struct elf_file { /* an ELF file mapped as the kernel would */
	uint64_t base;
	uint64_t entry;
	uint64_t phdr;
	size_t phnum;
	uint64_t start, size; /* the address range it takes */
};

/* Map the segments of the ELF file at path. */
const char *elf_file_map(const char *path, struct elf_file *out);

/* Make the empty function jump to the target. Returns false if that is not possible; then nothing is
 * written. */
bool redirect(unsigned char *function, const void *target);

extern const struct matr_loader_config config_stamped;

/* ---- the rest: line.c, report.c, string.c ---- */

struct line { /* text in the making; longer text is cut */
	char text[512];
	size_t length;
};
void line_text(struct line *line, const char *text);
void line_number(struct line *line, uint64_t number);
void line_hex(struct line *line, uint64_t number);
void line_write(struct line *line, int fd); /* adds the newline */

/* "ld-stable: plain start: WHAT: OBJECT" if asked for. Under verify write it there and exit. */
void report_plain(bool debug, int verify_fd, const char *what, const char *object);
void report_applied(const struct handover *handover);
/* `closure` NULL: it is left to ld.so, for that reason. */
void report_closure(const struct handover *handover, const char *root,
		    const struct matr_image_closure *closure, const char *reason,
		    const char *object);
_Noreturn void report_fatal(const char *what, const char *object);

size_t string_length(const char *text);
bool string_equal(const char *a, const char *b);
bool string_starts(const char *text, const char *prefix);
bool bytes_equal(const void *a, const void *b, size_t size);
void bytes_copy(void *target, const void *source, size_t size);
void words_copy(uint64_t *target, const uint64_t *source, size_t n);

static inline uint64_t page_down(uint64_t address)
{
	return address & ~UINT64_C(4095);
}

static inline uint64_t page_up(uint64_t address)
{
	return page_down(address + 4095);
}

#pragma GCC visibility pop

#endif
