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

/* Are the directories in which its files were found as the earlier epoch found them? 1, 0, -1. */
int store_directories_unchanged(struct matr_store *store, int64_t earlier, struct matr_error *err);

/* Everything of the earlier epoch is the new one's too. */
int store_carry_all(struct matr_store *store, int64_t earlier, int64_t epoch,
		    struct matr_error *err);

/* The epoch goes on with an earlier one's image. */
int store_set_image(struct matr_store *store, int64_t epoch, int64_t image, struct matr_error *err);

/* ---- one application ---- */

struct store_earlier { /* its scope, as the earlier epoch recorded it */
	int64_t application;
	char *path, *library_path;
	uint32_t flags, interpreter;
	bool has_closures;
	struct store_earlier_entry {
		int64_t object;
		char *path;
		uint32_t rule, loaded_by;
		int64_t needed; /* -1: none */
	} * scope;
	size_t n_scope;
};

struct store_earlier_list {
	struct store_earlier *list; /* by path */
	size_t n;
};

int store_earlier(struct matr_store *store, int64_t epoch, struct store_earlier_list *out,
		  struct matr_error *err);
void store_earlier_free(struct store_earlier_list *list);
/* NULL: none of that path. */
const struct store_earlier *store_earlier_find(const struct store_earlier_list *list,
					       const char *path);

#endif
