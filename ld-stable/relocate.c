/* relocate.c - writing words: relocation programs, shifts, copy relocations, IFUNC results.
 *
 * Nothing here decides. What is written, and where, is in the image.
 */
#include <linux/mman.h>

#include "program.h"

/* Decodes places by itself, as relocate_shift() does: these loops are most of what a start with a
 * drawn place costs, and dense bitmaps need not be taken bit by bit. */
static void run_group(const struct matr_image_group *group, uint64_t own, uint64_t base)
{
	const uint32_t *entry = (const uint32_t *)(group + 1);
	const uint32_t *end = entry + group->n_entries;
	const uint32_t *value = end;
	uint64_t *start = (uint64_t *)(own + group->start);
	uint64_t *next = start;
	uint64_t add = base + group->bias;

	while (entry < end) {
		uint32_t bits = *entry++;
		if (!(bits & 1)) {
			next = start + (bits >> 1);
			*next++ = add + *value++;
			continue;
		}
		bits >>= 1;
		if (bits == 0x7fffffff) { /* tables of pointers are often dense */
			for (int i = 0; i < 31; i++)
				next[i] = add + value[i];
			value += 31;
		} else {
			for (; bits; bits &= bits - 1)
				next[__builtin_ctz(bits)] = add + *value++;
		}
		next += 31;
	}
}

void relocate_program(const struct bases *bases, uint64_t own, uint64_t offset)
{
	if (!offset)
		return;
	const struct matr_image_program *program = at_place(bases, offset);
	const struct matr_image_group *group = matr_image_program_groups(program);
	for (uint32_t i = 0; i < program->n_groups; i++) {
		run_group(group, own, base_of(bases, group->base, own));
		group = group_next(group);
	}
}

void relocate_shift(const struct bases *bases, uint64_t own, uint64_t offset, uint64_t distance)
{
	if (!offset)
		return;
	const struct matr_image_shifts *shifts = at_place(bases, offset);
	const uint32_t *entry = matr_image_shifts_entries(shifts);
	const uint32_t *end = entry + shifts->n_entries;
	uint64_t *start = (uint64_t *)(own + shifts->start);
	uint64_t *next = start;

	while (entry < end) {
		uint32_t bits = *entry++;
		if (!(bits & 1)) {
			next = start + (bits >> 1);
			*next++ += distance;
			continue;
		}
		bits >>= 1;
		if (bits == 0x7fffffff) {
			for (int i = 0; i < 31; i++)
				next[i] += distance;
		} else {
			for (; bits; bits &= bits - 1)
				next[__builtin_ctz(bits)] += distance;
		}
		next += 31;
	}
}

void relocate_copies(const struct served *served)
{
	const struct matr_image_manifest *manifest = served->manifest;
	const struct matr_image_copy *copy = at_place(&served->bases, manifest->copies);

	for (uint32_t i = 0; i < manifest->n_copies; i++, copy++)
		bytes_copy((void *)(served->bases.application + copy->target_vaddr),
			   (const void *)(object_base(served, copy->object) + copy->source_vaddr),
			   copy->size);
}

uint64_t call_resolver(uint64_t address)
{
	uint64_t (*resolver)(void) = (uint64_t(*)(void))address;
	return resolver();
}

static bool segment_is_relro(const struct served *served, const struct matr_image_object *object,
			     uint64_t vaddr)
{
	const struct matr_image_library *library = object_library(served, object);
	const struct matr_image_segment *segment = at_place(&served->bases, library->segments);

	for (uint32_t i = 0; i < library->n_segments; i++, segment++) {
		if (vaddr - segment->vaddr < segment->size)
			return segment->relro;
	}
	return false;
}

bool relocate_slot(const struct served *served, const struct matr_image_object *object,
		   uint64_t base, uint64_t vaddr, uint64_t value)
{
	uint64_t *slot = (uint64_t *)(base + vaddr);
	bool read_only =
		object_has_library(object) && segment_is_relro(served, object, vaddr) &&
		!(object->flags & (MATR_OBJECT_ENTRY_RESIDUAL | MATR_OBJECT_ENTRY_LATE_RELRO));
	long page = (long)page_down((uint64_t)slot);

	if (read_only &&
	    system_call(CALL_MPROTECT, page, MATR_IMAGE_PAGE, PROT_READ | PROT_WRITE, 0, 0, 0) != 0)
		return false;
	*slot = value;
	return !read_only ||
	       system_call(CALL_MPROTECT, page, MATR_IMAGE_PAGE, PROT_READ, 0, 0, 0) == 0;
}

/* Resolvers are called even where their results are recorded: glibc's have side effects that later
 * calls need (the cache sizes that memcpy goes by). */
bool ifunc_changed(const struct served *served, const struct matr_image_ifunc *ifunc,
		   uint64_t *result)
{
	uint64_t base = object_base(served, ifunc->object);

	*result = call_resolver(base + ifunc->vaddr);
	return !ifunc->result || *result != base + ifunc->result;
}

bool relocate_ifuncs(const struct served *served)
{
	const struct matr_image_manifest *manifest = served->manifest;
	const struct matr_image_ifunc *ifunc = at_place(&served->bases, manifest->ifuncs);
	const uint64_t *slots = at_place(&served->bases, manifest->ifunc_slots);

	for (uint32_t i = 0; i < manifest->n_ifuncs; i++, ifunc++) {
		uint64_t result;
		if (!ifunc_changed(served, ifunc, &result))
			continue;
		for (uint32_t n = 0; n < ifunc->n_slots; n++) {
			uint64_t slot = slots[ifunc->first_slot + n];
			uint32_t index = MATR_SLOT_OBJECT(slot);
			if (!relocate_slot(served, &served->objects[index],
					   object_base(served, index), MATR_SLOT_VADDR(slot),
					   result))
				return false;
		}
	}
	return true;
}
