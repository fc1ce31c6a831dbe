/* entries.h - scope entries, which applications and closures have alike. */
#ifndef MATR_STORE_ENTRIES_H
#define MATR_STORE_ENTRIES_H

#include "store/mapping.h"

/* The part of a scope entry's row that does not go into the mapping at once. */
struct store_scope_row {
	int64_t object, needed, vector;
};

/* Write a scope entry with the statement `sql`: owner, position, location, rule, loaded_by, needed,
 * vector. */
int store_put_entry(struct matr_store *store, const char *sql, int64_t owner,
		    const struct matr_mapping *mapping, size_t position,
		    struct store_encoded_mapping *encoded, struct matr_error *err);

/* Read the owner's entries, objects and (if wanted) bindings from scope index `first` on, with the
 * statement `sql`: object, path, rule, loaded_by, needed, vector, position. Earlier entries are in
 * the mapping and in rows already. */
int store_get_entries(struct matr_store *store, const char *sql, int64_t owner, size_t first,
		      struct matr_mapping *mapping, struct store_scope_row *rows,
		      bool with_bindings, struct matr_error *err);

#endif
