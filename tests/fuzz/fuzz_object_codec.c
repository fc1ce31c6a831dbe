/* fuzz_object_codec.c - the store's blobs of an object with any contents: all parts, one after the
 * other. What is decoded has to be whole, and come out the same when it is encoded and decoded
 * again.
 */
#include "fuzz_file.h"

#include <stdlib.h>
#include <string.h>

#include "codec/object.h"

static int decode(struct matr_object *object, struct varint_cursor *cursor)
{
	for (int part = 0; part < CODEC_N_PARTS; part++)
		if (codec_decode_part(object, (enum codec_part)part, cursor) != 0)
			return -1;
	return 0;
}

static void encode(const struct matr_object *object, struct varint_buffer *out)
{
	for (int part = 0; part < CODEC_N_PARTS; part++)
		codec_encode_part(object, (enum codec_part)part, out);
	if (out->failed)
		abort();
}

/* Encodings are compared, not objects: structs have padding, strings have addresses. */
static void check_round_trip(const struct matr_object *object)
{
	struct matr_object *again = calloc(1, sizeof *again);
	struct varint_buffer first = {0}, second = {0};

	if (!again)
		abort();
	encode(object, &first);
	struct varint_cursor cursor = {.at = first.data, .end = first.data + first.size};
	if (decode(again, &cursor) != 0)
		abort();
	encode(again, &second);
	if (first.size != second.size || memcmp(first.data, second.data, first.size) != 0)
		abort();
	varint_buffer_free(&first);
	varint_buffer_free(&second);
	matr_object_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct matr_object *object = calloc(1, sizeof *object);
	struct varint_cursor cursor = {.at = data, .end = data + size};

	if (!object)
		abort();
	if (decode(object, &cursor) == 0)
		check_round_trip(object);
	matr_object_free(object);
	return 0;
}
