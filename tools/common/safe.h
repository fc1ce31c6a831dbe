/* safe.h - text of unknown origin in a form that is safe to show.
 *
 * A name in an ELF file may hold any bytes. A terminal acts on control characters and escape
 * sequences, a line end in a name looks like another row, and bidirectional controls change how the
 * rest of a line reads. In what is shown such characters, and bytes that are no UTF-8, become
 * escapes: \n, \x1b, \u202e.
 */
#ifndef MATR_TOOLS_COMMON_SAFE_H
#define MATR_TOOLS_COMMON_SAFE_H

#include <stdarg.h>
#include <stdio.h>

#include "common/text.h"

/* Make the C library's character tables those of UTF-8, in every locale. Without that, all
 * characters but ASCII become escapes. To be called once, by main(). */
void safe_use_utf8(void);

/* Add `size` bytes in safe form. Returns the columns that they take on a terminal. */
size_t text_add_safe(struct text *text, const char *bytes, size_t size);

/* The same for text of several lines: line ends and tabs stay. */
void text_add_safe_lines(struct text *text, const char *bytes, size_t size);

/* Add a JSON string (RFC 8259), quotes included. Characters that a terminal acts on become \uXXXX.
 * A byte XX that is not UTF-8 becomes \uefXX, as do the bytes of the characters U+EF80 to U+EFFF:
 * so different strings stay different (docs/json.md). */
void text_add_json_string(struct text *text, const char *bytes, size_t size);

/* Add a JSON document that json-c has serialised, and that may hold strings of any bytes, with
 * the same escapes. */
void text_add_json_document(struct text *text, const char *document);

/* printf(3) that makes every %s safe; widths count columns. Conversions: s d i u x c f g %. */
void safe_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void safe_fprintf(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_format(struct text *text, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

#endif
