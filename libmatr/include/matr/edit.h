/* edit.h - edits of relocation mappings: a binding goes to another provider than ld.so would choose.
 *
 * An edit says: in these programs, what these objects bind of this symbol goes to that library. It changes no file and
 * no environment variable: the binding is another word in the mapping, and a library that the program does not have
 * comes into its scope, behind everything else. Edits are rows of the store's table `edits`; every epoch that begins
 * applies them, and says of each whether it could. docs/edit.md has the rules.
 *
 * Errors of all functions: those of matr/store.h.
 */
#ifndef MATR_EDIT_H
#define MATR_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <matr/mapping.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_epoch;
struct matr_store;

struct matr_edit { /* a row; strings are malloc'ed, NULL where the column is NULL */
	int64_t id;
	char *program; /* canonical path, name without a slash, or a pattern (fnmatch(3)) of either */
	char *symbol;  /* exact name */
	char *version; /* the version that the reference asks for; NULL: any */
	char *requester; /* whose references: path, soname, file name, or a pattern of these; NULL: everybody's
			    but the library's own and those of what comes in with it */
	char *library; /* path, or a name as in DT_NEEDED, searched for as the program would */
	char *to_symbol; /* SYMBOL or SYMBOL@VERSION in the library; NULL: of the same name and version */
	char *author, *reason;
	int64_t time;	 /* seconds since 1970 */
	char *state;	 /* how the last epoch fared: new, applied, partly, failed */
	char *complaint; /* why not everywhere; NULL: nothing is wrong */
	/* In the newest epoch: */
	size_t programs, bindings;
};

/* All edits, by id. *out: matr_edits_free(). */
MATR_API int matr_store_edits(struct matr_store *store, struct matr_edit **out, size_t *n,
			      struct matr_error *err);
MATR_API void matr_edits_free(struct matr_edit *edits, size_t n);

/* Does the edit name one program, rather than cover several by a pattern? */
MATR_API bool matr_edit_names(const struct matr_edit *edit);

/* Where an edit has failed: add to the message of *err which names come near to what it names and is not there: its requester, its
 * symbol, its library, or the definition in that. For a pattern of programs the store's newest epoch is looked at; NULL: it
 * is left as it is, as where nothing is near. */
MATR_API void matr_edit_add_nearest(struct matr_store *store, const struct matr_edit *edit,
				    struct matr_error *err);

struct matr_edited_binding { /* one that an edit has changed */
	uint32_t object;     /* scope index of the requester */
	uint32_t relocation; /* of the object */
	int64_t edit;
	struct matr_binding original; /* what ld.so binds; indices as in the mapping */
};

/* What edits changed in an application's mapping, by object and relocation. *out: free(). */
MATR_API int matr_store_edited(struct matr_store *store, int64_t application,
			       struct matr_edited_binding **out, size_t *n, struct matr_error *err);

/* The one for a relocation; NULL: it was not edited. */
MATR_API const struct matr_edited_binding *matr_edited_find(const struct matr_edited_binding *list,
							    size_t n, uint32_t object,
							    uint32_t relocation);

struct matr_edit_failure { /* an edit that could not be applied to a program in an epoch */
	int64_t edit;
	char *program;
	char *reason;
	bool expected; /* set-user-ID and its like, of which only a pattern speaks: no complaint */
};

/* *out: matr_edit_failures_free(). */
MATR_API int matr_store_edit_failures(struct matr_store *store, int64_t epoch,
				      struct matr_edit_failure **out, size_t *n,
				      struct matr_error *err);
MATR_API void matr_edit_failures_free(struct matr_edit_failure *failures, size_t n);

/* ---- in an epoch that is being begun (matr/epoch.h) ----
 *
 * To be called before its first step. What they do becomes permanent with the commit.
 */

/* Add an edit; strings are copied, id, state and what follows is not looked at. *id (may be NULL): its own. */
MATR_API int matr_epoch_add_edit(struct matr_epoch *epoch, const struct matr_edit *edit,
				 int64_t *id, struct matr_error *err);

/* Take one out. NOT_FOUND: there is none with the id. */
MATR_API int matr_epoch_remove_edit(struct matr_epoch *epoch, int64_t id, struct matr_error *err);

/* Once all steps are done: the edits, with what became of each, and the failures of this epoch. They belong to the
 * epoch. */
MATR_API const struct matr_edit *matr_epoch_edits(const struct matr_epoch *epoch, size_t *n);
MATR_API const struct matr_edit_failure *matr_epoch_edit_failures(const struct matr_epoch *epoch,
								  size_t *n);

/* ---- without an epoch ---- */

/* Record edits and take others out, for the next epoch to apply. Waits for the prefix's lock. */
MATR_API int matr_edits_record(const char *prefix, const struct matr_edit *add, size_t n_add,
			       const int64_t *remove, size_t n_remove, struct matr_error *err);

#ifdef __cplusplus
}
#endif

#endif
