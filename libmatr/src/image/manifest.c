/* manifest.c - laying out one application's manifest (matr/image_format.h).
 *
 * What the manifest refers to goes to the image first, shared with other applications; then the
 * manifest with its arrays in one piece, since that piece is what an exec checks and reads.
 */
#include "image/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "image/placement.h"

static bool is_origin(const char *path)
{
	return path && (strstr(path, "$ORIGIN") || strstr(path, "${ORIGIN}"));
}

static uint32_t manifest_flags(const struct image_builder *builder,
			       const struct matr_mapping *mapping,
			       const struct relocation_plan *plan)
{
	const struct matr_object *application = mapping->scope[0].object;
	uint32_t flags = 0;

	if ((mapping->flags & (MATR_MAPPING_USES_ORIGIN | MATR_MAPPING_EDITED)) ||
	    (builder->portable && !application->build_id.size))
		flags |= MATR_MANIFEST_PATH;
	if (mapping->flags & MATR_MAPPING_USES_CPU)
		flags |= MATR_MANIFEST_CPU;
	if ((mapping->flags & MATR_MAPPING_USES_ORIGIN) || is_origin(application->rpath) ||
	    is_origin(application->runpath))
		flags |= MATR_MANIFEST_ORIGIN;
	if (application->flags & MATR_OBJECT_FILTER)
		flags |= MATR_MANIFEST_FILTER;
	if (application->flags & MATR_OBJECT_FIXED)
		flags |= MATR_MANIFEST_FIXED;
	if (image_packs(builder))
		flags |= MATR_MANIFEST_PACK;
	for (size_t i = 0; i < plan->n_objects; i++) {
		if (plan->objects[i].n_lazy)
			flags |= MATR_MANIFEST_LAZY;
	}
	return flags;
}

/* ---- DT_NEEDED ---- */

struct needed {
	uint64_t *list;
	size_t n, capacity;
};

static int needed_add(struct image_builder *builder, struct needed *needed, const char *name,
		      struct matr_error *err)
{
	if (array_reserve(&needed->list, &needed->capacity, needed->n + 1, sizeof *needed->list,
			  err) != 0)
		return -1;
	return buffer_string(&builder->image, name, &needed->list[needed->n++], err);
}

/* Test whether ld.so would find the loaded object by this name. */
static bool is_name_of(const struct matr_scope_entry *entry, const char *name)
{
	return (entry->needed_as && !strcmp(entry->needed_as, name)) ||
	       (entry->object->soname && !strcmp(entry->object->soname, name));
}

/* List each object by its path, and right behind it the names that the application has for it:
 * ld.so then finds it at once. The interpreter is there already, under a name that the kernel has
 * chosen. */
static int add_needed(struct image_builder *builder, const struct matr_mapping *mapping,
		      struct needed *needed, struct matr_error *err)
{
	const struct matr_object *application = mapping->scope[0].object;
	bool *named = calloc(application->n_needed + 1, sizeof *named);
	int result = named ? 0 : matr_fail_memory(err);

	for (size_t i = 1; i < mapping->n_scope && !result; i++) {
		const struct matr_scope_entry *entry = &mapping->scope[i];
		const char *first = entry->path;
		if (entry->rule == MATR_FOUND_INTERPRETER && entry->object->soname)
			first = entry->object->soname;
		if (strchr(first, '$'))
			result = matr_fail(err, MATR_ERROR_UNSUPPORTED, application->path,
					   "the path of %s contains '$', which ld.so would expand",
					   first);
		if (!result)
			result = needed_add(builder, needed, first, err);
		for (size_t n = 0; n < application->n_needed && !result; n++) {
			if (named[n] || !is_name_of(entry, application->needed[n]))
				continue;
			named[n] = true;
			result = needed_add(builder, needed, application->needed[n], err);
		}
	}
	for (size_t n = 0; n < application->n_needed && !result; n++) {
		if (!named[n])
			result = needed_add(builder, needed, application->needed[n], err);
	}
	free(named);
	return result;
}

/* ---- the manifest ---- */

struct parts { /* the manifest's arrays while they are made */
	struct matr_image_manifest manifest;
	struct image_scope scope;
	struct matr_image_object *objects;
	struct needed needed;
	struct matr_image_ifunc *ifuncs;
	uint64_t *slots;
	struct matr_image_run *runs;
};

static void free_parts(struct parts *parts)
{
	free(parts->objects);
	image_scope_close(&parts->scope);
	free(parts->needed.list);
	free(parts->ifuncs);
	free(parts->slots);
	free(parts->runs);
}

static int add_objects(struct image_builder *builder, struct parts *parts,
		       struct relocation_plan *plan, struct matr_error *err)
{
	struct matr_image_manifest *manifest = &parts->manifest;
	const struct matr_mapping *mapping = parts->scope.mapping;

	for (uint32_t i = 0; i < mapping->n_scope; i++) {
		struct object_plan *object_plan = &plan->objects[i];
		struct matr_image_object *object = &parts->objects[i];
		manifest->n_relocations += (uint32_t)object_plan->words.n;
		manifest->n_relative += (uint32_t)object_plan->n_relative;
		manifest->n_residual_total += (uint32_t)object_plan->n_residual;
		object->library = MATR_IMAGE_NO_LIBRARY;
		if (i == 0 && object_plan->untouched)
			object->flags |= MATR_OBJECT_ENTRY_UNTOUCHED;
		if (object_plan->interpreter)
			object->flags |= MATR_OBJECT_ENTRY_INTERPRETER;
		int result = image_scope_has(&parts->scope, i)
				     ? image_library_add(builder, &parts->scope, i, object_plan,
							 IMAGE_AT_START, object, err)
				     : buffer_string(&builder->image, mapping->scope[i].path,
						     &object->path, err);
		if (result < 0)
			return -1;
	}
	return 0;
}

/* Packed libraries were laid out one after the other, unless another application has brought
 * some. */
static void add_runs(const struct image_builder *builder, struct parts *parts)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < parts->manifest.n_objects; i++) {
		if (!(parts->objects[i].flags & MATR_OBJECT_ENTRY_PACKED))
			continue;
		const struct image_variant *variant = &builder->variants[parts->objects[i].library];
		const struct image_binary *binary = &builder->binaries[variant->binary];
		const struct matr_image_run run = {binary->base + binary->first, binary->pages_size,
						   variant->pages};
		struct matr_image_run *last = n ? &parts->runs[n - 1] : NULL;
		if (last && last->at + last->size == run.at &&
		    last->offset + last->size == run.offset)
			last->size += run.size;
		else
			parts->runs[n++] = run;
	}
	parts->manifest.n_runs = n;
}

/* Slots of results that are not recorded are written at exec. */
static void mark_late(const struct image_builder *builder, struct parts *parts)
{
	for (uint32_t i = 0; i < parts->manifest.n_ifuncs; i++) {
		const struct matr_image_ifunc *ifunc = &parts->ifuncs[i];
		for (uint32_t n = 0; n < ifunc->n_slots && !ifunc->result; n++) {
			uint64_t slot = parts->slots[ifunc->first_slot + n];
			uint32_t at = MATR_SLOT_OBJECT(slot);
			parts->manifest.n_relocations++;
			if (image_scope_has(&parts->scope, at) &&
			    image_binary_is_relro(&builder->binaries[parts->scope.binaries[at]],
						  MATR_SLOT_VADDR(slot)))
				parts->objects[at].flags |= MATR_OBJECT_ENTRY_LATE_RELRO;
		}
	}
}

static int add_application(struct image_builder *builder, struct parts *parts,
			   const struct matr_mapping *mapping, struct relocation_plan *plan,
			   struct matr_error *err)
{
	struct matr_image_manifest *manifest = &parts->manifest;
	struct object_plan *application = &plan->objects[0];

	image_words_finish(builder, &parts->scope, 0, &application->words);
	if (relocation_program_encode(&application->words, false, &builder->scratch,
				      &builder->image, &manifest->words, err) < 0)
		return -1;
	manifest->n_residual = (uint32_t)application->n_residual;
	if (application->n_residual &&
	    buffer_share(&builder->image, application->residual,
			 application->n_residual * sizeof *application->residual, 8,
			 &manifest->residual, err) < 0)
		return -1;
	return image_content_add(builder, mapping->scope[0].object,
				 builder->portable ? IMAGE_CONTENT_APPLICATION
						   : IMAGE_CONTENT_TELLING,
				 &manifest->content, err);
}

static uint64_t slot_key(const struct image_builder *builder,
			 const struct matr_scope_entry *application)
{
	const struct matr_build_id *build_id = &application->object->build_id;
	struct matr_image_file file = image_file_of(builder, &application->object->file);

	if (!builder->portable)
		return matr_image_key(&file, sizeof file);
	return build_id->size ? matr_image_key(build_id->bytes, build_id->size)
			      : matr_image_key(application->path, strlen(application->path));
}

static int make_parts(struct parts *parts, struct image_builder *builder,
		      const struct matr_mapping *mapping, struct relocation_plan *plan,
		      struct matr_error *err)
{
	struct matr_image_manifest *manifest = &parts->manifest;

	parts->objects = calloc(mapping->n_scope, sizeof *parts->objects);
	parts->runs = calloc(mapping->n_scope, sizeof *parts->runs);
	parts->ifuncs = calloc(plan->n_ifuncs + 1, sizeof *parts->ifuncs);
	parts->slots = calloc(plan->n_ifuncs + 1, sizeof *parts->slots);
	if (!parts->objects || !parts->runs || !parts->ifuncs || !parts->slots)
		return matr_fail_memory(err);
	if (image_scope_open(builder, mapping, mapping->n_scope, &parts->scope, err) < 0)
		return -1;
	manifest->n_objects = (uint32_t)mapping->n_scope;
	manifest->flags = manifest_flags(builder, mapping, plan);
	manifest->key = slot_key(builder, &mapping->scope[0]);
	manifest->file = image_file_of(builder, &mapping->scope[0].object->file);
	manifest->n_copies = manifest->n_relocations = (uint32_t)plan->n_copies;
	uint64_t alignment = image_scope_alignment(builder, &parts->scope);
	if (alignment > manifest->alignment)
		manifest->alignment = alignment;
	int n_ifuncs =
		image_ifuncs_add(builder, &parts->scope, plan, parts->ifuncs, parts->slots, err);
	if (n_ifuncs < 0)
		return -1;
	manifest->n_ifuncs = (uint32_t)n_ifuncs;
	manifest->n_ifunc_slots = (uint32_t)plan->n_ifuncs;
	if (buffer_string(&builder->image, mapping->scope[0].path, &manifest->path, err) < 0 ||
	    (mapping->library_path && buffer_string(&builder->image, mapping->library_path,
						    &manifest->library_path, err) < 0) ||
	    add_needed(builder, mapping, &parts->needed, err) < 0 ||
	    add_objects(builder, parts, plan, err) < 0)
		return -1;
	mark_late(builder, parts);
	add_runs(builder, parts);
	manifest->n_needed = (uint32_t)parts->needed.n;
	return add_application(builder, parts, mapping, plan, err);
}

static int write_manifest(struct parts *parts, struct image_builder *builder,
			  const struct relocation_plan *plan, uint64_t *offset,
			  struct matr_error *err)
{
	struct matr_image_manifest *manifest = &parts->manifest;
	struct buffer *image = &builder->image;
	uint64_t end;

	if (buffer_extend(image, sizeof *manifest, 8, offset, err) < 0 ||
	    buffer_append(image, parts->objects, manifest->n_objects * sizeof *parts->objects, 8,
			  &manifest->objects, err) < 0 ||
	    buffer_append(image, parts->needed.list, manifest->n_needed * sizeof(uint64_t), 8,
			  &manifest->needed, err) < 0 ||
	    buffer_append(image, parts->ifuncs, manifest->n_ifuncs * sizeof *parts->ifuncs, 8,
			  &manifest->ifuncs, err) < 0 ||
	    buffer_append(image, parts->slots, plan->n_ifuncs * sizeof(uint64_t), 8,
			  &manifest->ifunc_slots, err) < 0 ||
	    buffer_append(image, parts->runs, manifest->n_runs * sizeof *parts->runs, 8,
			  &manifest->runs, err) < 0 ||
	    buffer_append(image, plan->copies, plan->n_copies * sizeof *plan->copies, 8,
			  &manifest->copies, err) < 0 ||
	    buffer_extend(image, 0, 8, &end, err) < 0)
		return -1;
	manifest->size = (uint32_t)(end - *offset);
	unsigned char *place = image->bytes + *offset;
	memcpy(place, manifest, sizeof *manifest);
	manifest->checksum = matr_image_piece_checksum(place);
	memcpy(place, manifest, sizeof *manifest);
	return 0;
}

void image_manifest_set_bytes(struct image_builder *builder, uint64_t bytes)
{
	uint64_t offset = builder->applications[builder->n_applications - 1].manifest;
	struct matr_image_manifest *manifest = (void *)(builder->image.bytes + offset);

	manifest->added_bytes = bytes;
	manifest->checksum = matr_image_piece_checksum(manifest);
}

int image_builder_add_key(struct image_builder *builder, uint64_t key, uint64_t manifest,
			  struct matr_error *err)
{
	if (array_reserve(&builder->applications, &builder->applications_capacity,
			  builder->n_applications + 1, sizeof *builder->applications, err) != 0)
		return -1;
	builder->applications[builder->n_applications++] = (struct matr_image_slot){key, manifest};
	return 0;
}

int image_manifest_add(struct image_builder *builder, const struct matr_mapping *mapping,
		       struct relocation_plan *plan, const struct image_closures_out *closures,
		       struct matr_error *err)
{
	struct parts parts = {
		.manifest = {.closures = closures->offset, .alignment = closures->alignment},
	};
	uint64_t offset = 0;

	int result = make_parts(&parts, builder, mapping, plan, err);
	/* Treat the libraries that the application loads as if they were there from the start. */
	if (image_is_random(builder->layout, parts.manifest.n_relocations + closures->n_relocations,
			    parts.manifest.n_objects + closures->n_objects))
		parts.manifest.flags |= MATR_MANIFEST_RANDOM;
	if (builder->record)
		parts.manifest.flags |= MATR_MANIFEST_RECORD;
	if (!result)
		result = write_manifest(&parts, builder, plan, &offset, err);
	if (!result)
		result = image_builder_add_key(builder, parts.manifest.key, offset, err);
	free_parts(&parts);
	return result;
}
