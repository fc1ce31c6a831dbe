/* manifest.c - laying out one application's manifest (matr/image_format.h).
 *
 * Strings, programs and residual tables go to the image first, shared with other applications; then the
 * manifest with its arrays in one piece, since that piece is what an exec checks and reads.
 */
#include "image/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "image/pieces.h"

static bool is_origin(const char *path)
{
	return path && (strstr(path, "$ORIGIN") || strstr(path, "${ORIGIN}"));
}

static uint32_t manifest_flags(const struct matr_mapping *mapping,
			       const struct relocation_plan *plan)
{
	const struct matr_object *application = mapping->scope[0].object;
	uint32_t flags = 0;

	if ((mapping->flags & (MATR_MAPPING_USES_ORIGIN | MATR_MAPPING_EDITED)) ||
	    !application->build_id.size)
		flags |= MATR_MANIFEST_PATH;
	if (mapping->flags & MATR_MAPPING_USES_CPU)
		flags |= MATR_MANIFEST_CPU;
	if ((mapping->flags & MATR_MAPPING_USES_ORIGIN) || is_origin(application->rpath) ||
	    is_origin(application->runpath))
		flags |= MATR_MANIFEST_ORIGIN;
	if (mapping->flags & MATR_MAPPING_PRIVATE)
		flags |= MATR_MANIFEST_PRIVATE;
	for (size_t i = 0; i < plan->n_objects; i++) {
		if (plan->objects[i].lazy.n)
			flags |= MATR_MANIFEST_LAZY;
	}
	return flags;
}

/* The strings for DT_NEEDED: the scope by path, the interpreter by soname (it is loaded already, under a
 * name that is ld-stable's choice), then the application's own. */
static int needed_pieces(struct image_builder *builder, const struct matr_mapping *mapping,
			 uint64_t *out, struct matr_error *err)
{
	const struct matr_object *application = mapping->scope[0].object;

	for (size_t i = 1; i < mapping->n_scope; i++) {
		const struct matr_scope_entry *entry = &mapping->scope[i];
		const char *name = entry->path;
		if (entry->rule == MATR_FOUND_INTERPRETER && entry->object->soname)
			name = entry->object->soname;
		if (strchr(name, '$'))
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, application->path,
					 "the path of %s contains '$', which ld.so would expand",
					 name);
		if (buffer_string(&builder->image, name, out++, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < application->n_needed; i++) {
		if (buffer_string(&builder->image, application->needed[i], out++, err) < 0)
			return -1;
	}
	return 0;
}

struct layout { /* the manifest's arrays while they are made */
	struct matr_image_manifest manifest;
	struct matr_image_object *objects;
	uint64_t *needed;
	struct matr_image_directory *directories;
	struct matr_image_ifunc *ifuncs;
	uint64_t *ifunc_slots;
};

static int make_arrays(struct layout *layout, struct image_builder *builder,
		       const struct matr_mapping *mapping, struct relocation_plan *plan,
		       struct matr_error *err)
{
	struct matr_image_manifest *manifest = &layout->manifest;
	size_t n_needed = mapping->n_scope - 1 + mapping->scope[0].object->n_needed;

	layout->objects = calloc(mapping->n_scope, sizeof *layout->objects);
	layout->needed = calloc(n_needed + 1, sizeof *layout->needed);
	layout->directories = calloc(mapping->n_directories + 1, sizeof *layout->directories);
	layout->ifuncs = calloc(plan->n_ifuncs + 1, sizeof *layout->ifuncs);
	layout->ifunc_slots = calloc(plan->n_ifuncs + 1, sizeof *layout->ifunc_slots);
	if (!layout->objects || !layout->needed || !layout->directories || !layout->ifuncs ||
	    !layout->ifunc_slots)
		return matr_fail_memory(err);

	if (buffer_string(&builder->image, mapping->scope[0].path, &manifest->path, err) < 0 ||
	    (mapping->library_path && buffer_string(&builder->image, mapping->library_path,
						    &manifest->library_path, err) < 0) ||
	    needed_pieces(builder, mapping, layout->needed, err) < 0)
		return -1;
	for (size_t i = 0; i < mapping->n_scope; i++) {
		struct object_plan *object = &plan->objects[i];
		if (image_object_pieces(builder, &mapping->scope[i], object, &layout->objects[i],
					err) < 0)
			return -1;
		manifest->n_relocations +=
			(uint32_t)(object->relative.n + object->symbolic.n + object->lazy.n);
		manifest->n_residual += (uint32_t)object->n_residual;
	}
	size_t n_directories = builder->portable ? 0 : mapping->n_directories;
	for (size_t i = 0; i < n_directories; i++) {
		layout->directories[i].mtime = mapping->directories[i].mtime;
		if (buffer_string(&builder->image, mapping->directories[i].path,
				  &layout->directories[i].path, err) < 0)
			return -1;
	}
	manifest->flags =
		manifest_flags(mapping, plan) | (builder->portable ? MATR_MANIFEST_PORTABLE : 0);
	manifest->n_objects = (uint32_t)mapping->n_scope;
	manifest->n_needed = (uint32_t)n_needed;
	manifest->n_scope_needed = (uint32_t)mapping->n_scope - 1;
	manifest->n_directories = (uint32_t)n_directories;
	manifest->n_ifuncs = image_group_ifuncs(plan, layout->ifuncs, layout->ifunc_slots);
	manifest->n_copies = (uint32_t)plan->n_copies;
	manifest->n_relocations += (uint32_t)(plan->n_ifuncs + plan->n_copies);
	return 0;
}

static void free_arrays(struct layout *layout)
{
	free(layout->objects);
	free(layout->needed);
	free(layout->directories);
	free(layout->ifuncs);
	free(layout->ifunc_slots);
}

static int write_manifest(struct layout *layout, struct image_builder *builder,
			  struct relocation_plan *plan, uint64_t *offset, struct matr_error *err)
{
	struct matr_image_manifest *manifest = &layout->manifest;
	struct buffer *image = &builder->image;
	uint64_t at;

	if (buffer_extend(image, sizeof *manifest, 8, offset, err) < 0)
		return -1;
	/* Providers are known now; they lie in the manifest, the programs outside. */
	for (size_t i = 0; i < plan->n_objects; i++) {
		const struct object_plan *object = &plan->objects[i];
		if (object->n_providers &&
		    buffer_append(image, object->providers, object->n_providers * sizeof(uint32_t),
				  8, &layout->objects[i].providers, err) < 0)
			return -1;
	}
	if (buffer_append(image, layout->objects, plan->n_objects * sizeof *layout->objects, 8,
			  &manifest->objects, err) < 0 ||
	    buffer_append(image, layout->needed, manifest->n_needed * sizeof(uint64_t), 8,
			  &manifest->needed, err) < 0 ||
	    buffer_append(image, layout->directories,
			  manifest->n_directories * sizeof *layout->directories, 8,
			  &manifest->directories, err) < 0 ||
	    buffer_append(image, layout->ifuncs, manifest->n_ifuncs * sizeof *layout->ifuncs, 8,
			  &manifest->ifuncs, err) < 0 ||
	    buffer_append(image, layout->ifunc_slots, plan->n_ifuncs * sizeof(uint64_t), 8,
			  &manifest->ifunc_slots, err) < 0 ||
	    buffer_append(image, plan->copies, plan->n_copies * sizeof *plan->copies, 8,
			  &manifest->copies, err) < 0 ||
	    buffer_extend(image, 0, 8, &at, err) < 0)
		return -1;
	manifest->size = (uint32_t)(at - *offset);
	unsigned char *place = image->bytes + *offset;
	memcpy(place, manifest, sizeof *manifest);
	manifest->checksum = matr_image_checksum(place + 8, manifest->size - 8);
	memcpy(place, manifest, sizeof *manifest);
	return 0;
}

static int add_key(struct image_builder *builder, const struct matr_scope_entry *application,
		   uint64_t manifest, struct matr_error *err)
{
	const struct matr_build_id *build_id = &application->object->build_id;
	uint64_t key = build_id->size
			       ? matr_image_key(build_id->bytes, build_id->size)
			       : matr_image_key(application->path, strlen(application->path));
	return image_add_key(builder, key, manifest, err);
}

int image_manifest_add(struct image_builder *builder, const struct matr_mapping *mapping,
		       struct relocation_plan *plan, const struct image_closures *closures,
		       struct matr_error *err)
{
	struct layout layout = {
		.manifest = {.closures = closures->offset,
			     .n_loaded = (uint32_t)closures->n_loaded},
	};
	uint64_t offset = 0;

	int result = make_arrays(&layout, builder, mapping, plan, err);
	if (!result)
		result = write_manifest(&layout, builder, plan, &offset, err);
	if (!result)
		result = add_key(builder, &mapping->scope[0], offset, err);
	free_arrays(&layout);
	return result;
}
