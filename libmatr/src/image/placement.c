/* placement.c - shared or random: the rule of `layout = auto`, and what an image has. */
#include "image/placement.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/image_format.h>

#include "image/slot.h"

/* From so many on it is worth sharing the pages that relocation writes. */
enum { SHARED_WORDS = 50000, SHARED_OBJECTS = 64 };

bool image_is_random(enum matr_layout layout, uint32_t n_relocations, uint32_t n_objects)
{
	bool large = n_relocations >= SHARED_WORDS || n_objects >= SHARED_OBJECTS;

	return layout == MATR_LAYOUT_RANDOM || (layout == MATR_LAYOUT_AUTO && !large);
}

enum matr_layout image_layout(uint32_t manifest_flags)
{
	if (manifest_flags & MATR_MANIFEST_PACK)
		return MATR_LAYOUT_PACK;
	return manifest_flags & MATR_MANIFEST_RANDOM ? MATR_LAYOUT_RANDOM : MATR_LAYOUT_SHARED;
}

static bool header_is_sound(const unsigned char *bytes, size_t size)
{
	struct matr_image_header header;

	memcpy(&header, bytes, sizeof header);
	uint32_t checksum = header.checksum;
	header.checksum = 0;
	return header.magic == MATR_IMAGE_MAGIC && header.format == MATR_IMAGE_FORMAT &&
	       header.endian == MATR_IMAGE_ENDIAN &&
	       matr_image_checksum(&header, sizeof header) == checksum &&
	       header.file_size == size && header.metadata_size <= size && !(header.hash & 7) &&
	       header.hash <= header.metadata_size &&
	       header.hash_size <=
		       (header.metadata_size - header.hash) / sizeof(struct matr_image_slot);
}

static int search(const unsigned char *bytes, const char *application, struct image_placement *out)
{
	const struct matr_image_header *header = (const void *)bytes;
	const struct matr_image_slot *slots = (const void *)(bytes + header->hash);

	for (uint32_t i = 0; i < header->hash_size; i++) {
		const char *path =
			slots[i].manifest ? image_slot_path(bytes, header->metadata_size, &slots[i])
					  : NULL;
		if (!path || strcmp(path, application) != 0)
			continue;
		const struct matr_image_manifest *manifest =
			(const void *)(bytes + slots[i].manifest);
		*out = (struct image_placement){
			.layout = image_layout(manifest->flags),
			.region = header->region,
			.n_relocations = manifest->n_relocations,
			.n_objects = manifest->n_objects,
		};
		return 1;
	}
	return 0;
}

int image_placement(const char *image, const char *application, struct image_placement *out,
		    struct matr_error *err)
{
	struct stat status;
	int fd = open(image, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return matr_fail(err, errno == ENOENT ? MATR_ERROR_NOT_FOUND : MATR_ERROR_SYSTEM,
				 image, "cannot be opened: %s", strerror(errno));
	int result = 0;
	if (fstat(fd, &status) != 0)
		result = matr_fail_errno(err, image, "cannot be read");
	size_t size = result ? 0 : (size_t)status.st_size;
	if (!result && (!S_ISREG(status.st_mode) || size < sizeof(struct matr_image_header)))
		result = matr_fail(err, MATR_ERROR_MALFORMED, image, "is not an epoch image");
	void *bytes = result ? MAP_FAILED : mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (!result && bytes == MAP_FAILED)
		result = matr_fail_errno(err, image, "cannot be mapped");
	close(fd);
	if (result)
		return result;
	result = header_is_sound(bytes, size)
			 ? search(bytes, application, out)
			 : matr_fail(err, MATR_ERROR_MALFORMED, image, "is not an epoch image");
	munmap(bytes, size);
	return result;
}
