/* load.h - an epoch as it goes into a database of many machines: the hashes by which what is known
 * is found there.
 */
#ifndef MATR_TOOLS_EXPORT_LOAD_H
#define MATR_TOOLS_EXPORT_LOAD_H

#include <matr/error.h>
#include <matr/export.h>

#include "common/text.h"
#include "matr/export/schema.h"

struct load_object {
	int64_t id;
	struct text row; /* for COPY: path, build_id, soname, size, package, version */
	char *path;	 /* as bytes */
	char hash[MATR_EXPORT_HASH], set[MATR_EXPORT_HASH]; /* set "": it binds nothing */
	int64_t n_bindings;
};

struct load_application {
	int64_t id;
	struct text row;   /* for COPY: path, edited, library_path */
	struct text scope; /* for COPY, without the application's id: lines */
	char hash[MATR_EXPORT_HASH];
};

struct load {
	char *host;
	int64_t epoch;
	/* Columns of the export for a query; NULL is null. */
	char *begun, *ended, *matr, *cpu_level, *portable, *cause;
	struct load_object *objects;
	size_t n_objects;
	struct load_application *applications;
	size_t n_applications;
	struct text declined, edits, violations; /* for COPY, declined without the state's id */
	struct text all;			 /* that the state's hash is of */
	char hash[MATR_EXPORT_HASH];
	const char *name;
	struct text scratch;
};

/* Read an epoch, without its bindings. It has to be a whole one.
 * *out: load_free(), also after an error. */
int load_read(const struct export_source *source, struct load *out, struct matr_error *err);
void load_free(struct load *load);

struct load_object *load_find_object(const struct load *load, int64_t id);

/* Add a value of a row for COPY in text format, with a tab before it unless it is the first. */
void load_add_value(struct text *row, const struct export_value *value, bool first,
		    struct text *scratch);

#endif
