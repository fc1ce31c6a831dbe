/* edit_scopes.c - which edits concern which programs of an epoch, and the scopes of these.
 *
 * That is decided when the scopes are there: the edit covers the program, and some object in it
 * binds the symbol. The scopes are then made again, with the edits' libraries at the end; and again
 * if another edit concerns one of these libraries. If a library cannot be loaded, only the edits
 * that name it fail.
 */
#include "epoch/edit_scopes.h"

#include <stdlib.h>
#include <string.h>

#include <matr/config.h>
#include <matr/secure_exec.h>

#include "base/array.h"
#include "base/parallel.h"
#include "epoch/edits.h"
#include "epoch/work.h"
#include "store/object.h"

/* ---- edits that concern a program ---- */

enum answer { UNASKED, YES, NO };

struct concern { /* what is known of edits and objects: answers[edit * n_objects + object] */
	struct matr_epoch *epoch;
	size_t n_objects;
	uint8_t *answers;
};

/* Test whether the session's object binds the edit's symbol. Returns 1 if so, 0 if not, -1 on
 * error. */
static int object_binds(struct concern *concern, size_t edit, uint32_t index,
			struct matr_error *err)
{
	struct matr_session *session = concern->epoch->session;
	struct matr_object *object = session_object(session, index);
	if (index >= concern->n_objects) /* came with an edit */
		return edit_concerns(&concern->epoch->edits[edit], object);
	uint8_t *answer = &concern->answers[edit * concern->n_objects + index];

	if (*answer == UNASKED) {
		if (session_object_is_known(session, index) &&
		    store_complete_object(concern->epoch->store, object, err) != 0)
			return -1;
		*answer = edit_concerns(&concern->epoch->edits[edit], object) ? YES : NO;
	}
	return *answer == YES;
}

static int scope_binds(struct concern *concern, size_t edit, const struct scope *scope,
		       struct matr_error *err)
{
	for (size_t i = 0; i < scope->n; i++) {
		const struct matr_scope_entry *entry = &scope->entries[i];
		if (i == scope->interpreter ||
		    !edit_requests(&concern->epoch->edits[edit], entry->object, entry->path))
			continue;
		int binds = object_binds(concern, edit, scope->indices[i], err);
		if (binds != 0)
			return binds;
	}
	return 0;
}

static int take_edit(struct edit_work *edits, const struct matr_edit *edit, struct matr_error *err)
{
	size_t at = 0;

	if (array_grow(&edits->list, edits->n, sizeof(const struct matr_edit *), err) != 0 ||
	    array_grow(&edits->library, edits->n, sizeof *edits->library, err) != 0 ||
	    array_grow(&edits->libraries, edits->n, sizeof *edits->libraries, err) != 0)
		return -1;
	while (at < edits->n_libraries && strcmp(edits->libraries[at], edit->library) != 0)
		at++;
	if (at == edits->n_libraries)
		edits->libraries[edits->n_libraries++] = edit->library;
	edits->list[edits->n] = edit;
	edits->library[edits->n] = at;
	edits->n++;
	return 0;
}

static bool is_taken(const struct edit_work *edits, const struct matr_edit *edit)
{
	for (size_t i = 0; i < edits->n; i++)
		if (edits->list[i] == edit)
			return true;
	return false;
}

/* Get the reason why no edit applies to the program; NULL if edits do. */
static const char *reason_to_spare(const struct matr_epoch *epoch, const char *path)
{
	if (matr_is_secure_exec(path))
		return "is set-user-ID, set-group-ID or has capabilities: it starts without a "
		       "mapping";
	if (!epoch->edit_protected && matr_edit_is_protected(path))
		return "is needed to repair the system: edits never apply to it";
	return NULL;
}

/* Take the edits that something in the scope is concerned by. */
static int choose(struct concern *concern, size_t i, struct matr_error *err)
{
	struct matr_epoch *epoch = concern->epoch;
	struct epoch_work *work = &epoch->work[i];
	const char *path = epoch->results[i].path;
	struct matr_error why;

	for (size_t n = 0; n < epoch->n_edits; n++) {
		const struct matr_edit *edit = &epoch->edits[n];
		if (!edit_covers(edit, path) || is_taken(&work->edits, edit))
			continue;
		int binds = scope_binds(concern, n, &work->resolution.scope, err);
		if (binds < 0)
			return -1;
		if (!binds)
			continue;
		const char *reason = reason_to_spare(epoch, path),
			   *left_out = epoch_left_out(epoch, edit);
		bool expected = !left_out && !matr_edit_names(edit);
		if (!reason)
			reason = left_out;
		if (!reason) {
			if (take_edit(&work->edits, edit, err) != 0)
				return -1;
			continue;
		}
		matr_fail(&why, MATR_ERROR_UNSUPPORTED, path, "%s", reason);
		if (epoch_edit_work_fail(epoch, edit, path, &why, expected, err) != 0)
			return -1;
	}
	return 0;
}

/* An edit that names the program and concerns nothing in it is a mistake. */
static int fail_the_rest(struct matr_epoch *epoch, size_t i, struct matr_error *err)
{
	const struct epoch_work *work = &epoch->work[i];
	const char *path = epoch->results[i].path;
	struct matr_error why;

	for (size_t n = 0; n < epoch->n_edits; n++) {
		const struct matr_edit *edit = &epoch->edits[n];
		if (!matr_edit_names(edit) || !edit_covers(edit, path) ||
		    is_taken(&work->edits, edit) || epoch_left_out(epoch, edit))
			continue;
		const char *reason = reason_to_spare(epoch, path);
		if (reason)
			matr_fail(&why, MATR_ERROR_UNSUPPORTED, path, "%s", reason);
		else
			matr_fail(&why, MATR_ERROR_UNSUPPORTED, path,
				  "nothing%s%s binds %s%s%s through a relocation",
				  edit->requester ? " of " : " in its scope",
				  edit->requester ? edit->requester : "", edit->symbol,
				  edit->version ? "@" : "", edit->version ? edit->version : "");
		if (epoch_edit_work_fail(epoch, edit, path, &why, false, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- scopes with the libraries ---- */

struct remake {
	struct matr_epoch *epoch;
	size_t *which; /* results */
};

static void remake(void *context, size_t i)
{
	const struct remake *job = context;
	struct epoch_work *work = &job->epoch->work[job->which[i]];

	epoch_work_forget_scope(work);
	epoch_work_make(job->epoch, job->which[i]);
}

/* Test whether the scope can be made with this library alone. */
static bool can_have(struct matr_epoch *epoch, size_t i, const char *library,
		     struct matr_error *why)
{
	const struct matr_config_program *program =
		epoch->config ? matr_config_program(epoch->config, epoch->results[i].path) : NULL;
	const struct scope_options options = {
		.library_path = program ? program->library_path : NULL,
		.additions = &library,
		.n_additions = 1,
	};
	struct resolution resolution;

	bool can = resolution_make(epoch->session, epoch->results[i].path, &options, &resolution,
				   why) == 0;
	resolution_free(&resolution);
	return can;
}

/* The scope could not be made with the edits' libraries: make it without those that cannot be
 * loaded, or else without all of them. */
static int without_failed_edits(struct matr_epoch *epoch, size_t i, struct matr_error *err)
{
	struct epoch_work *work = &epoch->work[i];
	struct matr_error common = work->why, why;
	bool found = false;

	if (common.code == MATR_ERROR_RESOURCES)
		return matr_error_copy(err, &common);
	for (size_t n = work->edits.n; n-- > 0;) {
		const struct matr_edit *edit = work->edits.list[n];
		if (can_have(epoch, i, edit->library, &why))
			continue;
		if (why.code == MATR_ERROR_RESOURCES)
			return matr_error_copy(err, &why);
		found = true;
		if (epoch_edit_work_fail(epoch, edit, epoch->results[i].path, &why, false, err) !=
		    0)
			return -1;
		epoch_edit_work_drop(&work->edits, edit);
	}
	while (!found && work->edits.n) {
		const struct matr_edit *edit = work->edits.list[work->edits.n - 1];
		if (epoch_edit_work_fail(epoch, edit, epoch->results[i].path, &common, false,
					 err) != 0)
			return -1;
		epoch_edit_work_drop(&work->edits, edit);
	}
	epoch_work_forget_scope(work);
	epoch_work_make(epoch, i);
	return 0;
}

int epoch_edit_scopes(struct matr_epoch *epoch, struct matr_error *err)
{
	struct concern concern = {.epoch = epoch,
				  .n_objects = session_object_count(epoch->session)};
	struct remake job = {.epoch = epoch};
	size_t n = 0;
	int result = 0;

	if (!epoch->n_edits)
		return 0;
	concern.answers = calloc(epoch->n_edits, concern.n_objects + 1);
	job.which = calloc(epoch->n_results + 1, sizeof *job.which);
	if (!concern.answers || !job.which)
		result = matr_fail_memory(err);
	for (size_t i = 0; i < epoch->n_results && result == 0; i++) {
		if (!epoch->work[i].made)
			continue;
		result = choose(&concern, i, err);
		if (epoch->work[i].edits.n)
			job.which[n++] = i;
	}
	/* A library that an edit adds may be concerned by another edit. */
	for (size_t left = n; left && result == 0;) {
		size_t again = 0;
		parallel_run(epoch->jobs, left, remake, &job);
		for (size_t i = 0; i < left && result == 0; i++) {
			struct epoch_work *work = &epoch->work[job.which[i]];
			size_t libraries = work->edits.n_libraries;
			if (work->made)
				result = choose(&concern, job.which[i], err);
			if (work->edits.n_libraries != libraries)
				job.which[again++] = job.which[i];
		}
		left = again;
	}
	for (size_t i = 0; i < epoch->n_results && result == 0; i++) {
		struct epoch_work *work = &epoch->work[i];
		bool tried = work->made || work->edits.n;
		if (tried)
			result = fail_the_rest(epoch, i, err);
		while (result == 0 && !work->made && work->edits.n)
			result = without_failed_edits(epoch, i, err);
	}
	free(concern.answers);
	free(job.which);
	return result;
}
