/* begin_request.h - how an epoch is to be begun, and the one way to write that down: as options of
 * `matr epoch begin`, as a request to matrd (docs/protocol.md), and as the command line that matrd
 * runs.
 */
#ifndef MATR_TOOLS_COMMON_BEGIN_REQUEST_H
#define MATR_TOOLS_COMMON_BEGIN_REQUEST_H

#include <json-c/json.h>

#include "common/options.h"

struct begin_request {
	const char *config, *ld_stable; /* NULL: the usual ones */
	const char *cause;		/* for the record; NULL: the command line */
	unsigned jobs;			/* 0: as many as there are cores */
	enum output_format format;
	bool only; /* in the place of an epoch that is in force, not added to it */
	bool wait, rebuild_store, quiet;
	const char *const *programs; /* paths, or names on PATH; none: the whole system's */
	size_t n_programs;
};

enum { BEGIN_REQUEST_FIELDS = 9 };

/* Fill in the rows of the options that set the request's fields; programs are what is left of
 * the command line. */
void begin_request_rows(struct begin_request *request,
			struct option_row rows[BEGIN_REQUEST_FIELDS]);

/* Make the command line: `head`, options, programs, NULL. The list is the caller's, free(); its
 * strings belong to head and request, and one is in `jobs`. NULL: out of memory. */
const char **begin_request_arguments(const struct begin_request *request, const char *const *head,
				     size_t n_head, char jobs[16]);

/* Make matrd's request. matrd has a working directory of its own: paths have to be absolute.
 * NULL: out of memory. */
struct json_object *begin_request_to_json(const struct begin_request *request);

/* Read matrd's request. The strings belong to the object, out->programs to the caller (free()).
 * Returns -1 if it is malformed; *reason is then the fault. */
int begin_request_from_json(struct json_object *object, struct begin_request *out,
			    const char **reason);

#endif
