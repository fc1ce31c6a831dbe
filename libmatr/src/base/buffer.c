/* buffer.c - bytes that grow. */
#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>

#include <matr/image_format.h>

#include "base/array.h"

void buffer_free(struct buffer *buffer)
{
	free(buffer->bytes);
	free(buffer->pieces);
	*buffer = (struct buffer){0};
}

/* Bytes behind the alignment are not set. */
static int extend(struct buffer *buffer, size_t size, size_t align, uint64_t *offset,
		  struct matr_error *err)
{
	size_t start = (buffer->size + align - 1) & ~(align - 1);
	size_t end = start + size;

	if (end < size)
		return matr_fail_memory(err);
	if (array_reserve(&buffer->bytes, &buffer->capacity, end, 1, err) != 0)
		return -1;
	memset(buffer->bytes + buffer->size, 0, start - buffer->size);
	buffer->size = end;
	*offset = start;
	return 0;
}

int buffer_extend(struct buffer *buffer, size_t size, size_t align, uint64_t *offset,
		  struct matr_error *err)
{
	if (extend(buffer, size, align, offset, err) < 0)
		return -1;
	memset(buffer->bytes + *offset, 0, size);
	return 0;
}

int buffer_append(struct buffer *buffer, const void *data, size_t size, size_t align,
		  uint64_t *offset, struct matr_error *err)
{
	if (extend(buffer, size, align, offset, err) < 0)
		return -1;
	if (size)
		memcpy(buffer->bytes + *offset, data, size);
	return 0;
}

static int grow_pieces(struct buffer *buffer, struct matr_error *err)
{
	size_t n_slots = buffer->n_slots ? buffer->n_slots * 2 : 1024;
	struct buffer_piece *pieces = calloc(n_slots, sizeof *pieces);

	if (!pieces)
		return matr_fail_memory(err);
	for (size_t i = 0; i < buffer->n_slots; i++) {
		if (!buffer->pieces[i].size)
			continue;
		size_t at = buffer->pieces[i].hash & (n_slots - 1);
		while (pieces[at].size)
			at = (at + 1) & (n_slots - 1);
		pieces[at] = buffer->pieces[i];
	}
	free(buffer->pieces);
	buffer->pieces = pieces;
	buffer->n_slots = n_slots;
	return 0;
}

int buffer_share(struct buffer *buffer, const void *data, size_t size, size_t align,
		 uint64_t *offset, struct matr_error *err)
{
	if (buffer->n_pieces * 2 >= buffer->n_slots && grow_pieces(buffer, err) < 0)
		return -1;
	uint64_t hash = matr_image_checksum64(data, size, 0);
	size_t at = hash & (buffer->n_slots - 1);
	for (; buffer->pieces[at].size; at = (at + 1) & (buffer->n_slots - 1)) {
		const struct buffer_piece *piece = &buffer->pieces[at];
		if (piece->hash == hash && piece->size == size && !(piece->offset & (align - 1)) &&
		    !memcmp(buffer->bytes + piece->offset, data, size)) {
			*offset = piece->offset;
			return 0;
		}
	}
	if (buffer_append(buffer, data, size, align, offset, err) < 0)
		return -1;
	buffer->pieces[at] = (struct buffer_piece){hash, *offset, size};
	buffer->n_pieces++;
	return 0;
}

int buffer_string(struct buffer *buffer, const char *text, uint64_t *offset, struct matr_error *err)
{
	return buffer_share(buffer, text, strlen(text) + 1, 1, offset, err);
}
