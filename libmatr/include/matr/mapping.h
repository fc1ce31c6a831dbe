/* mapping.h - the relocation mapping of one application: its scope and every binding.
 *
 * A mapping is plain data: the resolver makes it from ELF files, the store keeps it and gives it
 * back, the image compiler turns it into what ld-stable applies. It refers to objects that it does
 * not own, since many applications share them; they must outlive it.
 */
#ifndef MATR_MAPPING_H
#define MATR_MAPPING_H

#include <matr/object.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Origin of an object's path; names as in ld.so(8). */
enum matr_search_rule {
	MATR_FOUND_APPLICATION,	 /* the application itself */
	MATR_FOUND_PRELOAD,	 /* /etc/ld.so.preload */
	MATR_FOUND_PATH,	 /* DT_NEEDED held a slash */
	MATR_FOUND_RPATH,	 /* DT_RPATH */
	MATR_FOUND_RUNPATH,	 /* DT_RUNPATH */
	MATR_FOUND_CACHE,	 /* /etc/ld.so.cache */
	MATR_FOUND_DEFAULT,	 /* default directories */
	MATR_FOUND_INTERPRETER,	 /* the dynamic linker, loaded by the kernel */
	MATR_FOUND_LIBRARY_PATH, /* LD_LIBRARY_PATH, as configured */
	MATR_FOUND_EDIT,	 /* an edit adds it (matr/edit.h) */
	MATR_FOUND_LOADED,	 /* nowhere; another dlopen() brings it */
	MATR_FOUND_RULES,	 /* how many rules there are */
};

/* The rule's name as messages have it: "default directories". */
MATR_API const char *matr_search_rule_name(enum matr_search_rule rule);

struct matr_scope_entry {
	struct matr_object *object; /* not owned */
	/* As found, absolute: ld.so's l_name. For the application its canonical path, for the
	 * interpreter its PT_INTERP string. */
	char *path;
	enum matr_search_rule rule;
	uint32_t loaded_by; /* scope index of the object whose DT_NEEDED brought it in first */
	const char
		*needed_as; /* that DT_NEEDED string (belongs to loaded_by's object); else NULL */
};

/* Providers that are no scope index. */
#define MATR_PROVIDER_NONE	UINT32_C(0xffffffff) /* the relocation has no symbol */
#define MATR_PROVIDER_WEAK_NULL UINT32_C(0xfffffffe) /* weak, defined nowhere: value 0 */
#define MATR_PROVIDER_UNDEFINED UINT32_C(0xfffffffd) /* strong, defined nowhere */

/* The binding of one relocation. */
struct matr_binding {
	uint32_t provider; /* a scope index, or MATR_PROVIDER_* */
	uint32_t symbol;   /* index into the provider's symbols; 0 without a provider */
};

struct matr_mapped_object {
	/* Parallel to the object's relocations. All MATR_PROVIDER_NONE for the dynamic linker,
	 * which relocates itself and does not show that among the bindings. */
	struct matr_binding *bindings;
};

enum {
	MATR_MAPPING_USES_ORIGIN = 1 << 0, /* $ORIGIN of the application took part in the search */
	/* A glibc-hwcaps or legacy hwcap directory that exists was searched: another CPU may
	 * find other files. */
	MATR_MAPPING_USES_CPU = 1 << 1,
	/* Some library is not world-readable: users who cannot read it may find other files. */
	MATR_MAPPING_PRIVATE = 1 << 2,
	/* Bindings are not ld.so's: for the application at this path, not for copies of it. */
	MATR_MAPPING_EDITED = 1 << 3,
};

struct matr_mapping {
	uint32_t flags;			/* MATR_MAPPING_* */
	struct matr_scope_entry *scope; /* [0] is the application; breadth-first as ld.so has it */
	struct matr_mapped_object *objects; /* parallel to scope */
	size_t n_scope;
	uint32_t interpreter; /* scope index of the dynamic linker, n_scope if not in scope */
	/* Every directory in which a name was looked up to reach a file of the scope: the
	 * directory of the path as found, of every symbolic link on the way, and of the final
	 * file. While none of their mtimes (nanoseconds) changes, no file of the scope was
	 * replaced by name. */
	struct matr_directory {
		char *path;
		int64_t mtime;
	} * directories;
	size_t n_directories;
	char *library_path; /* the LD_LIBRARY_PATH it is valid for; NULL: none */
};

/* Free a mapping, without its objects. NULL is allowed. */
MATR_API void matr_mapping_free(struct matr_mapping *mapping);

/* A closure: the objects that dlopen() of one library brings into an application's process. Its
 * mapping's scope is the application's (n_start entries), then the new objects: the root, and
 * what it needs, breadth-first. That is the order in which ld.so looks up their symbols: first
 * in the scope of the start, then in that of the root. Only the new objects have bindings. */
struct matr_closure {
	struct matr_mapping *mapping; /* its directories are those that the closure adds */
	uint32_t n_start;
	/* The program is known to load it with RTLD_NOW. Otherwise functions may be bound when
	 * they are first called, and another library may have been loaded by then. */
	bool now;
	const char *reason; /* why it is not in the image; NULL: it is */
};

/* Free the closures' mappings and the list. */
MATR_API void matr_closures_free(struct matr_closure *closures, size_t n);

/* Test whether the reference is looked up in the scope. STB_LOCAL and STV_HIDDEN or STV_INTERNAL
 * references bind to the object itself without a lookup. ld.so does not show them as bindings. */
MATR_API bool matr_symbol_is_looked_up(const struct matr_symbol *reference);

#ifdef __cplusplus
}
#endif

#endif
