/* epoch_work.h - one program while it is resolved, shared by epoch_resolve.c, epoch_edit_scopes.c and epoch_edits.c. */
#ifndef MATR_EPOCH_WORK_H
#define MATR_EPOCH_WORK_H

#include "epoch/epoch.h"
#include "mapping/edit.h"
#include "store/store.h"

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
	struct matr_encoded_mapping encoded;
	struct load *loads;
	size_t n_loads;
	struct edit_work edits;
};

/* ---- epoch_resolve.c ---- */

/* The program's scope, with what the edits add, and what it loads. May run in several threads. */
void epoch_work_make(struct matr_epoch *epoch, size_t i);
/* The bindings, edited; encoded unless an edit was refused. May run in several threads. */
void epoch_work_bind(struct matr_epoch *epoch, struct epoch_work *work);
void epoch_work_free_loads(struct epoch_work *work);

/* ---- epoch_edit_scopes.c ---- */

/* Find out which edits concern which programs, and make these programs' scopes anew with the libraries. */
int epoch_edit_scopes(struct matr_epoch *epoch, struct matr_error *err);

/* Before the scope is made anew. */
void epoch_work_forget_scope(struct epoch_work *work);

/* ---- epoch_edits.c ---- */

void edit_work_free(struct edit_work *edits);

/* The program goes without the edit; on record, with the reason. `expected`: no complaint (matr_edit_failure). */
int edit_work_fail(struct matr_epoch *epoch, const struct matr_edit *edit, const char *program,
		   const struct matr_error *why, bool expected, struct matr_error *err);
void edit_work_drop(struct edit_work *edits, const struct matr_edit *edit);

/* Were the same edits made in the recorded application? 1, 0, -1. */
int epoch_same_edits(struct matr_epoch *epoch, const struct epoch_work *work, int64_t application,
		     struct matr_error *err);

/* Make the edits in the mapping. False: edits.refused could not be made, or work->why has an error. */
bool epoch_edit_mapping(const struct matr_epoch *epoch, struct epoch_work *work);

/* The program once more, without the edits that are refused, which go on record. One thread at a time. */
int epoch_edit_again(struct matr_epoch *epoch, size_t i, struct matr_error *err);

/* Record what was edited in the application. */
int epoch_put_edits(struct matr_epoch *epoch, const struct epoch_work *work, int64_t application,
		    struct matr_error *err);

#endif
