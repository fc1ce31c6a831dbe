/* register.c - everything that a connection gets from us, and what its tables share. */
#include "sql/vtab/connection.h"

#include <stdlib.h>
#include <string.h>

#include "sql/mapping/store.h"
#include "sql/vtab/file_set.h"
#include "sql/vtab/row_cache.h"
#include "sql/vtab/warnings.h"

struct matr_sql *sql_hold(struct matr_sql *sql)
{
	sql->references++;
	return sql;
}

void sql_release(void *pointer)
{
	struct matr_sql *sql = pointer;

	if (--sql->references > 0)
		return;
	row_cache_close(sql->cache);
	file_set_free(sql->files);
	warnings_free(sql->warnings);
	mapping_store_free(sql->mapping);
	free(sql->prefix);
	free(sql);
}

void sql_warn(struct matr_sql *sql, const struct matr_error *warning)
{
	warnings_give(sql->warnings, warning);
}

int sql_fail(sqlite3 *db, struct matr_error *err)
{
	return matr_fail(err, MATR_ERROR_STORE, NULL, "%s", sqlite3_errmsg(db));
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
	if (options->cache && row_cache_open(options->cache, &sql->cache, err) < 0)
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
	sql->db = db;
	if (fill(sql, options ? options : &none, err) == 0 && sql_register_elf(sql, err) == 0 &&
	    sql_register_functions(sql, err) == 0 && sql_register_mapping(sql, err) == 0)
		result = 0;
	sql_release(sql);
	return result;
}

char *matr_sql_schema(size_t i)
{
	size_t n = 0;
	char *schema;

	while ((schema = sql_elf_schema(n)) != NULL) {
		if (n++ == i)
			return schema;
		sqlite3_free(schema);
	}
	return sql_mapping_schema(i - n);
}
