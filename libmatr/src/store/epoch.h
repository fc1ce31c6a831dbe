/* epoch.h - what an epoch leaves in the store for the next one to build on. */
#ifndef MATR_STORE_EPOCH_H
#define MATR_STORE_EPOCH_H

#include <matr/store.h>

#include "inputs/snapshot.h"

struct store_previous { /* the newest epoch before; id 0: there is none, or none that is of use */
	int64_t id;
	int64_t image;		/* the epoch whose image it has */
	int64_t trusted;	/* file_id_unchanged() */
	struct matr_scan *scan; /* NULL: its programs were named */
	struct probes probes;
};

/* The epoch before `epoch`, if it was begun under the same circumstances. *out is to be freed, also
 * after an error. */
int store_previous(struct matr_store *store, int64_t epoch, const char *circumstances,
		   struct store_previous *out, struct matr_error *err);
void store_previous_free(struct store_previous *previous);

/* Get the probes that the epoch was begun with. *out: probes_free(), also after an error. */
int store_probes(struct matr_store *store, int64_t epoch, struct probes *out,
		 struct matr_error *err);

/* Get the circumstances under which the newest epoch was begun (*out: free(); NULL: none), and
 * whether it was portable. Returns 1 if there is an epoch, 0 if not, -1 on error. */
int store_newest_circumstances(struct matr_store *store, char **out, bool *portable,
			       struct matr_error *err);

/* Record what the epoch follows from. scan may be NULL. */
int store_set_inputs(struct matr_store *store, int64_t epoch, const char *circumstances,
		     const struct matr_scan *scan, const struct probes *probes,
		     struct matr_error *err);
/* Record what the scan passed over. */
int store_set_skipped(struct matr_store *store, int64_t epoch, const struct matr_scan *scan,
		      struct matr_error *err);

/* Count the programs of the epoch: its applications and what was declined. */
int store_count_programs(struct matr_store *store, int64_t epoch, size_t *n,
			 struct matr_error *err);

/* Compare the directories in which the files of the previous epoch were found with their record.
 * Returns 1 if they are equal, 0 if not, -1 on error. */
int store_directories_unchanged(struct matr_store *store, int64_t previous, struct matr_error *err);

/* Enter everything of the previous epoch into the new one. */
int store_carry_all(struct matr_store *store, int64_t previous, int64_t epoch,
		    struct matr_error *err);

/* Record that the epoch continues with the image of an earlier one. */
int store_set_image(struct matr_store *store, int64_t epoch, int64_t image, struct matr_error *err);

/* ---- one application ---- */

struct store_recorded_scope { /* of an application, in the previous epoch */
	int64_t application;
	char *path, *library_path;
	uint32_t flags, interpreter;
	bool has_closures;
	struct store_recorded_entry {
		int64_t object;
		char *path;
		uint32_t rule, loaded_by;
		int64_t needed; /* -1: none */
	} * scope;
	size_t n_scope;
};

struct store_recorded_scopes {
	struct store_recorded_scope *list; /* by path */
	size_t n;
};

int store_read_recorded_scopes(struct matr_store *store, int64_t epoch,
			       struct store_recorded_scopes *out, struct matr_error *err);
void store_recorded_scopes_free(struct store_recorded_scopes *list);
/* NULL: none of that path. */
const struct store_recorded_scope *
store_recorded_scope_find(const struct store_recorded_scopes *list, const char *path);

#endif
