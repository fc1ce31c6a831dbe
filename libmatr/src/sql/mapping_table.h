/* mapping_table.h - what the tables of the mapping have in common: how a table is described, and how
 * a query's constraints come from SQLite's planner to the cursor.
 *
 * A constraint is passed on where it can only leave out rows that SQLite would leave out itself;
 * SQLite checks each again. So a cursor may use one or not.
 */
#ifndef MATR_SQL_MAPPING_TABLE_H
#define MATR_SQL_MAPPING_TABLE_H

#include "mapping_store.h"

struct mapping_column {
	char type; /* 't' text, 'i' integer */
	char use;  /* '-' constraints are not used, '=' equality, LIKE and GLOB, '<' also ranges */
	double rows; /* the part of the rows that an equality leaves, roughly */
	double work; /* the part of the work that remains for the table */
};

struct mapping_schema {
	const char *name;
	const char *create; /* CREATE TABLE with comments: what .schema shows */
	double rows;	    /* in all, roughly, for an epoch of a thousand programs */
	double work;	    /* to go through all, in rows */
	const struct mapping_column *columns;
	int n_columns;
	uint64_t shared; /* columns that are the same for all applications in which an object binds
	                    alike: a query that wants no others and DISTINCT has less to do. 0: none */
	const char *query; /* tables that are a query: "SELECT ... FROM ..."; columns by name */
	const sqlite3_module *module;
};

struct mapping_table {
	sqlite3_vtab base;
	struct mapping_store *store;
	struct matr_sql *sql;
	const struct mapping_schema *schema;
};

/* What a module's functions have in common. */
int mapping_connect(sqlite3 *db, void *client, int argc, const char *const *argv,
		    sqlite3_vtab **out, char **message);
int mapping_disconnect(sqlite3_vtab *table);
int mapping_best_index(sqlite3_vtab *table, sqlite3_index_info *info);

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

/* From what mapping_best_index() left in idxStr; values are copied, for SQLite's own are gone after
 * xFilter. Terms whose value is of another type than the column are left out: SQLite would convert.
 * -1: out of memory. */
int mapping_terms(const struct mapping_schema *schema, const char *plan, int argc,
		  sqlite3_value **argv, struct mapping_terms *out);
void mapping_terms_free(struct mapping_terms *terms);

/* The text a column has to equal, NULL: none. */
const char *mapping_equals(const struct mapping_terms *terms, int column);
/* Can a row with this text in the column be wanted? */
bool mapping_admits(const struct mapping_terms *terms, int column, const char *text);

/* Is the query that the cursor belongs to to be interrupted? For loops that give no row for long. */
bool mapping_interrupted(struct mapping_table *table);

/* By name; NULL: none. */
const struct mapping_schema *mapping_schema_of(const char *name);

extern const struct mapping_schema mapping_epochs, mapping_applications, mapping_objects,
	mapping_needed, mapping_scopes, mapping_bindings, mapping_relocations, mapping_symbols,
	mapping_violations, mapping_withdrawals, mapping_declined;

extern const sqlite3_module mapping_query_module;

/* In a query with an object o and an epoch e: is it in a scope of the epoch? */
#define MAPPING_IN_EPOCH                                                                           \
	"EXISTS (SELECT 1 FROM locations le CROSS JOIN scope_entries se CROSS JOIN"                \
	" epoch_applications ee WHERE le.object_id = o.id AND se.location_id = le.id"              \
	" AND ee.application_id = se.application_id AND ee.epoch_id = e.id)"

#endif
