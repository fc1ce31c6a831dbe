/* buffer.c - bytes that grow. */
#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <matr/image_format.h>

#include "base/array.h"

static void free_bytes(struct buffer *buffer)
{
	if (buffer->mapped)
		munmap(buffer->bytes, buffer->mapped);
	else
		free(buffer->bytes);
}

void buffer_free(struct buffer *buffer)
{
	free_bytes(buffer);
	free(buffer->pieces);
	*buffer = (struct buffer){0};
}

int buffer_map(struct buffer *buffer, int fd, const char *path, uint64_t offset, size_t size,
	       struct matr_error *err)
{
	size_t room = (size + size / 4 + MATR_IMAGE_PAGE - 1) & ~(size_t)(MATR_IMAGE_PAGE - 1);
	const int protection = PROT_READ | PROT_WRITE;

	if (!size)
		return 0;
	if (room < size)
		return matr_fail_memory(err);
	void *bytes = mmap(NULL, room, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED)
		return matr_fail_memory(err);
	if (mmap(bytes, size, protection, MAP_PRIVATE | MAP_FIXED, fd, (off_t)offset) ==
	    MAP_FAILED) {
		int result = matr_fail_errno(err, path, "cannot be mapped");
		munmap(bytes, room);
		return result;
	}
	buffer->bytes = bytes;
	buffer->size = size;
	buffer->capacity = buffer->mapped = room;
	return 0;
}

/* A mapping that has no more room is copied to where it can grow. */
static int reserve(struct buffer *buffer, size_t end, struct matr_error *err)
{
	unsigned char *bytes = NULL;
	size_t capacity = 0;

	if (!buffer->mapped || end <= buffer->capacity)
		return array_reserve(&buffer->bytes, &buffer->capacity, end, 1, err);
	if (array_reserve(&bytes, &capacity, end, 1, err) != 0)
		return -1;
	memcpy(bytes, buffer->bytes, buffer->size);
	free_bytes(buffer);
	buffer->bytes = bytes;
	buffer->capacity = capacity;
	buffer->mapped = 0;
	return 0;
}

/* Bytes behind the alignment are not set. */
static int extend(struct buffer *buffer, size_t size, size_t align, uint64_t *offset,
		  struct matr_error *err)
{
	size_t start = (buffer->size + align - 1) & ~(align - 1);
	size_t end = start + size;

	if (end < size)
		return matr_fail_memory(err);
	if (reserve(buffer, end, err) != 0)
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
