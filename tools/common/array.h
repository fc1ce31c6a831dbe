/* array.h - arrays that grow by one element at a time. */
#ifndef MATR_TOOLS_COMMON_ARRAY_H
#define MATR_TOOLS_COMMON_ARRAY_H

#include <stddef.h>

#include <matr/error.h>

/* Make room for one more element of `size` bytes behind the `n` elements of an array that only this
 * function has allocated. `array` is the address of the pointer to them, which is NULL at first. On
 * error the array is as it was. */
int array_grow(void *array, size_t n, size_t size, struct matr_error *err);

#endif
