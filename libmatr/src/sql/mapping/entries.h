/* entries.h - the way of the tables of bindings and relocations through the store.
 *
 * How an object binds is a vector that many applications share (docs/store.md). A cursor goes
 * through the entries of the selected applications' scopes (or of their closures) ordered by
 * vector, so that each is decoded once, and works out once which of its elements the query can
 * want; then it gives those for every application. Where the query names the application, or wants
 * to know what applies a relocation, which depends on the whole application, the order is that of
 * the application's scope.
 */
#ifndef MATR_SQL_MAPPING_ENTRIES_H
#define MATR_SQL_MAPPING_ENTRIES_H

#include "sql/mapping/applied.h"
#include "sql/mapping/edited.h"
#include "sql/mapping/table.h"

enum { /* columns; the first ones are the same in both tables */
       EPOCH,
       APPLICATION,
       REQUESTER,
       SYMBOL,
       VERSION,
       PROVIDER,
       BINDING,
       TYPE,
       /* bindings */
       WEAK,
       PROVIDER_VERSION,
       ADDRESS,
       RELOCATIONS,
       BINDING_EDIT,
       BINDING_ORIGINAL,
       /* relocations */
       OFFSET = WEAK,
       ADDEND,
       VALUE,
       SECTION,
       APPLIED,
       RELOCATION_EDIT,
       RELOCATION_ORIGINAL,
       /* The tables of closures have one more, the third of theirs, and nothing about edits. */
       CLOSURE = 40,
       CLOSURE_AT = REQUESTER,
};

/* A closure table's column as it is called here. */
static inline int entries_plain_column(bool closures, int column)
{
	if (!closures || column < CLOSURE_AT)
		return column;
	return column == CLOSURE_AT ? CLOSURE : column - 1;
}

struct entries_cursor {
	struct mapping_cursor base; /* its terms have plain columns */
	bool relocations;	    /* which table */
	bool closures;
	bool by_application;

	/* The entry. */
	sqlite3_stmt *entries;
	int64_t vector_id, object_id, position, application_id, epoch;
	int64_t closure_id; /* 0: of the application's scope */
	char *application;  /* path */
	/* The application has another name than its object, or an object may be one. */
	bool renamed;

	/* Columns that the query wants. */
	struct mapping_object *object;
	struct mapping_vector *vector; /* NULL: no relocations with symbols */
	uint32_t *elements;	       /* indices of bounds or relocations that may be wanted */
	size_t n_elements, at;
	int64_t selected_vector, selected_object; /* source of these elements; -1: none */
	bool whole;  /* relocations: relative ones count as elements from n_relocations on */
	bool before; /* no element was given yet */

	struct mapping_applied applied; /* of the application, as far as it is asked for */
	struct mapping_edited edited;	/* of the entry, as far as it is asked for */
};

/* The functions of struct mapping_rows; `relocations` and `closures` are set by the table's own
 * start. */
int entries_start(struct mapping_cursor *cursor, struct matr_error *err);
int entries_next(struct mapping_cursor *cursor, struct matr_error *err);
void entries_finish(struct mapping_cursor *cursor);

#endif
