/* upgrade_edits.h - a program's scope and bindings with the edits that can be made in it. */
#ifndef MATR_UPGRADE_EDITS_H
#define MATR_UPGRADE_EDITS_H

#include <matr/upgrade.h>

#include "mapping/edit.h"
#include "resolve/resolution.h"

struct upgrade_edits {		       /* of one program */
	const struct matr_edit **list; /* those that are still to be made */
	size_t n;
	const char **libraries; /* that they add to the scope, each once */
	size_t n_libraries;
	size_t *library; /* parallel to the list: which of the libraries */
	struct matr_edit_loss *lost;
	size_t n_lost;
};

/* All of the program's. To be freed also after an error. */
int upgrade_edits_take(struct upgrade_edits *edits, const struct matr_upgrade_program *program,
		       struct matr_error *err);
void upgrade_edits_free(struct upgrade_edits *edits);

/* Make a scope, whose objects are all in the session's symbol index after that, also those that it
 * has from another session. To be freed also after an error. */
int upgrade_make_scope(struct matr_session *session, const char *path,
		       const struct scope_options *options, struct resolution *out,
		       struct matr_error *why);

/* The scope, with what the edits add; an edit whose library cannot be had is lost. To be freed also
 * after an error. */
int upgrade_edited_scope(struct matr_session *session, const struct matr_upgrade_program *program,
			 struct upgrade_edits *edits, struct resolution *out,
			 struct matr_error *why);

/* Make the edited mapping of the scope from upgrade_edited_scope(). If an edit cannot be made, it
 * is dropped and the scope made again without it. */
int upgrade_edited_mapping(struct matr_session *session, const struct matr_upgrade_program *program,
			   struct upgrade_edits *edits, struct resolution *resolution,
			   struct matr_mapping **out, struct matr_error *why);

#endif
