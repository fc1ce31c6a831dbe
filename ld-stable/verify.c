/* verify.c - `matr verify`: what would the mapping have written, and what has ld.so written?
 *
 * Runs from ld-stable's DT_INIT, when ld.so has relocated everything and no constructor has run yet (ld.so
 * calls them in the order of relocation, ld-stable's first). Each difference is a line on the descriptor
 * that `matr` gave, "diff OBJECT OFFSET EXPECTED FOUND"; the last line is "done OBJECTS SLOTS DIFFERENCES
 * RESIDUAL". The program itself never runs.
 */
#include "verify.h"
#include "relocation_program.h"

static const Elf64_Dyn *dynamic_of(const struct handover *handover, uint32_t object)
{
	uint32_t n = handover->image.manifest->n_objects;

	return object < n ? handover->dynamics[object] : handover->loaded[object - n].dynamic;
}

/* Has ld.so left this word for lazy binding? Then it is one of the PLT's and leads back into the PLT. */
static bool is_unbound(const struct handover *handover, uint32_t object, uint64_t vaddr,
		       uint64_t found)
{
	const Elf64_Rela *table = NULL;
	uint64_t size = 0, base = handover->bases[object];

	for (const Elf64_Dyn *dyn = dynamic_of(handover, object); dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == DT_JMPREL)
			table = (const Elf64_Rela *)dyn->d_un.d_ptr;
		else if (dyn->d_tag == DT_PLTRELSZ)
			size = dyn->d_un.d_val;
	}
	for (uint64_t i = 0; table && i < size / sizeof *table; i++) {
		if (table[i].r_offset == vaddr)
			return found - base < UINT32_MAX;
	}
	return false;
}

static void compare(struct comparison *comparison, const struct handover *handover, uint32_t object,
		    uint64_t vaddr, uint64_t expected, uint64_t found)
{
	struct line line = {.length = 0};

	if (expected != found && !comparison->bound_now &&
	    is_unbound(handover, object, vaddr, found))
		return;
	comparison->slots++;
	if (expected == found)
		return;
	comparison->differences++;
	line_text(&line, "diff ");
	if (!comparison->loads) {
		line_number(&line, object);
		line_text(&line, " ");
	}
	line_hex(&line, vaddr);
	line_text(&line, " ");
	line_hex(&line, expected);
	line_text(&line, " ");
	line_hex(&line, found);
	if (comparison->loads) {
		uint32_t loaded = object - handover->image.manifest->n_objects;
		line_text(&line, " ");
		line_text(&line, handover->loaded[loaded].map->l_name);
	}
	line_write(&line, comparison->fd);
}

static void compare_program(struct comparison *comparison, const struct handover *handover,
			    const struct matr_image_object *object, uint32_t index, uint64_t offset,
			    bool symbolic)
{
	if (!offset)
		return;
	const struct matr_image_program *program = image_at(&handover->image, offset);
	const struct matr_image_group *group = (const struct matr_image_group *)(program + 1);
	uint64_t base = handover->bases[index];
	for (uint32_t i = 0; i < program->n_groups; i++, group = group_next(group)) {
		const uint32_t *providers = group_is_mixed(group) ? group_providers(group) : NULL;
		struct slot_cursor cursor = slot_cursor(group, base);
		for (uint64_t *slot = slot_next(&cursor); slot; slot = slot_next(&cursor)) {
			uint32_t provider = providers ? *providers++ : group->provider;
			compare(comparison, handover, index, (uint64_t)slot - base,
				provider_base(handover, object, symbolic, index, provider) +
					group->bias + *cursor.values++,
				*slot);
		}
	}
}

void compare_object(struct comparison *comparison, const struct handover *handover,
		    const struct matr_image_object *object, uint32_t index)
{
	if (object->flags & MATR_OBJECT_ENTRY_UNTOUCHED)
		return;
	compare_program(comparison, handover, object, index, object->relative, false);
	compare_program(comparison, handover, object, index, object->symbolic, true);
}

static void compare_copies(struct comparison *comparison, const struct handover *handover)
{
	const struct matr_image_manifest *manifest = handover->image.manifest;
	const struct matr_image_copy *copy = image_at(&handover->image, manifest->copies);

	for (uint32_t i = 0; i < manifest->n_copies; i++, copy++) {
		const unsigned char *source =
			(const unsigned char *)(handover->bases[copy->object] + copy->source_vaddr);
		const unsigned char *target =
			(const unsigned char *)(handover->bases[0] + copy->target_vaddr);
		uint64_t at = 0;
		while (at + 1 < copy->size && source[at] == target[at])
			at++;
		if (copy->size)
			compare(comparison, handover, 0, copy->target_vaddr + at, source[at],
				target[at]);
	}
}

void compare_ifunc(struct comparison *comparison, const struct handover *handover,
		   const struct matr_image_ifunc *ifunc, const uint64_t *slots)
{
	uint32_t n_objects = handover->image.manifest->n_objects;
	uint64_t result = 0;
	bool called = false;

	for (uint32_t n = 0; n < ifunc->n_slots; n++) {
		uint64_t slot = slots[ifunc->first_slot + n];
		uint32_t object = MATR_SLOT_OBJECT(slot);
		uint64_t vaddr = MATR_SLOT_VADDR(slot);
		if (object >= n_objects && !handover->loaded[object - n_objects].fresh)
			continue;
		if (!called)
			result = call_resolver(handover->bases[ifunc->object] + ifunc->vaddr);
		called = true;
		compare(comparison, handover, object, vaddr, result,
			*(uint64_t *)(handover->bases[object] + vaddr));
	}
}

static void compare_ifuncs(struct comparison *comparison, const struct handover *handover)
{
	const struct matr_image_manifest *manifest = handover->image.manifest;
	const struct matr_image_ifunc *ifunc = image_at(&handover->image, manifest->ifuncs);
	const uint64_t *slots = image_at(&handover->image, manifest->ifunc_slots);

	for (uint32_t i = 0; i < manifest->n_ifuncs; i++)
		compare_ifunc(comparison, handover, &ifunc[i], slots);
}

_Noreturn void verify_and_exit(const struct handover *handover)
{
	const struct matr_image_manifest *manifest = handover->image.manifest;
	const struct matr_image_object *objects = image_objects(&handover->image);
	struct comparison comparison = {
		.fd = handover->verify_fd,
		.bound_now = handover->bind_now,
	};
	struct line line = {.length = 0};

	for (uint32_t i = 0; i < manifest->n_objects; i++) {
		compare_object(&comparison, handover, &objects[i], i);
	}
	compare_copies(&comparison, handover);
	compare_ifuncs(&comparison, handover);

	line_text(&line, "done ");
	line_number(&line, manifest->n_objects);
	line_text(&line, " ");
	line_number(&line, comparison.slots);
	line_text(&line, " ");
	line_number(&line, comparison.differences);
	line_text(&line, " ");
	line_number(&line, manifest->n_residual);
	line_write(&line, comparison.fd);
	for (;;)
		system_call(CALL_EXIT_GROUP, 0, 0, 0, 0, 0, 0);
}
