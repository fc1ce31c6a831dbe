/* warnings.c - one warning per file and reason. A query may open a bad file once per joined row:
 * the hashes of earlier warnings are kept. */
#include "sql/vtab/warnings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

struct warnings {
	void (*warn)(void *, const struct matr_error *);
	void *context;
	struct map given;
};

/* The length of the UTF-8 character, 0 if it is malformed, or one that a terminal acts on: a
 * control character, or one that turns the direction of the line. */
static size_t printable(const unsigned char *bytes)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
	uint32_t character = length == 1 ? bytes[0] : bytes[0] & (0x7fu >> length);

	if ((bytes[0] >= 0x80 && bytes[0] < 0xc0) || bytes[0] >= 0xf8)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (bytes[i] & 0x3f);
	}
	if (character < least[length] || character > 0x10ffff ||
	    (character >= 0xd800 && character < 0xe000))
		return 0;
	if (character < 0x20 || (character >= 0x7f && character < 0xa0) ||
	    (character >= 0x200b && character < 0x2010) ||
	    (character >= 0x2028 && character < 0x2030) ||
	    (character >= 0x2060 && character < 0x2070) || character == 0xfeff)
		return 0;
	return length;
}

/* Copy a text for a terminal: names in it come from files, and may hold escape sequences and
 * line ends. What does not print becomes \xHH. */
static void make_safe(const char *from, char *to, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	while (*from && n + 5 < size) {
		size_t length = printable((const unsigned char *)from);
		unsigned char byte = (unsigned char)*from;
		if (length) {
			memcpy(to + n, from, length);
			n += length;
			from += length;
			continue;
		}
		from++;
		to[n++] = '\\';
		to[n++] = 'x';
		to[n++] = digits[byte >> 4];
		to[n++] = digits[byte & 15];
	}
	to[n] = 0;
}

static void to_standard_error(void *context, const struct matr_error *warning)
{
	char file[4 * sizeof warning->file + 8], message[4 * sizeof warning->message + 8];

	(void)context;
	make_safe(warning->file, file, sizeof file);
	make_safe(warning->message, message, sizeof message);
	fprintf(stderr, "matr: %s%s%s\n", file, file[0] ? ": " : "", message);
}

struct warnings *warnings_new(void (*warn)(void *, const struct matr_error *), void *context)
{
	struct warnings *warnings = calloc(1, sizeof *warnings);

	if (!warnings)
		return NULL;
	warnings->warn = warn ? warn : to_standard_error;
	warnings->context = context;
	return warnings;
}

void warnings_free(struct warnings *warnings)
{
	if (!warnings)
		return;
	map_free(&warnings->given);
	free(warnings);
}

static uint64_t hash(uint64_t value, const char *text)
{
	for (; *text; text++)
		value = (value ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return (value ^ '\n') * UINT64_C(0x100000001b3);
}

void warnings_give(struct warnings *warnings, const struct matr_error *warning)
{
	uint64_t key = hash(hash(UINT64_C(0xcbf29ce484222325), warning->file), warning->message);
	uint64_t before;

	if (map_get(&warnings->given, key, &before))
		return;
	(void)map_set(&warnings->given, key, 1); /* no memory: the warning may repeat */
	warnings->warn(warnings->context, warning);
}
