/* check.c - is the image at a path whole, and whose is it?
 *
 * ld-stable checks at exec only what costs nothing. This is the rest: checksums of everything and every offset
 * that ld-stable would follow. It reads the whole image, so it is for epoch begin and for people who ask.
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

#include "base/prefix.h"
#include "image/slot.h"

struct mapped_image {
	const char *path;
	const unsigned char *bytes;
	uint64_t size;
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
	char *name = strrchr(canonical, '/') + 1;
	char file[NAME_MAX + 1];
	snprintf(file, sizeof file, "%s", name);
	name[name == canonical + 1 ? 0 : -1] = 0;
	if (matr_prefix_check(canonical, err) != 0)
		return -1;
	return matr_prefix_check_file(canonical, file, err);
}

/* n elements of `size` bytes; NULL unless they lie within the image, where ld-stable can read them. Of
 * no elements the offset does not matter, and the result is not to be looked at. */
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

static bool program_is_whole(const struct mapped_image *image, uint64_t offset,
			     uint32_t n_providers)
{
	if (!offset)
		return true;
	const struct matr_image_program *program = array_at(image, offset, 1, sizeof *program);
	if (!program)
		return false;
	uint64_t at = sizeof *program;
	if (program->size > image->size - offset)
		return false;
	for (uint32_t i = 0; i < program->n_groups; i++) {
		const struct matr_image_group *group = (const void *)(image->bytes + offset + at);
		if (at > program->size || program->size - at < sizeof *group)
			return false;
		bool mixed = group->provider == MATR_IMAGE_MIXED;
		uint64_t size = sizeof *group + 4 * ((uint64_t)group->n_entries + group->n_slots +
						     (mixed ? group->n_slots : 0));
		size = (size + 7) & ~UINT64_C(7);
		if (size > program->size - at || (!mixed && group->provider >= n_providers))
			return false;
		/* As many places as values. */
		const uint32_t *entries = (const uint32_t *)(group + 1);
		uint64_t slots = 0;
		for (uint32_t n = 0; n < group->n_entries; n++)
			slots += entries[n] & 1 ? (unsigned)__builtin_popcount(entries[n] >> 1) : 1;
		if (slots != group->n_slots)
			return false;
		const uint32_t *providers = entries + group->n_entries + group->n_slots;
		for (uint32_t n = 0; mixed && n < group->n_slots; n++) {
			if (providers[n] >= n_providers)
				return false;
		}
		at += size;
	}
	return at == program->size;
}

/* n_objects: how many a provider may be one of. */
static bool object_is_whole(const struct mapped_image *image, uint32_t n_objects,
			    const struct matr_image_object *object)
{
	const uint32_t *providers =
		array_at(image, object->providers, object->n_providers, sizeof *providers);

	if (!providers || !is_string(image, object->path) ||
	    !array_at(image, object->residual, object->n_residual, sizeof(Elf64_Rela)) ||
	    object->build_id_size > MATR_BUILD_ID_SIZE ||
	    !program_is_whole(image, object->relative, 1) ||
	    !program_is_whole(image, object->lazy, 1) ||
	    !program_is_whole(image, object->symbolic, object->n_providers))
		return false;
	for (uint32_t i = 0; i < object->n_providers; i++) {
		if (providers[i] >= n_objects && providers[i] != MATR_IMAGE_ABSOLUTE)
			return false;
	}
	return true;
}

/* Resolvers are of the first n_resolvers objects, slots of those from first_slot_object to n_objects. */
struct ifunc_limits {
	uint32_t n_resolvers, first_slot_object, n_objects;
};

static bool ifuncs_are_whole(const struct mapped_image *image, uint64_t at, uint32_t n,
			     uint64_t slots_at, const struct ifunc_limits *limits)
{
	const struct matr_image_ifunc *ifuncs = array_at(image, at, n, sizeof *ifuncs);

	if (!ifuncs)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		const struct matr_image_ifunc *ifunc = &ifuncs[i];
		if (ifunc->object >= limits->n_resolvers || ifunc->first_slot > image->size ||
		    slots_at > image->size)
			return false;
		const uint64_t *slots =
			array_at(image, slots_at + ifunc->first_slot * sizeof *slots,
				 ifunc->n_slots, sizeof *slots);
		if (!slots)
			return false;
		for (uint32_t k = 0; k < ifunc->n_slots; k++) {
			if (MATR_SLOT_OBJECT(slots[k]) < limits->first_slot_object ||
			    MATR_SLOT_OBJECT(slots[k]) >= limits->n_objects)
				return false;
		}
	}
	return true;
}

/* ---- closures ---- */

static bool closure_is_whole(const struct mapped_image *image,
			     const struct matr_image_manifest *manifest, uint64_t offset)
{
	const struct matr_image_closure *closure = array_at(image, offset, 1, sizeof *closure);
	uint32_t n_objects = manifest->n_objects + manifest->n_loaded;

	if (!closure)
		return false;
	const struct matr_image_object *members =
		array_at(image, closure->members, closure->n_members, sizeof *members);
	const uint32_t *loaded =
		array_at(image, closure->loaded, closure->n_members, sizeof *loaded);
	const struct ifunc_limits limits = {manifest->n_objects, manifest->n_objects, n_objects};
	if (!closure->n_members || !members || !loaded ||
	    !array_at(image, closure->names, closure->n_names, sizeof(uint32_t)) ||
	    !array_at(image, closure->files, closure->n_files, sizeof(uint32_t)) ||
	    !ifuncs_are_whole(image, closure->ifuncs, closure->n_ifuncs, closure->ifunc_slots,
			      &limits))
		return false;
	for (uint32_t i = 0; i < closure->n_members; i++) {
		if (loaded[i] >= manifest->n_loaded ||
		    !object_is_whole(image, n_objects, &members[i]))
			return false;
	}
	return true;
}

static bool closures_are_whole(const struct mapped_image *image,
			       const struct matr_image_manifest *manifest)
{
	uint64_t offset = manifest->closures;
	const struct matr_image_closures *closures = array_at(image, offset, 1, sizeof *closures);

	if (!offset)
		return !manifest->n_loaded;
	if (!closures || closures->size < sizeof *closures ||
	    closures->size > image->size - offset ||
	    matr_image_checksum((const char *)closures + 8, closures->size - 8) !=
		    closures->checksum ||
	    !closures->hash_size || (closures->hash_size & (closures->hash_size - 1)))
		return false;
	const struct matr_image_loaded *loaded =
		array_at(image, closures->loaded, manifest->n_loaded, sizeof *loaded);
	const uint32_t *hash = array_at(image, closures->hash, closures->hash_size, sizeof *hash);
	bool whole = loaded && hash;
	for (uint32_t i = 0; whole && i < closures->hash_size; i++)
		whole = hash[i] <= manifest->n_loaded;
	for (uint32_t i = 0; whole && i < manifest->n_loaded; i++)
		whole = is_string(image, loaded[i].path) &&
			array_at(image, loaded[i].identity, 1, sizeof(struct matr_image_object)) &&
			(!loaded[i].closure ||
			 closure_is_whole(image, manifest, loaded[i].closure));
	return whole;
}

/* ---- manifests ---- */

static int check_manifest(const struct mapped_image *image, uint64_t offset, struct matr_error *err)
{
	const struct matr_image_manifest *manifest = array_at(image, offset, 1, sizeof *manifest);

	if (!manifest || manifest->size < sizeof *manifest || manifest->size > image->size - offset)
		return malformed(image, err, "an entry is outside of the image");
	if (matr_image_checksum(image->bytes + offset + 8, manifest->size - 8) !=
	    manifest->checksum)
		return malformed(image, err, "an entry does not match its checksum");
	const struct matr_image_object *objects =
		array_at(image, manifest->objects, manifest->n_objects, sizeof *objects);
	const uint64_t *needed =
		array_at(image, manifest->needed, manifest->n_needed, sizeof *needed);
	const struct matr_image_directory *directories = array_at(
		image, manifest->directories, manifest->n_directories, sizeof *directories);
	const struct matr_image_copy *copies =
		array_at(image, manifest->copies, manifest->n_copies, sizeof *copies);
	const struct ifunc_limits limits = {manifest->n_objects, 0, manifest->n_objects};
	if (!manifest->n_objects || !is_string(image, manifest->path) ||
	    (manifest->library_path && !is_string(image, manifest->library_path)) || !objects ||
	    !needed || manifest->n_scope_needed > manifest->n_needed || !directories || !copies ||
	    !ifuncs_are_whole(image, manifest->ifuncs, manifest->n_ifuncs, manifest->ifunc_slots,
			      &limits) ||
	    manifest->n_objects + (uint64_t)manifest->n_loaded > UINT16_MAX ||
	    !closures_are_whole(image, manifest))
		return malformed(image, err, "an entry refers to what is outside of the image");
	bool whole = true;
	for (uint32_t i = 0; i < manifest->n_needed && whole; i++)
		whole = is_string(image, needed[i]);
	for (uint32_t i = 0; i < manifest->n_directories && whole; i++)
		whole = is_string(image, directories[i].path);
	for (uint32_t i = 0; i < manifest->n_copies && whole; i++)
		whole = copies[i].object < manifest->n_objects;
	for (uint32_t i = 0; i < manifest->n_objects && whole; i++)
		whole = object_is_whole(image, manifest->n_objects, &objects[i]);
	return whole ? 0 : malformed(image, err, "an entry refers to what is outside of the image");
}

static int check_header(const struct mapped_image *image, struct matr_image_header *header,
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
	if (header->file_size != image->size)
		return malformed(image, err, "is truncated: its size is not the recorded one");
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
		image->size = (uint64_t)status.st_size;
		/* A private copy, as far as it is written: check_contents() */
		void *bytes = mmap(NULL, image->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
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
		munmap((void *)image->bytes, image->size);
}

/* *withdrawn: how many applications were withdrawn from it. */
static int check_contents(const struct mapped_image *image, const struct matr_image_header *header,
			  size_t *withdrawn, struct matr_error *err)
{
	const struct matr_image_slot *slots = (const void *)(image->bytes + header->hash);
	uint32_t n = 0;

	*withdrawn = image_slots_unmask((void *)image->bytes, image->size);
	if (matr_image_checksum64(image->bytes + sizeof *header, image->size - sizeof *header, 0) !=
	    header->bulk_checksum)
		return malformed(image, err, "its contents do not match their checksum");
	for (uint32_t i = 0; i < header->hash_size; i++) {
		if (!slots[i].manifest)
			continue;
		n++;
		if (check_manifest(image, slots[i].manifest, err) < 0)
			return -1;
	}
	if (n != header->n_applications)
		return malformed(image, err, "its hash table does not hold all entries");
	return 0;
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
	if (!result && info)
		*info = (struct matr_image_info){
			.epoch = header.epoch,
			.size = image.size,
			.applications = header.n_applications - (uint32_t)withdrawn,
			.cpu_level = header.cpu_level,
		};
	unmap_image(&image);
	return result;
}
