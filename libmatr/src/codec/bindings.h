/* bindings.h - the bindings of one object in one application as a blob, and back.
 *
 * The blob does not depend on the order of the application's scope, so that two applications in
 * which the object binds alike give the same bytes: providers are numbered in the order in which
 * they first occur, and who they are is a list beside the blob.
 */
#ifndef MATR_CODEC_BINDINGS_H
#define MATR_CODEC_BINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/varint.h"

#include <matr/mapping.h>

/* Encode the bindings of scope object `requester`. providers: room for n_scope entries, receives
 * scope indices; *n_providers how many. */
void codec_encode_bindings(const struct matr_mapping *mapping, size_t requester,
			   struct varint_buffer *out, uint32_t *providers, size_t *n_providers);

/* Decode into bindings[object->n_relocations] of scope object `requester`; providers as above.
 * Every index is checked. -1: damaged, or out of memory (then cursor->damaged is false). */
int codec_decode_bindings(struct matr_mapping *mapping, size_t requester, struct varint_cursor *in,
			  const uint32_t *providers, size_t n_providers);

/* Find the provider of the references to one symbol without decoding the bindings.
 * n_symbols: different symbols that the object's relocations refer to. place: of the symbol among
 * them, in the order of the first references. *provider: index in `providers` as above; UINT32_MAX:
 * the object itself, or none.
 * Returns false if the bindings have to be decoded: references to one symbol bind differently, the
 * providers are too many for that, or the blob is damaged. */
bool codec_find_provider(const uint8_t *contents, size_t size, size_t n_symbols, size_t place,
			 uint32_t *provider);

#endif
