/* relocate.c - applying the mapping.
 *
 * Order: every object's relative and symbolic words; then copy relocations, whose sources are complete by
 * then; then the IFUNC resolvers, each called once, which may rely on all of the former. What the
 * mapping leaves to ld.so (the residual) is put in the place of the objects' own relocation tables.
 */
#include "relocation_program.h"

static void run_group(const struct matr_image_group *group, uint64_t base, uint64_t provider)
{
	const uint32_t *entry = (const uint32_t *)(group + 1);
	const uint32_t *end = entry + group->n_entries;
	const uint32_t *value = end;
	uint64_t *start = (uint64_t *)(base + group->start);
	uint64_t *next = start;
	uint64_t add = provider + group->bias;

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

static void run_mixed_group(const struct handover *handover, const struct matr_image_object *object,
			    uint32_t index, const struct matr_image_group *group)
{
	const uint32_t *provider = group_providers(group);
	struct slot_cursor cursor = slot_cursor(group, handover->bases[index]);

	for (uint64_t *slot = slot_next(&cursor); slot; slot = slot_next(&cursor))
		*slot = provider_base(handover, object, true, index, *provider++) + group->bias +
			*cursor.values++;
}

static void run_program(const struct handover *handover, const struct matr_image_object *object,
			uint32_t index, uint64_t offset, bool symbolic)
{
	if (!offset)
		return;
	const struct matr_image_program *program = image_at(&handover->image, offset);
	const struct matr_image_group *group = (const struct matr_image_group *)(program + 1);
	for (uint32_t i = 0; i < program->n_groups; i++) {
		if (group_is_mixed(group))
			run_mixed_group(handover, object, index, group);
		else
			run_group(
				group, handover->bases[index],
				provider_base(handover, object, symbolic, index, group->provider));
		group = group_next(group);
	}
}

static void copy_data(const struct handover *handover)
{
	const struct matr_image_manifest *manifest = handover->image.manifest;
	const struct matr_image_copy *copies = image_at(&handover->image, manifest->copies);

	for (uint32_t i = 0; i < manifest->n_copies; i++) {
		bytes_copy(
			(void *)(handover->bases[0] + copies[i].target_vaddr),
			(const void *)(handover->bases[copies[i].object] + copies[i].source_vaddr),
			copies[i].size);
	}
}

uint64_t call_resolver(uint64_t address)
{
	uint64_t (*resolver)(void) = (uint64_t(*)(void))address;
	return resolver();
}

static void bind_ifuncs(const struct handover *handover)
{
	const struct matr_image_manifest *manifest = handover->image.manifest;
	const struct matr_image_ifunc *ifunc = image_at(&handover->image, manifest->ifuncs);
	const uint64_t *slots = image_at(&handover->image, manifest->ifunc_slots);

	for (uint32_t i = 0; i < manifest->n_ifuncs; i++, ifunc++) {
		uint64_t result = call_resolver(handover->bases[ifunc->object] + ifunc->vaddr);
		for (uint32_t n = 0; n < ifunc->n_slots; n++) {
			uint64_t slot = slots[ifunc->first_slot + n];
			*(uint64_t *)(handover->bases[MATR_SLOT_OBJECT(slot)] +
				      MATR_SLOT_VADDR(slot)) = result;
		}
	}
}

void relocate_object(const struct handover *handover, const struct matr_image_object *object,
		     uint32_t index)
{
	if (object->flags & MATR_OBJECT_ENTRY_UNTOUCHED)
		return;
	if (object->populate_size)
		populate(handover->bases[index] + object->populate_vaddr, object->populate_size);
	run_program(handover, object, index, object->relative, false);
	run_program(handover, object, index, object->symbolic, true);
	run_program(handover, object, index, object->lazy, false);
}

void relocate_all(const struct handover *handover)
{
	const struct matr_image_manifest *manifest = handover->image.manifest;
	const struct matr_image_object *objects = image_objects(&handover->image);

	for (uint32_t i = 0; i < manifest->n_objects; i++)
		relocate_object(handover, &objects[i], i);
	copy_data(handover);
	bind_ifuncs(handover);
}

/* ld.so has looked the entries up already and keeps pointers to them, so what they say now counts.
 * DT_JMPREL stays: lazily bound functions are looked up in it by index. */
void leave_residual_of(const struct image *image, const struct matr_image_object *object,
		       Elf64_Dyn *dyn, uint64_t base)
{
	if (object->flags & MATR_OBJECT_ENTRY_UNTOUCHED)
		return;
	uint64_t table = (uint64_t)image_at(image, object->residual);

	for (; dyn->d_tag != DT_NULL; dyn++) {
		switch (dyn->d_tag) {
		case DT_RELA:
			if (!object->n_residual)
				break;
			/* ld.so has added the load address to it, or (where it cannot write to a
			 * dynamic section, in some versions) does so whenever it reads it. */
			dyn->d_un.d_ptr =
				dyn->d_un.d_ptr == object->rela && base ? table - base : table;
			break;
		case DT_RELASZ:
			dyn->d_un.d_val = object->n_residual * sizeof(Elf64_Rela);
			break;
		case DT_PLTRELSZ:
			if (!(object->flags & MATR_OBJECT_ENTRY_KEEP_PLT))
				dyn->d_un.d_val = 0;
			break;
		case DT_RELACOUNT:
		case DT_RELRSZ:
			dyn->d_un.d_val = 0;
			break;
		default:
			break;
		}
	}
}

void leave_residual(struct handover *handover)
{
	const struct matr_image_object *objects = image_objects(&handover->image);

	for (uint32_t i = 0; i < handover->image.manifest->n_objects; i++)
		leave_residual_of(&handover->image, &objects[i], handover->dynamics[i],
				  handover->bases[i]);
}
