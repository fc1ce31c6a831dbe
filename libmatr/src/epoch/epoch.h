/* epoch.h - an epoch that is being begun. */
#ifndef MATR_EPOCH_PRIVATE_H
#define MATR_EPOCH_PRIVATE_H

#include <limits.h>

#include <matr/edit.h>
#include <matr/epoch.h>
#include <matr/recording.h>
#include <matr/resolve.h>

#include "base/intern.h"
#include "inputs/outward.h"
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
	char *cause;		    /* NULL: none */
	char interpreter[PATH_MAX]; /* the real dynamic linker */
	unsigned jobs;
	bool portable, edit_protected;
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
	struct store_previous previous;
	struct adopted { /* files of the epoch before with another identity and the same content */
		struct matr_file_id from, to;
	} * adopted;
	size_t n_adopted, adopted_capacity;
	size_t n_compared, n_differ; /* files compared by content; of these, not taken over */

	struct matr_epoch_result *results;
	size_t n_results, room;
	struct intern paths; /* of the results, to have each once */

	enum epoch_phase phase;
	size_t next;			    /* result or object that is to be taken next */
	struct epoch_work *work;	    /* parallel to results, until the bindings are known */
	const struct matr_object **objects; /* to be written */
	size_t n_objects;
	bool all_carried;	 /* nothing has changed since the epoch before */
	bool with_summaries;	 /* as in matr_epoch_options */
	struct matr_edit *edits; /* the store's */
	size_t n_edits;
	bool edits_stale; /* some were added or taken out since */
	struct left_out {
		int64_t edit;
		char *reason;
	} * left_out; /* edits that are not to be applied this time */
	size_t n_left_out;
	struct matr_edit_failure *edit_failures; /* when all is done */
	size_t n_edit_failures;
	struct image_builder *builder;
	struct outward outward; /* read when the image is begun */
	bool tried;		/* the image is written, in the prefix of the trial */
	const char *reuse;	/* name of an image that serves this epoch as it is; NULL: none */
};

#endif
