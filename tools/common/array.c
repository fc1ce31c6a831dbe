/* array.c - room for as many elements as the next power of two less one, so that it need not be
 * recorded. */
#include "common/array.h"

#include <stdlib.h>
#include <string.h>

int array_grow(void *array, size_t n, size_t size, struct matr_error *err)
{
	void *list; /* a copy, since the pointer's type is not known here */

	if (n & (n + 1))
		return 0;
	memcpy(&list, array, sizeof list);
	list = reallocarray(list, 2 * n + 1, size);
	if (!list)
		return matr_fail_memory(err);
	memcpy(array, &list, sizeof list);
	return 0;
}
