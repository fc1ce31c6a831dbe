/* edited.c - what edits changed in the bindings of an object. Most objects have no row of their
 * own in the store's table, which is found out by its key. */
#include "sql/mapping/edited.h"

#include <stdlib.h>

#include "base/array.h"

static int add(struct mapping_edited *edited, sqlite3_stmt *row, struct matr_error *err)
{
	if (array_reserve(&edited->list, &edited->room, edited->n + 1, sizeof *edited->list, err) !=
	    0)
		return -1;
	bool provided = sqlite3_column_type(row, 2) != SQLITE_NULL;
	edited->list[edited->n++] = (struct mapping_edited_row){
		.relocation = (uint32_t)sqlite3_column_int64(row, 0),
		.edit = sqlite3_column_int64(row, 1),
		.original = provided ? sqlite3_column_int64(row, 2) : -1,
		.position = provided ? (uint32_t)sqlite3_column_int64(row, 3) : 0,
	};
	return 0;
}

int mapping_edited_read(struct mapping_edited *edited, struct mapping_store *store,
			int64_t application, int64_t position, struct matr_error *err)
{
	static const char sql[] =
		"SELECT b.relocation, b.edit_id, l.object_id, s.position FROM edited_bindings b"
		" LEFT JOIN scope_entries s ON s.application_id = b.application_id"
		"  AND s.position = b.provider"
		" LEFT JOIN locations l ON l.id = s.location_id"
		" WHERE b.application_id = ?1 AND b.position = ?2 ORDER BY b.relocation";
	int more;

	if (edited->read && edited->application == application && edited->position == position)
		return 0;
	edited->read = false;
	edited->n = 0;
	if (!edited->statement)
		edited->statement = mapping_prepare(store, sql, err);
	if (!edited->statement)
		return -1;
	sqlite3_bind_int64(edited->statement, 1, application);
	sqlite3_bind_int64(edited->statement, 2, position);
	while ((more = mapping_step(store, edited->statement, err)) > 0) {
		if (add(edited, edited->statement, err) != 0) {
			more = -1;
			break;
		}
	}
	sqlite3_reset(edited->statement);
	edited->application = application;
	edited->position = position;
	edited->read = more == 0;
	return more;
}

void mapping_edited_clear(struct mapping_edited *edited)
{
	edited->read = false;
	edited->n = 0;
}

void mapping_edited_free(struct mapping_edited *edited)
{
	sqlite3_finalize(edited->statement);
	free(edited->list);
	*edited = (struct mapping_edited){.n = 0};
}
