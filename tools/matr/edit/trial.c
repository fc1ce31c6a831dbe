/* trial.c - edits are tried before they are in force; trial_child.c starts the programs. */
#include "matr/edit/trial.h"
#include "common/message.h"
#include "common/text.h"
#include "matr/edit/find.h"
#include "matr/edit/trial_child.h"

#include <stdio.h>
#include <string.h>

#include <matr/edit.h>

enum {
	PROGRAMS_MAX = 64, /* that are started; beyond that a sample */
	EDITS_SHOWN = 4,
};

/* "malloc to /usr/lib/libjemalloc.so.2, free to ..." */
static void list_edits(const struct matr_epoch *epoch, const struct matr_trial_program *program,
		       struct text *out)
{
	const char *library = NULL;

	for (size_t i = 0; i < program->n_edits && i < EDITS_SHOWN; i++) {
		const struct matr_edit *edit = edit_find(epoch, program->edits[i]);
		if (!edit)
			continue;
		if (library && strcmp(library, edit->library) != 0)
			text_printf(out, " to %s", library);
		text_printf(out, "%s%s", library ? ", " : "", edit->symbol);
		library = edit->library;
	}
	if (library)
		text_printf(out, " to %s", library);
	if (program->n_edits > EDITS_SHOWN)
		text_printf(out, " and %zu more edits", program->n_edits - EDITS_SHOWN);
}

static int refuse(const struct matr_epoch *epoch, const struct matr_trial_program *program,
		  const char *how, struct matr_error *err)
{
	struct text edits = {0};

	list_edits(epoch, program, &edits);
	matr_fail(err, MATR_ERROR_UNSUPPORTED, program->path,
		  "%.200s before main(), with %.200s; not without. --force edits all the same", how,
		  text_string(&edits));
	text_free(&edits);
	return -1;
}

struct untried { /* programs that could not be tried */
	size_t n;
	const char *first;
	char why[400];
};

static void note_untried(struct untried *untried, const struct matr_trial_program *program,
			 const char *why)
{
	if (untried->n++ == 0) {
		untried->first = program->path;
		snprintf(untried->why, sizeof untried->why, "%s", why);
	}
}

static int try_program(const struct matr_epoch *epoch, const struct matr_trial *trial,
		       const struct matr_trial_program *program, struct untried *untried,
		       struct matr_error *err)
{
	struct trial_result with, without;

	if (program->torn)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, program->path, "%.470s, or --force",
				 program->torn);
	if (trial_start(trial->prefix, program->path, program->library_path, false, &with, err) !=
	    0)
		return -1;
	if (with.outcome == TRIAL_UNTRIED)
		note_untried(untried, program, with.how);
	if (with.outcome != TRIAL_DIED)
		return 0;
	if (trial_start(trial->prefix, program->path, program->library_path, true, &without, err) !=
	    0)
		return -1;
	if (without.outcome != TRIAL_DIED)
		return refuse(epoch, program, with.how, err);
	/* Some programs do not start outside of their surroundings, whatever they bind. */
	snprintf(with.how, sizeof with.how, "without the edit it %.300s", without.how);
	note_untried(untried, program, with.how);
	return 0;
}

int trial_of_edits(struct matr_epoch *epoch, const int64_t *ids, size_t n, int64_t **blamed,
		   size_t *n_blamed, struct matr_error *err)
{
	struct matr_trial trial;
	struct untried untried = {.n = 0};

	int result = matr_epoch_trial(epoch, ids, n, PROGRAMS_MAX, &trial, err);
	for (size_t i = 0; i < trial.n && result == 0; i++) {
		result = try_program(epoch, &trial, &trial.programs[i], &untried, err);
		if (result != 0 && blamed && err->code == MATR_ERROR_UNSUPPORTED) {
			*blamed = trial.programs[i].edits;
			*n_blamed = trial.programs[i].n_edits;
			trial.programs[i].edits = NULL;
		}
	}
	if (result == 0 && untried.n == 1)
		print_warning("%s: edited, but not tried: %s", untried.first, untried.why);
	else if (result == 0 && untried.n)
		print_warning("%zu of %zu programs are edited, but were not tried; %s: %s",
			      untried.n, trial.edited, untried.first, untried.why);
	matr_trial_free(&trial);
	return result;
}
