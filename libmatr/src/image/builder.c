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

int image_builder_open(uint64_t epoch, const char *cpu_level, struct image_builder **out,
		       struct matr_error *err)
{
	struct image_builder *builder = calloc(1, sizeof *builder);
	uint64_t header;

	if (!builder)
		return matr_fail_memory(err);
	builder->epoch = epoch;
	builder->cpu_level = level_number(cpu_level);
	builder->next_base = IMAGE_FIRST_BASE;
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
	if (decline(mapping, err) < 0 || (builder->portable && decline_nameless(mapping, err) < 0))
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

static int make_record(struct image_builder *builder, const struct image_variant *variant,
		       struct matr_image_library *out, struct matr_error *err)
{
	const struct image_binary *binary = &builder->binaries[variant->binary];
	struct words words = {0};

	*out = (struct matr_image_library){
		.base = binary->base,
		.first = binary->first,
		.span = binary->span,
		.dynamic = binary->dynamic,
		.alignment = binary->alignment,
		.shifts = variant->shifts,
		.file = image_file_of(builder, &binary->id),
		.content = binary->content,
		.n_segments = binary->n_segments,
		.n_variants = binary->n_variants,
	};
	int result = variant->shifts ? 0 : shifted_words(binary, variant, &words, err);
	if (!result && !variant->shifts)
		result = shifts_encode(&words, &builder->scratch, &builder->image, &out->shifts,
				       err);
	free(words.list);
	if (!result)
		result = buffer_string(&builder->image, binary->path, &out->path, err);
	/* Offsets of page data are added when it is known where that begins. */
	if (!result)
		result = buffer_append(&builder->image, binary->segments,
				       binary->n_segments * sizeof *binary->segments, 8,
				       &out->segments, err);
	return result;
}

static void set_page_offsets(struct image_builder *builder, uint64_t libraries,
			     uint64_t metadata_size)
{
	unsigned char *image = builder->image.bytes;
	const struct matr_image_library *records = (const void *)(image + libraries);

	for (size_t i = 0; i < builder->n_variants; i++) {
		struct matr_image_segment *segments = (void *)(image + records[i].segments);
		for (uint32_t n = 0; n < records[i].n_segments; n++) {
			if (segments[n].source == MATR_SEGMENT_IMAGE)
				segments[n].offset += metadata_size + builder->variants[i].pages;
		}
	}
}

static int write_libraries(struct image_builder *builder, struct matr_image_header *header,
			   struct matr_error *err)
{
	struct matr_image_library *records = calloc(builder->n_variants + 1, sizeof *records);
	uint64_t end;

	if (!records)
		return matr_fail_memory(err);
	int result = 0;
	/* Common libraries come first in the table, so what their records refer to is put right
	 * before it: a start touches few pages for them. */
	for (size_t i = builder->n_variants; i-- > 0 && !result;)
		result = make_record(builder, &builder->variants[i], &records[i], err);
	if (!result)
		result = buffer_append(&builder->image, records,
				       builder->n_variants * sizeof *records, 8, &header->libraries,
				       err);
	free(records);
	if (result < 0 || buffer_extend(&builder->image, 0, MATR_IMAGE_PAGE, &end, err) < 0)
		return -1;
	if (end > IMAGE_FIRST_BASE)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, NULL,
				 "the epoch's metadata is larger than %u MiB",
				 (unsigned)(IMAGE_FIRST_BASE >> 20));
	header->n_libraries = (uint32_t)builder->n_variants;
	header->metadata_size = end;
	set_page_offsets(builder, header->libraries, end);
	return 0;
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
