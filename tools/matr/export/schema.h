/* schema.h - the tables of an export, which all formats share: docs/fleet.md. */
#ifndef MATR_TOOLS_EXPORT_SCHEMA_H
#define MATR_TOOLS_EXPORT_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXPORT_FORMAT = 1, EXPORT_COLUMNS_MAX = 15 };

enum export_table {
	EXPORT_EXPORT, /* one row, the first */
	EXPORT_OBJECTS,
	EXPORT_APPLICATIONS,
	EXPORT_SCOPE,
	EXPORT_BINDINGS,
	EXPORT_BINDING_SETS,
	EXPORT_EDITS,
	EXPORT_VIOLATIONS,
	EXPORT_DECLINED,
	EXPORT_REMOVED,
	EXPORT_END, /* one row, the last */
	EXPORT_TABLES,
};

struct export_column {
	const char *name;
	bool is_text;
	bool may_be_null;
};

struct export_schema {
	const char *name;
	const char *key; /* columns that tell rows of one export apart */
	struct export_column columns[EXPORT_COLUMNS_MAX];
	int n_columns;
};

extern const struct export_schema export_schemas[EXPORT_TABLES];

/* Find a table by its name. Returns EXPORT_TABLES if there is none. */
enum export_table export_table_named(const char *name, size_t size);

/* The number of a column. The name has to be there. */
int export_column(enum export_table table, const char *name);

/* A value of a row. Texts are the names themselves, of any bytes but NUL. */
struct export_value {
	const char *text; /* NULL: a number, or null */
	size_t size;
	int64_t number;
	bool is_null;
};

/* Host and epoch are the first two columns of every table. */
enum { EXPORT_HOST, EXPORT_EPOCH, EXPORT_OWN };

struct matr_error;

/* Takes rows, in the order of an export. */
struct export_sink {
	int (*row)(void *context, enum export_table table, const struct export_value *values,
		   struct matr_error *err);
	void *context;
};

/* Gives the rows of the wanted tables, as often as it is asked.
 * tables: 1 << enum export_table, of those that are wanted; EXPORT and END are always given.
 * wanted: objects whose bindings are wanted, NULL for all. */
struct export_source {
	int (*rows)(void *context, unsigned tables, bool (*wanted)(int64_t object, void *whose),
		    void *whose, const struct export_sink *sink, struct matr_error *err);
	void *context;
	const char *name; /* for messages */
};

enum { EXPORT_ALL_TABLES = (1 << EXPORT_TABLES) - 1 };

/* The text with bytes that are not UTF-8 as the characters U+EF80 to U+EFFF (docs/json.md): *out is
 * the text itself where it has none, else in *scratch. */
struct text;
void export_portable(const struct export_value *value, struct text *scratch, const char **out,
		     size_t *size);

/* And back. */
void export_from_portable(struct text *text);

#endif
