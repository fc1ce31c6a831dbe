/* violation.h - the applications that a change affects. */
#ifndef MATR_VIOLATION_H
#define MATR_VIOLATION_H

#include "base/map.h"
#include "watch/list.h"

struct application_ids {
	int64_t *ids; /* sorted, each once; free() */
	size_t n;
};

/* Results of the search, shared by all changes of one batch. All zero: none yet. */
struct affected_search {
	struct matr_session *session;
	bool failed;
	struct map answers; /* application -> 1: would start otherwise; 2: would not */
};

void affected_search_close(struct affected_search *search);

/* The epoch's applications that use the file, or that would find other files now that it has
 * changed. */
int affected_applications(struct matr_store *store, int64_t epoch, const struct watched_file *file,
			  struct affected_search *search, struct application_ids *out,
			  struct matr_error *err);

#endif
