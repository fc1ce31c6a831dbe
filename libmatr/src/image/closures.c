/* closures.c - laying out what an application loads (struct matr_image_closures).
 *
 * Everything but strings, programs, headers and tables is in one piece with a checksum, apart from
 * the manifest: most starts load nothing, and read nothing of it. What a member is in several
 * closures alike is there once, so the size grows with the libraries rather than with the closures.
 */
#include "image/image.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/intern.h"
#include "mapping/closure_terms.h"

struct closure_parts { /* a closure's arrays before they are in the image */
	struct matr_image_closure closure;
	uint32_t *members; /* indices into the layout's objects, that of the root first */
	uint32_t *numbers; /* of the members as loaded objects */
	struct matr_image_ifunc *ifuncs;
	uint64_t *slots;
	size_t n_slots;
};

struct layout {
	struct image_builder *builder;
	struct matr_closure *closures;
	const struct closure_terms *terms;
	struct closure_parts *parts; /* all zero for closures that have a reason */
	size_t n_closures;
	uint32_t n_start;
	struct intern paths; /* of the members: their numbers as loaded objects */
	struct matr_image_loaded *loaded;
	const struct matr_scope_entry **entries; /* of the loaded objects */
	struct matr_image_object *objects;
	size_t n_objects, capacity;
	struct map object_index; /* hash of an object -> index */
	struct map list_index;	 /* hash of a list of members -> offset in the image */
	uint64_t alignment;
	uint32_t n_relocations; /* of the members, each once */
};

/* ---- one closure ---- */

static void parts_free(struct closure_parts *parts)
{
	free(parts->members);
	free(parts->numbers);
	free(parts->ifuncs);
	free(parts->slots);
}

/* Find the object among those that closures have already, or add it. */
static int share_object(struct layout *layout, const struct matr_image_object *object,
			uint32_t *index, struct matr_error *err)
{
	uint64_t key = matr_image_key(object, sizeof *object), found;

	if (map_get(&layout->object_index, key, &found) &&
	    memcmp(&layout->objects[found], object, sizeof *object) == 0) {
		*index = (uint32_t)found;
		return 0;
	}
	if (array_reserve(&layout->objects, &layout->capacity, layout->n_objects + 1,
			  sizeof *layout->objects, err) != 0)
		return -1;
	if (map_set(&layout->object_index, key, layout->n_objects) != 0)
		return matr_fail_memory(err);
	*index = (uint32_t)layout->n_objects;
	layout->objects[layout->n_objects++] = *object;
	return 0;
}

static int add_members(struct layout *layout, const struct image_scope *scope,
		       struct relocation_plan *plan, struct closure_parts *out,
		       struct matr_error *err)
{
	for (uint32_t m = 0; m < out->closure.n_members; m++) {
		uint32_t index = layout->n_start + m;
		struct object_plan *object = &plan->objects[index];
		const char *path = scope->mapping->scope[index].path;
		struct matr_image_object entry;
		size_t n_words = object->words.n;
		out->closure.n_relocations += (uint32_t)(n_words - object->n_kept);
		out->closure.n_residual += (uint32_t)object->n_residual;
		if (image_library_add(layout->builder, scope, index, object,
				      m ? IMAGE_MEMBER : IMAGE_ROOT, &entry, err) < 0 ||
		    share_object(layout, &entry, &out->members[m], err) < 0)
			return -1;
		out->numbers[m] = intern_find(&layout->paths, path);
		struct matr_image_loaded *loaded = &layout->loaded[out->numbers[m]];
		if (!loaded->base)
			layout->n_relocations += (uint32_t)(n_words - object->n_kept);
		loaded->base = layout->builder->binaries[scope->binaries[index]].base;
	}
	out->closure.root_object = out->members[0];
	out->closure.root = out->numbers[0];
	return 0;
}

/* The members' indices take the place of scope indices in the slots. */
static void number_slots(const struct layout *layout, struct closure_parts *out)
{
	for (size_t i = 0; i < out->n_slots; i++)
		out->slots[i] =
			MATR_SLOT((uint64_t)MATR_SLOT_OBJECT(out->slots[i]) - layout->n_start,
				  MATR_SLOT_VADDR(out->slots[i]));
}

static int plan_closure(struct layout *layout, size_t number, struct image_scope *scope,
			struct relocation_plan *plan, struct matr_error *err)
{
	const struct matr_mapping *mapping = layout->closures[number].mapping;
	struct closure_parts *out = &layout->parts[number];
	size_t n_members = mapping->n_scope - layout->n_start;

	if (relocation_plan_make(plan, mapping, &layout->terms[number], err) < 0 ||
	    image_scope_open(layout->builder, mapping, layout->n_start, scope, err) < 0)
		return -1;
	uint64_t alignment = image_scope_alignment(layout->builder, scope);
	if (alignment > layout->alignment)
		layout->alignment = alignment;
	out->closure.n_members = (uint32_t)n_members;
	out->members = calloc(n_members, sizeof *out->members);
	out->numbers = calloc(n_members, sizeof *out->numbers);
	out->ifuncs = calloc(plan->n_ifuncs + 1, sizeof *out->ifuncs);
	out->slots = calloc(plan->n_ifuncs + 1, sizeof *out->slots);
	if (!out->members || !out->numbers || !out->ifuncs || !out->slots)
		return matr_fail_memory(err);
	int n_ifuncs = image_ifuncs_add(layout->builder, scope, plan, out->ifuncs, out->slots, err);
	if (n_ifuncs < 0)
		return -1;
	out->closure.n_ifuncs = (uint32_t)n_ifuncs;
	out->n_slots = plan->n_ifuncs;
	number_slots(layout, out);
	return add_members(layout, scope, plan, out, err);
}

/* 0: done, or the closure has a reason now; -1: error. */
static int make_closure(struct layout *layout, size_t number, struct matr_error *err)
{
	struct image_scope scope = {.binaries = NULL};
	struct relocation_plan plan = {0};
	struct matr_error why = {0};

	int result = plan_closure(layout, number, &scope, &plan, &why);
	image_scope_close(&scope);
	relocation_plan_free(&plan);
	if (result < 0 && why.code == MATR_ERROR_UNSUPPORTED) {
		layout->closures[number].reason = "one of its objects is not fit for a mapping";
		return 0;
	}
	if (result < 0 && err)
		*err = why;
	return result;
}

static int append(struct layout *layout, const void *data, size_t n, size_t size, uint64_t *offset,
		  struct matr_error *err)
{
	if (!n)
		return 0;
	return buffer_append(&layout->builder->image, data, n * size, 8, offset, err);
}

/* A list of members, or the equal one that was written before. */
static int append_list(struct layout *layout, const uint32_t *list, size_t n, uint64_t *offset,
		       struct matr_error *err)
{
	size_t size = n * sizeof *list;
	uint64_t key = matr_image_key(list, size);

	/* Another list of this key may be longer than what there is up to now. */
	if (!n || (map_get(&layout->list_index, key, offset) &&
		   *offset + size <= layout->builder->image.size &&
		   memcmp(layout->builder->image.bytes + *offset, list, size) == 0))
		return 0;
	if (append(layout, list, n, sizeof *list, offset, err) < 0)
		return -1;
	return map_set(&layout->list_index, key, *offset) != 0 ? matr_fail_memory(err) : 0;
}

static int write_closure(struct layout *layout, size_t number, struct matr_error *err)
{
	const struct closure_terms *terms = &layout->terms[number];
	struct closure_parts *parts = &layout->parts[number];
	struct matr_image_closure *closure = &parts->closure;
	uint64_t offset = 0;

	closure->n_names = (uint32_t)terms->n_names;
	closure->n_files = (uint32_t)terms->n_files;
	/* Names are many and mostly alike: outside of the piece, shared. */
	if ((terms->n_names &&
	     buffer_share(&layout->builder->image, terms->names,
			  terms->n_names * sizeof *terms->names, 8, &closure->names, err) < 0) ||
	    (terms->n_files &&
	     buffer_share(&layout->builder->image, terms->files,
			  terms->n_files * sizeof *terms->files, 8, &closure->files, err) < 0) ||
	    append_list(layout, parts->members + 1, closure->n_members - 1, &closure->members,
			err) < 0 ||
	    append_list(layout, parts->numbers + 1, closure->n_members - 1, &closure->numbers,
			err) < 0 ||
	    append(layout, parts->ifuncs, closure->n_ifuncs, sizeof *parts->ifuncs,
		   &closure->ifuncs, err) < 0 ||
	    append(layout, parts->slots, parts->n_slots, sizeof *parts->slots,
		   &closure->ifunc_slots, err) < 0 ||
	    append(layout, closure, 1, sizeof *closure, &offset, err) < 0)
		return -1;
	layout->loaded[parts->numbers[0]].closure = offset;
	return 0;
}

/* ---- all of them ---- */

/* Get the reason why ld-stable cannot serve the closure; NULL if it can. */
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
	layout->entries = calloc(most + 1, sizeof(const struct matr_scope_entry *));
	if (!layout->loaded || !layout->entries)
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
			layout->entries[number] = &closure->mapping->scope[m];
		}
	}
	return 0;
}

/* ---- objects to which DT_NEEDED leads ---- */

struct meanings { /* of names */
	struct intern names;
	uint32_t *ids; /* by name; MATR_NEEDED_UNKNOWN: several objects have it */
	size_t capacity;
};

static int add_meaning(struct meanings *meanings, const char *name, uint32_t id,
		       struct matr_error *err)
{
	uint32_t n = meanings->names.n, at;

	if (!name)
		return 0;
	if (array_reserve(&meanings->ids, &meanings->capacity, n + 1, sizeof *meanings->ids, err) !=
		    0 ||
	    intern_add(&meanings->names, name, &at, err) < 0)
		return -1;
	if (at == n)
		meanings->ids[at] = id;
	else if (meanings->ids[at] != id)
		meanings->ids[at] = MATR_NEEDED_UNKNOWN;
	return 0;
}

static const struct matr_scope_entry *entry_of(const struct layout *layout, uint32_t id)
{
	return id < layout->n_start ? &layout->closures[0].mapping->scope[id]
				    : layout->entries[id - layout->n_start];
}

static int collect_meanings(const struct layout *layout, uint32_t n_ids, struct meanings *out,
			    struct matr_error *err)
{
	for (uint32_t id = 1; id < n_ids; id++) {
		const struct matr_scope_entry *entry = entry_of(layout, id);
		uint32_t meant = strchr(entry->path, '$') ? MATR_NEEDED_UNKNOWN : id;
		if (add_meaning(out, entry->needed_as, meant, err) < 0 ||
		    add_meaning(out, entry->object->soname, meant, err) < 0 ||
		    add_meaning(out, entry->path, meant, err) < 0)
			return -1;
	}
	return 0;
}

/* Test whether the dynamic section begins with its DT_NEEDED entries, and has no filters. Otherwise
 * ld.so walks through more than what is recorded. */
static bool begins_with_needed(const struct matr_object *object)
{
	if (object->n_dynamic < object->n_needed)
		return false;
	for (size_t i = 0; i < object->n_dynamic; i++) {
		int64_t tag = object->dynamic[i].tag;
		if (tag == DT_AUXILIARY || tag == DT_FILTER ||
		    (tag == DT_NEEDED) != (i < object->n_needed))
			return false;
	}
	return true;
}

static uint32_t meaning_of(const struct meanings *meanings, const char *name)
{
	uint32_t at = strchr(name, '$') ? UINT32_MAX : intern_find(&meanings->names, name);

	return at == UINT32_MAX ? MATR_NEEDED_UNKNOWN : meanings->ids[at];
}

static void list_needed(const struct layout *layout, uint32_t n_ids,
			const struct meanings *meanings, uint32_t *first, uint32_t *needed)
{
	uint32_t n = 0;

	for (uint32_t id = 0; id < n_ids; id++) {
		const struct matr_object *object = entry_of(layout, id)->object;
		bool known = begins_with_needed(object);
		first[id] = n;
		for (size_t i = 0; i < object->n_needed; i++)
			needed[n++] = known ? meaning_of(meanings, object->needed[i])
					    : MATR_NEEDED_UNKNOWN;
	}
	first[n_ids] = n;
}

static int write_needed(struct layout *layout, struct matr_image_closures *closures,
			struct matr_error *err)
{
	struct meanings meanings = {.ids = NULL};
	uint32_t n_ids = layout->n_start + layout->paths.n;

	for (uint32_t id = 0; id < n_ids; id++)
		closures->n_needed += (uint32_t)entry_of(layout, id)->object->n_needed;
	uint32_t *first = calloc(n_ids + 1, sizeof *first);
	uint32_t *needed = calloc(closures->n_needed + 1, sizeof *needed);
	int result = first && needed ? collect_meanings(layout, n_ids, &meanings, err)
				     : matr_fail_memory(err);
	if (!result)
		list_needed(layout, n_ids, &meanings, first, needed);
	if (!result)
		result = append(layout, first, n_ids + 1, sizeof *first, &closures->needed_first,
				err);
	if (!result)
		result = append(layout, needed, closures->n_needed + 1, sizeof *needed,
				&closures->needed, err);
	free(first);
	free(needed);
	free(meanings.ids);
	intern_free(&meanings.names);
	return result;
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

static int write_piece(struct layout *layout, uint64_t *offset, struct matr_image_summary *summary,
		       struct matr_error *err)
{
	struct buffer *image = &layout->builder->image;
	struct matr_image_closures closures = {
		.n_loaded = (uint32_t)layout->paths.n,
		.n_objects = (uint32_t)layout->n_objects,
	};
	uint64_t at;

	if (buffer_extend(image, sizeof closures, 8, offset, err) < 0)
		return -1;
	for (size_t i = 0; i < layout->n_closures; i++) {
		if (layout->closures[i].reason)
			continue;
		if (write_closure(layout, i, err) < 0)
			return -1;
		summary->closures++;
		summary->closure_relocations += layout->parts[i].closure.n_relocations;
		summary->closure_residual += layout->parts[i].closure.n_residual;
	}
	summary->loaded = layout->paths.n;
	uint32_t *hash = make_hash(layout, &closures.hash_size, err);
	if (!hash)
		return -1;
	int result = append(layout, hash, closures.hash_size, sizeof *hash, &closures.hash, err);
	free(hash);
	if (result < 0 || write_needed(layout, &closures, err) < 0 ||
	    append(layout, layout->loaded, layout->paths.n, sizeof *layout->loaded,
		   &closures.loaded, err) < 0 ||
	    append(layout, layout->objects, layout->n_objects, sizeof *layout->objects,
		   &closures.objects, err) < 0 ||
	    buffer_extend(image, 0, 8, &at, err) < 0)
		return -1;
	closures.size = (uint32_t)(at - *offset);
	unsigned char *place = image->bytes + *offset;
	memcpy(place, &closures, sizeof closures);
	closures.checksum = matr_image_piece_checksum(place);
	memcpy(place, &closures, sizeof closures);
	return 0;
}

static int lay_out(struct layout *layout, uint64_t *offset, struct matr_image_summary *summary,
		   struct matr_error *err)
{
	if (number_members(layout, err) < 0)
		return -1;
	if (layout->n_start + layout->paths.n > UINT16_MAX) {
		for (size_t i = 0; i < layout->n_closures; i++)
			layout->closures[i].reason = "the program loads too many objects";
		return 0;
	}
	for (size_t i = 0; i < layout->n_closures; i++) {
		if (!layout->closures[i].reason && make_closure(layout, i, err) < 0)
			return -1;
	}
	return layout->paths.n ? write_piece(layout, offset, summary, err) : 0;
}

int image_closures_add(struct image_builder *builder, struct matr_closure *closures,
		       size_t n_closures, struct image_closures_out *out,
		       struct matr_image_summary *summary, struct matr_error *err)
{
	struct closure_terms *terms = NULL;
	struct layout layout = {
		.builder = builder,
		.closures = closures,
		.n_closures = n_closures,
		.n_start = n_closures ? closures[0].n_start : 0,
	};

	*out = (struct image_closures_out){.alignment = MATR_IMAGE_PAGE};
	if (!n_closures)
		return 0;
	layout.parts = calloc(n_closures, sizeof *layout.parts);
	int result = layout.parts ? 0 : matr_fail_memory(err);
	if (!result)
		result = closure_terms_make(closures, n_closures, &terms, err);
	layout.terms = terms;
	if (!result)
		result = lay_out(&layout, &out->offset, summary, err);
	if (layout.alignment > out->alignment)
		out->alignment = layout.alignment;
	out->n_objects = layout.paths.n;
	out->n_relocations = layout.n_relocations;
	for (size_t i = 0; layout.parts && i < n_closures; i++)
		parts_free(&layout.parts[i]);
	free(layout.parts);
	closure_terms_free(terms, n_closures);
	intern_free(&layout.paths);
	free(layout.loaded);
	free(layout.entries);
	free(layout.objects);
	map_free(&layout.object_index);
	map_free(&layout.list_index);
	return result;
}
