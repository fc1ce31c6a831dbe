/* pieces.c - what manifests and closures of an image have in common.
 *
 * Strings, programs and residual tables go to the image before what refers to them, and are shared between applications.
 */
#include "image/pieces.h"

#include <stdlib.h>
#include <string.h>

#include "mapping/program.h"

static uint64_t tag_value(const struct matr_object *object, int64_t tag)
{
	for (size_t i = 0; i < object->n_dynamic; i++) {
		if (object->dynamic[i].tag == tag)
			return object->dynamic[i].value;
	}
	return 0;
}

int image_object_pieces(struct image_builder *builder, const struct matr_scope_entry *entry,
			struct object_plan *plan, struct matr_image_object *out,
			struct matr_error *err)
{
	const struct matr_object *object = entry->object;
	struct buffer *image = &builder->image;

	*out = (struct matr_image_object){
		.dynamic_vaddr = object->dynamic_vaddr,
		.build_id_vaddr = object->build_id_vaddr,
		.file_size = object->file.size,
		.file_mtime = object->file.mtime,
		.rela = tag_value(object, DT_RELA),
		.populate_vaddr = plan->populate_vaddr,
		.populate_size = plan->populate_size,
		.n_providers = (uint32_t)plan->n_providers,
		.n_residual = (uint32_t)plan->n_residual,
		.fingerprint = object->dynamic_fingerprint,
		.flags = plan->untouched ? MATR_OBJECT_ENTRY_UNTOUCHED : 0,
		.build_id_size = object->build_id.size,
	};
	if (!plan->untouched) {
		out->witness_vaddr = object->witness_vaddr;
		out->witness_word = object->witness_word;
	}
	memcpy(out->build_id, object->build_id.bytes, object->build_id.size);
	if (entry->rule == MATR_FOUND_INTERPRETER)
		out->flags |= MATR_OBJECT_ENTRY_INTERPRETER;
	if (plan->keep_plt)
		out->flags |= MATR_OBJECT_ENTRY_KEEP_PLT;
	if (buffer_string(image, entry->path, &out->path, err) < 0 ||
	    relocation_program_encode(&plan->relative, &builder->scratch, image, &out->relative,
				      err) < 0 ||
	    relocation_program_encode(&plan->symbolic, &builder->scratch, image, &out->symbolic,
				      err) < 0 ||
	    relocation_program_encode(&plan->lazy, &builder->scratch, image, &out->lazy, err) < 0)
		return -1;
	if (plan->n_residual)
		return buffer_share(image, plan->residual,
				    plan->n_residual * sizeof *plan->residual, 8, &out->residual,
				    err);
	return 0;
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

uint32_t image_group_ifuncs(struct relocation_plan *plan, struct matr_image_ifunc *ifuncs,
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
