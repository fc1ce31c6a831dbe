/* needed.c - the DT_NEEDED list of an object. */
#include "elf/needed.h"

#include <string.h>

int64_t elf_needed_position(const struct matr_object *object, const char *name)
{
	for (size_t i = 0; name && i < object->n_needed; i++)
		if (object->needed[i] == name || strcmp(object->needed[i], name) == 0)
			return (int64_t)i;
	return -1;
}
