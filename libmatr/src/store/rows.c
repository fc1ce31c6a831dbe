/* store_rows.c - the rows of a statement as an array. */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

/* Room for one more element; the array is doubled whenever n + 1 is a power of two. */
static int grow(struct matr_rows *rows, struct matr_error *err)
{
	size_t n = rows->n;

	if (n & (n + 1))
		return 0;
	void *grown = realloc(rows->items, (2 * n + 1) * rows->element);
	if (!grown)
		return matr_fail_memory(err);
	rows->items = grown;
	return 0;
}

struct matr_rows matr_rows(struct matr_store *store, sqlite3_stmt *statement, size_t element)
{
	return (struct matr_rows){
		.store = store,
		.statement = statement,
		.element = element,
		.failed = !statement,
	};
}

void *matr_next_row(struct matr_rows *rows, struct matr_error *err)
{
	if (rows->failed) {
		sqlite3_reset(rows->statement); /* NULL is allowed */
		return NULL;
	}
	int more = matr_step(rows->store, rows->statement, err);
	if (more > 0 && grow(rows, err) != 0) {
		sqlite3_reset(rows->statement);
		more = -1;
	}
	rows->failed = more < 0;
	if (more <= 0)
		return NULL;
	void *item = (char *)rows->items + rows->n++ * rows->element;
	return memset(item, 0, rows->element);
}

void matr_row_text(struct matr_rows *rows, int column, char **out, struct matr_error *err)
{
	if (rows->failed)
		*out = NULL;
	else
		rows->failed = matr_column_text(rows->statement, column, out, err) != 0;
}
