/* report.h - the parts of `matr report`: one HTML page that needs nothing besides. */
#ifndef MATR_TOOLS_REPORT_REPORT_H
#define MATR_TOOLS_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include <matr/error.h>

#include "common/options.h"
#include "common/text.h"

struct report_request {
	const char *prefix, *epoch, *from, *output;
	struct option_list upgrade; /* changes, as check-upgrade's --replace has them */
	bool bench;
	char *const *programs; /* none: the whole epoch */
	size_t n_programs;
};

/* Collect what the page shows (data.c).
 * Returns a JSON object that is the caller's, NULL on error. */
struct json_object *report_data(const struct report_request *request, struct matr_error *err);

/* Run another command of this matr that prints JSON, and read that (command.c).
 * arguments: end with NULL; the first stands for the program.
 * Returns 0 and *out, which is the caller's, or -1. */
int report_command(char *const *arguments, struct json_object **out, struct matr_error *err);

/* Put the page together (page.c). */
int report_page(struct json_object *data, struct text *out, struct matr_error *err);

/* Files that the build has embedded, NUL-terminated (assets.c). */
extern const unsigned char report_style[], report_script[], report_body[];

#endif
