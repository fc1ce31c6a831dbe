/* enable_names.h - the names that matr_enable() uses beside a program (matr/enable.h): a dot, the
 * program's name, and one of these. */
#ifndef MATR_ENABLE_NAMES_H
#define MATR_ENABLE_NAMES_H

#include <stdbool.h>
#include <string.h>

#define ENABLE_ORIGINAL ".matr-original" /* the program's own inode */
#define ENABLE_NEXT	".matr-new"	 /* the copy, until it takes the program's place */

static inline bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), n = strlen(end);

	return length > n && strcmp(name + length - n, end) == 0;
}

/* A file that comes and goes with enable and disable, and is no program of the system. */
static inline bool is_enable_name(const char *name)
{
	return name[0] == '.' && (ends_with(name, ENABLE_ORIGINAL) || ends_with(name, ENABLE_NEXT));
}

#endif
