/* tables.c - the list of the tables of the mapping, and the function that selects epochs.
 *
 * They are modules of SQLite that need no CREATE VIRTUAL TABLE. Where the connection has a store of
 * ours as a database, whose own tables have some of the same names, they are created as temporary
 * tables, which SQLite finds first: a query means the same everywhere.
 */
#include "sql/mapping/tables.h"

#include <stdlib.h>
#include <string.h>

#include <matr/epoch.h>

#include "sql/mapping/functions.h"
#include "sql/mapping/table.h"

enum { N_SCHEMAS = 15 };

static const struct mapping_schema *const schemas[N_SCHEMAS] = {
	&mapping_epochs,	 &mapping_applications,	    &mapping_objects,
	&mapping_needed,	 &mapping_scopes,	    &mapping_bindings,
	&mapping_relocations,	 &mapping_symbols,	    &mapping_closures,
	&mapping_closure_scopes, &mapping_closure_bindings, &mapping_closure_relocations,
	&mapping_declined,	 &mapping_violations,	    &mapping_withdrawals,
};

/* matr_epoch(ID), matr_epoch('current'), matr_epoch('previous'), matr_epoch('all'): which
 * epochs the tables are about from the next query on; without an argument: which they are. */
static void select_epoch(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	struct mapping_store *store = sqlite3_user_data(context);

	if (argc == 1 && sqlite3_value_type(argv[0]) == SQLITE_INTEGER &&
	    sqlite3_value_int64(argv[0]) > 0) {
		store->selection = sqlite3_value_int64(argv[0]);
	} else if (argc == 1) {
		const char *word = (const char *)sqlite3_value_text(argv[0]);
		if (word && sqlite3_stricmp(word, "all") == 0) {
			store->selection = MATR_SQL_EPOCH_ALL;
		} else if (word && sqlite3_stricmp(word, "current") == 0) {
			store->selection = MATR_SQL_EPOCH_CURRENT;
		} else if (word && sqlite3_stricmp(word, "previous") == 0) {
			store->selection = MATR_SQL_EPOCH_PREVIOUS;
		} else {
			sqlite3_result_error(
				context,
				"matr_epoch(): an id, 'current', 'previous' or 'all', please", -1);
			return;
		}
	}
	if (store->selection == MATR_SQL_EPOCH_ALL)
		sqlite3_result_text(context, "all", -1, SQLITE_STATIC);
	else if (store->selection == MATR_SQL_EPOCH_CURRENT)
		sqlite3_result_text(context, "current", -1, SQLITE_STATIC);
	else if (store->selection == MATR_SQL_EPOCH_PREVIOUS)
		sqlite3_result_text(context, "previous", -1, SQLITE_STATIC);
	else
		sqlite3_result_int64(context, store->selection);
}

/* Test whether some database of the connection has the tables of a store. */
static bool has_store(sqlite3 *db)
{
	sqlite3_stmt *databases;
	bool found = false;

	if (sqlite3_prepare_v2(db, "PRAGMA database_list", -1, &databases, NULL) != SQLITE_OK)
		return false;
	while (!found && sqlite3_step(databases) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(databases, 1);
		found = sqlite3_table_column_metadata(db, name, "scope_entries", "vector_id", NULL,
						      NULL, NULL, NULL, NULL) == SQLITE_OK;
	}
	sqlite3_finalize(databases);
	return found;
}

static int create_temporary(sqlite3 *db, const struct mapping_schema *schema,
			    struct matr_error *err)
{
	char *text = sqlite3_mprintf("CREATE VIRTUAL TABLE IF NOT EXISTS temp.%s USING %s",
				     schema->name, schema->name);
	if (!text)
		return matr_fail_memory(err);
	int result = sqlite3_exec(db, text, NULL, NULL, NULL);
	sqlite3_free(text);
	return result == SQLITE_OK ? 0 : sql_fail(db, err);
}

int mapping_tables_register(struct matr_sql *sql, struct matr_error *err)
{
	sql->mapping = mapping_store_new(sql->prefix, sql->epoch, sql->copy, mapping_functions_add);
	if (!sql->mapping)
		return matr_fail_memory(err);
	for (size_t i = 0; i < N_SCHEMAS; i++)
		if (mapping_table_register(sql, schemas[i], err) < 0)
			return -1;
	for (int arguments = 0; arguments < 2; arguments++)
		if (sqlite3_create_function_v2(sql->db, "matr_epoch", arguments,
					       SQLITE_UTF8 | SQLITE_DIRECTONLY, sql->mapping,
					       select_epoch, NULL, NULL, NULL) != SQLITE_OK)
			return sql_fail(sql->db, err);
	if (!has_store(sql->db))
		return 0;
	for (size_t i = 0; i < N_SCHEMAS; i++)
		if (create_temporary(sql->db, schemas[i], err) != 0)
			return -1;
	return 0;
}

char *mapping_tables_schema(size_t i)
{
	return i < N_SCHEMAS ? mapping_declaration(schemas[i]) : NULL;
}
