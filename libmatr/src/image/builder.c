/* builder.c - the epoch image from its first application to the file on disk.
 *
 * What manifests refer to has its final offset from the start. Library records refer to page data,
 * which comes behind the metadata, so they are laid out last.
 */
#include "image/image.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "image/rebase.h"
#include "image/slot.h"

enum { COMMON_SIZE = 16384 }; /* bytes for what records of common libraries refer to */

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

/* The metadata of a thousand programs is some 12 MiB; programs with a thousand libraries have ten
 * times as much. */
static uint64_t first_base(size_t applications)
{
	uint64_t base = IMAGE_FIRST_BASE;

	while (base < IMAGE_FIRST_BASE_MAX && applications > base >> 17)
		base *= 2;
	return base;
}

int image_builder_open(uint64_t epoch, const char *cpu_level, size_t applications,
		       struct image_builder **out, struct matr_error *err)
{
	struct image_builder *builder = calloc(1, sizeof *builder);
	uint64_t header;

	if (!builder)
		return matr_fail_memory(err);
	builder->epoch = epoch;
	builder->cpu_level = level_number(cpu_level);
	builder->expected = applications;
	builder->first_base = builder->next_base = first_base(applications);
	builder->layout = MATR_LAYOUT_AUTO;
	if (image_draw_region(IMAGE_REGION_MAX, MATR_REGION_LOW, MATR_IMAGE_PAGE, &builder->region,
			      err) < 0 ||
	    buffer_extend(&builder->image, sizeof(struct matr_image_header), 8, &header, err) < 0) {
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
	builder->preload = *file;
}

int image_builder_loader(struct image_builder *builder, const char *path, struct matr_error *err)
{
	void *data;
	size_t size;

	if (file_read(path, SIZE_MAX, &data, &size, err) < 0)
		return -1;
	builder->loader_hash = matr_image_checksum64(data, size, 0);
	free(data);
	return 0;
}

void image_builder_record(struct image_builder *builder, bool record)
{
	builder->record = record;
}

void image_builder_layout(struct image_builder *builder, enum matr_layout layout)
{
	builder->layout = layout;
}

int image_builder_cpu(struct image_builder *builder, const struct matr_image_cpu *cpu,
		      struct matr_error *err)
{
	size_t size = sizeof *cpu + cpu->n_words * sizeof(struct matr_image_cpu_word);

	return buffer_append(&builder->image, cpu, size, 8, &builder->cpu, err);
}

void image_builder_close(struct image_builder *builder)
{
	if (!builder)
		return;
	for (size_t i = 0; i < builder->n_binaries; i++)
		image_binary_free(&builder->binaries[i]);
	for (size_t i = 0; i < builder->n_variants; i++)
		free(builder->variants[i].shifted);
	free(builder->binaries);
	free(builder->variants);
	map_free(&builder->binary_index);
	map_free(&builder->ifunc_results);
	map_free(&builder->kept);
	buffer_free(&builder->image);
	buffer_free(&builder->scratch);
	buffer_free(&builder->pages);
	free(builder->applications);
	free(builder->adopted);
	free(builder);
}

/* ---- adding ---- */

/* Run times that refuse memory where libraries are placed: what they keep about memory lies
 * there. */
static bool is_sanitizer(const struct matr_object *object, bool application)
{
	if (!application)
		return object->soname && (strncmp(object->soname, "libtsan.so", 10) == 0 ||
					  strncmp(object->soname, "libmsan.so", 10) == 0);
	for (size_t i = 0; i < object->n_symbols; i++) {
		const char *name = object->symbols[i].name;
		if (object->symbols[i].section != SHN_UNDEF && name[0] == '_' &&
		    (strcmp(name, "__tsan_init") == 0 || strcmp(name, "__msan_init") == 0))
			return true;
	}
	return false;
}

static int decline(const struct matr_mapping *mapping, struct matr_error *err)
{
	const char *application = mapping->scope[0].object->path;

	if (mapping->n_scope > UINT16_MAX)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, application, "more than %d objects",
				 UINT16_MAX);
	for (size_t i = 0; i < mapping->n_scope; i++) {
		const char *reason = mapping_object_reason(mapping, i);
		if (!reason && is_sanitizer(mapping->scope[i].object, i == 0))
			reason =
				"%s has a sanitizer that allows no library where an epoch has them";
		if (reason)
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, application, reason,
					 mapping->scope[i].object->path);
	}
	return 0;
}

/* Decline a mapping with objects that have no build-id: in a copy of the file tree it identifies
 * the build of a file. */
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

static void summarise(struct matr_image_summary *summary, const struct relocation_plan *plan)
{
	*summary = (struct matr_image_summary){
		.objects = plan->n_objects,
		.ifunc = plan->n_ifuncs,
		.copies = plan->n_copies,
	};
	for (size_t i = 0; i < plan->n_objects; i++) {
		const struct object_plan *object = &plan->objects[i];
		summary->relative += object->n_relative;
		summary->relocations += object->words.n;
		summary->residual += object->n_residual;
	}
	summary->relocations += summary->ifunc + summary->copies;
}

/* Leave room for library records right behind what the first applications need: that is what most
 * need, and a start touches few pages for it then. An image of few applications is small anyway. */
static int reserve_records(struct image_builder *builder, struct matr_error *err)
{
	enum { MANY = 64, FIRST = 4 };

	if (builder->libraries || builder->expected < MANY || builder->n_applications != FIRST)
		return 0;
	builder->libraries_room = (uint32_t)(builder->expected / 2);
	if (buffer_extend(&builder->image, COMMON_SIZE, 8, &builder->common, err) < 0)
		return -1;
	return buffer_extend(&builder->image,
			     builder->libraries_room * sizeof(struct matr_image_library), 8,
			     &builder->libraries, err);
}

int image_builder_add(struct image_builder *builder, const struct matr_mapping *mapping,
		      struct matr_closure *closures, size_t n_closures,
		      struct matr_image_summary *summary, struct matr_error *err)
{
	struct relocation_plan plan = {0};
	struct matr_image_summary unused;
	size_t before = builder->image.size + builder->pages.size;
	struct image_closures_out laid_out;

	if (!summary)
		summary = &unused;
	if (decline(mapping, err) < 0 ||
	    (builder->portable && decline_nameless(mapping, err) < 0) ||
	    reserve_records(builder, err) < 0)
		return -1;
	int result = relocation_plan_make(&plan, mapping, NULL, err);
	if (!result)
		summarise(summary, &plan);
	/* Data that a failed attempt added stays unused; the next mapping that needs it shares
	 * it. */
	if (!result)
		result = image_closures_add(builder, closures, n_closures, &laid_out, summary, err);
	if (!result)
		result = image_manifest_add(builder, mapping, &plan, &laid_out, err);
	if (!result) {
		summary->new_bytes = builder->image.size + builder->pages.size - before;
		image_manifest_set_bytes(builder, summary->new_bytes);
	}
	relocation_plan_free(&plan);
	return result;
}

/* ---- writing ---- */

/* The table is not at the front, where what the most applications refer to comes first: that shares
 * the header's pages, and an exec reads its slots without mapping them. */
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
	image_slots_enter(builder->image.bytes, slots, size, builder->applications,
			  builder->n_applications);
	header->hash_size = size;
	return 0;
}

/* The words of a variant's bitmap, as places in the library. */
static int shifted_words(const struct image_binary *binary, const struct image_variant *variant,
			 struct words *words, struct matr_error *err)
{
	for (uint32_t i = 0; i < binary->n_areas; i++) {
		const struct image_area *area = &binary->areas[i];
		for (uint64_t at = area->at; at < area->at + area->size; at += 8) {
			if (!(variant->shifted[at / 512] >> at / 8 % 64 & 1))
				continue;
			if (words_add(words, area->vaddr + at - area->at, 0, 0, err) < 0)
				return -1;
		}
	}
	return 0;
}

/* to: where what the record refers to is put, which will be at `place` of the image. */
static int make_record(struct image_builder *builder, const struct image_variant *variant,
		       struct buffer *to, uint64_t place, struct matr_image_library *out,
		       struct matr_error *err)
{
	const struct image_binary *binary = &builder->binaries[variant->binary];
	struct words words = {0};
	int result = 0;

	*out = (struct matr_image_library){
		.base = binary->base,
		.first = binary->first,
		.span = binary->span,
		.dynamic = binary->dynamic,
		.alignment = binary->alignment,
		.file = image_file_of(builder, &binary->id),
		.content = binary->content,
		.segments = variant->segments,
		.shifts = variant->shifts,
		.path = variant->path,
		.n_segments = binary->n_segments,
		.n_variants = binary->n_variants,
	};
	/* Offsets of page data are set when it is known where that begins. */
	if (!out->segments) {
		result = buffer_append(to, binary->segments,
				       binary->n_segments * sizeof *binary->segments, 8,
				       &out->segments, err);
		out->segments += place;
	}
	if (!result && !out->shifts) {
		result = shifted_words(binary, variant, &words, err);
		if (!result && words.n) {
			result = shifts_encode(&words, &builder->scratch, to, &out->shifts, err);
			out->shifts += place;
		}
		free(words.list);
	}
	if (!result && !out->path) {
		result = buffer_string(to, binary->path, &out->path, err);
		out->path += place;
	}
	return result;
}

static void set_page_offsets(struct image_builder *builder,
			     const struct matr_image_library *records, uint64_t metadata_size)
{
	unsigned char *image = builder->image.bytes;

	for (size_t i = 0; i < builder->n_variants; i++) {
		const struct image_variant *variant = &builder->variants[i];
		const struct image_binary *binary = &builder->binaries[variant->binary];
		struct matr_image_segment *segments = (void *)(image + records[i].segments);
		for (uint32_t n = 0; n < records[i].n_segments; n++) {
			if (segments[n].source == MATR_SEGMENT_IMAGE)
				segments[n].offset =
					metadata_size + variant->pages + binary->segments[n].offset;
		}
	}
}

/* Make the records of libraries from the first on, as long as what they refer to fits into the room
 * for that. *n receives how many. */
static int make_common_records(struct image_builder *builder, struct matr_image_library *records,
			       size_t *n, struct matr_error *err)
{
	struct buffer common = {0};
	size_t size = 0;
	int result = 0;

	for (*n = 0; builder->common && *n < builder->n_variants; ++*n) {
		result = make_record(builder, &builder->variants[*n], &common, builder->common,
				     &records[*n], err);
		if (result || common.size > COMMON_SIZE)
			break;
		size = common.size;
	}
	if (size)
		memcpy(builder->image.bytes + builder->common, common.bytes, size);
	buffer_free(&common);
	return result;
}

/* Add what the records refer to, and the records, unless there is room for them. Common libraries
 * come first in the table, so theirs comes last before it. */
static int make_records(struct image_builder *builder, struct matr_image_library *records,
			struct matr_error *err)
{
	size_t size = builder->n_variants * sizeof *records, n;

	if (make_common_records(builder, records, &n, err) < 0)
		return -1;
	for (size_t i = builder->n_variants; i-- > n;) {
		if (make_record(builder, &builder->variants[i], &builder->image, 0, &records[i],
				err) < 0)
			return -1;
	}
	if (builder->n_variants > builder->libraries_room) {
		builder->libraries_room = (uint32_t)(builder->n_variants * 5 / 4);
		if (buffer_extend(&builder->image, builder->libraries_room * sizeof *records, 8,
				  &builder->libraries, err) < 0)
			return -1;
	}
	if (size)
		memcpy(builder->image.bytes + builder->libraries, records, size);
	return 0;
}

static int write_libraries(struct image_builder *builder, struct matr_image_header *header,
			   struct matr_error *err)
{
	struct matr_image_library *records = calloc(builder->n_variants + 1, sizeof *records);
	uint64_t end = 0;

	if (!records)
		return matr_fail_memory(err);
	int result = make_records(builder, records, err);
	if (!result)
		result = buffer_extend(&builder->image, 0, MATR_IMAGE_PAGE, &end, err);
	if (!result && end > builder->first_base)
		result = matr_fail(err, MATR_ERROR_UNSUPPORTED, NULL,
				   "the epoch's metadata is larger than %u MiB",
				   (unsigned)(builder->first_base >> 20));
	if (!result) {
		header->libraries = builder->libraries;
		header->libraries_room = builder->libraries_room;
		header->n_libraries = (uint32_t)builder->n_variants;
		header->metadata_size = end;
		set_page_offsets(builder, records, end);
	}
	free(records);
	return result;
}

int image_builder_write(struct image_builder *builder, const char *path, uint64_t *size,
			struct matr_error *err)
{
	struct buffer *image = &builder->image, *pages = &builder->pages;
	struct matr_image_header header = {
		.magic = MATR_IMAGE_MAGIC,
		.format = MATR_IMAGE_FORMAT,
		.endian = MATR_IMAGE_ENDIAN,
		.epoch = builder->epoch,
		.region = builder->region,
		.n_applications = (uint32_t)builder->n_applications,
		.cpu_level = builder->cpu_level,
		.loader_hash = builder->loader_hash,
		.cpu = builder->cpu,
		.preload = image_file_of(builder, &builder->preload),
		.flags = builder->portable ? MATR_IMAGE_PORTABLE : 0,
	};

	if (write_hash(builder, &header, err) < 0 || write_libraries(builder, &header, err) < 0)
		return -1;
	header.region_size =
		(builder->next_base + MATR_IMAGE_PAGE - 1) & ~(uint64_t)(MATR_IMAGE_PAGE - 1);
	header.file_size = header.metadata_size + pages->size;
	header.whole_size = builder->whole_size ? builder->whole_size : header.file_size;
	header.pages_checksum = matr_image_checksum64(pages->bytes, pages->size, 0);
	memcpy(image->bytes, &header, sizeof header);
	image_seal(image->bytes);
	if (size)
		*size = header.file_size;
	const struct file_piece pieces[] = {{image->bytes, header.metadata_size},
					    {pages->bytes, pages->size}};
	return file_write_pieces(path, pieces, 2, 0644, err);
}
