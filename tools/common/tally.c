/* tally.c - counting facts that are found in many programs. */
#include "common/tally.h"

#include <search.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

static int compare_facts(const void *left, const void *right)
{
	const struct tally_fact *a = left, *b = right;
	int order = 0;

	for (int i = 0; i < TALLY_TEXTS && !order; i++)
		order = strcmp(a->texts[i], b->texts[i]);
	return order;
}

static int compare_texts(const void *left, const void *right)
{
	return strcmp(left, right);
}

void tally_next_program(struct tally *tally)
{
	tally->program++;
}

static void free_fact(struct tally_fact *fact)
{
	for (int i = 0; i < TALLY_TEXTS; i++)
		free(fact->texts[i]);
	free(fact->example);
	free(fact);
}

static struct tally_fact *new_fact(struct tally *tally, const char *const texts[TALLY_TEXTS],
				   const char *program, struct matr_error *err)
{
	struct tally_fact *fact = calloc(1, sizeof *fact);
	bool complete = fact != NULL;

	for (int i = 0; i < TALLY_TEXTS && complete; i++) {
		fact->texts[i] = strdup(texts[i] ? texts[i] : "");
		complete = fact->texts[i] != NULL;
	}
	if (complete)
		fact->example = strdup(program);
	if (!complete || !fact->example) {
		if (fact)
			free_fact(fact);
		matr_fail_memory(err);
		return NULL;
	}
	if (array_grow(&tally->facts, tally->n, sizeof(struct tally_fact *), err) != 0) {
		free_fact(fact);
		return NULL;
	}
	if (!tsearch(fact, &tally->by_texts, compare_facts)) {
		free_fact(fact);
		matr_fail_memory(err);
		return NULL;
	}
	tally->facts[tally->n++] = fact;
	return fact;
}

/* Test whether the symbol is new to the fact, and remember it. Returns 1 if so, 0 if not, -1 on
 * error. */
static int is_new_symbol(struct tally *tally, const struct tally_fact *fact, const char *symbol,
			 struct matr_error *err)
{
	char *key;

	if (asprintf(&key, "%zx %s", (size_t)(uintptr_t)fact, symbol) < 0)
		return matr_fail_memory(err);
	char **found = tsearch(key, &tally->symbols, compare_texts);
	if (found && *found == key)
		return 1;
	free(key);
	return found ? 0 : matr_fail_memory(err);
}

int tally_add(struct tally *tally, const char *const texts[TALLY_TEXTS], const char *symbol,
	      const char *program, struct matr_error *err)
{
	struct tally_fact key;

	for (int i = 0; i < TALLY_TEXTS; i++)
		key.texts[i] = (char *)(uintptr_t)(texts[i] ? texts[i] : "");
	struct tally_fact **found = tfind(&key, &tally->by_texts, compare_facts);
	struct tally_fact *fact = found ? *found : new_fact(tally, texts, program, err);
	if (!fact)
		return -1;
	fact->programs += fact->last != tally->program + 1;
	fact->last = tally->program + 1;
	int is_new = symbol ? is_new_symbol(tally, fact, symbol, err) : 0;
	fact->symbols += is_new > 0;
	return is_new < 0 ? -1 : 0;
}

static void leave(void *node)
{
	(void)node; /* the list frees it */
}

void tally_free(struct tally *tally)
{
	tdestroy(tally->by_texts, leave);
	tdestroy(tally->symbols, free);
	for (size_t i = 0; i < tally->n; i++)
		free_fact(tally->facts[i]);
	free(tally->facts);
	*tally = (struct tally){.n = 0};
}
