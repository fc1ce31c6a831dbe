/* object.h - an object's arrays as columnar blobs, and back.
 *
 * An object is a row of plain columns (store/object.c) and four blobs. Which array is in which blob
 * follows from what is wanted together and what is often the same: `headers` is small, `relatives`
 * is large and wanted by the image compiler only.
 */
#ifndef MATR_CODEC_OBJECT_H
#define MATR_CODEC_OBJECT_H

#include "base/varint.h"

#include <matr/object.h>

enum codec_part {
	CODEC_HEADERS,	   /* segments, dynamic section, versions */
	CODEC_SYMBOLS,	   /* symbols */
	CODEC_RELOCATIONS, /* relocations */
	CODEC_RELATIVES,   /* relatives and relr */
	CODEC_N_PARTS
};

void codec_encode_part(const struct matr_object *object, enum codec_part part,
		       struct varint_buffer *out);

/* Fill in the part's arrays (malloc'ed). Strings point into what the cursor reads, which has to
 * live as long as the object. -1: out of memory, or the contents are damaged (cursor->damaged).
 * Symbols come before relocations, whose symbol indices are checked against them. */
int codec_decode_part(struct matr_object *object, enum codec_part part,
		      struct varint_cursor *cursor);

/* Find the names in a blob of symbols without decoding it: *n strings in the order of the symbols,
 * from *names to the end of the blob. -1: the contents are damaged. */
int codec_symbol_names(const uint8_t *contents, size_t size, const char **names, size_t *n);

#endif
