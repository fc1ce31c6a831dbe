/* word_layout.h - where in an object the words lie that relocation writes. */
#ifndef MATR_WORD_LAYOUT_H
#define MATR_WORD_LAYOUT_H

#include <matr/object.h>

#include "mapping/program.h"

/* The writable segment that has all of [vaddr, vaddr + size); NULL: none. */
const struct matr_segment *writable_segment(const struct matr_object *object, uint64_t vaddr,
					    uint64_t size);

/* Test whether a mapping can write all of the object's words, each once. Returns 1 if so, 0 if not,
 * -1 on error. */
int words_are_separate(const struct matr_object *object, struct matr_error *err);

#endif
