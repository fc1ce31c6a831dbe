/* ld_stable.h - the data and the parts of ld-stable.
 *
 * ld-stable is what the kernel enters instead of ld.so. One file holds both (matr/loader_format.h).
 *
 * - The interpreter (interpreter.c) reads what the kernel gave (environment.c), finds the
 *   application's manifest in the epoch image (image.c, trust.c), maps its libraries where the
 *   layout has them (place.c), makes the copies that ld.so will be shown (handover.c), and enters
 *   ld.so (loader.c).
 * - ld.so's file calls come back here and are answered from memory (serve.c).
 * - The hook (hook.c) completes the application when ld.so has mapped everything.
 * - Under `matr verify` ld.so maps and relocates by itself, at the same bases, and each word is
 *   compared (verify.c).
 * - When `matr rebind` tries an edit, the program starts as usual and ends at its main() (trial.c).
 *
 * Until ld.so is entered, everything can be undone: a function that can end in a plain start
 * returns the reason, a string, or NULL. No part allocates but by mmap. Mutable state: one struct
 * served.
 */
#ifndef LD_STABLE_H
#define LD_STABLE_H

#include <matr/image_format.h>
#include <matr/loader_format.h>

#include "machine.h"

/* References among ld-stable's files must not go through the GOT, which is not relocated. */
#pragma GCC visibility push(hidden)

/* ---- the kernel's input: environment.c ---- */

struct start {
	long *stack; /* argc, argv, NULL, envp, NULL, auxv */
	char **argv, **envp;
	Elf64_auxv_t *auxv;
	/* entries of auxv; NULL where the kernel gave none */
	Elf64_auxv_t *phdr, *phnum, *base, *entry, *execfn;
	Elf64_auxv_t *hwcap, *hwcap2, *platform, *minsigstksz;
	uint64_t vdso; /* AT_SYSINFO_EHDR; 0: none */
	uint32_t uid, euid;
	bool secure;
	const char *plain;	  /* why it is started again, for a plain start; NULL: it is not */
	bool tunables;		  /* GLIBC_TUNABLES is set */
	bool debug;		  /* LD_STABLE_DEBUG=1 */
	bool debug_plain;	  /* LD_STABLE_DEBUG=plain, which is for this process only */
	bool bind_now;		  /* LD_BIND_NOW=1, which only goes with verify */
	int verify_fd;		  /* LD_STABLE_VERIFY; -1: not under `matr verify` */
	const char *verify_loads; /* LD_STABLE_VERIFY_LOADS, a file; NULL: none */
	int cpu_fd;		  /* LD_STABLE_CPU: make a CPU record; -1: do not */
	int trial_fd;		  /* LD_STABLE_TRIAL=FD: end at main(); -1: do not */
	bool trial_plain;	  /* LD_STABLE_TRIAL=FD,plain: the same without the mapping */
	const char *record;	  /* LD_STABLE_RECORD, a file: note what is loaded; NULL: do not */
	const char *library_path; /* the variable LD_LIBRARY_PATH, name included; NULL: none */
};

/* Returns false if something is missing that the kernel always gives. */
bool start_read(struct start *start, long *stack);

/* Returns a variable that changes the scope, the binding or the output; NULL: none. */
const char *environment_reason(const struct start *start);

/* Compare LD_LIBRARY_PATH with the one that the mapping is for. NULL: it is the same. */
const char *library_path_reason(const struct start *start, const char *recorded);

/* Remove the first `count` arguments, which are not the program's. The stack pointer stays. */
void start_drop_arguments(struct start *start, int count);

/* ---- files: file.c, trust.c ---- */

struct file_status {
	struct matr_image_file file;
	uint32_t mode, uid;
};

bool file_status(const char *path, struct file_status *status);
bool file_status_fd(int fd, struct file_status *status);
long file_open(const char *path); /* for reading; -errno */
void file_close(long fd);
bool file_size_is_limited(void); /* RLIMIT_FSIZE */

/* Test whether the file is the recorded one. For portable images only the size is compared. */
bool file_is_recorded(const struct file_status *status, const struct matr_image_file *file,
		      uint32_t image_flags);

/* Get the reason why the image's file or a directory above it is not to be trusted; NULL if all are
 * trusted. */
const char *trust_reason(const char *path, const struct file_status *status, uint32_t euid);

/* ---- the application ---- */

struct program {
	const Elf64_Phdr *phdr;
	size_t phnum;
	uint64_t base; /* load address: 0 for ET_EXEC */
	const Elf64_Dyn *dynamic;
	const char *interpreter; /* PT_INTERP; NULL: none */
	const unsigned char *build_id;
	size_t build_id_size;
	bool by_name;		 /* started as `ld-stable PROGRAM` */
	struct file_status file; /* by_name only: of the file that was mapped */
};

/* ---- the mapping served in this process ---- */

/* Base addresses of words (MATR_BASE_*). */
struct bases {
	uint64_t place, application, loader;
};

struct r_debug_public;
struct link_map_public;

struct served {
	struct bases bases;
	const struct matr_image_header *header; /* at the place */
	const struct matr_image_manifest *manifest;
	const struct matr_image_object *objects; /* the manifest's */
	long image_fd;				 /* until the libraries are mapped */
	uint32_t n_answered;			 /* calls of ld.so */
	uint32_t next; /* scope index of the object that ld.so is expected to open next */
	uint64_t vdso;
	/* chain.c: what is out of ld.so's list, where that ends meanwhile, and the object opened
	 * last. */
	struct link_map_public *chain_tail, *chain_first, *chain_last;
	uint32_t chain_index, last_library;
	uint64_t cpu;		  /* offset of the CPU record in the image; 0: none */
	bool cpu_recorded;	  /* ld.so was given a CPU record */
	bool plain;		  /* ld.so does the start, only with a CPU record */
	uint64_t hwcap, platform; /* AT_HWCAP and AT_PLATFORM, as the kernel gave them */
	int cpu_fd;    /* -1: the start is for the program; otherwise to make a CPU record */
	bool in_start; /* ld.so has not set its thread id yet */
	bool debug, bind_now, by_name;
	int verify_fd; /* -1: serve; otherwise let ld.so relocate, and compare */
	/* The application's own, to be given back once ld.so has read the copies. */
	struct start start;
	uint64_t phdr;
	Elf64_Dyn *dynamic;
	bool dynamic_is_writable;
	/* The copies. */
	Elf64_Phdr *phdr_copy;
	Elf64_Dyn *dynamic_copy;
	size_t n_needed_copy; /* entries that dynamic_copy opens with and `dynamic` has not */
	const struct r_debug_public *link; /* ld.so's; set by the hook */
	const char *verify_loads;	   /* a file; NULL: not under `matr verify --loads` */
	struct closures *closures; /* what is loaded later: closure.c; NULL: nothing is recorded */
	/* verify_call()'s: what ld.so has open, and where it is to go. */
	long open_fd;
	uint32_t open_object;
};

static inline const void *at_place(const struct bases *bases, uint64_t offset)
{
	return (const char *)bases->place + offset;
}

static inline uint64_t base_of(const struct bases *bases, uint32_t base, uint64_t own)
{
	switch (base) {
	case MATR_BASE_OWN:
		return own;
	case MATR_BASE_PLACE:
		return bases->place;
	case MATR_BASE_APPLICATION:
		return bases->application;
	case MATR_BASE_LOADER:
		return bases->loader;
	default:
		return 0;
	}
}

/* The library of an object that has one. */
static inline const struct matr_image_library *
object_library(const struct served *served, const struct matr_image_object *object)
{
	const struct matr_image_library *libraries =
		at_place(&served->bases, served->header->libraries);
	return &libraries[object->library];
}

/* False: the application, ld.so. */
static inline bool object_has_library(const struct matr_image_object *object)
{
	return object->library != MATR_IMAGE_NO_LIBRARY;
}

/* Load address of the object at a scope index. */
static inline uint64_t object_base(const struct served *served, uint32_t index)
{
	const struct matr_image_object *object = &served->objects[index];

	if (object_has_library(object))
		return served->bases.place + object_library(served, object)->base;
	return index == 0 ? served->bases.application : served->bases.loader;
}

/* The object of the start at a path, its scope index; 0: none. */
uint32_t object_find(struct served *served, const char *path);

/* The first program header of a type among those that ld.so is shown of a library; NULL: none. */
const Elf64_Phdr *object_segment(const struct served *served,
				 const struct matr_image_object *object, uint32_t type);

/* ---- the image: image.c, content.c, cpu_level.c ---- */

/* Map the image's metadata and find the application. On success header, manifest, objects,
 * bases.place and image_fd (to be closed) are set. Otherwise the caller calls image_unmap(). */
const char *image_find(struct served *served, const struct matr_loader_config *config,
		       const struct start *start, const struct program *program);
void image_unmap(struct served *served);

/* Test whether the object in memory has the recorded content (struct matr_image_content). The
 * object is mapped as the image's segments describe, from the file that is open as `fd`. */
bool content_is_recorded(const struct served *served, uint64_t base, long fd, uint64_t content);
bool content_is_program(const struct served *served, const struct program *program,
			uint64_t content);

uint32_t cpu_level(void); /* 1 to 4: x86-64 to x86-64-v4 */

/* ---- ld.so's knowledge of the CPU: cpu_record.c ---- */

/* Write the image's record to ld.so's data, if it is of this CPU. */
void cpu_record_use(struct served *served);
void cpu_record_give_back(const struct served *served);

/* The same for a plain start, where the image is open, but not mapped. Returns whether it was
 * written: then it is to be given back. */
bool cpu_record_use_plain(struct served *served);

/* Write the record that the file has to ld.so's data, and later report ld.so's data and exit. */
const char *cpu_record_try(struct served *served, int fd);
_Noreturn void cpu_record_report(const struct served *served, int fd);

/* ---- address space: memory.c ---- */

/* Test whether the size of the address space is limited (RLIMIT_AS). */
bool memory_is_limited(void);

/* Map exactly there, over nothing. Returns false, and nothing is mapped, if that cannot be. */
bool memory_map(uint64_t address, uint64_t size, int protection, int flags, long fd,
		uint64_t offset);
void memory_unmap(uint64_t address, uint64_t size);

/* ---- libraries at their place: place.c, populate.c ---- */

const char *place_libraries(struct served *served, const char **culprit);
const char *place_check(const struct served *served, const struct matr_image_object *object);
const char *place_check_libraries(const struct served *served, const char **culprit);
const char *place_library(const struct served *served, const struct matr_image_object *object);
void place_unmap_library(const struct served *served, const struct matr_image_object *object);
void place_unmap(const struct served *served, uint32_t n_objects); /* those before this index */

/* Map the application's pages that are to be written to at once, where there are many, else write
 * to that of the dynamic section. To be called before that is read. If mapping fails, the program
 * starts again. */
void populate_application(const struct served *served, const struct program *program);

/* Make RELRO of the object read-only. */
bool place_protect(const struct served *served, const struct matr_image_object *object);

/* ---- writing words: relocate.c ---- */

void relocate_program(const struct bases *bases, uint64_t own, uint64_t offset);
void relocate_shift(const struct bases *bases, uint64_t own, uint64_t offset, uint64_t distance);
void relocate_copies(const struct served *served);
bool relocate_ifuncs(const struct served *served);
uint64_t call_resolver(uint64_t address);

/* Call the resolver. Returns whether its slots have to be written: the result is another than the
 * recorded one, or none is recorded. */
bool ifunc_changed(const struct served *served, const struct matr_image_ifunc *ifunc,
		   uint64_t *result);

/* Write a word of the object, which may lie in RELRO that is read-only by now. */
bool relocate_slot(const struct served *served, const struct matr_image_object *object,
		   uint64_t base, uint64_t vaddr, uint64_t value);

/* ---- substitutes that ld.so is shown: handover.c ---- */

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

enum { DEBUG_CONSISTENT = 0 }; /* <link.h> RT_CONSISTENT */

/* Test whether dlmopen() has made another namespace. */
static inline bool has_other_namespaces(const struct r_debug_public *debug)
{
	const struct r_debug_extended {
		struct r_debug_public base;
		const struct r_debug_public *r_next;
	} *extended = (const void *)debug;

	return debug->r_version >= 2 && extended->r_next;
}

const char *handover_make(struct served *served, const struct program *program);
const struct r_debug_public *handover_debug(const struct served *served);
void handover_give_back(const struct served *served);

/* ---- while ld.so runs: dispatch.c, serve.c, hook.c, closure.c, verify.c, compare.c ---- */

struct site_call;

/* From now on answer ld.so's calls. `served` is copied. */
void dispatch_start(const struct served *served);
void dispatch_end(void);
void dispatch_auxv(const struct start *start); /* auxv has moved */

void hook(struct served *served);

/* Execute the program again, for a plain start. */
_Noreturn void start_again(const struct served *served, const char *reason, const char *culprit);

/* Make the program end at its main() and report that, if it is started for a trial. `entry` and
 * `start_main` are the functions of trial.S. */
void trial_prepare(const struct start *start, const struct program *program, void (*entry)(void),
		   void (*start_main)(void));
void trial_entry(void);
void trial_start_main(void);

/* Descriptors that no kernel gives out stand for served objects: a scope index is added at the
 * start, the number of a loaded object later. */
#define SERVED_DESCRIPTOR 0x40000000

/* The number that was added, UINT32_MAX if the call's descriptor is another. */
uint32_t serve_descriptor(const struct site_call *call);

/* ld.so opens the object: keep its list of objects short. */
void chain_open(struct served *served, uint32_t index);
void chain_restore(struct served *served);

/* Answer a call of ld.so during the start. */
long serve_call(struct served *served, const struct site_call *call);

/* Answer a call of ld.so for an object that is mapped. SITE_REAL_CALL: it is not for that. */
long serve_object(const struct served *served, const struct matr_image_object *object,
		  const struct site_call *call);

/* Prepare for loads with dlopen(), and answer ld.so's calls for them: closure.c. */
void closures_prepare(struct served *served);
long closure_call(struct served *served, const struct site_call *call);

/* Note what is loaded later: record.c. Only before ld.so runs.
 * program: NULL: /proc/self/exe is it. */
void record_prepare(const struct served *served, const char *program);
bool record_is_on(void);
bool record_is_wanted(void); /* by `matr record`, and not only by the manifest */
/* A call, and what closure_call() has returned. */
long record_call(const struct served *served, const struct site_call *call, long result);

/* Test whether there is a closure with this root. */
bool closure_is_recorded(const struct served *served, const char *path);

long verify_call(struct served *served, const struct site_call *call);
/* Let ld.so map the library that it has open at its base. SITE_REAL_CALL: the call is another. */
long verify_map(struct served *served, const struct matr_image_library *library, long open_fd,
		const struct site_call *call);

struct comparison {
	const struct served *served;
	int fd;
	bool loads; /* name objects by path instead of number */
	uint64_t words, differences;
};
/* Compare a library that ld.so has relocated with what the image has. `ifuncs`: slots are of
 * `index`. */
struct ifunc_list {
	const struct matr_image_ifunc *ifuncs;
	const uint64_t *slots;
	uint32_t n;
};
const char *compare_library(struct comparison *comparison, const struct matr_image_object *object,
			    uint32_t index, const struct ifunc_list *ifuncs, long image_fd);
void compare_application(struct comparison *comparison);
void compare_copies(struct comparison *comparison);
void compare_ifuncs(struct comparison *comparison);
/* Set the application's copy of the dynamic section so that verify's function is its first
 * initialiser. */
void verify_prepare(struct served *served, Elf64_Dyn *preinit, Elf64_Dyn *preinit_size);

/* ---- the real ld.so: loader.c ---- */

struct elf_file { /* an ELF file mapped as the kernel would */
	uint64_t base;
	uint64_t entry;
	uint64_t phdr;
	size_t phnum;
	uint64_t start, size; /* the address range it takes */
	struct file_status status;
};

/* Map the segments of the ELF file at path. */
const char *elf_file_map(const char *path, struct elf_file *out);

extern const struct matr_loader_config config_stamped;

/* ---- the rest: line.c, report.c, string.c ---- */

struct line { /* text in the making; longer text is cut */
	char text[512];
	size_t length;
};
void line_text(struct line *line, const char *text);
void line_number(struct line *line, uint64_t number);
void line_hex(struct line *line, uint64_t number);
void line_write(struct line *line, int fd);				   /* adds the newline */
void line_reason(struct line *line, const char *what, const char *object); /* "WHAT: OBJECT" */

/* "ld-stable: plain start: WHAT: OBJECT" if asked for. With a descriptor (verify, a trial) write
 * it there and exit. */
void report_plain(bool debug, int verify_fd, const char *what, const char *object);
void report_applied(const struct served *served);
struct closure_report {
	const char *root;
	const struct matr_image_closure *closure; /* NULL: it is left to ld.so */
	const char *reason, *culprit;		  /* why */
	uint64_t words, differences;		  /* under `matr verify --loads` */
};
void report_closure(const struct served *served, const struct closure_report *report);
long report_open_loads(const struct served *served); /* to append to; -errno */
_Noreturn void report_fatal(const char *what, const char *object);
_Noreturn void process_exit(int status);

size_t string_length(const char *text);
const char *last_component(const char *path);
bool string_equal(const char *a, const char *b);
bool string_starts(const char *text, const char *prefix);
bool bytes_equal(const void *a, const void *b, size_t size);
void bytes_copy(void *target, const void *source, size_t size);

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
