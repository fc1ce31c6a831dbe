/* work.h - one program while it is resolved. */
#ifndef MATR_EPOCH_WORK_H
#define MATR_EPOCH_WORK_H

#include "epoch/epoch.h"
#include "mapping/edit.h"
#include "store/mapping.h"

struct load { /* what it was seen to load with dlopen() */
	const char *root, *flags;
	struct resolution resolution;
	bool made; /* the resolution is there */
	struct matr_error why;
	struct matr_closure closure;
};

struct edit_work {		       /* the edits that concern the program */
	const struct matr_edit **list; /* by id; they are the epoch's */
	size_t *library;	       /* parallel: which of the libraries each leads to */
	size_t n;
	const char **libraries; /* that the scope is to have in addition, each once */
	size_t n_libraries;
	struct edited_bindings edited;
	const struct matr_edit *refused; /* that turned out not to be possible; NULL: none */
	struct matr_error why;
};

struct epoch_work { /* one program's */
	struct resolution resolution;
	bool made;    /* the resolution is there */
	bool carried; /* so are its bindings, in the store */
	struct matr_error why;
	struct matr_mapping *mapping;
	struct store_encoded_mapping encoded;
	struct load *loads;
	size_t n_loads;
	struct edit_work edits;
};

/* Make the program's scope, with what the edits add and what it loads. May run in several
 * threads. */
void epoch_work_make(struct matr_epoch *epoch, size_t i);

/* Drop the scope, to make it again. */
void epoch_work_forget_scope(struct epoch_work *work);

/* Bind, apply the edits, and encode unless an edit was refused. May run in several threads. */
void epoch_work_bind(struct matr_epoch *epoch, struct epoch_work *work);

void epoch_work_free(struct epoch_work *work);

/* Record that the program goes without the edit, and why. `expected`: no complaint
 * (matr_edit_failure). */
int epoch_edit_work_fail(struct matr_epoch *epoch, const struct matr_edit *edit,
			 const char *program, const struct matr_error *why, bool expected,
			 struct matr_error *err);

/* Take the edit out, and its library if no other edit leads to that. */
void epoch_edit_work_drop(struct edit_work *edits, const struct matr_edit *edit);

#endif
