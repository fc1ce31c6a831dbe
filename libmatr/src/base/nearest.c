/* nearest.c - the names that come nearest to one that is not there.
 *
 * Two things people do: they mistype a name (clang-41), and they give part of it (xml2 for
 * libxml2.so.2). The first is measured with the edit distance that knows transpositions (optimal
 * string alignment), the second by containment, which counts as a distance of one or two, however
 * much is missing.
 */
#include "base/nearest.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <matr/nearest.h>

enum {
	LENGTH_MAX = 256, /* longer names are cut off: what differs later is not a slip */
	PART_MIN = 3,	  /* characters that make a part of a name worth looking for */
};

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

unsigned nearest_distance(const char *a, const char *b, unsigned most)
{
	/* Rows of the table: of the character before the last one, the last one, this one. */
	unsigned rows[3][LENGTH_MAX + 1];
	size_t n_a = strnlen(a, LENGTH_MAX), n_b = strnlen(b, LENGTH_MAX);

	if ((n_a > n_b ? n_a - n_b : n_b - n_a) > most)
		return most + 1;
	for (unsigned j = 0; j <= n_b; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= n_a; i++) {
		unsigned *row = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
		unsigned smallest = row[0] = (unsigned)i;
		for (size_t j = 1; j <= n_b; j++) {
			row[j] = least(last[j - 1] + !same_letter(a[i - 1], b[j - 1]),
				       least(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
			    same_letter(a[i - 2], b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
			smallest = least(smallest, row[j]);
		}
		/* A transposition looks two rows back, so stop only when two in a row are too
		 * far. */
		if (smallest > most + 1)
			return most + 1;
	}
	return least(rows[n_a % 3][n_b], most + 1);
}

/* 0 is as near as it gets; UINT_MAX: not near. */
static unsigned distance_of(const char *wanted, const char *name)
{
	size_t n_wanted = strlen(wanted), n_name = strlen(name);
	unsigned most = (unsigned)(n_wanted < 4 ? 1 : least((unsigned)n_wanted / 3, 4));

	unsigned distance = nearest_distance(wanted, name, most);
	if (distance > most)
		distance = UINT32_MAX;
	/* A part counts as one slip at the beginning of a name, as two elsewhere. */
	if (n_wanted >= PART_MIN && n_wanted < n_name) {
		const char *at = strcasestr(name, wanted);
		if (at)
			distance = least(distance, at == name ? 1 : 2);
	}
	if (n_name >= PART_MIN && n_name < n_wanted && strcasestr(wanted, name))
		distance = least(distance, 2);
	return distance;
}

static int compare(const struct matr_near_name *kept, unsigned distance, const char *shown)
{
	if (kept->distance != distance)
		return kept->distance < distance ? -1 : 1;
	return strcmp(kept->name, shown);
}

void matr_nearest_offer(struct matr_nearest *nearest, const char *name, const char *shown)
{
	unsigned distance = distance_of(nearest->wanted, name);
	size_t at = nearest->n;

	if (!shown)
		shown = name;
	if (distance == UINT32_MAX)
		return;
	for (size_t i = 0; i < nearest->n; i++)
		if (strcmp(nearest->best[i].name, shown) == 0)
			return;
	while (at && compare(&nearest->best[at - 1], distance, shown) > 0)
		at--;
	if (at == MATR_NEAREST_MAX)
		return;
	char *copy = strdup(shown);
	if (!copy)
		return;
	if (nearest->n == MATR_NEAREST_MAX)
		free(nearest->best[--nearest->n].name);
	memmove(&nearest->best[at + 1], &nearest->best[at],
		(nearest->n - at) * sizeof nearest->best[0]);
	nearest->best[at] = (struct matr_near_name){.name = copy, .distance = distance};
	nearest->n++;
}

void matr_nearest_add(struct matr_nearest *nearest, struct matr_error *err)
{
	size_t length = strlen(err->message);

	for (size_t i = 0; i < nearest->n; i++) {
		int more = snprintf(err->message + length, sizeof err->message - length, "%s%s",
				    i ? ", " : "; nearest: ", nearest->best[i].name);
		if (more < 0 || (size_t)more >= sizeof err->message - length) {
			err->message[length] = 0; /* only whole names */
			break;
		}
		length += (size_t)more;
	}
	matr_nearest_free(nearest);
}

int matr_nearest_fail(struct matr_nearest *nearest, struct matr_error *err, const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	matr_fail(err, MATR_ERROR_NOT_FOUND, nearest->wanted, "%s", message);
	matr_nearest_add(nearest, err);
	return -1;
}

void matr_nearest_free(struct matr_nearest *nearest)
{
	for (size_t i = 0; i < nearest->n; i++)
		free(nearest->best[i].name);
	nearest->n = 0;
}
