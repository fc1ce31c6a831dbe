/* array.h - arrays that grow. */
#ifndef MATR_ARRAY_H
#define MATR_ARRAY_H

#include <stddef.h>

#include <matr/error.h>

/* Make room for `n` elements of `size` bytes. `array` is the address of the pointer to them, which
 * may be NULL, and *room for how many there is room. On error the array is as it was. */
int array_reserve(void *array, size_t *room, size_t n, size_t size, struct matr_error *err);

/* Make room for one more element behind the `n` elements of an array whose room is not recorded.
 * Only this function may have allocated the array: there is room for as many elements as the next
 * power of two less one. */
int array_grow(void *array, size_t n, size_t size, struct matr_error *err);

/* Give back the room behind the `n` elements of an array that grows no more. */
void array_fit(void *array, size_t n, size_t size);

#endif
