/* string.c - the few string functions, and memcpy and memset for the calls gcc makes up itself. */
#include "ld_stable.h"

void *memcpy(void *restrict target, const void *restrict source, size_t size);
void *memset(void *target, int byte, size_t size);

void *memcpy(void *restrict target, const void *restrict source, size_t size)
{
	bytes_copy(target, source, size);
	return target;
}

void *memset(void *target, int byte, size_t size)
{
	unsigned char *bytes = target;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)byte;
	return target;
}

/* Forward only, so it also serves to move memory down. */
void bytes_copy(void *target, const void *source, size_t size)
{
	unsigned char *to = target;
	const unsigned char *from = source;
	for (size_t i = 0; i < size; i++)
		to[i] = from[i];
}

bool bytes_equal(const void *a, const void *b, size_t size)
{
	const unsigned char *left = a, *right = b;
	for (size_t i = 0; i < size; i++) {
		if (left[i] != right[i])
			return false;
	}
	return true;
}

size_t string_length(const char *text)
{
	size_t length = 0;
	while (text[length])
		length++;
	return length;
}

const char *last_component(const char *path)
{
	const char *name = path;
	for (; *path; path++) {
		if (*path == '/')
			name = path + 1;
	}
	return name;
}

bool string_equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

bool string_starts(const char *text, const char *prefix)
{
	while (*prefix && *text == *prefix) {
		text++;
		prefix++;
	}
	return !*prefix;
}
