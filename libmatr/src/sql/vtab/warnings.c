/* warnings.c - one warning per file and reason. A query may come to a bad file once per joined row: what was said is
 * remembered by hash. */
#include "sql/vtab/warnings.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"

struct warnings {
	void (*warn)(void *, const struct matr_error *);
	void *context;
	struct matr_map given;
};

static void to_standard_error(void *context, const struct matr_error *warning)
{
	(void)context;
	if (warning->file[0])
		fprintf(stderr, "matr: %s: %s\n", warning->file, warning->message);
	else
		fprintf(stderr, "matr: %s\n", warning->message);
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
	matr_map_free(&warnings->given);
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

	if (matr_map_get(&warnings->given, key, &before))
		return;
	(void)matr_map_set(&warnings->given, key, 1); /* no memory: said twice */
	warnings->warn(warnings->context, warning);
}
