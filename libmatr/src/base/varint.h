/* varint.h - the columns that blobs consist of: written to a buffer, read back with a cursor.
 *
 * Numbers are LEB128 varints, signed ones zigzag-coded first, so that the small differences between
 * neighbours take one byte each, and zstd sees them lined up.
 *
 * Neither side checks after every call: a failed allocation makes the buffer `failed`, a value
 * beyond the end (or one that is no varint) makes the cursor `damaged`, and from then on all writes
 * do nothing and all reads give 0. One look at the end suffices.
 */
#ifndef MATR_BASE_VARINT_H
#define MATR_BASE_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct varint_buffer { /* all zero: nothing yet */
	uint8_t *data;
	size_t size, room;
	bool failed;
};

void varint_buffer_free(struct varint_buffer *columns);
void varint_put_bytes(struct varint_buffer *columns, const void *data, size_t size);
void varint_put(struct varint_buffer *columns, uint64_t value);
void varint_put_signed(struct varint_buffer *columns, int64_t value);
/* With its NUL; NULL is written as the empty string. */
void varint_put_string(struct varint_buffer *columns, const char *string);

struct varint_cursor {
	const uint8_t *at, *end;
	bool damaged;
};

/* Read a value of any length. varint_get() reads most values, those of one byte, without a call. */
uint64_t varint_get_any(struct varint_cursor *cursor);

static inline uint64_t varint_get(struct varint_cursor *cursor)
{
	if (!cursor->damaged && cursor->at < cursor->end && *cursor->at < 0x80)
		return *cursor->at++;
	return varint_get_any(cursor);
}

static inline int64_t varint_get_signed(struct varint_cursor *cursor)
{
	uint64_t value = varint_get(cursor);
	return (int64_t)(value >> 1 ^ (value & 1 ? UINT64_MAX : 0));
}

/* A value that has to be at most `most`. */
uint64_t varint_get_up_to(struct varint_cursor *cursor, uint64_t most);
/* A number of elements that follow in one column or more, so of at least one byte each: no more
 * than there are bytes left, so that a damaged blob cannot ask for absurd amounts of memory. */
size_t varint_get_count(struct varint_cursor *cursor);
/* Points into what the cursor reads; NULL if damaged. */
const char *varint_get_string(struct varint_cursor *cursor);

#endif
