/* text.h - text that is put together piece by piece, and UTF-8. */
#ifndef MATR_TOOLS_COMMON_TEXT_H
#define MATR_TOOLS_COMMON_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct text {	     /* all zero: empty */
	char *bytes; /* NUL-terminated, unless NULL */
	size_t size, room;
	bool failed; /* out of memory: what was added since is missing */
};

void text_free(struct text *text);
void text_clear(struct text *text);
void text_add(struct text *text, const char *bytes, size_t size);
void text_add_string(struct text *text, const char *string);
void text_add_blanks(struct text *text, size_t n);
/* Add a field of CSV (RFC 4180), in quotes if it needs them or `quote`. */
void text_add_csv(struct text *text, const char *bytes, size_t size, bool quote);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Add what can be read from the descriptor, up to its end or an error. */
void text_add_rest(struct text *text, int fd);

void text_vprintf(struct text *text, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/* Remove the first `size` bytes; there must be as many. */
void text_drop(struct text *text, size_t size);

/* The text, "" where there is none. It belongs to *text. */
const char *text_string(const struct text *text);

/* Decode one UTF-8 character of at most `size` bytes. Returns its length, or 0 if it is
 * malformed. */
size_t text_decode(const char *bytes, size_t size, unsigned *character);

#endif
