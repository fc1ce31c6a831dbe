/* builder.c - the epoch image from its first application to the file on disk.
 *
 * Everything has its final offset from the start, so that writing is adding the hash table, filling in the
 * header, and one atomic replacement (base/file.c).
 */
#include "image/builder.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "image/closures.h"
#include "image/manifest.h"
#include "mapping/plan.h"

static uint32_t level_number(const char *cpu_level)
{
	if (cpu_level && !strncmp(cpu_level, "x86-64-v", 8) && cpu_level[8] >= '2' &&
	    cpu_level[8] <= '4')
		return (uint32_t)(cpu_level[8] - '0');
	return 1;
}

/* At most half of the hash table is in use. */
static uint32_t table_size(size_t applications)
{
	uint32_t size = 16;

	while (size < applications * 2 && size < UINT32_C(1) << 30)
		size *= 2;
	return size;
}

/* The hash table comes right behind the header where there is room for it: what every exec reads is then on the
 * first pages. */
int image_builder_open(uint64_t epoch, const char *cpu_level, size_t applications,
		       struct image_builder **out, struct matr_error *err)
{
	struct image_builder *builder = calloc(1, sizeof *builder);
	uint64_t header;

	if (!builder)
		return matr_fail_memory(err);
	builder->epoch = epoch;
	builder->cpu_level = level_number(cpu_level);
	builder->hash_size = table_size(applications);
	if (buffer_extend(&builder->image, sizeof(struct matr_image_header), 8, &header, err) < 0 ||
	    buffer_extend(&builder->image, builder->hash_size * sizeof(struct matr_image_slot), 8,
			  &builder->hash, err) < 0) {
		image_builder_close(builder);
		return -1;
	}
	*out = builder;
	return 0;
}

void image_builder_portable(struct image_builder *builder)
{
	builder->portable = true;
}

void image_builder_preload(struct image_builder *builder, const struct matr_file_id *file)
{
	builder->preload_size = file->size;
	builder->preload_mtime = file->size ? file->mtime : 0;
}

void image_builder_close(struct image_builder *builder)
{
	if (!builder)
		return;
	buffer_free(&builder->image);
	buffer_free(&builder->scratch);
	free(builder->applications);
	free(builder);
}

static int decline(const struct matr_mapping *mapping, struct matr_error *err)
{
	const char *application = mapping->scope[0].object->path;

	if (mapping->n_scope > UINT16_MAX)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, application, "more than %d objects",
				 UINT16_MAX);
	for (size_t i = 0; i < mapping->n_scope; i++) {
		const char *reason = mapping_object_reason(mapping, i);
		if (reason)
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, application, reason,
					 mapping->scope[i].object->path);
	}
	return 0;
}

/* In a copy of the file tree only the build-id tells which file it is. */
static int decline_nameless(const struct matr_mapping *mapping, struct matr_error *err)
{
	for (size_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_object *object = mapping->scope[i].object;
		if (!object->build_id.size)
			return matr_fail(err, MATR_ERROR_UNSUPPORTED,
					 mapping->scope[0].object->path, "%s has no build-id",
					 object->path);
	}
	return 0;
}

static void summarise(struct matr_image_summary *summary, const struct relocation_plan *plan,
		      const struct image_closures *closures)
{
	*summary = (struct matr_image_summary){
		.loaded = closures->n_loaded,
		.closures = closures->n_closures,
		.closure_relocations = closures->n_relocations,
		.closure_residual = closures->n_residual,
		.objects = plan->n_objects,
		.ifunc = plan->n_ifuncs,
		.copies = plan->n_copies,
	};
	for (size_t i = 0; i < plan->n_objects; i++) {
		const struct object_plan *object = &plan->objects[i];
		summary->untouched += object->untouched;
		summary->relative += object->relative.n;
		summary->relocations += object->symbolic.n + object->lazy.n;
		summary->residual += object->n_residual;
	}
	summary->relocations += summary->relative + summary->ifunc + summary->copies;
}

int image_builder_add(struct image_builder *builder, const struct matr_mapping *mapping,
		      struct matr_closure *closures, size_t n_closures,
		      struct matr_image_summary *summary, struct matr_error *err)
{
	struct relocation_plan plan = {0};
	struct image_closures laid_out = {0};
	size_t before = builder->image.size;

	if (decline(mapping, err) < 0 || (builder->portable && decline_nameless(mapping, err) < 0))
		return -1;
	int result = relocation_plan_make(&plan, mapping, NULL, err);
	/* What a failed attempt added stays in the image unused; it is shared by the next that needs it. */
	if (!result)
		result = image_closures_add(builder, closures, n_closures, &laid_out, err);
	if (!result)
		result = image_manifest_add(builder, mapping, &plan, &laid_out, err);
	if (!result && summary) {
		summarise(summary, &plan, &laid_out);
		summary->new_bytes = builder->image.size - before;
	}
	relocation_plan_free(&plan);
	return result;
}

static int write_hash(struct image_builder *builder, struct matr_image_header *header,
		      struct matr_error *err)
{
	uint32_t size = table_size(builder->n_applications);

	header->hash = builder->hash;
	if (size <= builder->hash_size)
		size = builder->hash_size;
	else if (buffer_extend(&builder->image, size * sizeof(struct matr_image_slot), 8,
			       &header->hash, err) < 0)
		return -1;
	struct matr_image_slot *slots = (void *)(builder->image.bytes + header->hash);
	/* An entry for one path only (an edited program's) is to be found before that of a copy. */
	for (int any_path = 0; any_path < 2; any_path++) {
		for (size_t i = 0; i < builder->n_applications; i++) {
			const struct matr_image_manifest *manifest =
				(const void *)(builder->image.bytes +
					       builder->applications[i].manifest);
			uint32_t at = builder->applications[i].key & (size - 1);
			if (any_path == ((manifest->flags & MATR_MANIFEST_PATH) != 0))
				continue;
			while (slots[at].manifest)
				at = (at + 1) & (size - 1);
			slots[at] = builder->applications[i];
		}
	}
	header->hash_size = size;
	return 0;
}

int image_builder_write(struct image_builder *builder, const char *path, uint64_t *size,
			struct matr_error *err)
{
	struct buffer *image = &builder->image;
	struct matr_image_header header = {
		.magic = MATR_IMAGE_MAGIC,
		.format = MATR_IMAGE_FORMAT,
		.endian = MATR_IMAGE_ENDIAN,
		.epoch = builder->epoch,
		.n_applications = (uint32_t)builder->n_applications,
		.cpu_level = builder->cpu_level,
		.preload_size = builder->preload_size,
		.preload_mtime = builder->portable && builder->preload_size
					 ? MATR_IMAGE_ANY_TIME
					 : builder->preload_mtime,
	};

	if (write_hash(builder, &header, err) < 0)
		return -1;
	header.file_size = image->size;
	header.bulk_checksum =
		matr_image_checksum64(image->bytes + sizeof header, image->size - sizeof header, 0);
	header.checksum = matr_image_checksum(&header, sizeof header);
	memcpy(image->bytes, &header, sizeof header);
	if (size)
		*size = image->size;
	return write_file(path, image->bytes, image->size, 0644, err);
}
