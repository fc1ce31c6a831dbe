/* withdraw.c - taking applications out of an image that is in force.
 *
 * ld-stable finds an application by the key of a slot in the hash table. To withdraw it, that key
 * is inverted, in place: eight bytes, which the next exec sees at once, however large the image is
 * and however full the disk. Nothing else changes: no slot moves, a concurrent reader of the table
 * finds the application or does not, and the next exec of one that is gone is a plain start. slot.c
 * tells masked keys from others.
 *
 * After a kill or a loss of power in between, some applications are masked and some are not. Each
 * is right by itself: matrd finds the change again when it is started, and masks the rest.
 */
#include "image/withdraw.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/image_format.h>

#include "image/slot.h"

struct open_image {
	const char *path;
	const unsigned char *bytes;
	size_t size;
	int fd;
};

static int damaged(const struct open_image *image, struct matr_error *err, const char *what)
{
	return matr_fail(err, MATR_ERROR_MALFORMED, image->path, "%s", what);
}

static int open_image(struct open_image *image, struct matr_error *err)
{
	struct stat status;

	image->fd = open(image->path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (image->fd < 0)
		return matr_fail(err, errno == ENOENT ? MATR_ERROR_NOT_FOUND : MATR_ERROR_SYSTEM,
				 image->path, "cannot be opened: %s", strerror(errno));
	if (fstat(image->fd, &status) != 0)
		return matr_fail_errno(err, image->path, "cannot be read");
	if (!S_ISREG(status.st_mode) || (size_t)status.st_size < sizeof(struct matr_image_header))
		return damaged(image, err, "is not an epoch image");
	image->size = (size_t)status.st_size;
	void *bytes = mmap(NULL, image->size, PROT_READ, MAP_SHARED, image->fd, 0);
	if (bytes == MAP_FAILED)
		return matr_fail_errno(err, image->path, "cannot be mapped");
	image->bytes = bytes;
	return 0;
}

static int check_header(const struct open_image *image, uint64_t epoch, struct matr_error *err)
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
	return 0;
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int mask(const struct open_image *image, const struct matr_image_slot *slot,
		struct matr_error *err)
{
	uint64_t key = ~slot->key;
	off_t offset = (const unsigned char *)&slot->key - image->bytes;
	ssize_t n;

	/* Not through the mapping: where there is no room to write, that would be a signal. */
	do
		n = pwrite(image->fd, &key, sizeof key, offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return matr_fail_errno(err, image->path, "cannot be written");
	return n == sizeof key ? 0 : damaged(image, err, "could not be written whole");
}

/* Mask these applications (sorted). */
static int mask_all(const struct open_image *image, const char *const *applications, size_t n,
		    size_t *removed, struct matr_error *err)
{
	const struct matr_image_header *header = (const void *)image->bytes;
	const struct matr_image_slot *table = (const void *)(image->bytes + header->hash);

	for (uint32_t i = 0; i < header->hash_size; i++) {
		if (!table[i].manifest)
			continue;
		const char *path = image_slot_path(image->bytes, image->size, &table[i]);
		if (!path)
			return damaged(image, err, "an entry is outside of the image");
		if (!bsearch(&path, applications, n, sizeof *applications, compare_names) ||
		    image_slot_is_withdrawn(image->bytes, image->size, &table[i]))
			continue;
		if (mask(image, &table[i], err) != 0)
			return -1;
		++*removed;
	}
	return 0;
}

int image_withdraw(const char *path, uint64_t epoch, const char *const *applications, size_t n,
		   size_t *removed, struct matr_error *err)
{
	struct open_image image = {.path = path, .fd = -1};
	const char **sorted = calloc(n + 1, sizeof *sorted);
	size_t count = 0;

	if (!sorted)
		return matr_fail_memory(err);
	if (n) {
		memcpy(sorted, applications, n * sizeof *sorted);
		qsort(sorted, n, sizeof *sorted, compare_names);
	}
	int result = open_image(&image, err);
	if (result == 0)
		result = check_header(&image, epoch, err);
	if (result == 0)
		result = mask_all(&image, sorted, n, &count, err);
	/* Every process sees the change already; this is for a loss of power. */
	if (result == 0 && count && fdatasync(image.fd) != 0)
		result = matr_fail_errno(err, path, "cannot be synced");
	if (image.bytes)
		munmap((void *)image.bytes, image.size);
	if (image.fd >= 0)
		close(image.fd);
	free(sorted);
	if (result == 0 && removed)
		*removed = count;
	return result;
}
