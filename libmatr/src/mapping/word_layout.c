/* word_layout.c - overlaps of the words that relocation writes.
 *
 * Large libraries have hundreds of thousands of words, so the question is answered with one bit for
 * each word of the writable part of the object, not by sorting.
 */
#include "mapping/word_layout.h"

#include <elf.h>
#include <stdlib.h>

static const uint64_t max_span = UINT64_C(1) << 33; /* bytes; more is no real object */

/* One bit per `unit` bytes of [low, high). */
struct places {
	uint64_t low, high;
	uint64_t unit;
	uint64_t *bits;
};

const struct matr_segment *writable_segment(const struct matr_object *object, uint64_t vaddr,
					    uint64_t size)
{
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type == PT_LOAD && (segment->flags & PF_W) &&
		    vaddr >= segment->vaddr && size <= segment->memory_size &&
		    vaddr - segment->vaddr <= segment->memory_size - size)
			return segment;
	}
	return NULL;
}

/* Places for [low, high); -1: no memory. */
static int places_open(struct places *places, uint64_t low, uint64_t high, uint64_t unit,
		       struct matr_error *err)
{
	*places = (struct places){.low = low - low % unit, .high = high, .unit = unit};
	uint64_t n = (high - places->low) / unit + 2;
	places->bits = calloc((size_t)(n / 64 + 1), sizeof *places->bits);
	return places->bits ? 0 : matr_fail_memory(err);
}

/* Mark a place; false: it was marked before. */
static bool mark(struct places *places, uint64_t vaddr)
{
	uint64_t n = (vaddr - places->low) / places->unit;
	uint64_t bit = UINT64_C(1) << n % 64;
	bool first = !(places->bits[n / 64] & bit);

	places->bits[n / 64] |= bit;
	return first;
}

/* ---- testing whether words are separate ---- */

static bool mark_word(const struct matr_object *object, struct places *places, uint64_t vaddr)
{
	if (!writable_segment(object, vaddr, 8))
		return false;
	/* One that is not aligned lies in two places. */
	return mark(places, vaddr) && (vaddr % 8 == 0 || mark(places, vaddr + 7));
}

static bool mark_all(const struct matr_object *object, struct places *places)
{
	for (size_t i = 0; i < object->n_relatives; i++) {
		if (!mark_word(object, places, object->relatives[i].offset))
			return false;
	}
	for (size_t i = 0; i < object->n_relr; i++) {
		if (!mark_word(object, places, object->relr[i].offset))
			return false;
	}
	for (size_t i = 0; i < object->n_relocations; i++) {
		uint32_t type = object->relocations[i].type;
		if (type != R_X86_64_NONE && type != R_X86_64_COPY &&
		    !mark_word(object, places, object->relocations[i].offset))
			return false;
	}
	return true;
}

int words_are_separate(const struct matr_object *object, struct matr_error *err)
{
	uint64_t low = UINT64_MAX, high = 0;
	struct places places;

	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type != PT_LOAD || !(segment->flags & PF_W))
			continue;
		low = segment->vaddr < low ? segment->vaddr : low;
		if (segment->vaddr + segment->memory_size > high)
			high = segment->vaddr + segment->memory_size;
	}
	if (low >= high || high - low > max_span) /* nothing to write to, or no real object */
		return !object->n_relatives && !object->n_relr && !object->n_relocations;
	if (places_open(&places, low, high, 8, err) < 0)
		return -1;
	int result = mark_all(object, &places);
	free(places.bits);
	return result;
}
