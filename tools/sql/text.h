/* text.h - text that is put together piece by piece, and text that is safe to show on a terminal.
 *
 * Names in ELF files are whatever somebody put there. What a terminal would act on (control characters,
 * C1 controls, changes of the writing direction, bytes that are no UTF-8) is shown as an escape
 * such as \x1b or \u202e instead.
 */
#ifndef MATR_SQL_TEXT_H
#define MATR_SQL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {	     /* all zero: empty */
	char *bytes; /* NUL-terminated, unless NULL */
	size_t size, room;
	bool failed; /* out of memory: what came after is missing */
};

void text_free(struct text *text);
void text_clear(struct text *text);
void text_add(struct text *text, const char *bytes, size_t size);
void text_add_string(struct text *text, const char *string);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* NULL is the empty string. */
const char *text_string(const struct text *text);

/* Add what is safe to show. Returns how many columns of a terminal it takes. */
size_t text_add_safe(struct text *text, const char *bytes, size_t size);
/* The same with line ends and tabs left as they are. */
void text_add_safe_lines(struct text *text, const char *bytes, size_t size);

/* One UTF-8 character of at most `size` bytes: its length, 0 where it is none; *character receives it. */
size_t text_decode(const char *bytes, size_t size, unsigned *character);

#endif
