/* varint.c - varint columns, written to growing buffers and read with bounded cursors. */
#include "base/varint.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

void varint_buffer_free(struct varint_buffer *columns)
{
	free(columns->data);
	*columns = (struct varint_buffer){0};
}

static bool reserve(struct varint_buffer *columns, size_t size)
{
	if (!columns->failed && size <= columns->room - columns->size)
		return true;
	if (columns->failed || size > SIZE_MAX - columns->size ||
	    array_reserve(&columns->data, &columns->room, columns->size + size, 1, NULL) != 0)
		columns->failed = true;
	return !columns->failed;
}

void varint_put_bytes(struct varint_buffer *columns, const void *data, size_t size)
{
	if (size == 0 || !reserve(columns, size))
		return;
	memcpy(columns->data + columns->size, data, size);
	columns->size += size;
}

void varint_put(struct varint_buffer *columns, uint64_t value)
{
	if (!reserve(columns, 10))
		return;
	uint8_t *at = columns->data + columns->size;
	for (; value >= 0x80; value >>= 7)
		*at++ = (uint8_t)(value | 0x80);
	*at++ = (uint8_t)value;
	columns->size = (size_t)(at - columns->data);
}

void varint_put_signed(struct varint_buffer *columns, int64_t value)
{
	varint_put(columns, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

void varint_put_string(struct varint_buffer *columns, const char *string)
{
	if (!string)
		string = "";
	varint_put_bytes(columns, string, strlen(string) + 1);
}

uint64_t varint_get_any(struct varint_cursor *cursor)
{
	uint64_t value = 0;

	for (int shift = 0; shift < 64 && !cursor->damaged && cursor->at < cursor->end;
	     shift += 7) {
		uint8_t byte = *cursor->at++;
		if (shift == 63 && byte > 1) /* more than 64 bits */
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	cursor->damaged = true;
	return 0;
}

uint64_t varint_get_up_to(struct varint_cursor *cursor, uint64_t most)
{
	uint64_t value = varint_get(cursor);
	if (value <= most)
		return value;
	cursor->damaged = true;
	return 0;
}

size_t varint_get_count(struct varint_cursor *cursor)
{
	uint64_t count = varint_get(cursor);
	if (count <= (uint64_t)(cursor->end - cursor->at))
		return count;
	cursor->damaged = true;
	return 0;
}

const char *varint_get_string(struct varint_cursor *cursor)
{
	const uint8_t *start = cursor->at;
	const uint8_t *nul = cursor->damaged || start == cursor->end
				     ? NULL
				     : memchr(start, 0, (size_t)(cursor->end - start));
	if (!nul) {
		cursor->damaged = true;
		return NULL;
	}
	cursor->at = nul + 1;
	return (const char *)start;
}
