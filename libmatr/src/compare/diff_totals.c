/* diff_totals.c - differences between two epochs, in numbers.
 *
 * A library that is replaced is replaced in every program that has it. So equal differences count
 * once, beside the number of programs that have them. The 64-bit hashes of counted differences are
 * kept: one difference in 10^19 / (number of differences) might be taken for another.
 */
#include <matr/diff_epochs.h>

#include <stdlib.h>
#include <string.h>

#include "base/blake2b.h"
#include "base/buffer.h"
#include "base/map.h"

void matr_diff_totals_free(struct matr_diff_totals *totals)
{
	if (totals->seen)
		map_free(totals->seen);
	free(totals->seen);
	*totals = (struct matr_diff_totals){.seen = NULL};
}

/* Test whether the difference is the first one of these texts, and remember it. Returns 1 if so, 0
 * if not, -1 on error. */
static int is_new(struct map *seen, char kind, unsigned change, const char *const *texts, size_t n,
		  struct matr_error *err)
{
	const char head[2] = {kind, (char)('0' + change)};
	struct buffer key = {.bytes = NULL};
	uint8_t hash[MATR_HASH_SIZE];
	uint64_t offset, number, known;

	int result = buffer_append(&key, head, sizeof head, 1, &offset, err);
	for (size_t i = 0; i < n && result == 0; i++) {
		const char *text = texts[i] ? texts[i] : "";
		result = buffer_append(&key, text, strlen(text) + 1, 1, &offset, err);
	}
	if (result == 0) {
		blake2b(key.bytes, key.size, hash);
		memcpy(&number, hash, sizeof number);
		result = !map_get(seen, number, &known);
		if (result && map_set(seen, number, 1) != 0)
			result = matr_fail_memory(err);
	}
	buffer_free(&key);
	return result;
}

struct found { /* which counts a program adds to */
	bool objects[MATR_CHANGES], bindings[MATR_CHANGES], loads[MATR_PROGRAM_CHANGES], reordered;
};

static int add(struct map *seen, char kind, unsigned change, const char *const *texts, size_t n,
	       bool by_edit, struct matr_diff_count *count, bool *found, struct matr_error *err)
{
	int first = is_new(seen, kind, change, texts, n, err);

	if (first < 0)
		return -1;
	*found = true;
	count->number += (size_t)first;
	count->by_edit += first && by_edit;
	return 0;
}

static int add_diff(struct matr_diff_totals *totals, const struct matr_diff *diff,
		    struct found *found, struct matr_error *err)
{
	int result = 0;

	found->reordered |= diff->reordered;
	for (size_t i = 0; i < diff->n_objects && result == 0; i++) {
		const struct matr_object_change *object = &diff->objects[i];
		const char *const texts[] = {object->before, object->after};
		result =
			add(totals->seen, 'o', object->change, texts, 2,
			    object->edit_before || object->edit_after,
			    &totals->objects[object->change], &found->objects[object->change], err);
	}
	for (size_t i = 0; i < diff->n_bindings && result == 0; i++) {
		const struct matr_binding_change *binding = &diff->bindings[i];
		const char *const texts[] = {binding->requester,     binding->symbol,
					     binding->version,	     binding->before,
					     binding->before_symbol, binding->after,
					     binding->after_symbol};
		result = add(totals->seen, 'b', binding->change, texts, 7,
			     binding->edit_before || binding->edit_after,
			     &totals->bindings[binding->change], &found->bindings[binding->change],
			     err);
	}
	return result;
}

static int add_application(struct matr_diff_totals *totals,
			   const struct matr_application_diff *diff, struct matr_error *err)
{
	struct found found = {.reordered = false};
	int result = add_diff(totals, &diff->start, &found, err);

	for (size_t i = 0; i < diff->n_loads && result == 0; i++) {
		const struct matr_load_diff *load = &diff->loads[i];
		const char *const texts[] = {load->root};
		if (load->change == MATR_PROGRAM_SAME)
			continue;
		result = add(totals->seen, 'l', load->change, texts, 1, false,
			     &totals->loads[load->change], &found.loads[load->change], err);
		if (result == 0)
			result = add_diff(totals, &load->diff, &found, err);
	}
	for (int i = 0; i < MATR_CHANGES; i++) {
		totals->objects[i].programs += found.objects[i];
		totals->bindings[i].programs += found.bindings[i];
	}
	for (int i = 0; i < MATR_PROGRAM_CHANGES; i++)
		totals->loads[i].programs += found.loads[i];
	totals->reordered += found.reordered;
	return result;
}

int matr_diff_totals_add(struct matr_diff_totals *totals, const struct matr_program_pair *pair,
			 const struct matr_application_diff *diff, struct matr_error *err)
{
	enum matr_program_change change = matr_program_change_of(pair);

	totals->compared += pair->before.application && pair->after.application;
	if (!totals->seen)
		totals->seen = calloc(1, sizeof *totals->seen);
	if (!totals->seen)
		return matr_fail_memory(err);
	if (change == MATR_PROGRAM_CHANGED && (!diff || matr_application_diff_is_empty(diff)))
		change = MATR_PROGRAM_SAME;
	totals->programs[change]++;
	return diff ? add_application(totals, diff, err) : 0;
}
