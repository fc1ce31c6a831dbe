/* table.h - what the tables of the mapping have in common: how a table is described, how a query's
 * constraints come from SQLite's planner to the cursor, and the cursor.
 *
 * A constraint is passed on where it can only leave out rows that SQLite would leave out itself;
 * SQLite checks each again. So a cursor may use one or not.
 */
#ifndef MATR_SQL_MAPPING_TABLE_H
#define MATR_SQL_MAPPING_TABLE_H

#include "sql/mapping/store.h"

struct mapping_column {
	const char *name; /* NULL: the end of a list */
	char type;	  /* 't' text, 'i' integer */
	char use; /* '-' constraints are not used, '=' equality, LIKE and GLOB, '<' also ranges */
	double rows;	   /* the part of the rows that an equality leaves, roughly */
	double work;	   /* the part of the work that remains for the table */
	const char *about; /* the comment in .schema; may have several lines */
	const char *sql;   /* of a table that is a query: the expression that gives the column */
};

enum { MAPPING_PARTS = 3 };

struct mapping_schema {
	const char *name;
	const char *about; /* what a row is; may have several lines */
	double rows;	   /* in all, roughly, for an epoch of a thousand programs */
	double work;	   /* to go through all, in rows */
	const struct mapping_column *parts[MAPPING_PARTS + 1]; /* lists of columns; NULL: no more */
	/* Columns that are the same for all applications in which an object binds alike: a query
	 * with DISTINCT that wants no others has less to do. 0: none. */
	uint64_t shared;
	/* Of a table that is a query. */
	const char *from;   /* FROM and WHERE; ?1 and ?2: the first and the last epoch selected */
	const char *number; /* the row id: the same whatever the constraints are */
	const char *where;  /* one condition more; NULL: none */
	/* A second part of the table: as the first, with another condition and one other column. */
	struct {
		const char *where; /* NULL: there is none */
		int column;
		const char *sql;
	} also;

	const struct mapping_rows *rows_of;
};

/* Column number i; NULL: there are no more. */
const struct mapping_column *mapping_column_of(const struct mapping_schema *schema, int i);

/* CREATE TABLE with a comment for every column; sqlite3_free(). NULL: out of memory. */
char *mapping_declaration(const struct mapping_schema *schema);

struct mapping_table {
	sqlite3_vtab base;
	struct mapping_store *store;
	struct matr_sql *sql;
	const struct mapping_schema *schema;
};

/* Add the table to the connection, whose sql->mapping is set. 0 or -1. */
int mapping_table_register(struct matr_sql *sql, const struct mapping_schema *schema,
			   struct matr_error *err);

/* A constraint as the cursor gets it. */
enum { MAPPING_TERMS_MAX = 12 };
struct mapping_term {
	int column;
	char operator; /* '=' '<' '{' (<=) '>' '}' (>=) '~' (LIKE) '*' (GLOB) */
	sqlite3_value *value;
};

struct mapping_terms {
	struct mapping_term list[MAPPING_TERMS_MAX];
	int n;
	uint64_t columns; /* that the query wants; bit 63: 63 and more */
	bool distinct;	  /* rows that differ in other columns only need not be repeated */
};

struct mapping_cursor { /* what every table's cursor starts with */
	sqlite3_vtab_cursor base;
	struct mapping_terms terms;
	bool entered; /* the store */
	bool done;
};

enum { MAPPING_INTERRUPTED = 2 };

/* Source of a table's rows. */
struct mapping_rows {
	size_t cursor_size; /* all zero at first */
	/* Go to before the first row for the cursor's terms, maybe not for the first time; 0 or
	 * -1. */
	int (*start)(struct mapping_cursor *cursor, struct matr_error *err);
	/* 1 a row, 0 no more, -1 error, MAPPING_INTERRUPTED. */
	int (*next)(struct mapping_cursor *cursor, struct matr_error *err);
	void (*column)(struct mapping_cursor *cursor, sqlite3_context *context, int column);
	/* Identifies the row in the table, however a query arrives at it. */
	int64_t (*number)(const struct mapping_cursor *cursor);
	/* Free what the cursor holds, if it was started. */
	void (*finish)(struct mapping_cursor *cursor);
};

static inline struct mapping_table *mapping_table_of(const struct mapping_cursor *cursor)
{
	return (struct mapping_table *)cursor->base.pVtab;
}

static inline struct mapping_store *mapping_store_of(const struct mapping_cursor *cursor)
{
	return mapping_table_of(cursor)->store;
}

/* The text a column has to equal, NULL: none. */
const char *mapping_equals(const struct mapping_terms *terms, int column);
/* Test whether a row with this text in the column can be wanted. */
bool mapping_admits(const struct mapping_terms *terms, int column, const char *text);

/* Test whether the cursor's query is to be interrupted. For loops that give no row for long. */
bool mapping_interrupted(const struct mapping_cursor *cursor);

/* Of tables that are a query. */
extern const struct mapping_rows mapping_query_rows;

/* Condition that the object o is in a scope, or a closure, of the epoch e. For queries with
 * both. */
#define MAPPING_IN_EPOCH                                                                           \
	"(EXISTS (SELECT 1 FROM locations le CROSS JOIN scope_entries se CROSS JOIN"               \
	" epoch_applications ee WHERE le.object_id = o.id AND se.location_id = le.id"              \
	" AND ee.application_id = se.application_id AND ee.epoch_id = e.id) OR"                    \
	" EXISTS (SELECT 1 FROM locations le CROSS JOIN closure_entries se CROSS JOIN"             \
	" closures ke CROSS JOIN epoch_applications ee WHERE le.object_id = o.id AND"              \
	" se.location_id = le.id AND ke.id = se.closure_id AND"                                    \
	" ee.application_id = ke.application_id AND ee.epoch_id = e.id))"

#endif
