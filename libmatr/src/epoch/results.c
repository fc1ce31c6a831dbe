/* results.c - the programs of an epoch that is being begun, and why some are declined. */
#include "epoch/results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/epoch.h>

#include "base/array.h"
#include "store/declined.h"

const struct matr_epoch_result *matr_epoch_results(const struct matr_epoch *epoch, size_t *n)
{
	*n = epoch->n_results;
	return epoch->results;
}

int epoch_add_result(struct matr_epoch *epoch, const char *path, struct matr_error *err)
{
	uint32_t before = epoch->paths.n, id;

	if (array_reserve(&epoch->results, &epoch->room, epoch->n_results + 1,
			  sizeof *epoch->results, err) != 0)
		return -1;
	char *copy = strdup(path);
	if (!copy)
		return matr_fail_memory(err);
	int result = intern_add(&epoch->paths, copy, &id, err);
	if (result != 0 || id != before) { /* or it is there already */
		free(copy);
		return result;
	}
	epoch->results[epoch->n_results++] = (struct matr_epoch_result){.path = copy};
	return 0;
}

void epoch_describe(const struct matr_error *why, const char *program, char *out, size_t size)
{
	if (why->file[0] && strcmp(why->file, program) != 0)
		snprintf(out, size, "%s: %s", why->file, why->message);
	else
		snprintf(out, size, "%s", why->message);
}

int epoch_decline(struct matr_epoch *epoch, struct matr_epoch_result *result,
		  const struct matr_error *why, struct matr_error *err)
{
	char reason[sizeof why->file + sizeof why->message + 2];

	epoch_describe(why, result->path, reason, sizeof reason);
	result->reason = strdup(reason);
	if (!result->reason)
		return matr_fail_memory(err);
	if (store_decline(epoch->store, epoch->id, result->path, reason, err) != 0)
		return -1;
	bool own_file = strcmp(why->file, result->path) == 0 &&
			(why->code == MATR_ERROR_MALFORMED || why->code == MATR_ERROR_NOT_ELF);
	return own_file ? store_decline_own(epoch->store, epoch->id, result->path, err) : 0;
}

static int compare_results(const void *left, const void *right)
{
	const struct matr_epoch_result *a = left, *b = right;
	return strcmp(a->path, b->path);
}

struct matr_epoch_result *epoch_find_result(const struct matr_epoch *epoch, const char *path)
{
	struct matr_epoch_result wanted = {.path = (char *)(uintptr_t)path};

	return bsearch(&wanted, epoch->results, epoch->n_results, sizeof wanted, compare_results);
}
