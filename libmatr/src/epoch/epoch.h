/* epoch_private.h - an epoch in the making, shared by epoch_begin.c, epoch_resolve.c and epoch_image.c. */
#ifndef MATR_EPOCH_PRIVATE_H
#define MATR_EPOCH_PRIVATE_H

#include <limits.h>

#include <matr/edit.h>
#include <matr/recording.h>
#include <matr/resolve.h>

#include "base/intern.h"
#include "resolve/resolution.h"
#include "store/epoch.h"

enum epoch_phase {
	EPOCH_LIST,	/* programs are added */
	EPOCH_SCOPES,	/* resolution_make() */
	EPOCH_OBJECTS,	/* encoded and written */
	EPOCH_BINDINGS, /* resolution_bind(), encoded and written */
	EPOCH_RECORD,	/* what all follows from */
	EPOCH_IMAGE,	/* compiled */
	EPOCH_READY,	/* for the commit */
};

struct matr_epoch {
	char prefix[PATH_MAX]; /* canonical */
	char *ld_stable, *config_file;
	char interpreter[PATH_MAX]; /* the real dynamic linker */
	unsigned jobs;
	bool portable;
	int lock; /* descriptor */
	int64_t id;
	struct matr_config *config;
	struct matr_recordings recordings; /* what programs were seen to load */
	struct matr_scan *scan;		   /* NULL: the programs were named */
	bool scan_is_previous;		   /* it is previous.scan */
	struct matr_session *session;
	struct matr_file_id preload; /* /etc/ld.so.preload as the session read it */
	struct matr_store *store;
	char *circumstances;
	struct probes probes; /* what was there before anything was read */
	struct matr_previous previous;

	struct matr_epoch_result *results;
	size_t n_results, room;
	struct intern paths; /* of the results, to have each once */

	enum epoch_phase phase;
	size_t next;			    /* result or object that is to be taken next */
	struct epoch_work *work;	    /* parallel to results, until the bindings are known */
	const struct matr_object **objects; /* to be written */
	size_t n_objects;
	bool all_carried;	 /* nothing has changed since the epoch before */
	struct matr_edit *edits; /* the store's */
	size_t n_edits;
	bool edits_stale;			 /* some were added or taken out since */
	struct matr_edit_failure *edit_failures; /* when all is done */
	size_t n_edit_failures;
	struct matr_image_builder *builder;
	struct image_source *source; /* the image of the epoch before; NULL: none */
	bool source_in_force;	     /* under the name that counts */
};

/* Decline a program that was added: it gets the reason. */
int epoch_decline(struct matr_epoch *epoch, struct matr_epoch_result *result,
		  const struct matr_error *why, struct matr_error *err);

/* Add a result for a path, with a reason where it is declined from the start. */
int epoch_add_result(struct matr_epoch *epoch, const char *path, struct matr_error *err);

/* The reason as one line: the file it is about comes first where that is not the program itself. */
void epoch_describe(const struct matr_error *why, const char *program, char *out, size_t size);

/* The result of a path where the programs were found by a scan, which lists them by path; NULL: there is none. */
struct matr_epoch_result *epoch_find_result(const struct matr_epoch *epoch, const char *path);

/* One step of the phases up to EPOCH_RECORD, and of EPOCH_IMAGE. They set epoch->phase when it is over. */
int epoch_resolve_step(struct matr_epoch *epoch, struct matr_error *err);
int epoch_image_step(struct matr_epoch *epoch, struct matr_error *err);
void epoch_resolve_free(struct matr_epoch *epoch);

/* Add to the recordings what the configuration says that the results load: epoch_loads.c. */
int epoch_add_configured_loads(struct matr_epoch *epoch, struct matr_error *err);

/* Read the edits; see whether they are those of the epoch before (1, 0, -1); say what became of each. epoch_edits.c. */
int epoch_edits_read(struct matr_epoch *epoch, struct matr_error *err);
int epoch_edits_unchanged(struct matr_epoch *epoch, struct matr_error *err);
int epoch_edits_settle(struct matr_epoch *epoch, struct matr_error *err);

/* Write the image to `path` and check it; nothing where epoch->builder is NULL, for there is one already. */
int epoch_image_write(struct matr_epoch *epoch, const char *path, struct matr_error *err);

#endif
