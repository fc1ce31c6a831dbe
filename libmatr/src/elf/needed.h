/* needed.h - the DT_NEEDED list of an object. */
#ifndef MATR_ELF_NEEDED_H
#define MATR_ELF_NEEDED_H

#include <matr/object.h>

/* Returns the position of the name in object->needed, -1 if it is not there. name may be NULL. */
int64_t elf_needed_position(const struct matr_object *object, const char *name);

#endif
