/* array.c - arrays that grow. */
#include "base/array.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 16 };

/* The pointer is copied, since its type is not known here. */
static int resize(void *array, size_t n, size_t size, struct matr_error *err)
{
	void *list;

	memcpy(&list, array, sizeof list);
	if (n > SIZE_MAX / size)
		return matr_fail_memory(err);
	list = realloc(list, n * size);
	if (!list)
		return matr_fail_memory(err);
	memcpy(array, &list, sizeof list);
	return 0;
}

int array_reserve(void *array, size_t *room, size_t n, size_t size, struct matr_error *err)
{
	size_t larger = *room ? *room : FIRST_ROOM;

	if (n <= *room)
		return 0;
	while (larger < n)
		larger = larger > SIZE_MAX / 2 ? n : 2 * larger;
	if (resize(array, larger, size, err) != 0)
		return -1;
	*room = larger;
	return 0;
}

void array_fit(void *array, size_t n, size_t size)
{
	struct matr_error ignored; /* the array is as it was */

	resize(array, n ? n : 1, size, &ignored);
}

int array_grow(void *array, size_t n, size_t size, struct matr_error *err)
{
	return n & (n + 1) ? 0 : resize(array, 2 * n + 1, size, err);
}
