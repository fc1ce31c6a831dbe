/* move.c - an application of an image whose file is another now.
 *
 * `matr enable` and `matr disable` exchange a program's file during an epoch, so its inode and its
 * time of status change are others. Mapping and page data stay as they are; the manifest's file and
 * key and the slot in the hash table follow. They are covered by checksums, and what an exec reads
 * must never be half of each, so it is a new file under the old name.
 */
#include "image/move.h"

#include <stdlib.h>
#include <string.h>

#include <matr/image_format.h>

#include "image/copy.h"
#include "image/image.h"
#include "image/slot.h"

/* The slots of the table. Returns how many. */
static size_t copy_slots(const struct matr_image_slot *table, uint32_t table_size,
			 struct matr_image_slot *out)
{
	size_t n = 0;

	for (uint32_t i = 0; i < table_size; i++) {
		if (table[i].manifest)
			out[n++] = table[i];
	}
	return n;
}

/* Change the entries of the application that are for another file. Returns how many. */
static size_t change_entries(unsigned char *bytes, size_t size, const char *application,
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
		bool masked = image_slot_is_withdrawn(bytes, size, &slots[i]);
		manifest->file = *to;
		manifest->key = matr_image_key(to, sizeof *to);
		manifest->checksum = matr_image_piece_checksum(manifest);
		slots[i].key = masked ? ~manifest->key : manifest->key;
		changed++;
	}
	return changed;
}

/* bytes: the whole image, in memory, checked. Returns how many entries have changed. */
static int move(unsigned char *bytes, const char *application, const struct matr_image_file *to,
		struct matr_error *err)
{
	struct matr_image_header *header = (void *)bytes;
	struct matr_image_slot *table = (void *)(bytes + header->hash);
	size_t table_bytes = header->hash_size * sizeof *table;
	struct matr_image_slot *slots = malloc(table_bytes);

	if (!slots)
		return matr_fail_memory(err);
	size_t n = copy_slots(table, header->hash_size, slots);
	size_t changed = change_entries(bytes, header->metadata_size, application, to, slots, n);
	memset(table, 0, table_bytes);
	image_slots_enter(bytes, table, header->hash_size, slots, n);
	/* Checksums are of the slots as they were made. */
	memcpy(slots, table, table_bytes);
	image_slots_unmask(bytes, header->metadata_size);
	image_seal(bytes);
	memcpy(table, slots, table_bytes);
	free(slots);
	return (int)changed;
}

int image_move(const char *path, const char *application, const struct matr_file_id *to,
	       const char *next, struct matr_error *err)
{
	const struct matr_image_file file = image_file(to);
	struct image_copy copy;
	int result = 0;

	if (image_copy_open(path, &copy, err) != 0)
		return -1;
	if (!(((const struct matr_image_header *)copy.bytes)->flags & MATR_IMAGE_PORTABLE))
		result = move(copy.bytes, application, &file, err);
	if (result > 0)
		result = image_copy_write(&copy, next, err) == 0 ? 1 : -1;
	image_copy_close(&copy);
	return result;
}
