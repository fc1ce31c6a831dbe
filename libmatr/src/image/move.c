/* move.c - an application of an image whose file is another now.
 *
 * `matr enable` and `matr disable` exchange a program's file during an epoch, so its inode and its time of status change
 * are others. Mapping and page data stay as they are; the manifest's file and key and the slot in the hash table follow.
 * They are covered by checksums, and what an exec reads must never be half of each, so it is a new file under the old name.
 */
#include "image/move.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/image.h>
#include <matr/image_format.h>

#include "base/file.h"
#include "image/slot.h"

/* The slots of the table, masked ones with their keys as they were made. Undone by enter_all(). */
static size_t take_all(unsigned char *bytes, size_t size, struct matr_image_slot *slots,
		       bool *withdrawn)
{
	const struct matr_image_header *header = (const void *)bytes;
	struct matr_image_slot *table = (void *)(bytes + header->hash);
	size_t n = 0;

	for (uint32_t i = 0; i < header->hash_size; i++) {
		if (!table[i].manifest)
			continue;
		withdrawn[n] = image_slot_is_withdrawn(bytes, size, &table[i]);
		slots[n] = table[i];
		if (withdrawn[n])
			slots[n].key = ~slots[n].key;
		n++;
	}
	memset(table, 0, header->hash_size * sizeof *table);
	return n;
}

static void enter_all(unsigned char *bytes, struct matr_image_slot *slots, const bool *withdrawn,
		      size_t n, bool masked)
{
	const struct matr_image_header *header = (const void *)bytes;
	struct matr_image_slot *table = (void *)(bytes + header->hash);

	memset(table, 0, header->hash_size * sizeof *table);
	for (size_t i = 0; i < n; i++) {
		uint64_t at = slots[i].key & (header->hash_size - 1);
		while (table[at].manifest)
			at = (at + 1) & (header->hash_size - 1);
		table[at] = slots[i];
		if (masked && withdrawn[i])
			table[at].key = ~slots[i].key;
	}
}

/* Change the manifests of the application that are for another file. Returns how many. */
static size_t change_manifests(unsigned char *bytes, size_t size, const char *application,
			       const struct matr_image_file *to, struct matr_image_slot *slots,
			       size_t n)
{
	size_t changed = 0;

	for (size_t i = 0; i < n; i++) {
		const char *path = image_slot_path(bytes, size, &slots[i]);
		struct matr_image_manifest *manifest = (void *)(bytes + slots[i].manifest);
		if (!path || strcmp(path, application) != 0 ||
		    memcmp(&manifest->file, to, sizeof *to) == 0)
			continue;
		manifest->file = *to;
		manifest->key = slots[i].key = matr_image_key(to, sizeof *to);
		manifest->checksum =
			matr_image_checksum((const char *)manifest + 8, manifest->size - 8);
		changed++;
	}
	return changed;
}

/* bytes: the whole image, in memory, checked. Returns how many entries have changed. */
static int move(unsigned char *bytes, const char *application, const struct matr_image_file *to,
		struct matr_error *err)
{
	struct matr_image_header *header = (void *)bytes;
	size_t size = header->metadata_size;
	struct matr_image_slot *slots = calloc(header->hash_size, sizeof *slots);
	bool *withdrawn = calloc(header->hash_size, sizeof *withdrawn);
	size_t changed = 0;

	if (slots && withdrawn) {
		size_t n = take_all(bytes, size, slots, withdrawn);
		changed = change_manifests(bytes, size, application, to, slots, n);
		enter_all(bytes, slots, withdrawn, n, false);
		header->metadata_checksum =
			matr_image_checksum64(bytes + sizeof *header, size - sizeof *header, 0);
		header->checksum = 0;
		header->checksum = matr_image_checksum(header, sizeof *header);
		enter_all(bytes, slots, withdrawn, n, true);
	}
	bool done = slots && withdrawn;
	free(slots);
	free(withdrawn);
	return done ? (int)changed : matr_fail_memory(err);
}

int image_move(const char *path, const char *application, const struct matr_file_id *to,
	       struct matr_error *err)
{
	const struct matr_image_file file = {to->device, to->inode, to->size, to->mtime, to->ctime};
	struct stat status;

	if (matr_image_check(path, NULL, err) != 0)
		return -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) != 0) {
		matr_fail_errno(err, path, "cannot be opened");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	size_t size = (size_t)status.st_size;
	/* Changed in memory, where all but a few pages are the file's. */
	unsigned char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	if (bytes == MAP_FAILED)
		return matr_fail_errno(err, path, "cannot be mapped");
	int result = 0;
	if (!(((const struct matr_image_header *)bytes)->flags & MATR_IMAGE_PORTABLE))
		result = move(bytes, application, &file, err);
	if (result > 0)
		result = write_file(path, bytes, size, status.st_mode & 0777, err) == 0 ? 1 : -1;
	munmap(bytes, size);
	return result;
}
