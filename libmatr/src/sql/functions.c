/* functions.c - SQL functions: demangle(), build_id(), soname(), to_hex(), canonical_path(). */
#include "sql/functions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/demangle.h"
#include "sql/reader/elf_dynamic.h"
#include "sql/reader/elf_notes.h"
#include "sql/vtab/file_set.h"
#include "sql/vtab/result.h"

/* demangle(NAME): a C++ or Rust name as people write it; any other as it is. */
static void demangle_function(sqlite3_context *context, int n, sqlite3_value **values)
{
	const char *name = (const char *)sqlite3_value_text(values[0]);

	(void)n;
	if (!name)
		return;
	char *text = demangle(name);
	if (text)
		sqlite3_result_text(context, text, -1, free);
	else
		sqlite3_result_value(context, values[0]);
}

/* The file that the first argument names; NULL, with a warning, where it cannot be read. */
static struct elf_file *open_argument(sqlite3_context *context, sqlite3_value **values)
{
	struct matr_sql *sql = sqlite3_user_data(context);
	const char *path = (const char *)sqlite3_value_text(values[0]);
	struct matr_error err = {0};
	struct elf_file *file;

	if (!path)
		return NULL;
	if (file_set_open(sql->files, path, &file, &err) == 0)
		return file;
	if (err.code == MATR_ERROR_RESOURCES)
		result_error(context, &err);
	else if (err.code != MATR_OK)
		sql_warn(sql, &err);
	return NULL;
}

/* build_id(FILE): in hexadecimal; NULL where it has none. */
static void build_id_function(sqlite3_context *context, int n, sqlite3_value **values)
{
	struct matr_sql *sql = sqlite3_user_data(context);
	struct elf_file *file = open_argument(context, values);
	char text[2 * MATR_BUILD_ID_MAX + 1];
	struct matr_error err = {0};

	(void)n;
	if (!file)
		return;
	int result = elf_build_id(file, text, &err);
	file_set_close(sql->files, file);
	if (result > 0)
		result_text(context, text);
	else if (result < 0)
		sql_warn(sql, &err);
}

/* soname(FILE): DT_SONAME; NULL where it has none. */
static void soname_function(sqlite3_context *context, int n, sqlite3_value **values)
{
	struct matr_sql *sql = sqlite3_user_data(context);
	struct elf_file *file = open_argument(context, values);
	struct elf_dynamic dynamic;
	struct matr_error err = {0};
	GElf_Dyn entry;

	(void)n;
	if (!file)
		return;
	if (elf_dynamic_open(file, &dynamic, &err) < 0)
		sql_warn(sql, &err);
	else if (elf_dynamic_find(&dynamic, DT_SONAME, &entry))
		result_text(context, elf_dynamic_string(file, &dynamic, &entry));
	file_set_close(sql->files, file);
}

/* to_hex(NUMBER [, DIGITS]): 0x1f40; with so many digits at least. Negative numbers are
 * addresses in the upper half. */
static void to_hex_function(sqlite3_context *context, int n, sqlite3_value **values)
{
	int digits = n > 1 ? sqlite3_value_int(values[1]) : 1;
	char text[32];

	if (sqlite3_value_numeric_type(values[0]) != SQLITE_INTEGER)
		return;
	if (digits < 1 || digits > 16)
		digits = digits < 1 ? 1 : 16;
	sqlite3_snprintf(sizeof text, text, "0x%0*llx", digits, sqlite3_value_int64(values[0]));
	result_text(context, text);
}

/* canonical_path(PATH): absolute and without symbolic links, as the tables of the mapping have
 * paths; NULL where there is nothing. */
static void canonical_path_function(sqlite3_context *context, int n, sqlite3_value **values)
{
	const char *path = (const char *)sqlite3_value_text(values[0]);

	(void)n;
	char *real = path ? realpath(path, NULL) : NULL;
	if (real)
		sqlite3_result_text(context, real, -1, free);
	else if (errno == ENOMEM)
		sqlite3_result_error_nomem(context);
}

int sql_functions_register(struct matr_sql *sql, struct matr_error *err)
{
	static const struct {
		const char *name;
		int arguments, flags;
		void (*function)(sqlite3_context *, int, sqlite3_value **);
	} functions[] = {
		{"demangle", 1, SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, demangle_function},
		{"to_hex", 1, SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, to_hex_function},
		{"to_hex", 2, SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, to_hex_function},
		{"build_id", 1, 0, build_id_function},
		{"soname", 1, 0, soname_function},
		{"canonical_path", 1, 0, canonical_path_function},
	};

	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
		if (sqlite3_create_function_v2(sql->db, functions[i].name, functions[i].arguments,
					       functions[i].flags | SQLITE_UTF8, sql_hold(sql),
					       functions[i].function, NULL, NULL,
					       sql_release) != SQLITE_OK)
			return sql_fail(sql->db, err);
	return 0;
}
