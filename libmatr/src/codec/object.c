/* object.c - an object's arrays as columnar blobs, and back; see docs/store.md.
 *
 * Each array is written column by column. What grows steadily (offsets, the PLT words of JUMP_SLOT
 * relocations) or comes in runs (symbol indices, sections) is written as the difference from the
 * element before; what is random anyway (symbol values, in hash order) is written as it is.
 */
#include "codec/object.h"

#include <elf.h>
#include <stdlib.h>

static int64_t difference(uint64_t to, uint64_t from)
{
	return (int64_t)(to - from);
}

/* ---- headers ---- */

enum { /* flags of a version */
       VERSION_NAME = 1,
       VERSION_FILE = 2,
       VERSION_HIDDEN = 4,
       VERSION_WEAK = 8,
       VERSION_DEFINED = 16,
};

static void encode_headers(const struct matr_object *object, struct varint_buffer *out)
{
	varint_put(out, object->n_segments);
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		varint_put(out, segment->type);
		varint_put(out, segment->flags);
		varint_put(out, segment->offset);
		varint_put(out, segment->vaddr);
		varint_put(out, segment->file_size);
		varint_put(out, segment->memory_size);
		varint_put(out, segment->align);
	}
	varint_put(out, object->n_dynamic);
	for (size_t i = 0; i < object->n_dynamic; i++) {
		varint_put_signed(out, object->dynamic[i].tag);
		varint_put(out, object->dynamic[i].value);
	}
	varint_put(out, object->n_versions);
	for (size_t i = 0; i < object->n_versions; i++) {
		const struct matr_version *version = &object->versions[i];
		varint_put(out, (version->name ? VERSION_NAME : 0) |
					(version->file ? VERSION_FILE : 0) |
					(version->hidden ? VERSION_HIDDEN : 0) |
					(version->weak ? VERSION_WEAK : 0) |
					(version->defined ? VERSION_DEFINED : 0));
		varint_put(out, version->hash);
		if (version->name)
			varint_put_string(out, version->name);
		if (version->file)
			varint_put_string(out, version->file);
	}
}

static int decode_headers(struct matr_object *object, struct varint_cursor *in)
{
	object->n_segments = varint_get_count(in);
	object->segments = calloc(object->n_segments + 1, sizeof *object->segments);
	if (!object->segments)
		return -1;
	for (size_t i = 0; i < object->n_segments; i++) {
		struct matr_segment *segment = &object->segments[i];
		segment->type = (uint32_t)varint_get_up_to(in, UINT32_MAX);
		segment->flags = (uint32_t)varint_get_up_to(in, UINT32_MAX);
		segment->offset = varint_get(in);
		segment->vaddr = varint_get(in);
		segment->file_size = varint_get(in);
		segment->memory_size = varint_get(in);
		segment->align = varint_get(in);
	}
	object->n_dynamic = varint_get_count(in);
	object->dynamic = calloc(object->n_dynamic + 1, sizeof *object->dynamic);
	if (!object->dynamic)
		return -1;
	for (size_t i = 0; i < object->n_dynamic; i++) {
		object->dynamic[i].tag = varint_get_signed(in);
		object->dynamic[i].value = varint_get(in);
	}
	object->n_versions = varint_get_count(in);
	object->versions = calloc(object->n_versions + 1, sizeof *object->versions);
	if (!object->versions)
		return -1;
	for (size_t i = 0; i < object->n_versions; i++) {
		struct matr_version *version = &object->versions[i];
		uint64_t flags = varint_get(in);
		version->hash = (uint32_t)varint_get_up_to(in, UINT32_MAX);
		version->name = flags & VERSION_NAME ? varint_get_string(in) : NULL;
		version->file = flags & VERSION_FILE ? varint_get_string(in) : NULL;
		version->hidden = flags & VERSION_HIDDEN;
		version->weak = flags & VERSION_WEAK;
		version->defined = flags & VERSION_DEFINED;
	}
	return in->damaged ? -1 : 0;
}

/* ---- symbols ---- */

static void encode_symbols(const struct matr_object *object, struct varint_buffer *out)
{
	const struct matr_symbol *symbols = object->symbols;
	size_t n = object->n_symbols;

	varint_put(out, n);
	for (size_t i = 0; i < n; i++)
		varint_put(out, symbols[i].type | (uint64_t)symbols[i].binding << 4);
	for (size_t i = 0; i < n; i++)
		varint_put(out, symbols[i].hashed | (uint64_t)symbols[i].visibility << 1);
	for (size_t i = 0; i < n; i++)
		varint_put_signed(out, symbols[i].section - (i ? symbols[i - 1].section : 0));
	for (size_t i = 0; i < n; i++)
		varint_put(out, symbols[i].version);
	for (size_t i = 0; i < n; i++)
		varint_put(out, symbols[i].size);
	for (size_t i = 0; i < n; i++)
		varint_put(out, symbols[i].value);
	for (size_t i = 0; i < n; i++)
		varint_put_string(out, symbols[i].name);
}

static int decode_symbols(struct matr_object *object, struct varint_cursor *in)
{
	size_t n = varint_get_count(in);
	struct matr_symbol *symbols = calloc(n + 1, sizeof *symbols);
	uint64_t section = 0;

	if (!symbols)
		return -1;
	object->symbols = symbols;
	object->n_symbols = n;
	for (size_t i = 0; i < n; i++) {
		uint64_t info = varint_get_up_to(in, 0xff);
		symbols[i].type = info & 0xf;
		symbols[i].binding = (uint8_t)(info >> 4);
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t other = varint_get_up_to(in, 0x1ff);
		symbols[i].hashed = other & 1;
		symbols[i].visibility = (uint8_t)(other >> 1);
	}
	for (size_t i = 0; i < n; i++) {
		section += (uint64_t)varint_get_signed(in);
		symbols[i].section = (uint16_t)section;
	}
	for (size_t i = 0; i < n; i++)
		symbols[i].version = (uint16_t)varint_get_up_to(in, UINT16_MAX);
	for (size_t i = 0; i < n; i++)
		symbols[i].size = varint_get(in);
	for (size_t i = 0; i < n; i++)
		symbols[i].value = varint_get(in);
	for (size_t i = 0; i < n; i++)
		symbols[i].name = varint_get_string(in);
	return in->damaged ? -1 : 0;
}

enum { NUMBERS_OF_A_SYMBOL = 6 }; /* columns before the names */

int codec_symbol_names(const uint8_t *contents, size_t size, const char **names, size_t *n)
{
	struct varint_cursor cursor = {.at = contents, .end = contents + size};

	*n = varint_get_count(&cursor);
	size_t numbers = *n * NUMBERS_OF_A_SYMBOL;
	for (; numbers && cursor.at < cursor.end; cursor.at++)
		numbers -= *cursor.at < 0x80; /* the last byte of a number */
	*names = (const char *)cursor.at;
	/* The last name ends with the blob; an empty blob has none. */
	return cursor.damaged || numbers || (*n && contents[size - 1]) ? -1 : 0;
}

/* ---- relocations ---- */

static void encode_relocations(const struct matr_object *object, struct varint_buffer *out)
{
	const struct matr_relocation *relocations = object->relocations;
	size_t n = object->n_relocations;
	uint64_t word = 0;

	varint_put(out, n);
	for (size_t i = 0; i < n; i++)
		varint_put(out, relocations[i].type);
	for (size_t i = 0; i < n; i++)
		varint_put(out, relocations[i].table);
	for (size_t i = 0; i < n; i++)
		varint_put_signed(
			out, difference(relocations[i].symbol, i ? relocations[i - 1].symbol : 0));
	for (size_t i = 0; i < n; i++)
		varint_put_signed(
			out, difference(relocations[i].offset, i ? relocations[i - 1].offset : 0));
	for (size_t i = 0; i < n; i++)
		varint_put_signed(out, relocations[i].addend);
	for (size_t i = 0; i < n; i++) {
		if (relocations[i].type != R_X86_64_JUMP_SLOT)
			continue;
		varint_put_signed(out, difference(relocations[i].word, word));
		word = relocations[i].word;
	}
}

static int decode_relocations(struct matr_object *object, struct varint_cursor *in)
{
	size_t n = varint_get_count(in);
	struct matr_relocation *relocations = calloc(n + 1, sizeof *relocations);
	uint64_t symbol = 0, offset = 0, word = 0;

	if (!relocations)
		return -1;
	object->relocations = relocations;
	object->n_relocations = n;
	for (size_t i = 0; i < n; i++)
		relocations[i].type = (uint32_t)varint_get_up_to(in, UINT32_MAX);
	for (size_t i = 0; i < n; i++)
		relocations[i].table = (uint8_t)varint_get_up_to(in, MATR_TABLE_JMPREL);
	for (size_t i = 0; i < n; i++) {
		symbol += (uint64_t)varint_get_signed(in);
		if (symbol >= object->n_symbols && symbol != 0)
			in->damaged = true;
		relocations[i].symbol = (uint32_t)symbol;
	}
	for (size_t i = 0; i < n; i++)
		relocations[i].offset = offset += (uint64_t)varint_get_signed(in);
	for (size_t i = 0; i < n; i++)
		relocations[i].addend = varint_get_signed(in);
	for (size_t i = 0; i < n; i++)
		if (relocations[i].type == R_X86_64_JUMP_SLOT)
			relocations[i].word = word += (uint64_t)varint_get_signed(in);
	return in->damaged ? -1 : 0;
}

/* ---- relatives ---- */

static void encode_relative(const struct matr_relative *relative, size_t n,
			    struct varint_buffer *out)
{
	varint_put(out, n);
	for (size_t i = 0; i < n; i++)
		varint_put_signed(out,
				  difference(relative[i].offset, i ? relative[i - 1].offset : 0));
	for (size_t i = 0; i < n; i++)
		varint_put_signed(out, difference((uint64_t)relative[i].addend,
						  i ? (uint64_t)relative[i - 1].addend : 0));
}

static int decode_relative(struct matr_relative **out, size_t *n_out, struct varint_cursor *in)
{
	size_t n = varint_get_count(in);
	struct matr_relative *relative = calloc(n + 1, sizeof *relative);
	uint64_t offset = 0, addend = 0;

	if (!relative)
		return -1;
	*out = relative;
	*n_out = n;
	for (size_t i = 0; i < n; i++)
		relative[i].offset = offset += (uint64_t)varint_get_signed(in);
	for (size_t i = 0; i < n; i++)
		relative[i].addend = (int64_t)(addend += (uint64_t)varint_get_signed(in));
	return in->damaged ? -1 : 0;
}

/* ---- all parts ---- */

void codec_encode_part(const struct matr_object *object, enum codec_part part,
		       struct varint_buffer *out)
{
	switch (part) {
	case CODEC_HEADERS:
		encode_headers(object, out);
		break;
	case CODEC_SYMBOLS:
		encode_symbols(object, out);
		break;
	case CODEC_RELOCATIONS:
		encode_relocations(object, out);
		break;
	case CODEC_RELATIVES:
		encode_relative(object->relatives, object->n_relatives, out);
		encode_relative(object->relr, object->n_relr, out);
		break;
	case CODEC_N_PARTS:
		break;
	}
}

int codec_decode_part(struct matr_object *object, enum codec_part part, struct varint_cursor *in)
{
	switch (part) {
	case CODEC_HEADERS:
		return decode_headers(object, in);
	case CODEC_SYMBOLS:
		return decode_symbols(object, in);
	case CODEC_RELOCATIONS:
		return decode_relocations(object, in);
	case CODEC_RELATIVES:
		if (decode_relative(&object->relatives, &object->n_relatives, in) != 0)
			return -1;
		return decode_relative(&object->relr, &object->n_relr, in);
	case CODEC_N_PARTS:
		break;
	}
	return -1;
}
