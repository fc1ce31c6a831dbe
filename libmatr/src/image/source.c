/* source.c - manifests and what they refer to, from one image into another.
 *
 * Pieces come over in the order in which manifest.c adds them, and are shared with what is compiled anew, so
 * that an image that was put together from an older one has the same bytes as one that was compiled whole. Nothing
 * that is no longer referred to comes along.
 */
#include "image/source.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "image/image.h"
#include "image/slot.h"

/* A field that is added to these has to be copied here, too. */
_Static_assert(sizeof(struct matr_image_manifest) == 120, "see copy_manifest()");
_Static_assert(sizeof(struct matr_image_object) == 168, "see copy_object()");

struct image_source {
	const unsigned char *bytes; /* mapped */
	size_t size;
	struct place { /* by path */
		const char *path;
		uint64_t manifest;
	} * places;
	size_t n;
	struct matr_map copied; /* offset here -> offset in the new image */
};

static const void *at(const struct image_source *source, uint64_t offset)
{
	return source->bytes + offset;
}

static int compare_places(const void *left, const void *right)
{
	return strcmp(((const struct place *)left)->path, ((const struct place *)right)->path);
}

static int index_places(struct image_source *source, struct matr_error *err)
{
	const struct matr_image_header *header = at(source, 0);
	const struct matr_image_slot *slots = at(source, header->hash);

	source->places = calloc((size_t)header->n_applications + 1, sizeof *source->places);
	if (!source->places)
		return matr_fail_memory(err);
	for (uint32_t i = 0; i < header->hash_size && source->n < header->n_applications; i++) {
		if (!slots[i].manifest ||
		    image_slot_is_withdrawn(source->bytes, source->size, &slots[i]))
			continue;
		const struct matr_image_manifest *manifest = at(source, slots[i].manifest);
		source->places[source->n++] = (struct place){
			.path = at(source, manifest->path),
			.manifest = slots[i].manifest,
		};
	}
	if (source->n)
		qsort(source->places, source->n, sizeof *source->places, compare_places);
	return 0;
}

int image_source_open(const char *path, int64_t epoch, struct image_source **out,
		      struct matr_error *err)
{
	struct matr_image_info info;
	struct stat status;

	if (matr_image_check(path, &info, NULL) != 0 || (int64_t)info.epoch != epoch)
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return 0;
	void *bytes = MAP_FAILED;
	if (fstat(fd, &status) == 0 && (uint64_t)status.st_size == info.size)
		bytes = mmap(NULL, info.size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (bytes == MAP_FAILED)
		return 0;
	struct image_source *source = calloc(1, sizeof *source);
	if (!source) {
		munmap(bytes, info.size);
		return matr_fail_memory(err);
	}
	source->bytes = bytes;
	source->size = info.size;
	if (index_places(source, err) != 0) {
		image_source_close(source);
		return -1;
	}
	*out = source;
	return 1;
}

void image_source_close(struct image_source *source)
{
	if (!source)
		return;
	munmap((void *)(uintptr_t)source->bytes, source->size);
	free(source->places);
	matr_map_free(&source->copied);
	free(source);
}

/* ---- pieces ---- */

/* Copy `size` bytes at *offset, unless they were, and set *offset to where they are. 0 stays 0. */
static int copy_piece(struct image_source *source, struct image_builder *builder, uint64_t *offset,
		      size_t size, size_t align, struct matr_error *err)
{
	uint64_t known, old = *offset;

	if (!old || matr_map_get(&source->copied, old, &known)) {
		*offset = old ? known : 0;
		return 0;
	}
	if (buffer_share(&builder->image, at(source, old), size, align, offset, err) != 0)
		return -1;
	return matr_map_set(&source->copied, old, *offset) != 0 ? matr_fail_memory(err) : 0;
}

static int copy_string(struct image_source *source, struct image_builder *builder, uint64_t *offset,
		       struct matr_error *err)
{
	return copy_piece(source, builder, offset, strlen(at(source, *offset)) + 1, 1, err);
}

static int copy_program(struct image_source *source, struct image_builder *builder,
			uint64_t *offset, struct matr_error *err)
{
	const struct matr_image_program *program = at(source, *offset);

	return copy_piece(source, builder, offset, *offset ? program->size : 0, 8, err);
}

static int copy_object(struct image_source *source, struct image_builder *builder,
		       struct matr_image_object *object, struct matr_error *err)
{
	if (copy_string(source, builder, &object->path, err) != 0 ||
	    copy_program(source, builder, &object->relative, err) != 0 ||
	    copy_program(source, builder, &object->symbolic, err) != 0 ||
	    copy_program(source, builder, &object->lazy, err) != 0)
		return -1;
	return copy_piece(source, builder, &object->residual,
			  object->n_residual * sizeof(Elf64_Rela), 8, err);
}

/* ---- the manifest ---- */

/* The manifest's bytes are copied as they are; then every offset in it is set, those into the manifest itself by
 * how far it has moved. */
struct copy {
	struct image_source *source;
	struct image_builder *builder;
	unsigned char *bytes; /* of the manifest, in the making */
	uint64_t old;	      /* its offset in the source */
};

static void *part(const struct copy *copy, uint64_t old_offset)
{
	return copy->bytes + (old_offset - copy->old);
}

static bool lies_within(const struct copy *copy, uint64_t offset, uint64_t size)
{
	const struct matr_image_manifest *manifest = (const void *)copy->bytes;

	return !size || (offset >= copy->old && offset - copy->old <= manifest->size &&
			 size <= manifest->size - (offset - copy->old));
}

/* check.c saw to it that the arrays are in the image; here they have to be in the manifest. */
static bool is_in_one_piece(const struct copy *copy)
{
	const struct matr_image_manifest *manifest = (const void *)copy->bytes;
	uint64_t slots = 0;

	if (!lies_within(copy, manifest->objects,
			 manifest->n_objects * sizeof(struct matr_image_object)) ||
	    !lies_within(copy, manifest->needed, manifest->n_needed * sizeof(uint64_t)) ||
	    !lies_within(copy, manifest->directories,
			 manifest->n_directories * sizeof(struct matr_image_directory)) ||
	    !lies_within(copy, manifest->ifuncs,
			 manifest->n_ifuncs * sizeof(struct matr_image_ifunc)) ||
	    !lies_within(copy, manifest->copies,
			 manifest->n_copies * sizeof(struct matr_image_copy)))
		return false;
	const struct matr_image_ifunc *ifuncs = part(copy, manifest->ifuncs);
	for (uint32_t i = 0; i < manifest->n_ifuncs; i++)
		slots += ifuncs[i].n_slots;
	const struct matr_image_object *objects = part(copy, manifest->objects);
	for (uint32_t i = 0; i < manifest->n_objects; i++)
		if (!lies_within(copy, objects[i].providers,
				 objects[i].n_providers * sizeof(uint32_t)))
			return false;
	return lies_within(copy, manifest->ifunc_slots, slots * sizeof(uint64_t));
}

/* In the order of manifest.c. */
static int copy_manifest(struct copy *copy, const struct matr_directory *list,
			 struct matr_error *err)
{
	struct matr_image_manifest *manifest = (void *)copy->bytes;
	struct matr_image_object *objects = part(copy, manifest->objects);
	uint64_t *needed = part(copy, manifest->needed);
	struct matr_image_directory *directories = part(copy, manifest->directories);

	if (copy_string(copy->source, copy->builder, &manifest->path, err) != 0 ||
	    (manifest->library_path &&
	     copy_string(copy->source, copy->builder, &manifest->library_path, err) != 0))
		return -1;
	for (uint32_t i = 0; i < manifest->n_needed; i++)
		if (copy_string(copy->source, copy->builder, &needed[i], err) != 0)
			return -1;
	for (uint32_t i = 0; i < manifest->n_objects; i++)
		if (copy_object(copy->source, copy->builder, &objects[i], err) != 0)
			return -1;
	for (uint32_t i = 0; i < manifest->n_directories; i++) {
		directories[i].mtime = list[i].mtime;
		if (copy_string(copy->source, copy->builder, &directories[i].path, err) != 0)
			return -1;
	}
	return 0;
}

static void move(const struct copy *copy, uint64_t *offset, uint64_t new_start)
{
	if (*offset)
		*offset = *offset - copy->old + new_start;
}

static int append(struct copy *copy, struct matr_error *err)
{
	struct matr_image_manifest *manifest = (void *)copy->bytes;
	struct matr_image_object *objects = part(copy, manifest->objects);
	uint64_t start;

	if (buffer_extend(&copy->builder->image, manifest->size, 8, &start, err) != 0)
		return -1;
	for (uint32_t i = 0; i < manifest->n_objects; i++)
		move(copy, &objects[i].providers, start);
	const struct matr_build_id id = {.size = objects[0].build_id_size};
	const char *path = (const char *)copy->builder->image.bytes + manifest->path;
	uint64_t key = id.size ? matr_image_key(objects[0].build_id, id.size)
			       : matr_image_key(path, strlen(path));
	move(copy, &manifest->objects, start);
	move(copy, &manifest->needed, start);
	move(copy, &manifest->directories, start);
	move(copy, &manifest->ifuncs, start);
	move(copy, &manifest->ifunc_slots, start);
	move(copy, &manifest->copies, start);
	manifest->checksum = matr_image_checksum(copy->bytes + 8, manifest->size - 8);
	memcpy(copy->builder->image.bytes + start, copy->bytes, manifest->size);
	return image_add_key(copy->builder, key, start, err);
}

static size_t count_words(const struct image_source *source, uint64_t offset)
{
	const struct matr_image_program *program = at(source, offset);
	size_t n = 0;

	if (!offset)
		return 0;
	const unsigned char *group_at = (const unsigned char *)(program + 1);
	for (uint32_t i = 0; i < program->n_groups; i++) {
		const struct matr_image_group *group = (const void *)group_at;
		size_t words = group->n_entries + (size_t)group->n_slots;
		words += group->provider == MATR_IMAGE_MIXED ? group->n_slots : 0;
		n += group->n_slots;
		group_at += sizeof *group + (words * sizeof(uint32_t) + 7) / 8 * 8;
	}
	return n;
}

static void summarise(const struct image_source *source, uint64_t offset,
		      struct matr_image_summary *summary)
{
	const struct matr_image_manifest *manifest = at(source, offset);
	const struct matr_image_object *objects = at(source, manifest->objects);
	const struct matr_image_ifunc *ifuncs = at(source, manifest->ifuncs);

	*summary = (struct matr_image_summary){
		.objects = manifest->n_objects,
		.relocations = manifest->n_relocations,
		.residual = manifest->n_residual,
		.copies = manifest->n_copies,
	};
	for (uint32_t i = 0; i < manifest->n_ifuncs; i++)
		summary->ifunc += ifuncs[i].n_slots;
	for (uint32_t i = 0; i < manifest->n_objects; i++) {
		summary->untouched += (objects[i].flags & MATR_OBJECT_ENTRY_UNTOUCHED) != 0;
		summary->relative += count_words(source, objects[i].relative);
	}
}

static bool same_directories(const struct image_source *source, uint64_t offset,
			     const struct matr_directory *list, size_t n)
{
	const struct matr_image_manifest *manifest = at(source, offset);
	const struct matr_image_directory *directories = at(source, manifest->directories);

	if (manifest->n_directories != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(at(source, directories[i].path), list[i].path) != 0)
			return false;
	return true;
}

size_t image_source_applications(const struct image_source *source)
{
	return source->n;
}

int image_source_copy(struct image_source *source, struct image_builder *builder, const char *path,
		      const struct matr_directory *directories, size_t n,
		      struct matr_image_summary *summary, struct matr_error *err)
{
	const struct place wanted = {.path = path};
	const struct place *place = source->n ? bsearch(&wanted, source->places, source->n,
							sizeof wanted, compare_places)
					      : NULL;

	if (!place || !same_directories(source, place->manifest, directories, n))
		return 0;
	const struct matr_image_manifest *manifest = at(source, place->manifest);
	if (manifest->closures)
		return 0; /* these are few */
	struct copy copy = {source, builder, malloc(manifest->size), place->manifest};
	if (!copy.bytes)
		return matr_fail_memory(err);
	size_t before = builder->image.size;
	memcpy(copy.bytes, manifest, manifest->size);
	int result = is_in_one_piece(&copy);
	if (result && (copy_manifest(&copy, directories, err) != 0 || append(&copy, err) != 0))
		result = -1;
	free(copy.bytes);
	if (result > 0) {
		summarise(source, place->manifest, summary);
		summary->new_bytes = builder->image.size - before;
	}
	return result;
}
