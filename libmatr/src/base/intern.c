/* intern.c - interned strings, in a table of open addressing that is at most half full.
 *
 * Each scope of a begin has two, and most scopes a dozen names: so the first table is small.
 */
#include "base/intern.h"

#include <stdlib.h>
#include <string.h>

#include <matr/image_format.h>

void intern_free(struct intern *intern)
{
	free(intern->entries);
	*intern = (struct intern){0};
}

/* The slot that holds text, or the free one where it belongs. */
static struct intern_entry *find_slot(const struct intern *intern, const char *text, uint64_t hash)
{
	size_t at = hash & (intern->n_slots - 1);
	while (intern->entries[at].text &&
	       (intern->entries[at].hash != hash || strcmp(intern->entries[at].text, text)))
		at = (at + 1) & (intern->n_slots - 1);
	return &intern->entries[at];
}

enum { FIRST_SLOTS = 32 };

static int grow(struct intern *intern, struct matr_error *err)
{
	size_t n_slots = intern->n_slots ? intern->n_slots * 2 : FIRST_SLOTS;
	struct intern larger = {.n_slots = n_slots, .n = intern->n};

	larger.entries = calloc(n_slots, sizeof *larger.entries);
	if (!larger.entries)
		return matr_fail_memory(err);
	for (size_t i = 0; i < intern->n_slots; i++) {
		const struct intern_entry *entry = &intern->entries[i];
		if (entry->text)
			*find_slot(&larger, entry->text, entry->hash) = *entry;
	}
	free(intern->entries);
	*intern = larger;
	return 0;
}

int intern_add(struct intern *intern, const char *text, uint32_t *id, struct matr_error *err)
{
	if ((size_t)intern->n * 2 >= intern->n_slots && grow(intern, err) < 0)
		return -1;
	uint64_t hash = matr_image_checksum64(text, strlen(text), 0);
	struct intern_entry *entry = find_slot(intern, text, hash);
	if (!entry->text)
		*entry = (struct intern_entry){text, hash, intern->n++};
	*id = entry->id;
	return 0;
}

uint32_t intern_find(const struct intern *intern, const char *text)
{
	if (!intern->n_slots)
		return UINT32_MAX;
	const struct intern_entry *entry =
		find_slot(intern, text, matr_image_checksum64(text, strlen(text), 0));
	return entry->text ? entry->id : UINT32_MAX;
}
