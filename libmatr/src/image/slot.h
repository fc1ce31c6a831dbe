/* slot.h - slots of an image's hash table, and the checksums that cover them. */
#ifndef MATR_IMAGE_SLOT_H
#define MATR_IMAGE_SLOT_H

#include <stdbool.h>
#include <stddef.h>

#include <matr/image_format.h>

/* Test whether image_withdraw() has masked the slot, which lies in the image of `size` bytes. A
 * malformed slot is not masked. */
bool image_slot_is_withdrawn(const void *image, size_t size, const struct matr_image_slot *slot);

/* The path of a slot's application, within the image; NULL: the slot is malformed. */
const char *image_slot_path(const void *image, size_t size, const struct matr_image_slot *slot);

/* Give masked slots their keys back, in a private copy of the image, whose checksum is of the slots
 * as they were made. Returns how many there were. The table has to lie within the image. */
size_t image_slots_unmask(void *image, size_t size);

/* Enter slots into the table at `table`, which is all zero. Each goes where the key in its manifest
 * leads, masked or not. An entry for one path only (an edited program's) comes before that of a
 * copy. */
void image_slots_enter(const void *image, struct matr_image_slot *table, uint32_t table_size,
		       const struct matr_image_slot *slots, size_t n);

/* Set the checksums of metadata and header. The slots have to be as they were made. */
void image_seal(void *image);

#endif
