/* buffer.h - bytes that grow at the end, with equal pieces kept once.
 *
 * The image is made in one such buffer: every piece (a string, a relocation program, a residual
 * table) gets its final offset when it is added, and a piece that is there already is not added
 * again.
 */
#ifndef MATR_BUFFER_H
#define MATR_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

struct buffer {
	unsigned char *bytes;
	size_t size, capacity;
	size_t mapped;	      /* bytes of the mapping that `bytes` is; 0: allocated */
	struct buffer_piece { /* open addressing; size 0: free */
		uint64_t hash, offset, size;
	} * pieces;
	size_t n_pieces, n_slots;
};

void buffer_free(struct buffer *buffer);

/* Map `size` bytes of a file from `offset`, a multiple of the page size, as the contents of an
 * empty buffer. Only what is used is read, changes do not reach the file, and there is room for a
 * quarter more before anything is copied. The file must not be changed there or cut as long as the
 * buffer lasts. `path` is for messages. Errors: RESOURCES, SYSTEM. */
int buffer_map(struct buffer *buffer, int fd, const char *path, uint64_t offset, size_t size,
	       struct matr_error *err);

/* Room for `size` zeroed bytes at the end, at a multiple of `align` (a power of two): the offset is
 * in *offset. Pointers into buffer->bytes are void afterwards. */
int buffer_extend(struct buffer *buffer, size_t size, size_t align, uint64_t *offset,
		  struct matr_error *err);

/* Add a piece that is not shared. */
int buffer_append(struct buffer *buffer, const void *data, size_t size, size_t align,
		  uint64_t *offset, struct matr_error *err);

/* Add a piece, or find the equal one that was added before; `size` > 0. */
int buffer_share(struct buffer *buffer, const void *data, size_t size, size_t align,
		 uint64_t *offset, struct matr_error *err);

/* A string with its NUL, shared. */
int buffer_string(struct buffer *buffer, const char *text, uint64_t *offset,
		  struct matr_error *err);

#endif
