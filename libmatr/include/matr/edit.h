/* edit.h - edits of relocation mappings: a binding goes to another provider than ld.so would
 * choose.
 *
 * An edit says: in these programs, the bindings of these objects to this symbol go to that library.
 * It changes no file and no environment variable: the binding is another word in the mapping, and a
 * library that the program does not have is added at the end of its scope. Edits are rows of the
 * store's table `edits`. Every epoch that begins applies them and records whether each could be
 * applied. docs/edit.md has the rules.
 *
 * Errors of all functions: those of matr/store.h.
 */
#ifndef MATR_EDIT_H
#define MATR_EDIT_H

#include <linux/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <matr/mapping.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_epoch;
struct matr_store;

/* A row. Strings are allocated by malloc(); NULL if the column is NULL. */
struct matr_edit {
	int64_t id;
	char *program; /* canonical path, name without a slash, or a pattern (fnmatch(3)) */
	char *symbol;  /* exact name */
	char *version; /* the version that the reference asks for; NULL: any */
	/* The objects whose references are meant: a path, soname, file name, or a pattern of these.
	 * NULL: all objects except the library and what comes into the scope with it. */
	char *requester;
	char *library;	 /* path, or a name as in DT_NEEDED, found as for the program */
	char *to_symbol; /* SYMBOL or SYMBOL@VERSION in the library; NULL: same name and version */
	char *author, *reason;
	int64_t time; /* seconds since 1970 */
	/* In the last epoch: new, applied, partly, failed. "forced": new, and not to be tried. */
	char *state;
	char *complaint; /* why it is not applied everywhere; NULL: it is */
	/* In the newest epoch: */
	size_t programs, bindings;
};

/* List all edits, by id.
 * *out belongs to the caller: matr_edits_free(). */
MATR_API int matr_store_edits(struct matr_store *store, struct matr_edit **out, size_t *n,
			      struct matr_error *err);
MATR_API void matr_edits_free(struct matr_edit *edits, size_t n);

/* Test whether the edit names one program, rather than covering several by a pattern. */
MATR_API bool matr_edit_names(const struct matr_edit *edit);

/* Test whether the program is one that edits never apply to. These are MatR's own, shells, package
 * managers, init, and programs that repair a system whose programs do not start. docs/edit.md has
 * the list.
 * program: its canonical path. */
MATR_API bool matr_edit_is_protected(const char *program);

/* List the symbols of a family: functions that only work together, because one takes back what
 * another hands out. There are "malloc" and "new" (C++'s operator new and delete).
 * Returns NULL if there is no such family. The list is never freed. */
MATR_API const char *const *matr_edit_family(const char *name, size_t *n);

/* Add to the message of an edit that failed the names nearest to the one that is missing: its
 * requester, its symbol, its library, or the definition in that. Without a near name the message is
 * unchanged.
 * store: its newest epoch is searched for a pattern of programs; NULL: patterns are not
 * searched. */
MATR_API void matr_edit_add_nearest(struct matr_store *store, const struct matr_edit *edit,
				    struct matr_error *err);

/* A binding that an edit has changed. */
struct matr_edited_binding {
	uint32_t object;     /* scope index of the requester */
	uint32_t relocation; /* of the object */
	int64_t edit;
	struct matr_binding original; /* what ld.so binds; indices as in the mapping */
};

/* List the bindings of an application that edits changed, by object and relocation.
 * *out belongs to the caller: free(). */
MATR_API int matr_store_edited(struct matr_store *store, int64_t application,
			       struct matr_edited_binding **out, size_t *n, struct matr_error *err);

/* Find the edited binding of a relocation. Returns NULL if it was not edited. */
MATR_API const struct matr_edited_binding *matr_edited_find(const struct matr_edited_binding *list,
							    size_t n, uint32_t object,
							    uint32_t relocation);

/* An edit that could not be applied to a program in an epoch. */
struct matr_edit_failure {
	int64_t edit;
	char *program;
	char *reason;
	bool expected; /* no complaint: a secure-execution program that only a pattern covers */
};

/* List the failures of an epoch.
 * *out belongs to the caller: matr_edit_failures_free(). */
MATR_API int matr_store_edit_failures(struct matr_store *store, int64_t epoch,
				      struct matr_edit_failure **out, size_t *n,
				      struct matr_error *err);
MATR_API void matr_edit_failures_free(struct matr_edit_failure *failures, size_t n);

/* ---- in an epoch that is being begun (matr/epoch.h): permanent with its commit ---- */

/* Add an edit, before the epoch's first step. Strings are copied; id, state and the fields behind
 * it are ignored.
 * *id (may be NULL) receives the edit's id. */
MATR_API int matr_epoch_add_edit(struct matr_epoch *epoch, const struct matr_edit *edit,
				 int64_t *id, struct matr_error *err);

/* Remove an edit, before the epoch's first step.
 * Errors: NOT_FOUND (there is none with the id). */
MATR_API int matr_epoch_remove_edit(struct matr_epoch *epoch, int64_t id, struct matr_error *err);

/* Leave an edit out of this epoch, before the epoch's first step: it fails in every program that it
 * concerns, with that reason. */
MATR_API int matr_epoch_leave_out(struct matr_epoch *epoch, int64_t edit, const char *reason,
				  struct matr_error *err);

/* Get all edits and their states, after the last step. Before the first step the states are those
 * of the epoch before. The list belongs to the epoch. */
MATR_API const struct matr_edit *matr_epoch_edits(const struct matr_epoch *epoch, size_t *n);
/* Get the failures of this epoch, after the last step. The list belongs to the epoch. */
MATR_API const struct matr_edit_failure *matr_epoch_edit_failures(const struct matr_epoch *epoch,
								  size_t *n);

/* A program with edited bindings, to be started before the epoch is in force. */
struct matr_trial_program {
	char *path;
	char *library_path; /* LD_LIBRARY_PATH that its mapping is for; NULL: none */
	int64_t *edits;	    /* those that changed a binding of it */
	size_t n_edits;
	char *torn; /* why a part of an allocator goes to another library; NULL: none does */
};

struct matr_trial {
	char prefix[PATH_MAX]; /* the epoch is in force for this one */
	struct matr_trial_program *programs;
	size_t n;
	size_t edited; /* programs with edited bindings; `programs` is a sample of them */
};

/* Put the epoch in force for a prefix of its own, in which programs can be started to try its
 * edits, and choose these programs. After the last step, before the commit. The prefix is
 * removed when the epoch is committed or closed.
 * edits: only programs with one of these edits, n_edits of them; NULL: with any.
 * limit: of more programs a sample is taken, in which every edit of every object occurs as far as
 * the limit allows. Programs that were carried over are left out.
 * *out belongs to the caller: matr_trial_free(). No programs: there is nothing
 * to try, and no prefix. */
MATR_API int matr_epoch_trial(struct matr_epoch *epoch, const int64_t *edits, size_t n_edits,
			      size_t limit, struct matr_trial *out, struct matr_error *err);
MATR_API void matr_trial_free(struct matr_trial *trial);

/* ---- without an epoch ---- */

/* Add and remove edits for the next epoch to apply. Waits for the prefix's lock.
 * add: their states are recorded; NULL is "new". */
MATR_API int matr_edits_record(const char *prefix, const struct matr_edit *add, size_t n_add,
			       const int64_t *remove, size_t n_remove, struct matr_error *err);

#ifdef __cplusplus
}
#endif

#endif
