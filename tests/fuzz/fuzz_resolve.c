/* fuzz_resolve.c - any file as the application: resolved, and what comes of it compiled into an
 * image and encoded for the store.
 *
 * matr_object_open() has checked the file by then; here it shows whether the others are content
 * with what it lets pass. The libraries are this machine's: seeds need none but ld.so, which is in
 * every scope.
 */
#include "fuzz_file.h"

#include <stdlib.h>

#include <matr/mapping.h>
#include <matr/resolve.h>

#include "codec/bindings.h"
#include "codec/object.h"
#include "image/builder.h"

static void compile(const struct matr_mapping *mapping)
{
	struct image_builder *builder;
	struct matr_image_summary summary;
	struct matr_error err;

	if (image_builder_open(1, "", 1, &builder, &err) != 0)
		return;
	image_builder_add(builder, mapping, NULL, 0, &summary, &err);
	image_builder_close(builder);
}

static void encode(const struct matr_mapping *mapping)
{
	uint32_t *providers = calloc(mapping->n_scope, sizeof *providers);
	struct varint_buffer columns = {0};
	size_t n;

	if (!providers)
		abort();
	for (int part = 0; part < CODEC_N_PARTS; part++)
		codec_encode_part(mapping->scope[0].object, (enum codec_part)part, &columns);
	codec_encode_bindings(mapping, 0, &columns, providers, &n);
	varint_buffer_free(&columns);
	free(providers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file(data, size);
	struct matr_session *session;
	struct matr_mapping *mapping;
	struct matr_error err;

	/* A session reads a file once: a new one for every input. */
	if (matr_session_open(NULL, &session, &err) != 0)
		abort();
	if (matr_resolve(session, path, &mapping, &err) == 0) {
		compile(mapping);
		encode(mapping);
		matr_mapping_free(mapping);
	}
	matr_session_close(session);
	return 0;
}
