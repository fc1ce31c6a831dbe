/* wrap.h - lines that fit a width, counted in columns of a terminal. The text is safe (safe.h) and
 * may hold escape sequences of colours, which take no column. */
#ifndef MATR_TOOLS_COMMON_WRAP_H
#define MATR_TOOLS_COMMON_WRAP_H

#include <stddef.h>

#include "common/text.h"

/* Columns that the text takes. */
size_t wrap_columns(const char *bytes, size_t size);

/* Bytes of the beginning that fit `width` columns. */
size_t wrap_cut(const char *bytes, size_t size, size_t width);

/* The same, at least one character: up to a blank, else behind a slash or the like, else as much as
 * there is room for. */
size_t wrap_piece(const char *bytes, size_t size, size_t width);

/* Add a line, without its line end, in as many lines as it takes. Lines that follow are indented:
 * to the second column of two that stand side by side, below the branches of a tree, else by two
 * more than the first. */
void wrap_add_line(struct text *text, const char *bytes, size_t size, size_t width);

#endif
