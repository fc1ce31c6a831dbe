/* check.c - check that the image at a path is whole, with the owner and mode required.
 *
 * ld-stable checks at exec only what costs nothing. This is the rest: checksums of everything and
 * every offset that ld-stable would follow. It reads the whole image, so it is for epoch begin and
 * for people who ask.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/image.h>
#include <matr/image_format.h>
#include <matr/object.h>

#include "base/path.h"
#include "base/prefix.h"
#include "image/placement.h"
#include "image/slot.h"

struct mapped_image {
	const char *path;
	const unsigned char *bytes;
	uint64_t size; /* of the metadata, once the header is checked; before, of the file */
	uint64_t file_size;
};

static int malformed(const struct mapped_image *image, struct matr_error *err, const char *what)
{
	return matr_fail(err, MATR_ERROR_MALFORMED, image->path, "%s", what);
}

/* The file and every directory above it. */
static int check_owners(const char *path, struct matr_error *err)
{
	char canonical[PATH_MAX];

	if (!realpath(path, canonical))
		return matr_fail_errno(err, path, "cannot be resolved");
	char file[NAME_MAX + 1];
	snprintf(file, sizeof file, "%s", path_name(canonical));
	path_cut(canonical);
	if (prefix_check(canonical, err) != 0)
		return -1;
	return prefix_check_file(canonical, file, err);
}

/* n elements of `size` bytes; NULL unless they lie within the image, where ld-stable can read
 * them. Of no elements the offset does not matter, and the result is not to be looked at. */
static const void *array_at(const struct mapped_image *image, uint64_t offset, uint64_t n,
			    uint64_t size)
{
	if (n == 0)
		return image->bytes;
	if ((offset & 7) || offset >= image->size || n > (image->size - offset) / size)
		return NULL;
	return image->bytes + offset;
}

static bool is_string(const struct mapped_image *image, uint64_t offset)
{
	return offset < image->size && memchr(image->bytes + offset, 0, image->size - offset);
}

/* Test whether the entries stand for `n_words` words. */
static bool entries_are_whole(const uint32_t *entries, uint32_t n_entries, uint32_t n_words)
{
	uint64_t words = 0;

	for (uint32_t n = 0; n < n_entries; n++)
		words += entries[n] & 1 ? (unsigned)__builtin_popcount(entries[n] >> 1) : 1;
	return words == n_words;
}

/* Test whether the pages are in order. `limit`: no page of the object is behind it. */
static bool written_is_whole(const struct matr_image_written *written, uint32_t n, uint64_t limit)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (written[i].vaddr % MATR_IMAGE_PAGE || written[i].size % MATR_IMAGE_PAGE ||
		    !written[i].size || written[i].vaddr < end || written[i].vaddr > limit ||
		    written[i].size > limit - written[i].vaddr)
			return false;
		end = written[i].vaddr + written[i].size;
	}
	return true;
}

static bool program_is_whole(const struct mapped_image *image, uint64_t offset)
{
	if (!offset)
		return true;
	const struct matr_image_program *program = array_at(image, offset, 1, sizeof *program);
	if (!program || program->size > image->size - offset)
		return false;
	const struct matr_image_written *written =
		array_at(image, offset + sizeof *program, program->n_written, sizeof *written);
	uint64_t at = sizeof *program + program->n_written * sizeof *written;
	if (!written || at > program->size ||
	    !written_is_whole(written, program->n_written, UINT64_MAX))
		return false;
	for (uint32_t i = 0; i < program->n_groups; i++) {
		const struct matr_image_group *group = (const void *)(image->bytes + offset + at);
		if (at > program->size || program->size - at < sizeof *group)
			return false;
		uint64_t size = matr_image_group_size(group);
		if (size > program->size - at || group->base >= MATR_BASES ||
		    !entries_are_whole((const uint32_t *)(group + 1), group->n_entries,
				       group->n_slots))
			return false;
		at += size;
	}
	return at == program->size;
}

static bool content_is_whole(const struct mapped_image *image, uint64_t offset)
{
	const struct matr_image_content *content = array_at(image, offset, 1, sizeof *content);

	return !offset || (content && array_at(image, offset + sizeof *content,
					       content->n_ranges + (uint64_t)content->n_file_ranges,
					       2 * sizeof(uint64_t)));
}

/* ---- libraries ---- */

static bool segments_are_whole(const struct mapped_image *image,
			       const struct matr_image_library *library)
{
	const struct matr_image_segment *segments =
		array_at(image, library->segments, library->n_segments, sizeof *segments);
	uint64_t end = library->first, limit = library->first + library->span;

	if (!segments || !library->n_segments)
		return false;
	for (uint32_t i = 0; i < library->n_segments; i++) {
		const struct matr_image_segment *segment = &segments[i];
		if (segment->vaddr % MATR_IMAGE_PAGE || segment->size % MATR_IMAGE_PAGE ||
		    segment->offset % MATR_IMAGE_PAGE || !segment->size || segment->vaddr < end ||
		    segment->vaddr > limit || segment->size > limit - segment->vaddr ||
		    segment->source > MATR_SEGMENT_ZERO)
			return false;
		if (segment->source == MATR_SEGMENT_IMAGE &&
		    (segment->offset < image->size || segment->offset > image->file_size ||
		     segment->size > image->file_size - segment->offset))
			return false;
		end = segment->vaddr + segment->size;
	}
	return true;
}

static bool shifts_are_whole(const struct mapped_image *image,
			     const struct matr_image_library *library,
			     const struct matr_image_shifts *shifts)
{
	uint64_t at = library->shifts + sizeof *shifts;
	const struct matr_image_written *written =
		array_at(image, at, shifts->n_written, sizeof *written);

	if (!written ||
	    !written_is_whole(written, shifts->n_written, library->first + library->span))
		return false;
	at += shifts->n_written * sizeof *written;
	const uint32_t *entries =
		array_at(image, at, (shifts->n_entries + UINT64_C(1)) / 2, 2 * sizeof *entries);
	return entries && entries_are_whole(entries, shifts->n_entries, shifts->n_words);
}

static bool library_is_whole(const struct mapped_image *image, uint64_t region_size,
			     const struct matr_image_library *library)
{
	const struct matr_image_shifts *shifts =
		array_at(image, library->shifts, 1, sizeof *shifts);

	if (library->shifts && (!shifts || !shifts_are_whole(image, library, shifts)))
		return false;
	return library->alignment && !(library->alignment & (library->alignment - 1)) &&
	       !(library->base % MATR_IMAGE_PAGE) && !(library->first % MATR_IMAGE_PAGE) &&
	       !(library->span % MATR_IMAGE_PAGE) && library->base <= region_size &&
	       library->first <= region_size - library->base &&
	       library->span <= region_size - library->base - library->first &&
	       is_string(image, library->path) && content_is_whole(image, library->content) &&
	       segments_are_whole(image, library);
}

static bool cpu_is_whole(const struct mapped_image *image, uint64_t offset)
{
	const struct matr_image_cpu *cpu = array_at(image, offset, 1, sizeof *cpu);

	return !offset || (cpu && array_at(image, offset + sizeof *cpu, cpu->n_words,
					   sizeof(struct matr_image_cpu_word)));
}

static int check_libraries(const struct mapped_image *image, const struct matr_image_header *header,
			   struct matr_error *err)
{
	const struct matr_image_library *libraries =
		array_at(image, header->libraries, header->libraries_room, sizeof *libraries);

	if (header->n_libraries > header->libraries_room)
		libraries = NULL;
	for (uint32_t i = 0; libraries && i < header->n_libraries; i++) {
		if (!library_is_whole(image, header->region_size, &libraries[i]))
			libraries = NULL;
	}
	if (!cpu_is_whole(image, header->cpu))
		return malformed(image, err, "its CPU record is outside of it");
	return libraries ? 0 : malformed(image, err, "a library refers to what is outside of it");
}

/* ---- manifests ---- */

static bool object_is_whole(const struct mapped_image *image,
			    const struct matr_image_header *header,
			    const struct matr_image_object *object)
{
	const char *headers =
		array_at(image, object->headers, (object->headers_size + UINT64_C(7)) / 8, 8);

	if (!is_string(image, object->path))
		return false;
	if (object->library == MATR_IMAGE_NO_LIBRARY)
		return true;
	return object->library < header->n_libraries && headers &&
	       object->headers_size >= sizeof(Elf64_Ehdr) &&
	       program_is_whole(image, object->patches);
}

/* Resolvers are of n_resolvers objects, slots of n_objects. */
static bool ifuncs_are_whole(const struct mapped_image *image, uint64_t at, uint32_t n,
			     uint64_t slots_at, uint32_t n_resolvers, uint32_t n_objects)
{
	const struct matr_image_ifunc *ifuncs = array_at(image, at, n, sizeof *ifuncs);

	if (!ifuncs)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		const struct matr_image_ifunc *ifunc = &ifuncs[i];
		if (ifunc->object >= n_resolvers || ifunc->first_slot > image->size ||
		    slots_at > image->size)
			return false;
		const uint64_t *slots =
			array_at(image, slots_at + ifunc->first_slot * sizeof *slots,
				 ifunc->n_slots, sizeof *slots);
		if (!slots)
			return false;
		for (uint32_t k = 0; k < ifunc->n_slots; k++) {
			if (MATR_SLOT_OBJECT(slots[k]) >= n_objects)
				return false;
		}
	}
	return true;
}

/* ---- closures ---- */

static bool closure_is_whole(const struct mapped_image *image,
			     const struct matr_image_manifest *manifest,
			     const struct matr_image_closures *closures, uint64_t offset)
{
	const struct matr_image_closure *closure = array_at(image, offset, 1, sizeof *closure);

	if (!closure || !closure->n_members)
		return false;
	/* Arrays of 32-bit numbers lie at multiples of 8 too. */
	const uint32_t *members =
		array_at(image, closure->members, closure->n_members - 1, sizeof *members);
	const uint32_t *numbers =
		array_at(image, closure->numbers, closure->n_members - 1, sizeof *numbers);
	if (!members || !numbers || closure->root_object >= closures->n_objects ||
	    closure->root >= closures->n_loaded ||
	    !array_at(image, closure->names, closure->n_names, sizeof(uint32_t)) ||
	    !array_at(image, closure->files, closure->n_files, sizeof(uint32_t)) ||
	    !ifuncs_are_whole(image, closure->ifuncs, closure->n_ifuncs, closure->ifunc_slots,
			      manifest->n_objects, closure->n_members))
		return false;
	for (uint32_t i = 0; i + 1 < closure->n_members; i++) {
		if (members[i] >= closures->n_objects || numbers[i] >= closures->n_loaded)
			return false;
	}
	return true;
}

static bool needed_is_whole(const struct mapped_image *image,
			    const struct matr_image_manifest *manifest,
			    const struct matr_image_closures *closures)
{
	uint64_t n_ids = (uint64_t)manifest->n_objects + closures->n_loaded;
	const uint32_t *first = array_at(image, closures->needed_first, n_ids + 1, sizeof *first);
	const uint32_t *needed =
		array_at(image, closures->needed, closures->n_needed, sizeof *needed);

	if (!first || !needed || first[n_ids] > closures->n_needed)
		return false;
	for (uint64_t i = 0; i < n_ids; i++) {
		if (first[i] > first[i + 1])
			return false;
	}
	for (uint32_t i = 0; i < closures->n_needed; i++) {
		if (needed[i] >= n_ids && needed[i] != MATR_NEEDED_UNKNOWN)
			return false;
	}
	return true;
}

static bool closures_are_whole(const struct mapped_image *image,
			       const struct matr_image_header *header,
			       const struct matr_image_manifest *manifest)
{
	uint64_t offset = manifest->closures;
	const struct matr_image_closures *closures = array_at(image, offset, 1, sizeof *closures);

	if (!offset)
		return true;
	if (!closures ||
	    !matr_image_piece_is_whole(closures, image->size - offset, sizeof *closures) ||
	    !closures->hash_size || (closures->hash_size & (closures->hash_size - 1)))
		return false;
	const struct matr_image_loaded *loaded =
		array_at(image, closures->loaded, closures->n_loaded, sizeof *loaded);
	const struct matr_image_object *objects =
		array_at(image, closures->objects, closures->n_objects, sizeof *objects);
	const uint32_t *hash = array_at(image, closures->hash, closures->hash_size, sizeof *hash);
	bool whole = loaded && objects && hash && needed_is_whole(image, manifest, closures);
	for (uint32_t i = 0; whole && i < closures->hash_size; i++)
		whole = hash[i] <= closures->n_loaded;
	for (uint32_t i = 0; whole && i < closures->n_objects; i++)
		whole = object_is_whole(image, header, &objects[i]) &&
			objects[i].library != MATR_IMAGE_NO_LIBRARY;
	for (uint32_t i = 0; whole && i < closures->n_loaded; i++)
		whole = is_string(image, loaded[i].path) &&
			(!loaded[i].closure ||
			 closure_is_whole(image, manifest, closures, loaded[i].closure));
	return whole;
}

static bool runs_are_whole(const struct mapped_image *image, const struct matr_image_header *header,
			   const struct matr_image_manifest *manifest)
{
	const struct matr_image_run *run =
		array_at(image, manifest->runs, manifest->n_runs, sizeof *run);
	uint64_t pages = image->file_size - image->size;

	for (uint32_t i = 0; run && i < manifest->n_runs; i++, run++) {
		if (run->at % MATR_IMAGE_PAGE || run->size % MATR_IMAGE_PAGE ||
		    run->offset % MATR_IMAGE_PAGE || run->at < image->size ||
		    run->at > header->region_size || run->size > header->region_size - run->at ||
		    run->offset > pages || run->size > pages - run->offset)
			return false;
	}
	return run;
}

static bool manifest_is_whole(const struct mapped_image *image,
			      const struct matr_image_header *header,
			      const struct matr_image_manifest *manifest)
{
	const struct matr_image_object *objects =
		array_at(image, manifest->objects, manifest->n_objects, sizeof *objects);
	const uint64_t *needed =
		array_at(image, manifest->needed, manifest->n_needed, sizeof *needed);
	const struct matr_image_copy *copies =
		array_at(image, manifest->copies, manifest->n_copies, sizeof *copies);

	if (!manifest->alignment || manifest->alignment & (manifest->alignment - 1) ||
	    manifest->alignment % MATR_IMAGE_PAGE || !manifest->n_objects ||
	    manifest->n_objects > UINT16_MAX || !is_string(image, manifest->path) ||
	    (manifest->library_path && !is_string(image, manifest->library_path)) || !objects ||
	    !needed || !copies || !program_is_whole(image, manifest->words) ||
	    !array_at(image, manifest->residual, manifest->n_residual, sizeof(Elf64_Rela)) ||
	    !content_is_whole(image, manifest->content) ||
	    !ifuncs_are_whole(image, manifest->ifuncs, manifest->n_ifuncs, manifest->ifunc_slots,
			      manifest->n_objects, manifest->n_objects) ||
	    !closures_are_whole(image, header, manifest) ||
	    !runs_are_whole(image, header, manifest))
		return false;
	for (uint32_t i = 0; i < manifest->n_needed; i++) {
		if (!is_string(image, needed[i]))
			return false;
	}
	for (uint32_t i = 0; i < manifest->n_copies; i++) {
		if (copies[i].object >= manifest->n_objects)
			return false;
	}
	for (uint32_t i = 0; i < manifest->n_objects; i++) {
		if (!object_is_whole(image, header, &objects[i]))
			return false;
	}
	return true;
}

static int check_manifest(const struct mapped_image *image, const struct matr_image_header *header,
			  uint64_t offset, struct matr_error *err)
{
	const struct matr_image_manifest *manifest = array_at(image, offset, 1, sizeof *manifest);

	if (!manifest || manifest->size < sizeof *manifest || manifest->size > image->size - offset)
		return malformed(image, err, "an entry is outside of the image");
	if (matr_image_piece_checksum(manifest) != manifest->checksum)
		return malformed(image, err, "an entry does not match its checksum");
	return manifest_is_whole(image, header, manifest)
		       ? 0
		       : malformed(image, err, "an entry refers to what is outside of the image");
}

static int check_header(struct mapped_image *image, struct matr_image_header *header,
			struct matr_error *err)
{
	if (image->size < sizeof *header)
		return malformed(image, err, "is truncated: too short for a header");
	memcpy(header, image->bytes, sizeof *header);
	if (header->magic != MATR_IMAGE_MAGIC)
		return malformed(image, err, "is not an epoch image");
	if (header->format != MATR_IMAGE_FORMAT || header->endian != MATR_IMAGE_ENDIAN)
		return malformed(image, err, "is of another format version");
	uint32_t checksum = header->checksum;
	header->checksum = 0;
	if (matr_image_checksum(header, sizeof *header) != checksum)
		return malformed(image, err, "its header does not match its checksum");
	if (header->file_size != image->file_size)
		return malformed(image, err, "is truncated: its size is not the recorded one");
	if (header->metadata_size > image->file_size || header->metadata_size % MATR_IMAGE_PAGE ||
	    header->metadata_size < sizeof *header)
		return malformed(image, err, "its metadata is outside of it");
	if (header->region % MATR_IMAGE_PAGE || header->region < MATR_REGION_LOW ||
	    header->region >= MATR_REGION_HIGH ||
	    header->region_size > MATR_REGION_HIGH - header->region ||
	    header->metadata_size > header->region_size)
		return malformed(image, err, "its address range is outside of what it may take");
	image->size = header->metadata_size;
	if (!header->hash_size || (header->hash_size & (header->hash_size - 1)) ||
	    !array_at(image, header->hash, header->hash_size, sizeof(struct matr_image_slot)))
		return malformed(image, err, "its hash table is outside of it");
	return 0;
}

static int map_image(const char *path, struct mapped_image *image, struct matr_error *err)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int result = 0;

	*image = (struct mapped_image){.path = path};
	if (fd < 0)
		return matr_fail(err, errno == ENOENT ? MATR_ERROR_NOT_FOUND : MATR_ERROR_SYSTEM,
				 path, "cannot be opened: %s", strerror(errno));
	if (fstat(fd, &status) < 0)
		result = matr_fail_errno(err, path, "cannot be read");
	else if (!S_ISREG(status.st_mode))
		result = malformed(image, err, "is not a regular file");
	else if (!status.st_size)
		result = malformed(image, err, "is truncated: it is empty");
	else
		result = check_owners(path, err);
	if (!result) {
		image->size = image->file_size = (uint64_t)status.st_size;
		/* A private copy, as far as it is written: check_contents() */
		void *bytes =
			mmap(NULL, image->file_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		if (bytes == MAP_FAILED)
			result = matr_fail_errno(err, path, "cannot be mapped");
		else
			image->bytes = bytes;
	}
	close(fd);
	return result;
}

static void unmap_image(struct mapped_image *image)
{
	if (image->bytes)
		munmap((void *)image->bytes, image->file_size);
}

/* *withdrawn: how many applications were withdrawn from it. */
static int check_contents(const struct mapped_image *image, const struct matr_image_header *header,
			  size_t *withdrawn, struct matr_error *err)
{
	const struct matr_image_slot *slots = (const void *)(image->bytes + header->hash);
	uint32_t n = 0;

	*withdrawn = image_slots_unmask((void *)image->bytes, image->size);
	if (matr_image_checksum64(image->bytes + sizeof *header, image->size - sizeof *header, 0) !=
	    header->metadata_checksum)
		return malformed(image, err, "its contents do not match their checksum");
	if (matr_image_checksum64(image->bytes + image->size, image->file_size - image->size, 0) !=
	    header->pages_checksum)
		return malformed(image, err, "its page data does not match its checksum");
	if (check_libraries(image, header, err) < 0)
		return -1;
	for (uint32_t i = 0; i < header->hash_size; i++) {
		if (!slots[i].manifest)
			continue;
		n++;
		if (check_manifest(image, header, slots[i].manifest, err) < 0)
			return -1;
	}
	if (n != header->n_applications)
		return malformed(image, err, "its hash table does not hold all entries");
	return 0;
}

static void count_layouts(const struct mapped_image *image, const struct matr_image_header *header,
			  struct matr_image_info *info)
{
	const struct matr_image_slot *slots = (const void *)(image->bytes + header->hash);

	for (uint32_t i = 0; i < header->hash_size; i++) {
		const struct matr_image_manifest *manifest =
			(const void *)(image->bytes + slots[i].manifest);
		if (!slots[i].manifest)
			continue;
		enum matr_layout layout = image_layout(manifest->flags);
		*(layout == MATR_LAYOUT_RANDOM ? &info->random
		  : layout == MATR_LAYOUT_PACK ? &info->packed
					       : &info->shared) += 1;
	}
}

int matr_image_check(const char *path, struct matr_image_info *info, struct matr_error *err)
{
	struct matr_image_header header = {0};
	struct mapped_image image;
	size_t withdrawn = 0;

	int result = map_image(path, &image, err);
	if (!result)
		result = check_header(&image, &header, err);
	if (!result)
		result = check_contents(&image, &header, &withdrawn, err);
	if (!result && info) {
		*info = (struct matr_image_info){
			.epoch = header.epoch,
			.size = image.file_size,
			.metadata_size = header.metadata_size,
			.region = header.region,
			.applications = header.n_applications - (uint32_t)withdrawn,
			.cpu_level = header.cpu_level,
		};
		count_layouts(&image, &header, info);
	}
	unmap_image(&image);
	return result;
}
