/* edit.h - edits in the store, as far as the beginning of an epoch needs them (matr/edit.h). */
#ifndef MATR_STORE_EDIT_H
#define MATR_STORE_EDIT_H

#include <matr/edit.h>

#include "mapping/edit.h"

int store_add_edit(struct matr_store *store, const struct matr_edit *edit, int64_t *id,
		   struct matr_error *err);
/* NOT_FOUND: there is none with that id. */
int store_remove_edit(struct matr_store *store, int64_t id, struct matr_error *err);

/* Make the signature of a set of edits, one line: equal signatures give equal mappings. "" for no
 * edits. *out: free(). */
char *store_edits_signature(const struct matr_edit *const *edits, size_t n, struct matr_error *err);
int store_set_epoch_edits(struct matr_store *store, int64_t epoch, const char *signature,
			  struct matr_error *err);
int store_set_application_edits(struct matr_store *store, int64_t application,
				const char *signature, struct matr_error *err);
/* Compare with the recorded signature. Return 1 if equal, 0 if not, -1 on error. */
int store_same_epoch_edits(struct matr_store *store, int64_t epoch, const char *signature,
			   struct matr_error *err);
int store_same_application_edits(struct matr_store *store, int64_t application,
				 const char *signature, struct matr_error *err);

int store_put_edited(struct matr_store *store, int64_t application,
		     const struct edited_bindings *edited, struct matr_error *err);
/* The object in which an edit changed bindings of an application. */
struct store_edit_use {
	int64_t application, edit, object;
};

/* List them for an epoch, by application and edit. *out: free(). */
int store_edit_uses(struct matr_store *store, int64_t epoch, struct store_edit_use **out, size_t *n,
		    struct matr_error *err);

int store_put_edit_failure(struct matr_store *store, int64_t epoch, int64_t edit,
			   const char *program, const char *reason, bool expected,
			   struct matr_error *err);
int store_carry_edit_failures(struct matr_store *store, int64_t previous, int64_t epoch,
			      struct matr_error *err);

/* The row's state and complaint, as they are in the struct. */
int store_set_edit_state(struct matr_store *store, const struct matr_edit *edit,
			 struct matr_error *err);

/* ---- the copy beside the store, for a store that has to be recreated ---- */

#define MATR_EDITS_FILE "edits" /* in the prefix */

int store_edits_write_copy(const char *prefix, const struct matr_edit *edits, size_t n,
			   struct matr_error *err);

/* Take the edits of the copy into a store that has no edits and no epoch except the one being
 * begun. */
int store_edits_restore(const char *prefix, struct matr_store *store, struct matr_error *err);

#endif
