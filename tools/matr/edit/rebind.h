/* rebind.h - what `matr rebind` and `matr epoch apply` share: making edits, and showing them. */
#ifndef MATR_TOOLS_EDIT_REBIND_H
#define MATR_TOOLS_EDIT_REBIND_H

#include "common/output.h"

#include <limits.h>

#include <matr/edit.h>
#include <matr/epoch.h>

struct rebind { /* what is to be done */
	const char *prefix;
	const char *root; /* the tree of a system that is not running; NULL: this system */
	struct matr_epoch_options epoch;
	char cause[MATR_STORE_CAUSE_MAX];
	char config[PATH_MAX];
	bool in_force, dry_run, quiet;
	bool force;  /* without a trial */
	bool family; /* of `add` only what something binds and the library defines */
	enum output_format format;
	struct matr_edit *add;
	size_t n_add;
	size_t n_made; /* entries of `add`; the first n_add are to be added */
	int64_t *ids;  /* of what was added */
	int64_t *remove;
	size_t n_remove;
	size_t left_out; /* programs that were named and are not in `add` */
};

/* Make the changes, in the epoch that is in force if there is one, and show what was added. The
 * exit status, or -1: nothing has changed. */
int rebind_apply(struct rebind *request, struct matr_error *err);

/* Take edits back: the same, but that nothing is resolved where no epoch is in force. */
int rebind_undo(struct rebind *request, struct matr_error *err);

/* Find the loader beside matr, where none was given, and make request->root this process's root,
 * if there is one. `path` is to live as long as the request; NULL: no epoch is to begin. After
 * that: rebind_leave(). */
int rebind_enter(struct rebind *request, char path[PATH_MAX], struct matr_error *err);
void rebind_leave(const struct rebind *request);

/* Show the edits with one of these ids; NULL: all. */
int rebind_show(const struct matr_edit *edits, size_t n, const int64_t *ids, size_t n_ids,
		enum output_format format, struct matr_error *err);

/* Test whether the edit is among the ids. NULL: all edits are. */
bool rebind_is_wanted(const struct matr_edit *edit, const int64_t *ids, size_t n);

/* Report the edits that the epoch could not apply everywhere. Returns how many. */
size_t rebind_report(const struct matr_epoch *epoch);

/* Show all edits of the prefix. Nothing is printed for a table without edits.
 * Returns the exit status: STATUS_OK if all edits hold, STATUS_FAILURE if not or on error. */
int rebind_list(const char *prefix, enum output_format format);

#endif
