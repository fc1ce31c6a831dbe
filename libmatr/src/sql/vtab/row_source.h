/* row_source.h - the rows of one table, read from one ELF file.
 *
 * Given an open file and the constraints that a query has on the table's columns, a row source
 * goes through the rows that may match. SQLite checks every constraint again, so that a row source
 * may use a constraint or ignore it, but must not miss a row.
 *
 * Column 0 is always the path. Behind the visible columns come hidden ones, which SELECT * leaves
 * out: first `source` and `recursive`, the arguments of the table-valued function, then whatever
 * the table has beyond what sqlelf has.
 */
#ifndef MATR_SQL_ROW_SOURCE_H
#define MATR_SQL_ROW_SOURCE_H

#include "sql/reader/elf_file.h"
#include "sql/vtab/connection.h"

/* Constraint of a query on a column. */
struct constraint {
	int column;
	unsigned char op;     /* SQLITE_INDEX_CONSTRAINT_EQ, GT, LE, LT, GE */
	sqlite3_value *value; /* only to be looked at through the functions below */
};

struct filter {
	const struct constraint *constraints;
	int n;
	uint64_t columns; /* bit i: column i is wanted; bit 63: any further one */
};

/* The text that the column has to equal; NULL: not constrained to a text. */
const char *filter_text(const struct filter *filter, int column);
/* Test whether the filter constrains the column to another text. */
bool filter_excludes(const struct filter *filter, int column, const char *text);

struct range { /* inclusive, as SQL compares integers; low > high: nothing */
	int64_t low, high;
};

/* Range of an integer column. */
struct range filter_range(const struct filter *filter, int column);
bool filter_is_bounded(struct range range);
static inline bool in_range(struct range range, uint64_t value)
{
	return (int64_t)value >= range.low && (int64_t)value <= range.high;
}

/* A column that row sources can use constraints on. */
struct key {
	int column;
	bool ordered; /* comparisons help too, not only equality */
	double rows;  /* per file that an equality leaves, roughly; 0: end of the list */
	double work;  /* per file to find them, in rows read */
};

enum { MAX_KEYS = 6 };

struct row_state {    /* what every state starts with */
	uint64_t row; /* identifies the row among all of the file, whatever the filter; 44 bits */
};

struct row_source {
	const char *name;
	const char *columns;   /* lines of a CREATE TABLE: "  NAME TYPE, -- COMMENT\n" */
	const char *more;      /* hidden ones; no comma in the last line; "": none */
	int n_columns, n_more; /* how many these are */
	double rows;	       /* per file, roughly */
	double work;	       /* per file to go through all, in rows read */
	struct key keys[MAX_KEYS + 1];

	/* Test whether only files with a symbol of that name and one of these kinds (name_index.h)
	 * may have rows. NULL: the table has no names of symbols. */
	bool (*choose_files)(const struct filter *filter, const char **name, unsigned *kinds);

	size_t state_size; /* of what the functions below get as state, all zero at first */
	/* Prepare to go through the rows of the file. */
	int (*start)(void *state, struct elf_file *file, const struct filter *filter,
		     struct matr_error *err);
	/* Advance to the next row. Returns 1 if there is one, 0 at the end, -1 if the rest of the
	 * file is unreadable. */
	int (*next)(void *state, struct matr_error *err);
	/* A column of the row. Those of `more` have numbers from n_columns + 2 on. */
	void (*column)(void *state, sqlite3_context *context, int column);
	/* Free what the state holds; after a failed start too. NULL: nothing. */
	void (*finish)(void *state);
};

/* The name of column number i, which is none of the arguments. */
void row_source_column(const struct row_source *source, int i, char *name, size_t size);

/* CREATE TABLE with comments; sqlite3_free(); NULL: out of memory. */
char *row_source_declaration(const struct row_source *source);

#endif
