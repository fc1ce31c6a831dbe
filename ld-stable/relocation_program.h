/* relocation_program.h - running a relocation program (matr/image_format.h), one group at a time.
 *
 * The same decoder serves to write (relocate.c) and to compare (verify.c); it is inlined into both, so
 * that the one that matters is a tight loop.
 */
#ifndef LD_STABLE_RELOCATION_PROGRAM_H
#define LD_STABLE_RELOCATION_PROGRAM_H

#include "ld_stable.h"

/* What a group's decoder is at: the next bitmap covers the 31 words from `next` on. */
struct slot_cursor {
	const uint32_t *entries, *end;
	const uint32_t *values;
	uint64_t *start, *next;
	uint64_t *first; /* base of the bitmap in `bits` */
	uint32_t bits;
};

static inline struct slot_cursor slot_cursor(const struct matr_image_group *group, uint64_t base)
{
	const uint32_t *entries = (const uint32_t *)(group + 1);
	uint64_t *start = (uint64_t *)(base + group->start);
	return (struct slot_cursor){
		.entries = entries,
		.end = entries + group->n_entries,
		.values = entries + group->n_entries,
		.start = start,
		.next = start,
	};
}

static inline bool group_is_mixed(const struct matr_image_group *group)
{
	return group->provider == MATR_IMAGE_MIXED;
}

/* A mixed group's providers, in slot order. */
static inline const uint32_t *group_providers(const struct matr_image_group *group)
{
	return (const uint32_t *)(group + 1) + group->n_entries + group->n_slots;
}

static inline const struct matr_image_group *group_next(const struct matr_image_group *group)
{
	uint64_t words = (uint64_t)group->n_entries + group->n_slots +
			 (group_is_mixed(group) ? group->n_slots : 0);
	uint64_t size = sizeof *group + 4 * words;
	return (const struct matr_image_group *)((const char *)group + ((size + 7) & ~UINT64_C(7)));
}

/* The next slot; NULL at the end. */
static inline uint64_t *slot_next(struct slot_cursor *cursor)
{
	while (!cursor->bits) {
		if (cursor->entries == cursor->end)
			return NULL;
		uint32_t entry = *cursor->entries++;
		if (!(entry & 1)) {
			uint64_t *slot = cursor->start + (entry >> 1);
			cursor->next = slot + 1;
			return slot;
		}
		cursor->bits = entry >> 1;
		cursor->first = cursor->next;
		cursor->next += 31;
	}
	uint64_t *slot = cursor->first + __builtin_ctz(cursor->bits);
	cursor->bits &= cursor->bits - 1;
	return slot;
}

static inline uint64_t provider_base(const struct handover *handover,
				     const struct matr_image_object *object, bool symbolic,
				     uint32_t index, uint32_t provider)
{
	if (!symbolic)
		return handover->bases[index];
	const uint32_t *providers = image_at(&handover->image, object->providers);
	uint32_t scope = providers[provider];
	return scope == MATR_IMAGE_ABSOLUTE ? 0 : handover->bases[scope];
}

#endif
