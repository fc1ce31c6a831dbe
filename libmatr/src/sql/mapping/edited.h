/* edited.h - what edits (matr/edit.h) changed in the bindings of one object of one application:
 * the columns `edit` and `original`. */
#ifndef MATR_SQL_MAPPING_EDITED_H
#define MATR_SQL_MAPPING_EDITED_H

#include "sql/mapping/store.h"

struct mapping_edited_row {
	uint32_t relocation; /* of the object */
	uint32_t position;   /* of the original provider in the scope; meaningless without one */
	int64_t edit;
	int64_t original; /* object id; -1: ld.so binds nothing */
};

struct mapping_edited { /* all zero: of no application */
	sqlite3_stmt *statement;
	int64_t application, position;
	bool read;
	struct mapping_edited_row *list; /* by relocation */
	size_t n, room;
};

/* Read what belongs to the object at that position of the application's scope, unless that is
 * what is there. */
int mapping_edited_read(struct mapping_edited *edited, struct mapping_store *store,
			int64_t application, int64_t position, struct matr_error *err);

/* The store may have changed: forget what was read. */
void mapping_edited_clear(struct mapping_edited *edited);
void mapping_edited_free(struct mapping_edited *edited);

#endif
