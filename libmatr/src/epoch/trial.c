/* trial.c - an epoch in force for a prefix of its own, in which its edits are tried before the
 * commit.
 *
 * The image is written once: into the trial's prefix, from where the commit takes it. The choice of
 * programs is small enough to start each: every edit of every object occurs in one of them.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/edit.h>
#include <matr/prefix.h>

#include "base/path.h"
#include "base/prefix.h"
#include "epoch/epoch.h"
#include "epoch/image.h"
#include "loader/stamp.h"
#include "mapping/family.h"
#include "store/edit.h"
#include "store/mapping.h"

void matr_trial_free(struct matr_trial *trial)
{
	for (size_t i = 0; i < trial->n; i++) {
		free(trial->programs[i].path);
		free(trial->programs[i].library_path);
		free(trial->programs[i].edits);
		free(trial->programs[i].torn);
	}
	free(trial->programs);
	*trial = (struct matr_trial){.n = 0};
}

/* ---- choice of programs ---- */

struct candidate { /* an application with edited bindings */
	const struct matr_epoch_result *result;
	size_t first, end; /* its uses */
	bool chosen;
};

struct choice {
	const struct matr_epoch *epoch;
	const int64_t *edits; /* NULL: all */
	size_t n_edits, limit;
	struct store_edit_use *uses;
	size_t n_uses;
	struct candidate *candidates;
	size_t n, n_chosen;
};

static int compare_results(const void *left, const void *right)
{
	const struct matr_epoch_result *const *a = left, *const *b = right;

	return ((*a)->application > (*b)->application) - ((*a)->application < (*b)->application);
}

static bool is_wanted(const struct choice *choice, int64_t edit)
{
	for (size_t i = 0; i < choice->n_edits; i++)
		if (choice->edits[i] == edit)
			return true;
	return !choice->edits;
}

static bool uses_wanted(const struct choice *choice, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		if (is_wanted(choice, choice->uses[i].edit))
			return true;
	return false;
}

static int find_candidates(struct choice *choice, struct matr_error *err)
{
	const struct matr_epoch *epoch = choice->epoch;
	const struct matr_epoch_result **made =
		calloc(epoch->n_results + 1, sizeof(const struct matr_epoch_result *));
	size_t n = 0, result = 0;

	choice->candidates = calloc(epoch->n_results + 1, sizeof *choice->candidates);
	if (!made || !choice->candidates) {
		free(made);
		return matr_fail_memory(err);
	}
	for (size_t i = 0; i < epoch->n_results; i++)
		if (epoch->results[i].application && !epoch->results[i].carried)
			made[n++] = &epoch->results[i];
	qsort(made, n, sizeof(const struct matr_epoch_result *), compare_results);
	for (size_t first = 0, end; first < choice->n_uses; first = end) {
		int64_t application = choice->uses[first].application;
		for (end = first;
		     end < choice->n_uses && choice->uses[end].application == application;)
			end++;
		while (result < n && made[result]->application < application)
			result++;
		if (result < n && made[result]->application == application &&
		    uses_wanted(choice, first, end))
			choice->candidates[choice->n++] = (struct candidate){
				.result = made[result], .first = first, .end = end};
	}
	free(made);
	return 0;
}

static int compare_uses(const void *left, const void *right)
{
	const struct store_edit_use *a = left, *b = right;

	if (a->edit != b->edit)
		return a->edit < b->edit ? -1 : 1;
	return (a->object > b->object) - (a->object < b->object);
}

static void take(struct choice *choice, size_t i)
{
	if (choice->candidates[i].chosen || choice->n_chosen >= choice->limit)
		return;
	choice->candidates[i].chosen = true;
	choice->n_chosen++;
}

/* Take programs in which something occurs that was in none before; then others, evenly. */
static int choose(struct choice *choice, struct matr_error *err)
{
	struct store_edit_use *seen = calloc(choice->n_uses + 1, sizeof *seen);
	size_t n_seen = 0;

	if (!seen)
		return matr_fail_memory(err);
	for (size_t i = 0; i < choice->n && choice->n_chosen < choice->limit; i++) {
		const struct candidate *candidate = &choice->candidates[i];
		size_t before = n_seen;
		for (size_t u = candidate->first; u < candidate->end; u++) {
			struct store_edit_use use = choice->uses[u];
			use.application = 0;
			if (!bsearch(&use, seen, before, sizeof use, compare_uses))
				seen[n_seen++] = use;
		}
		if (n_seen == before)
			continue;
		qsort(seen, n_seen, sizeof *seen, compare_uses);
		take(choice, i);
	}
	free(seen);
	size_t left = choice->limit - choice->n_chosen;
	size_t stride = left ? choice->n / left + 1 : choice->n + 1;
	for (size_t start = 0; start < stride && choice->n_chosen < choice->limit; start++)
		for (size_t i = start; i < choice->n; i += stride)
			take(choice, i);
	return 0;
}

/* ---- the report on one program ---- */

static int check_family(const struct matr_epoch *epoch, int64_t application,
			const struct matr_mapping *mapping, char **torn, struct matr_error *err)
{
	struct edited_bindings edited = {0};
	struct matr_error why = {0};
	int result = 0;

	if (matr_store_edited(epoch->store, application, &edited.list, &edited.n, err) != 0)
		return -1;
	if (family_check(mapping, &edited, epoch->edits, epoch->n_edits, &why) != 0) {
		*torn = strdup(why.message);
		if (!*torn)
			result = matr_fail_memory(err);
	}
	edited_bindings_free(&edited);
	return result;
}

static int describe(const struct choice *choice, const struct candidate *candidate,
		    struct matr_trial_program *out, struct matr_error *err)
{
	const struct matr_epoch *epoch = choice->epoch;
	int64_t application = candidate->result->application;
	struct matr_mapping *mapping;

	out->path = strdup(candidate->result->path);
	out->edits = calloc(candidate->end - candidate->first, sizeof *out->edits);
	if (!out->path || !out->edits)
		return matr_fail_memory(err);
	for (size_t i = candidate->first; i < candidate->end; i++)
		if (!out->n_edits || out->edits[out->n_edits - 1] != choice->uses[i].edit)
			out->edits[out->n_edits++] = choice->uses[i].edit;
	if (matr_store_mapping(epoch->store, application, &mapping, err) != 0)
		return -1;
	int result = check_family(epoch, application, mapping, &out->torn, err);
	if (result == 0 && mapping->library_path) {
		out->library_path = strdup(mapping->library_path);
		if (!out->library_path)
			result = matr_fail_memory(err);
	}
	matr_mapping_free(mapping);
	return result;
}

static int choose_programs(struct choice *choice, struct matr_trial *out, struct matr_error *err)
{
	if (store_edit_uses(choice->epoch->store, choice->epoch->id, &choice->uses, &choice->n_uses,
			    err) != 0 ||
	    find_candidates(choice, err) != 0 || choose(choice, err) != 0)
		return -1;
	out->edited = choice->n;
	out->programs = calloc(choice->n_chosen + 1, sizeof *out->programs);
	if (!out->programs)
		return matr_fail_memory(err);
	for (size_t i = 0; i < choice->n; i++)
		if (choice->candidates[i].chosen &&
		    describe(choice, &choice->candidates[i], &out->programs[out->n++], err) != 0)
			return -1;
	return 0;
}

/* ---- the prefix ---- */

static int make_prefix(struct matr_epoch *epoch, struct matr_trial *out, struct matr_error *err)
{
	char image[PATH_MAX];

	if (path_join(epoch->prefix, PREFIX_TRIAL, out->prefix, err) != 0 ||
	    path_join(out->prefix, MATR_IMAGE_FILE, image, err) != 0)
		return -1;
	if (mkdir(out->prefix, 0755) != 0 || chmod(out->prefix, 0755) != 0)
		return matr_fail_errno(err, out->prefix, "cannot create directory");
	if (epoch_image_write(epoch, image, err) != 0)
		return -1;
	epoch->tried = true;
	return loader_stamp(out->prefix, epoch->ld_stable, epoch->interpreter, err);
}

int matr_epoch_trial(struct matr_epoch *epoch, const int64_t *edits, size_t n_edits, size_t limit,
		     struct matr_trial *out, struct matr_error *err)
{
	struct choice choice = {.epoch = epoch, .edits = edits, .n_edits = n_edits, .limit = limit};

	*out = (struct matr_trial){.n = 0};
	if (!epoch->builder) /* it goes on with an image that was in force */
		return 0;
	int result = choose_programs(&choice, out, err);
	free(choice.uses);
	free(choice.candidates);
	if (result == 0 && out->n)
		result = make_prefix(epoch, out, err);
	if (result != 0)
		matr_trial_free(out);
	return result;
}
