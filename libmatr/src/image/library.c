/* library.c - a library in the scope of one application: its words, patches and headers.
 */
#include "image/image.h"

#include <stdlib.h>

int image_scope_open(struct image_builder *builder, const struct matr_mapping *mapping,
		     size_t n_start, struct image_scope *out, struct matr_error *err)
{
	bool pack = image_packs(builder);

	*out = (struct image_scope){.mapping = mapping};
	out->binaries = calloc(mapping->n_scope, sizeof *out->binaries);
	if (!out->binaries)
		return matr_fail_memory(err);
	for (size_t i = 0; i < mapping->n_scope; i++) {
		if (image_scope_has(out, i) &&
		    image_binary_find(builder, mapping->scope[i].object, pack && i < n_start,
				      &out->binaries[i], err) < 0)
			return -1;
	}
	return 0;
}

void image_scope_close(struct image_scope *scope)
{
	free(scope->binaries);
	scope->binaries = NULL;
}

bool image_scope_has(const struct image_scope *scope, size_t index)
{
	return index != 0 && index != scope->mapping->interpreter;
}

uint64_t image_scope_alignment(const struct image_builder *builder, const struct image_scope *scope)
{
	uint64_t alignment = MATR_IMAGE_PAGE;

	for (size_t i = 0; i < scope->mapping->n_scope; i++) {
		if (!image_scope_has(scope, i))
			continue;
		const struct image_binary *binary = &builder->binaries[scope->binaries[i]];
		if (binary->alignment > alignment)
			alignment = binary->alignment;
	}
	return alignment;
}

/* Turn a scope index into one of the bases that are known at exec: place, application, ld.so. */
void image_words_finish(const struct image_builder *builder, const struct image_scope *scope,
			uint32_t index, struct words *words)
{
	bool fixed = scope->mapping->scope[0].object->flags & MATR_OBJECT_FIXED;

	for (size_t i = 0; i < words->n; i++) {
		struct word *word = &words->list[i];
		uint32_t provider = word->provider == WORD_OWN ? index : word->provider;
		if (provider == WORD_ABSOLUTE) {
			word->provider = MATR_BASE_ABSOLUTE;
		} else if (provider == 0 && index == 0) {
			word->provider = MATR_BASE_OWN;
		} else if (provider == 0) {
			word->provider = fixed ? MATR_BASE_ABSOLUTE : MATR_BASE_APPLICATION;
		} else if (provider == scope->mapping->interpreter) {
			word->provider = MATR_BASE_LOADER;
		} else {
			word->value += builder->binaries[scope->binaries[provider]].base;
			word->provider = MATR_BASE_PLACE;
		}
	}
}

/* ---- IFUNCs: one entry per resolver ---- */

static int compare_ifuncs(const void *left, const void *right)
{
	const struct ifunc_plan *a = left, *b = right;
	if (a->object != b->object)
		return a->object < b->object ? -1 : 1;
	if (a->vaddr != b->vaddr)
		return a->vaddr < b->vaddr ? -1 : 1;
	return a->slot < b->slot ? -1 : a->slot > b->slot;
}

static uint32_t group_ifuncs(struct relocation_plan *plan, struct matr_image_ifunc *ifuncs,
			     uint64_t *slots)
{
	uint32_t n = 0;

	if (plan->n_ifuncs)
		qsort(plan->ifuncs, plan->n_ifuncs, sizeof *plan->ifuncs, compare_ifuncs);
	for (size_t i = 0; i < plan->n_ifuncs; i++) {
		const struct ifunc_plan *ifunc = &plan->ifuncs[i];
		slots[i] = ifunc->slot;
		if (!n || ifuncs[n - 1].object != ifunc->object ||
		    ifuncs[n - 1].vaddr != ifunc->vaddr)
			ifuncs[n++] = (struct matr_image_ifunc){
				.object = ifunc->object,
				.vaddr = ifunc->vaddr,
				.first_slot = i,
			};
		ifuncs[n - 1].n_slots++;
	}
	return n;
}

int image_ifuncs_add(struct image_builder *builder, const struct image_scope *scope,
		     struct relocation_plan *plan, struct matr_image_ifunc *ifuncs, uint64_t *slots,
		     struct matr_error *err)
{
	uint32_t n_ifuncs = group_ifuncs(plan, ifuncs, slots);

	for (uint32_t i = 0; i < n_ifuncs; i++) {
		struct matr_image_ifunc *ifunc = &ifuncs[i];
		if (!image_scope_has(scope, ifunc->object))
			continue;
		ifunc->result =
			image_ifunc_result(builder, scope->binaries[ifunc->object], ifunc->vaddr);
		for (uint32_t n = 0; n < ifunc->n_slots && ifunc->result; n++) {
			uint64_t slot = slots[ifunc->first_slot + n];
			struct object_plan *object = &plan->objects[MATR_SLOT_OBJECT(slot)];
			if (words_add(&object->words, MATR_SLOT_VADDR(slot), ifunc->result,
				      ifunc->object, err) < 0)
				return -1;
		}
	}
	return (int)n_ifuncs;
}

bool image_binary_is_relro(const struct image_binary *binary, uint64_t vaddr)
{
	return vaddr >= binary->relro_low && vaddr < binary->relro_high;
}

int image_library_add(struct image_builder *builder, const struct image_scope *scope,
		      uint32_t index, struct object_plan *plan, enum image_served when,
		      struct matr_image_object *out, struct matr_error *err)
{
	const struct matr_scope_entry *entry = &scope->mapping->scope[index];
	uint32_t binary = scope->binaries[index];
	struct words patches = {0};

	*out = (struct matr_image_object){.n_residual = (uint32_t)plan->n_residual};
	if (builder->binaries[binary].packed)
		out->flags |= MATR_OBJECT_ENTRY_PACKED;
	if (plan->n_residual || plan->n_lazy || plan->keep_plt || plan->untouched)
		out->flags |= MATR_OBJECT_ENTRY_RESIDUAL;
	image_words_finish(builder, scope, index, &plan->words);
	int result = image_variant_choose(builder, binary, entry->object, &plan->words,
					  &out->library, &patches, err);
	for (size_t i = 0; i < patches.n; i++) {
		if (image_binary_is_relro(&builder->binaries[binary], patches.list[i].offset))
			out->flags |= MATR_OBJECT_ENTRY_WRITES_RELRO;
	}
	/* Of a start they lie near the manifest, on the same pages: sharing them saves little. */
	if (!result)
		result = relocation_program_encode(&patches, when != IMAGE_AT_START,
						   &builder->scratch, &builder->image,
						   &out->patches, err);
	free(patches.list);
	if (!result)
		result = buffer_string(&builder->image, entry->path, &out->path, err);
	return result ? result : image_served_headers(builder, binary, entry, plan, when, out, err);
}
