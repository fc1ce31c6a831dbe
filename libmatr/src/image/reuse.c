/* reuse.c - building an image on the one before.
 *
 * What has not changed keeps its bytes and its place: metadata and page data of the image before
 * are where the new one begins, so that manifests are taken over by entering them under their keys,
 * and libraries keep their bases and pages. What is no longer referred to stays as garbage. When
 * there is much of it, the next image is built from nothing, at another region.
 */
#include "image/image.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "image/placement.h"
#include "image/slot.h"

/* Garbage may be half of what was there at first. A little does not matter. */
static bool is_small_enough(const struct matr_image_header *header)
{
	const uint64_t little = UINT64_C(1) << 20;

	return header->file_size <= header->whole_size + header->whole_size / 2 + little;
}

static bool suits(const struct image_builder *builder, const struct matr_image_header *header)
{
	return header->cpu_level == builder->cpu_level &&
	       header->loader_hash == builder->loader_hash && !builder->portable &&
	       !(header->flags & MATR_IMAGE_PORTABLE) && is_small_enough(header);
}

/* ---- libraries ---- */

static void take_areas(struct image_binary *binary)
{
	for (uint32_t i = 0; i < binary->n_segments; i++) {
		const struct matr_image_segment *segment = &binary->segments[i];
		struct image_area *last =
			binary->n_areas ? &binary->areas[binary->n_areas - 1] : NULL;
		if (segment->relro) {
			if (!binary->relro_high)
				binary->relro_low = segment->vaddr;
			binary->relro_high = segment->vaddr + segment->size;
		}
		if (segment->source != MATR_SEGMENT_IMAGE)
			continue;
		if (last && last->vaddr + last->size == segment->vaddr)
			last->size += segment->size;
		else if (binary->n_areas < IMAGE_AREAS)
			binary->areas[binary->n_areas++] =
				(struct image_area){segment->vaddr, segment->size, segment->offset};
		binary->pages_size += segment->size;
	}
}

static uint64_t first_page(const struct matr_image_segment *segments, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (segments[i].source == MATR_SEGMENT_IMAGE)
			return segments[i].offset;
	}
	return 0;
}

/* Of a file that is not packed, only what is writable or was before it was relocated is page
 * data. */
static bool is_packed(const struct matr_image_segment *segments, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (segments[i].source == MATR_SEGMENT_IMAGE && !segments[i].relro &&
		    !(segments[i].protection & PROT_WRITE))
			return true;
	}
	return false;
}

static int make_binary(const struct image_builder *builder, const struct matr_image_library *record,
		       struct image_binary *out, struct matr_error *err)
{
	const unsigned char *image = builder->image.bytes;
	const struct matr_image_segment *segments = (const void *)(image + record->segments);
	uint64_t pages = first_page(segments, record->n_segments);

	*out = (struct image_binary){
		.id = {record->file.device, record->file.inode, record->file.size,
		       record->file.mtime, record->file.ctime},
		.base = record->base,
		.first = record->first,
		.span = record->span,
		.alignment = record->alignment,
		.dynamic = record->dynamic,
		.n_segments = record->n_segments,
		.packed = is_packed(segments, record->n_segments),
		.first_variant = IMAGE_NO_VARIANT,
	};
	out->path = strdup((const char *)image + record->path);
	out->segments = calloc(record->n_segments, sizeof *out->segments);
	if (!out->path || !out->segments)
		return matr_fail_memory(err);
	for (uint32_t i = 0; i < record->n_segments; i++) {
		out->segments[i] = segments[i];
		if (segments[i].source == MATR_SEGMENT_IMAGE)
			out->segments[i].offset -= pages;
	}
	take_areas(out);
	return 0;
}

/* The binary of a record: variants of one file have the same base. */
static int find_binary(struct image_builder *builder, const struct matr_image_library *record,
		       uint32_t *index, struct matr_error *err)
{
	const struct matr_image_segment *segments =
		(const void *)(builder->image.bytes + record->segments);
	uint64_t key = image_binary_key(&record->file, is_packed(segments, record->n_segments));
	uint64_t found;
	struct image_binary binary;

	if (map_get(&builder->binary_index, key, &found)) {
		*index = (uint32_t)found;
		return 0;
	}
	if (make_binary(builder, record, &binary, err) < 0 ||
	    image_binary_enter(builder, &binary, key, index, err) < 0) {
		image_binary_free(&binary);
		return -1;
	}
	return 0;
}

static void mark_words(const struct image_binary *binary, const struct matr_image_shifts *shifts,
		       uint64_t *shifted)
{
	struct matr_image_places places = matr_image_places(matr_image_shifts_entries(shifts),
							    shifts->n_entries, shifts->start);

	for (uint64_t vaddr; matr_image_next_place(&places, &vaddr);)
		image_word_mark(binary, shifted, vaddr);
}

static int take_variant(struct image_builder *builder, const struct matr_image_library *record,
			uint64_t metadata_size, struct matr_error *err)
{
	const unsigned char *image = builder->image.bytes;
	struct image_variant variant = {
		.shifts = record->shifts,
		.segments = record->segments,
		.path = record->path,
	};
	uint64_t pages = first_page((const void *)(image + record->segments), record->n_segments);

	if (find_binary(builder, record, &variant.binary, err) < 0)
		return -1;
	struct image_binary *binary = &builder->binaries[variant.binary];
	variant.pages = pages ? pages - metadata_size : 0;
	variant.shifted = calloc(binary->pages_size / 512 + 1, sizeof *variant.shifted);
	if (!variant.shifted)
		return matr_fail_memory(err);
	if (record->shifts)
		mark_words(binary, (const void *)(image + record->shifts), variant.shifted);
	uint32_t index;
	if (image_variant_enter(builder, &variant, &index, err) < 0) {
		free(variant.shifted);
		return -1;
	}
	return 0;
}

int image_builder_adopt(struct image_builder *builder, const struct matr_file_id *from,
			const struct matr_file_id *to, struct matr_error *err)
{
	if (array_reserve(&builder->adopted, &builder->adopted_capacity, builder->n_adopted + 1,
			  sizeof *builder->adopted, err) != 0)
		return -1;
	builder->adopted[builder->n_adopted++] =
		(struct image_adopted){image_file(from), image_file(to)};
	return 0;
}

static void adopt(const struct image_builder *builder, struct matr_image_library *record)
{
	for (size_t i = 0; i < builder->n_adopted; i++) {
		if (memcmp(&record->file, &builder->adopted[i].from, sizeof record->file) != 0)
			continue;
		record->file = builder->adopted[i].to;
		return;
	}
}

static int take_libraries(struct image_builder *builder, const struct matr_image_header *header,
			  struct matr_error *err)
{
	builder->libraries = header->libraries;
	builder->libraries_room = header->libraries_room;
	builder->first_base = header->region_size;
	for (uint32_t i = 0; i < header->n_libraries; i++) {
		struct matr_image_library *records =
			(void *)(builder->image.bytes + header->libraries);
		adopt(builder, &records[i]);
		if (records[i].base + records[i].first < builder->first_base)
			builder->first_base = records[i].base + records[i].first;
		if (take_variant(builder, &records[i], header->metadata_size, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- applications ---- */

static int take_applications(struct image_builder *builder, const struct matr_image_header *header,
			     struct matr_error *err)
{
	unsigned char *image = builder->image.bytes;
	struct matr_image_slot *slots = (void *)(image + header->hash);

	for (uint32_t i = 0; i < header->hash_size; i++) {
		const char *path =
			slots[i].manifest ? image_slot_path(image, header->metadata_size, &slots[i])
					  : NULL;
		if (!path)
			continue;
		if (map_set(&builder->kept, matr_image_key(path, strlen(path)),
			    slots[i].manifest) != 0)
			return matr_fail_memory(err);
	}
	memset(slots, 0, header->hash_size * sizeof *slots);
	builder->hash = header->hash;
	builder->hash_size = header->hash_size;
	return 0;
}

static void summarise(const struct image_builder *builder, uint64_t offset,
		      struct matr_image_summary *summary)
{
	const struct matr_image_manifest *manifest = (const void *)(builder->image.bytes + offset);

	*summary = (struct matr_image_summary){
		.objects = manifest->n_objects,
		.relocations = manifest->n_relocations,
		.relative = manifest->n_relative,
		.ifunc = manifest->n_ifunc_slots,
		.residual = manifest->n_residual_total,
		.copies = manifest->n_copies,
		.new_bytes = manifest->added_bytes,
	};
}

static void set_file(struct matr_image_manifest *manifest, const struct matr_image_file *file)
{
	if (memcmp(&manifest->file, file, sizeof *file) == 0)
		return;
	manifest->file = *file;
	manifest->key = matr_image_key(file, sizeof *file);
	manifest->checksum = matr_image_piece_checksum(manifest);
}

int image_builder_keep(struct image_builder *builder, const char *application,
		       const struct matr_file_id *file, struct matr_image_summary *summary,
		       struct matr_error *err)
{
	const struct matr_image_file now = image_file(file);
	uint64_t offset;

	if (!map_get(&builder->kept, matr_image_key(application, strlen(application)), &offset))
		return 0;
	struct matr_image_manifest *manifest = (void *)(builder->image.bytes + offset);
	if (strcmp((const char *)builder->image.bytes + manifest->path, application) != 0 ||
	    manifest->closures || /* loads are recorded again at each begin */
	    image_is_random(builder->layout, manifest->n_relocations, manifest->n_objects) !=
		    ((manifest->flags & MATR_MANIFEST_RANDOM) != 0) ||
	    builder->record != ((manifest->flags & MATR_MANIFEST_RECORD) != 0) ||
	    image_packs(builder) != ((manifest->flags & MATR_MANIFEST_PACK) != 0))
		return 0;
	set_file(manifest, &now);
	summarise(builder, offset, summary);
	return image_builder_add_key(builder, manifest->key, offset, err) < 0 ? -1 : 1;
}

/* ---- the image before ---- */

/* Take the file over: nothing is read before it is used. Only keys of slots are ever written in an
 * image, and these are built again; all else is replaced with its file. */
static int take(struct image_builder *builder, int fd, const char *path,
		const struct matr_image_header *header, struct matr_error *err)
{
	buffer_free(&builder->image);
	if (buffer_map(&builder->image, fd, path, 0, header->metadata_size, err) < 0 ||
	    buffer_map(&builder->pages, fd, path, header->metadata_size,
		       header->file_size - header->metadata_size, err) < 0)
		return -1;
	builder->region = header->region;
	builder->next_base = header->region_size;
	builder->whole_size = header->whole_size;
	builder->cpu = header->cpu;
	return take_libraries(builder, header, err) < 0 ? -1
							: take_applications(builder, header, err);
}

const struct matr_image_cpu *image_builder_cpu_before(const struct image_builder *builder)
{
	return builder->cpu ? (const void *)(builder->image.bytes + builder->cpu) : NULL;
}

/* Test whether the open file is the one that was checked: it may have been replaced since. */
static bool is_checked(int fd, const struct matr_image_info *info, struct matr_image_header *header)
{
	struct stat status;

	return fstat(fd, &status) == 0 && (uint64_t)status.st_size == info->size &&
	       pread(fd, header, sizeof *header, 0) == sizeof *header &&
	       header->file_size == info->size && header->epoch == info->epoch &&
	       header->metadata_size == info->metadata_size;
}

int image_builder_reuse(struct image_builder *builder, const char *path, int64_t epoch,
			struct matr_error *err)
{
	struct matr_image_header header;
	struct matr_image_info info;
	int result = 0;

	if (matr_image_check(path, &info, NULL) != 0 || (int64_t)info.epoch != epoch)
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return 0;
	if (is_checked(fd, &info, &header) && suits(builder, &header))
		result = take(builder, fd, path, &header, err) < 0 ? -1 : 1;
	close(fd);
	return result;
}
