/* program.h - decoding relocation programs and shifts (matr/image_format.h), one word at a time.
 *
 * Inlined where words are written (relocate.c) and where they are compared (verify.c).
 */
#ifndef LD_STABLE_PROGRAM_H
#define LD_STABLE_PROGRAM_H

#include "ld_stable.h"

/* Position in a list of entries. A bitmap covers the 31 words from `next` on. */
struct word_cursor {
	const uint32_t *entry, *end;
	uint64_t *start, *next;
	uint64_t *first; /* word of the lowest bit in `bits` */
	uint32_t bits;
};

static inline struct word_cursor word_cursor(const void *entries, uint32_t n, uint64_t start)
{
	return (struct word_cursor){
		.entry = entries,
		.end = (const uint32_t *)entries + n,
		.start = (uint64_t *)start,
		.next = (uint64_t *)start,
	};
}

/* Returns the next word, NULL at the end. */
static inline uint64_t *word_next(struct word_cursor *cursor)
{
	while (!cursor->bits) {
		if (cursor->entry == cursor->end)
			return NULL;
		uint32_t entry = *cursor->entry++;
		if (!(entry & 1)) {
			uint64_t *word = cursor->start + (entry >> 1);
			cursor->next = word + 1;
			return word;
		}
		cursor->bits = entry >> 1;
		cursor->first = cursor->next;
		cursor->next += 31;
	}
	uint64_t *word = cursor->first + __builtin_ctz(cursor->bits);
	cursor->bits &= cursor->bits - 1;
	return word;
}

static inline const uint32_t *group_values(const struct matr_image_group *group)
{
	return (const uint32_t *)(group + 1) + group->n_entries;
}

static inline const struct matr_image_group *group_next(const struct matr_image_group *group)
{
	uint64_t size = sizeof *group + 4 * ((uint64_t)group->n_entries + group->n_slots);
	return (const struct matr_image_group *)((const char *)group + ((size + 7) & ~UINT64_C(7)));
}

#endif
