/* image_withdraw.c - taking applications out of an image that is in force.
 *
 * ld-stable finds an application by way of the hash table. So a copy is made with another table, in which some are
 * missing, and takes the image's place with a rename: who has the old one mapped keeps it, and the next exec of an
 * application that is gone is a plain start. Manifests and programs stay where they are; the next epoch is rid of them.
 *
 * The copy is the image mapped privately, so that of all its pages only those of the table and the header take memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/image.h>
#include <matr/image_format.h>

#include "write_file.h"

struct image_copy {
	const char *path;
	unsigned char *bytes;
	size_t size;
};

static int damaged(const struct image_copy *image, struct matr_error *err, const char *what)
{
	return matr_fail(err, MATR_ERROR_MALFORMED, image->path, "%s", what);
}

static int map_copy(struct image_copy *image, struct matr_error *err)
{
	struct stat status;
	int result = 0;
	int fd = open(image->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return matr_fail(err, errno == ENOENT ? MATR_ERROR_NOT_FOUND : MATR_ERROR_SYSTEM,
				 image->path, "cannot be opened: %s", strerror(errno));
	if (fstat(fd, &status) != 0)
		result = matr_fail_errno(err, image->path, "cannot be read");
	else if (!S_ISREG(status.st_mode) ||
		 (size_t)status.st_size < sizeof(struct matr_image_header))
		result = damaged(image, err, "is not an epoch image");
	if (result == 0) {
		image->size = (size_t)status.st_size;
		void *bytes = mmap(NULL, image->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		if (bytes == MAP_FAILED)
			result = matr_fail_errno(err, image->path, "cannot be mapped");
		else
			image->bytes = bytes;
	}
	close(fd);
	return result;
}

static int check_header(const struct image_copy *image, uint64_t epoch, struct matr_error *err)
{
	struct matr_image_header header;

	memcpy(&header, image->bytes, sizeof header);
	uint32_t checksum = header.checksum;
	header.checksum = 0;
	if (header.magic != MATR_IMAGE_MAGIC || header.format != MATR_IMAGE_FORMAT ||
	    header.endian != MATR_IMAGE_ENDIAN ||
	    matr_image_checksum(&header, sizeof header) != checksum)
		return damaged(image, err, "its header does not match its checksum");
	if (header.file_size != image->size || !header.hash_size ||
	    (header.hash_size & (header.hash_size - 1)) || (header.hash & 7) ||
	    header.hash > image->size ||
	    header.hash_size > (image->size - header.hash) / sizeof(struct matr_image_slot))
		return damaged(image, err, "its hash table is outside of it");
	if (header.epoch != epoch)
		return matr_fail(err, MATR_ERROR_STATE, image->path, "is another epoch's");
	/* What was damaged must not get a checksum that says otherwise. */
	if (matr_image_checksum64(image->bytes + sizeof header, image->size - sizeof header, 0) !=
	    header.bulk_checksum)
		return damaged(image, err, "its contents do not match their checksum");
	return 0;
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* The application's path; NULL: the manifest makes no sense. */
static const char *path_of(const struct image_copy *image, uint64_t manifest)
{
	const struct matr_image_manifest *at = (const void *)(image->bytes + manifest);

	if ((manifest & 7) || manifest > image->size || image->size - manifest < sizeof *at ||
	    at->path >= image->size || !memchr(image->bytes + at->path, 0, image->size - at->path))
		return NULL;
	return (const char *)image->bytes + at->path;
}

/* Make the table anew without these applications (sorted). */
static int rebuild_table(const struct image_copy *image, const char **applications, size_t n,
			 size_t *removed, struct matr_error *err)
{
	struct matr_image_header *header = (void *)image->bytes;
	struct matr_image_slot *table = (void *)(image->bytes + header->hash);
	size_t size = header->hash_size * sizeof *table;
	struct matr_image_slot *old = malloc(size);

	if (!old)
		return matr_fail_memory(err);
	memcpy(old, table, size);
	memset(table, 0, size);
	*removed = 0;
	/* From behind a free slot on, so that what has the same key stays in order. */
	uint32_t start = 0;
	while (start < header->hash_size && old[start].manifest)
		start++;
	for (uint32_t step = 0; step < header->hash_size; step++) {
		uint32_t i = (start + step) & (header->hash_size - 1);
		if (!old[i].manifest)
			continue;
		const char *path = path_of(image, old[i].manifest);
		if (!path) {
			free(old);
			return damaged(image, err, "an entry is outside of the image");
		}
		if (bsearch(&path, applications, n, sizeof *applications, compare_names)) {
			++*removed;
			continue;
		}
		uint64_t at = old[i].key & (header->hash_size - 1);
		while (table[at].manifest)
			at = (at + 1) & (header->hash_size - 1);
		table[at] = old[i];
	}
	free(old);
	header->n_applications -= (uint32_t)*removed;
	header->bulk_checksum = matr_image_checksum64(image->bytes + sizeof *header,
						      image->size - sizeof *header, 0);
	header->checksum = 0;
	header->checksum = matr_image_checksum(header, sizeof *header);
	return 0;
}

int matr_image_withdraw(const char *path, uint64_t epoch, const char *const *applications, size_t n,
			size_t *removed, struct matr_error *err)
{
	struct image_copy image = {.path = path};
	const char **sorted = calloc(n + 1, sizeof *sorted);
	size_t count = 0;

	if (!sorted)
		return matr_fail_memory(err);
	if (n) {
		memcpy(sorted, applications, n * sizeof *sorted);
		qsort(sorted, n, sizeof *sorted, compare_names);
	}
	int result = map_copy(&image, err);
	if (result == 0)
		result = check_header(&image, epoch, err);
	if (result == 0)
		result = rebuild_table(&image, sorted, n, &count, err);
	if (result == 0 && count)
		result = write_file(path, image.bytes, image.size, 0644, err);
	if (image.bytes)
		munmap(image.bytes, image.size);
	free(sorted);
	if (result == 0 && removed)
		*removed = count;
	return result;
}
