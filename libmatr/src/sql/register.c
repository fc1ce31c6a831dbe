/* register.c - add all tables and functions to a connection. */
#include <matr/sql.h>

#include <stdlib.h>
#include <string.h>

#include "sql/elf/tables.h"
#include "sql/functions.h"
#include "sql/mapping/store.h"
#include "sql/mapping/tables.h"
#include "sql/vtab/connection.h"
#include "sql/vtab/file_set.h"
#include "sql/vtab/row_cache.h"
#include "sql/vtab/warnings.h"

static void free_connection(struct matr_sql *sql)
{
	row_cache_close(sql->cache);
	file_set_free(sql->files);
	warnings_free(sql->warnings);
	mapping_store_free(sql->mapping);
	free(sql->prefix);
	free(sql);
}

static int fill(struct matr_sql *sql, const struct matr_sql_options *options,
		struct matr_error *err)
{
	sql->epoch = options->epoch;
	sql->copy = options->copy;
	if (options->prefix) {
		sql->prefix = strdup(options->prefix);
		if (!sql->prefix)
			return matr_fail_memory(err);
	}
	sql->warnings = warnings_new(options->warn, options->warn_context);
	if (!sql->warnings)
		return matr_fail_memory(err);
	sql->files = file_set_new(sql, options->files, options->n_files, options->recursive, err);
	if (!sql->files)
		return -1;
	if (options->cache &&
	    row_cache_open(options->cache, matr_sql_register, &sql->cache, err) < 0)
		return -1;
	return 0;
}

int matr_sql_register(sqlite3 *db, const struct matr_sql_options *options, struct matr_error *err)
{
	static const struct matr_sql_options none;
	struct matr_sql *sql = calloc(1, sizeof *sql);
	int result = -1;

	if (!sql)
		return matr_fail_memory(err);
	sql->references = 1;
	sql->free = free_connection;
	sql->db = db;
	if (fill(sql, options ? options : &none, err) == 0 && elf_tables_register(sql, err) == 0 &&
	    sql_functions_register(sql, err) == 0 && mapping_tables_register(sql, err) == 0)
		result = 0;
	sql_release(sql);
	return result;
}

char *matr_sql_schema(size_t i)
{
	size_t n = 0;
	char *schema;

	while ((schema = elf_tables_schema(n)) != NULL) {
		if (n++ == i)
			return schema;
		sqlite3_free(schema);
	}
	return mapping_tables_schema(i - n);
}
