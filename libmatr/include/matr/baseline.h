/* baseline.h - mappings that a user has signed off, in a text file under version control.
 *
 * The file (docs/baseline.md) has a block per program: the objects of its scope in order, each with
 * the search rule that found it, and its bindings, sorted, one a line. It has nothing that changes
 * without the mapping: no times, inodes, build-ids or addresses. Bindings of an object to itself
 * are left out; if another object takes over such a binding, the file gets a line.
 */
#ifndef MATR_BASELINE_H
#define MATR_BASELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <matr/diff.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_closure;
struct matr_mapping;
struct matr_store;
struct matr_store_closure;

#define MATR_BASELINE_VERSION 1

/* Providers that are no object. No object has such a name, since bindings are compared by name. */
#define MATR_BASELINE_NULL	"null"	    /* weak, and defined nowhere */
#define MATR_BASELINE_UNDEFINED "undefined" /* bound lazily, and defined nowhere */

struct matr_baseline_object {
	/* The name by which bindings refer to it: its soname, or file name; its path if another
	 * object has that name. */
	const char *name;
	const char *path; /* canonical */
	const char *rule; /* matr_search_rule_name() */
	unsigned line;	  /* of the file; 0: it is not from a file */
};

struct matr_baseline_binding {
	const char *requester;	      /* an object's name */
	const char *symbol, *version; /* version "": none asked for */
	const char *provider;	      /* an object's name, or one of the above */
	bool copy;		      /* the reference of a copy relocation */
	unsigned line;
};

/* The start of a program, or a library that it loads later (a closure). */
struct matr_baseline_block {
	const char *load; /* the library that is loaded, its root; NULL: the start */
	struct matr_baseline_object *objects; /* in scope order; of a load: the new ones */
	size_t n_objects;
	struct matr_baseline_binding *bindings; /* sorted, each once */
	size_t n_bindings;
	unsigned line;
};

struct matr_baseline_program {
	const char *path;		    /* canonical */
	struct matr_baseline_block *blocks; /* the start, then loads by root */
	size_t n_blocks;
	unsigned line;
	/* The owners of the strings, if these are not from a file. */
	struct matr_mapping *mapping;
	struct matr_closure *closures;
	size_t n_closures;
	struct matr_store_closure *records;
	size_t n_records;
};

struct matr_baseline {
	bool all; /* every program of the epoch was signed off: another one is a difference */
	struct matr_baseline_program *programs; /* by path */
	size_t n_programs;
	char *text; /* the file; the strings are in it */
};

/* Read an application from the store.
 * Strings belong to *out and to the store: matr_baseline_program_free() before the store is closed.
 * Errors: MALFORMED (the store contradicts itself), those of the store. */
MATR_API int matr_baseline_of_application(struct matr_store *store, int64_t application,
					  struct matr_baseline_program *out,
					  struct matr_error *err);
MATR_API void matr_baseline_program_free(struct matr_baseline_program *program);

/* Write the head of a file. Then write its programs, sorted by path. Check ferror() at the end. */
MATR_API void matr_baseline_write_head(FILE *out, bool all);
MATR_API void matr_baseline_write(FILE *out, const struct matr_baseline_program *program);

/* Read a file.
 * *out belongs to the caller: matr_baseline_free().
 * Errors: MALFORMED (the error's file is then "FILE:LINE"), STATE (a later format), SYSTEM,
 * RESOURCES. */
MATR_API int matr_baseline_read(const char *path, struct matr_baseline **out,
				struct matr_error *err);
MATR_API void matr_baseline_free(struct matr_baseline *baseline);

enum matr_baseline_file {
	MATR_BASELINE_FILE_UNREADABLE = -1, /* *err has the reason */
	MATR_BASELINE_FILE_OTHER,	    /* another file, or a directory */
	MATR_BASELINE_FILE_PRESENT,
	MATR_BASELINE_FILE_EMPTY,
	MATR_BASELINE_FILE_ABSENT,
};

/* Find out what a file is, by its beginning. Errors: SYSTEM. */
MATR_API enum matr_baseline_file matr_baseline_recognize(const char *path, struct matr_error *err);

/* Find the program with that path. Returns NULL if the baseline does not have it. */
MATR_API const struct matr_baseline_program *
matr_baseline_find(const struct matr_baseline *baseline, const char *path);

enum matr_baseline_subject {
	MATR_BASELINE_LOAD,   /* a load as a whole: ADDED or REMOVED */
	MATR_BASELINE_SCOPE,  /* objects of both are in another order; `change` has no meaning */
	MATR_BASELINE_OBJECT, /* MOVED: to another path, or found by another rule */
	MATR_BASELINE_BINDING,
};

struct matr_baseline_change {
	enum matr_baseline_subject subject;
	enum matr_change change;
	const char *load; /* the library whose load it is about; NULL: the start */
	const struct matr_baseline_object *object_before, *object_after;
	const struct matr_baseline_binding *before, *after;
};

/* Compare a program as it was signed off with the same program now.
 * *out belongs to the caller: free(). Its pointers lead into both programs.
 * Errors: RESOURCES. */
MATR_API int matr_baseline_compare(const struct matr_baseline_program *before,
				   const struct matr_baseline_program *after,
				   struct matr_baseline_change **out, size_t *n,
				   struct matr_error *err);

#ifdef __cplusplus
}
#endif

#endif
