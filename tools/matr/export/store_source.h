/* store_source.h - the rows of an epoch in the store. */
#ifndef MATR_TOOLS_EXPORT_STORE_SOURCE_H
#define MATR_TOOLS_EXPORT_STORE_SOURCE_H

#include <matr/store.h>

#include "matr/export/schema.h"

struct export_store {
	struct matr_store *store;
	struct matr_store_epoch epoch;
	int64_t since;	     /* an earlier epoch: only what has changed; 0: everything */
	const char *host;    /* the machine's name */
	const char *version; /* of this MatR */
	struct export_store_object *objects;
	size_t n_objects;
	int64_t *changed[4]; /* ids by enum matr_export_change, sorted */
	size_t n_changed[4];
};

/* Prepare to give the rows. Set store, epoch, since, host and version before.
 * export: export_store_close(), also after an error. */
int export_store_open(struct export_store *export, struct matr_error *err);
void export_store_close(struct export_store *export);

/* The rows of an export_store, for struct export_source. */
int export_store_rows(void *export, unsigned tables, bool (*wanted)(int64_t object, void *whose),
		      void *whose, const struct export_sink *sink, struct matr_error *err);

/* Get this machine's name. */
int export_host_name(char out[256], struct matr_error *err);

/* Test whether the text may be a machine's name: not empty, at most 255 bytes, printable ASCII
 * without blanks. */
bool export_is_host_name(const char *name);

/* The text that the hash of a set of bindings is made of: a line for each binding. */
struct text;
void export_add_to_set(struct text *set, const char *symbol, const char *version,
		       const char *provider);

#endif
