/* closures.c - laying out what an application loads (matr/image_format.h, struct matr_image_closures).
 *
 * Everything but strings, programs and residual tables is in one piece with a checksum, apart from the manifest:
 * most starts load nothing, and read nothing of it.
 */
#include "image/closures.h"

#include <stdlib.h>
#include <string.h>

#include "base/intern.h"
#include "image/pieces.h"
#include "mapping/closure_terms.h"

struct closure_layout { /* a closure's arrays before they are in the image */
	struct matr_image_closure closure;
	struct matr_image_object *members;
	uint32_t **providers; /* of each member */
	uint32_t *numbers;    /* of the members as loaded objects */
	struct matr_image_ifunc *ifuncs;
	uint64_t *ifunc_slots;
	size_t n_slots;
};

struct layout {
	struct image_builder *builder;
	struct matr_closure *closures;
	const struct closure_terms *terms;
	struct closure_layout *made; /* all zero for closures that have a reason */
	size_t n_closures;
	uint32_t n_start;
	struct intern paths; /* of the members: their numbers as loaded objects */
	struct matr_image_loaded *loaded;
};

/* ---- one closure ---- */

static void closure_layout_free(struct closure_layout *out)
{
	for (uint32_t m = 0; out->providers && m < out->closure.n_members; m++)
		free(out->providers[m]);
	free(out->providers);
	free(out->members);
	free(out->numbers);
	free(out->ifuncs);
	free(out->ifunc_slots);
}

/* The image's number of a scope index. */
static uint32_t image_number(const struct layout *layout, const struct closure_layout *out,
			     uint32_t index)
{
	if (index == MATR_IMAGE_ABSOLUTE || index < layout->n_start)
		return index;
	return layout->n_start + out->numbers[index - layout->n_start];
}

static int make_members(struct layout *layout, const struct matr_mapping *mapping,
			struct relocation_plan *plan, struct closure_layout *out,
			struct matr_error *err)
{
	size_t n_members = mapping->n_scope - layout->n_start;

	for (size_t m = 0; m < n_members; m++)
		out->numbers[m] =
			intern_find(&layout->paths, mapping->scope[layout->n_start + m].path);
	for (size_t m = 0; m < n_members; m++) {
		size_t index = layout->n_start + m;
		struct object_plan *object = &plan->objects[index];
		struct matr_image_object *entry = &out->members[m];
		if (image_object_pieces(layout->builder, &mapping->scope[index], object, entry,
					err) < 0)
			return -1;
		for (size_t p = 0; p < object->n_providers; p++)
			object->providers[p] = image_number(layout, out, object->providers[p]);
		out->providers[m] = object->providers;
		object->providers = NULL;
		out->closure.n_relocations +=
			(uint32_t)(object->relative.n + object->symbolic.n + object->lazy.n);
		out->closure.n_residual += (uint32_t)object->n_residual;
	}
	return 0;
}

/* What is outside the piece goes to the image at once, the rest into *out. */
static int plan_closure(struct layout *layout, size_t number, struct relocation_plan *plan,
			struct closure_layout *out, struct matr_error *err)
{
	const struct matr_mapping *mapping = layout->closures[number].mapping;
	size_t n_members = mapping->n_scope - layout->n_start;

	if (relocation_plan_make(plan, mapping, &layout->terms[number], err) < 0)
		return -1;
	out->closure.n_members = (uint32_t)n_members;
	out->members = calloc(n_members, sizeof *out->members);
	out->providers = calloc(n_members, sizeof *out->providers);
	out->numbers = calloc(n_members, sizeof *out->numbers);
	out->ifuncs = calloc(plan->n_ifuncs + 1, sizeof *out->ifuncs);
	out->ifunc_slots = calloc(plan->n_ifuncs + 1, sizeof *out->ifunc_slots);
	if (!out->members || !out->providers || !out->numbers || !out->ifuncs || !out->ifunc_slots)
		return matr_fail_memory(err);
	if (make_members(layout, mapping, plan, out, err) < 0)
		return -1;
	for (size_t i = 0; i < plan->n_ifuncs; i++) {
		uint64_t slot = plan->ifuncs[i].slot;
		plan->ifuncs[i].slot =
			MATR_SLOT((uint64_t)image_number(layout, out, MATR_SLOT_OBJECT(slot)),
				  MATR_SLOT_VADDR(slot));
	}
	out->closure.n_ifuncs = image_group_ifuncs(plan, out->ifuncs, out->ifunc_slots);
	out->n_slots = plan->n_ifuncs;
	out->closure.n_relocations += (uint32_t)plan->n_ifuncs;
	return 0;
}

static int make_closure(struct layout *layout, size_t number, struct matr_error *err)
{
	struct relocation_plan plan = {0};

	int result = plan_closure(layout, number, &plan, &layout->made[number], err);
	relocation_plan_free(&plan);
	return result;
}

static int append(struct layout *layout, const void *data, size_t n, size_t size, uint64_t *offset,
		  struct matr_error *err)
{
	if (!n)
		return 0;
	return buffer_append(&layout->builder->image, data, n * size, 8, offset, err);
}

static int write_closure(struct layout *layout, size_t number, struct matr_error *err)
{
	const struct closure_terms *terms = &layout->terms[number];
	struct closure_layout *made = &layout->made[number];
	struct matr_image_closure *closure = &made->closure;
	uint64_t offset = 0;

	closure->n_names = (uint32_t)terms->n_names;
	closure->n_files = (uint32_t)terms->n_files;
	for (uint32_t m = 0; m < closure->n_members; m++) {
		if (append(layout, made->providers[m], made->members[m].n_providers,
			   sizeof(uint32_t), &made->members[m].providers, err) < 0)
			return -1;
	}
	if (append(layout, made->members, closure->n_members, sizeof *made->members,
		   &closure->members, err) < 0 ||
	    append(layout, made->numbers, closure->n_members, sizeof *made->numbers,
		   &closure->loaded, err) < 0 ||
	    append(layout, made->ifuncs, closure->n_ifuncs, sizeof *made->ifuncs, &closure->ifuncs,
		   err) < 0 ||
	    append(layout, made->ifunc_slots, made->n_slots, sizeof *made->ifunc_slots,
		   &closure->ifunc_slots, err) < 0 ||
	    append(layout, terms->names, terms->n_names, sizeof *terms->names, &closure->names,
		   err) < 0 ||
	    append(layout, terms->files, terms->n_files, sizeof *terms->files, &closure->files,
		   err) < 0 ||
	    append(layout, closure, 1, sizeof *closure, &offset, err) < 0)
		return -1;
	for (uint32_t m = 0; m < closure->n_members; m++) {
		struct matr_image_loaded *loaded = &layout->loaded[made->numbers[m]];
		if (!loaded->identity)
			loaded->identity = closure->members + m * sizeof *made->members;
		if (m == 0)
			loaded->closure = offset;
	}
	return 0;
}

/* ---- all of them ---- */

/* Why a closure is not for ld-stable to apply. */
static const char *closure_reason(const struct matr_closure *closure,
				  const struct closure_terms *terms)
{
	const char *reason = terms->reason;

	for (size_t i = closure->n_start; i < closure->mapping->n_scope && !reason; i++) {
		reason = mapping_object_reason(closure->mapping, i);
		if (reason)
			reason = "one of its objects is not fit for a mapping";
	}
	return reason;
}

/* Number the members of the closures that are fit. */
static int number_members(struct layout *layout, struct matr_error *err)
{
	size_t most = 0;
	uint32_t number;

	for (size_t i = 0; i < layout->n_closures; i++) {
		struct matr_closure *closure = &layout->closures[i];
		closure->reason = closure_reason(closure, &layout->terms[i]);
		most += closure->mapping->n_scope - layout->n_start;
	}
	layout->loaded = calloc(most + 1, sizeof *layout->loaded);
	if (!layout->loaded)
		return matr_fail_memory(err);
	for (size_t i = 0; i < layout->n_closures; i++) {
		const struct matr_closure *closure = &layout->closures[i];
		for (size_t m = layout->n_start; m < closure->mapping->n_scope && !closure->reason;
		     m++) {
			const char *path = closure->mapping->scope[m].path;
			if (intern_add(&layout->paths, path, &number, err) < 0 ||
			    buffer_string(&layout->builder->image, path,
					  &layout->loaded[number].path, err) < 0)
				return -1;
		}
	}
	return 0;
}

static uint32_t *make_hash(const struct layout *layout, uint32_t *size, struct matr_error *err)
{
	*size = 16;
	while (*size < 2 * layout->paths.n)
		*size *= 2;
	uint32_t *hash = calloc(*size, sizeof *hash);
	if (!hash) {
		matr_fail_memory(err);
		return NULL;
	}
	for (uint32_t i = 0; i < layout->paths.n; i++) {
		const char *path =
			(const char *)layout->builder->image.bytes + layout->loaded[i].path;
		uint64_t at = matr_image_key(path, strlen(path));
		while (hash[at & (*size - 1)])
			at++;
		hash[at & (*size - 1)] = i + 1;
	}
	return hash;
}

static int write_piece(struct layout *layout, struct image_closures *out, struct matr_error *err)
{
	struct buffer *image = &layout->builder->image;
	struct matr_image_closures closures = {0};
	uint64_t at;

	if (buffer_extend(image, sizeof closures, 8, &out->offset, err) < 0)
		return -1;
	for (size_t i = 0; i < layout->n_closures; i++) {
		const struct matr_image_closure *closure = &layout->made[i].closure;
		if (layout->closures[i].reason)
			continue;
		if (write_closure(layout, i, err) < 0)
			return -1;
		out->n_closures++;
		out->n_relocations += closure->n_relocations;
		out->n_residual += closure->n_residual;
	}
	uint32_t *hash = make_hash(layout, &closures.hash_size, err);
	if (!hash)
		return -1;
	int result = append(layout, hash, closures.hash_size, sizeof *hash, &closures.hash, err);
	free(hash);
	if (result < 0 ||
	    append(layout, layout->loaded, layout->paths.n, sizeof *layout->loaded,
		   &closures.loaded, err) < 0 ||
	    buffer_extend(image, 0, 8, &at, err) < 0)
		return -1;
	closures.size = (uint32_t)(at - out->offset);
	unsigned char *place = image->bytes + out->offset;
	memcpy(place, &closures, sizeof closures);
	closures.checksum = matr_image_checksum(place + 8, closures.size - 8);
	memcpy(place, &closures, sizeof closures);
	out->n_loaded = layout->paths.n;
	return 0;
}

static int lay_out(struct layout *layout, struct image_closures *out, struct matr_error *err)
{
	if (number_members(layout, err) < 0)
		return -1;
	if (layout->n_start + layout->paths.n > UINT16_MAX) {
		for (size_t i = 0; i < layout->n_closures; i++)
			layout->closures[i].reason = "the application loads too many objects";
		return 0;
	}
	for (size_t i = 0; i < layout->n_closures; i++) {
		if (!layout->closures[i].reason && make_closure(layout, i, err) < 0)
			return -1;
	}
	return layout->paths.n ? write_piece(layout, out, err) : 0;
}

int image_closures_add(struct image_builder *builder, struct matr_closure *closures,
		       size_t n_closures, struct image_closures *out, struct matr_error *err)
{
	struct closure_terms *terms = NULL;
	struct layout layout = {
		.builder = builder,
		.closures = closures,
		.n_closures = n_closures,
		.n_start = n_closures ? closures[0].n_start : 0,
	};

	*out = (struct image_closures){0};
	if (!n_closures)
		return 0;
	layout.made = calloc(n_closures, sizeof *layout.made);
	int result = layout.made ? 0 : matr_fail_memory(err);
	if (!result)
		result = closure_terms_make(closures, n_closures, &terms, err);
	layout.terms = terms;
	if (!result)
		result = lay_out(&layout, out, err);
	for (size_t i = 0; layout.made && i < n_closures; i++)
		closure_layout_free(&layout.made[i]);
	free(layout.made);
	closure_terms_free(terms, n_closures);
	intern_free(&layout.paths);
	free(layout.loaded);
	return result;
}
