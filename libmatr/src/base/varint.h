/* varint.h - the columns that blobs consist of: written to a buffer, read back with a cursor.
 *
 * Numbers are LEB128 varints, signed ones zigzag-coded first, so that the small differences between
 * neighbours take one byte each, and zstd sees them lined up.
 *
 * Neither side checks after every call: a failed allocation makes the buffer `failed`, a value
 * beyond the end (or one that is no varint) makes the cursor `damaged`, and from then on all writes
 * do nothing and all reads give 0. One look at the end suffices.
 */
#ifndef MATR_COLUMNS_H
#define MATR_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct matr_columns { /* all zero: nothing yet */
	uint8_t *data;
	size_t size, room;
	bool failed;
};

void matr_columns_free(struct matr_columns *columns);
void matr_put_bytes(struct matr_columns *columns, const void *data, size_t size);
void matr_put(struct matr_columns *columns, uint64_t value);
void matr_put_signed(struct matr_columns *columns, int64_t value);
/* With its NUL; NULL is written as the empty string. */
void matr_put_string(struct matr_columns *columns, const char *string);

struct matr_cursor {
	const uint8_t *at, *end;
	bool damaged;
};

uint64_t matr_get(struct matr_cursor *cursor);
int64_t matr_get_signed(struct matr_cursor *cursor);
/* A value that has to be at most `most`. */
uint64_t matr_get_up_to(struct matr_cursor *cursor, uint64_t most);
/* A number of elements that follow in one column or more, so of at least one byte each: no more than
 * there are bytes left, so that a damaged blob cannot ask for absurd amounts of memory. */
size_t matr_get_count(struct matr_cursor *cursor);
/* Points into what the cursor reads; NULL if damaged. */
const char *matr_get_string(struct matr_cursor *cursor);

#endif
