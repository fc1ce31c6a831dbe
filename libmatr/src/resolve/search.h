/* search.h - where ld.so finds a library. */
#ifndef MATR_SEARCH_H
#define MATR_SEARCH_H

#include <limits.h>

#include <matr/mapping.h>

#include "resolve/session.h"

/* An object of the scope in the making, as far as searching needs it. */
struct searcher {
	const struct matr_scope_entry *scope; /* entries so far; [0] is the application */
	uint32_t requester;		      /* whose DT_NEEDED it is */
	const char *library_path;	      /* LD_LIBRARY_PATH; NULL: unset */
};

struct found {
	char *path;	 /* as ld.so has it; free() */
	uint32_t object; /* session object index */
	enum matr_search_rule rule;
	uint32_t flags; /* MATR_MAPPING_* that the search gave rise to */
};

/* Expand $ORIGIN, $LIB and $PLATFORM in a name that the requester asks for; adds to *flags. */
int search_expand(struct matr_session *session, const struct searcher *searcher, const char *name,
		  char out[PATH_MAX], uint32_t *flags, struct matr_error *err);

/* Search for `name` on behalf of the requester. NOT_FOUND where it is nowhere. */
int search_library(struct matr_session *session, const struct searcher *searcher, const char *name,
		   struct found *out, struct matr_error *err);

#endif
