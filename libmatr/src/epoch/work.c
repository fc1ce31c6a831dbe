/* work.c - one program while it is resolved: its scope, its bindings, the edits in it. */
#include "epoch/work.h"

#include <stdlib.h>
#include <string.h>

#include <matr/config.h>

#include "epoch/results.h"
#include "store/edit.h"

static void edit_work_free(struct edit_work *edits)
{
	free(edits->list);
	free(edits->library);
	free(edits->libraries);
	edited_bindings_free(&edits->edited);
	*edits = (struct edit_work){.n = 0};
}

static void free_loads(struct epoch_work *work)
{
	for (size_t i = 0; i < work->n_loads; i++) {
		resolution_free(&work->loads[i].resolution);
		matr_mapping_free(work->loads[i].closure.mapping);
	}
	free(work->loads);
	work->loads = NULL;
	work->n_loads = 0;
}

void epoch_work_free(struct epoch_work *work)
{
	resolution_free(&work->resolution);
	matr_mapping_free(work->mapping);
	store_encoded_mapping_free(&work->encoded);
	edit_work_free(&work->edits);
	work->mapping = NULL;
	work->made = false;
	free_loads(work);
}

/* ---- scopes ---- */

static void make_load(struct matr_epoch *epoch, const char *path,
		      const struct scope_options *options, struct load *load)
{
	load->why = (struct matr_error){0};
	load->made =
		resolution_make(epoch->session, path, options, &load->resolution, &load->why) == 0;
	load->closure.n_start = load->resolution.n_start;
}

/* Paths of all that the loads that could be made bring. *out: free(). */
static int list_other_loads(const struct epoch_work *work, const char ***out, size_t *n,
			    struct matr_error *err)
{
	size_t most = 0;

	*n = 0;
	for (size_t i = 0; i < work->n_loads; i++)
		most += work->loads[i].made ? work->loads[i].resolution.scope.n : 0;
	*out = calloc(most + 1, sizeof **out);
	if (!*out)
		return matr_fail_memory(err);
	for (size_t i = 0; i < work->n_loads; i++) {
		const struct resolution *resolution = &work->loads[i].resolution;
		for (size_t k = resolution->n_start; work->loads[i].made && k < resolution->scope.n;
		     k++)
			(*out)[(*n)++] = resolution->scope.entries[k].path;
	}
	return 0;
}

/* A library that is found nowhere may have been loaded before, from anywhere. */
static int make_lost_loads(struct matr_epoch *epoch, struct epoch_work *work, const char *path,
			   const struct scope_options *options)
{
	bool more = true;

	while (more) {
		const char **other_loads = NULL;
		struct scope_options load_options = *options;
		size_t n_lost = 0, n_made = 0;
		for (size_t i = 0; i < work->n_loads; i++)
			n_lost += !work->loads[i].made &&
				  work->loads[i].why.code == MATR_ERROR_NOT_FOUND;
		if (!n_lost)
			return 0;
		if (list_other_loads(work, &other_loads, &load_options.n_other_loads, &work->why) <
		    0)
			return -1;
		load_options.other_loads = other_loads;
		for (size_t i = 0; i < work->n_loads; i++) {
			struct load *load = &work->loads[i];
			if (load->made || load->why.code != MATR_ERROR_NOT_FOUND)
				continue;
			resolution_free(&load->resolution);
			load_options.root = load->root;
			make_load(epoch, path, &load_options, load);
			n_made += load->made;
		}
		free(other_loads);
		more = n_made > 0;
	}
	return 0;
}

/* A library that is no longer there, or cannot be mapped, is ld.so's business. */
static int make_loads(struct matr_epoch *epoch, struct epoch_work *work, const char *path,
		      const struct scope_options *options)
{
	struct scope_options load_options = *options;
	const struct matr_recordings *recordings = &epoch->recordings;
	size_t n = 0;

	for (size_t i = 0; i < recordings->n; i++)
		n += strcmp(recordings->list[i].application, path) == 0;
	if (!n)
		return 0;
	work->loads = calloc(n, sizeof *work->loads);
	if (!work->loads)
		return matr_fail_memory(&work->why);
	for (size_t i = 0; i < recordings->n; i++) {
		if (strcmp(recordings->list[i].application, path) != 0)
			continue;
		struct load *load = &work->loads[work->n_loads++];
		load->root = recordings->list[i].root;
		load->flags = recordings->list[i].flags;
		load_options.root = load->root;
		make_load(epoch, path, &load_options, load);
	}
	return make_lost_loads(epoch, work, path, options);
}

void epoch_work_make(struct matr_epoch *epoch, size_t i)
{
	struct epoch_work *work = &epoch->work[i];
	const char *path = epoch->results[i].path;
	const struct matr_config_program *program =
		epoch->config ? matr_config_program(epoch->config, path) : NULL;
	const struct scope_options options = {
		.library_path = program ? program->library_path : NULL,
		.additions = work->edits.libraries,
		.n_additions = work->edits.n_libraries,
	};

	work->made = resolution_make(epoch->session, path, &options, &work->resolution,
				     &work->why) == 0 &&
		     make_loads(epoch, work, path, &options) == 0;
}

void epoch_work_forget_scope(struct epoch_work *work)
{
	resolution_free(&work->resolution);
	free_loads(work);
	work->made = false;
	work->why.code = MATR_OK;
}

/* ---- bindings ---- */

/* Make the edits in the mapping. False: edits.refused could not be made, or work->why has an
 * error. */
static bool edit_mapping(const struct matr_epoch *epoch, struct epoch_work *work)
{
	struct edit_work *edits = &work->edits;
	const struct scope_addition *additions = work->resolution.scope.additions;
	int64_t failed = 0;

	edits->refused = NULL;
	edits->edited.n = 0;
	edits->why.code = MATR_OK;
	for (size_t i = 0; i < edits->n && !edits->refused; i++)
		if (mapping_edit(work->mapping, edits->list[i], &additions[edits->library[i]],
				 epoch->portable, &edits->edited, &edits->why) != 0)
			edits->refused = edits->list[i];
	if (!edits->refused &&
	    mapping_edits_check(work->mapping, &edits->edited, &failed, &edits->why) != 0) {
		edits->refused = edits->list[0];
		for (size_t i = 0; i < edits->n; i++)
			if (edits->list[i]->id == failed)
				edits->refused = edits->list[i];
	}
	if (edits->refused && edits->why.code == MATR_ERROR_RESOURCES) {
		work->why = edits->why;
		edits->refused = NULL;
		return false;
	}
	if (!edits->refused && edits->edited.n)
		work->mapping->flags |= MATR_MAPPING_EDITED;
	return !edits->refused;
}

void epoch_work_bind(struct matr_epoch *epoch, struct epoch_work *work)
{
	if (resolution_bind(epoch->session, &work->resolution, &work->mapping, &work->why) == 0 &&
	    edit_mapping(epoch, work))
		(void)store_encode_mapping(epoch->store, work->mapping, &work->encoded, &work->why);
	for (size_t n = 0; n < work->n_loads; n++) {
		struct load *load = &work->loads[n];
		if (load->made && resolution_adds(&load->resolution))
			(void)resolution_bind(epoch->session, &load->resolution,
					      &load->closure.mapping, &load->why);
	}
}

/* ---- edits that cannot be made ---- */

int epoch_edit_work_fail(struct matr_epoch *epoch, const struct matr_edit *edit,
			 const char *program, const struct matr_error *why, bool expected,
			 struct matr_error *err)
{
	char reason[sizeof why->file + sizeof why->message + 2];

	epoch_describe(why, program, reason, sizeof reason);
	return store_put_edit_failure(epoch->store, epoch->id, edit->id, program, reason, expected,
				      err);
}

void epoch_edit_work_drop(struct edit_work *edits, const struct matr_edit *edit)
{
	size_t kept = 0;

	edits->n_libraries = 0;
	for (size_t i = 0; i < edits->n; i++) {
		size_t at = 0;
		if (edits->list[i] == edit)
			continue;
		edits->list[kept] = edits->list[i];
		while (at < edits->n_libraries &&
		       strcmp(edits->libraries[at], edits->list[i]->library) != 0)
			at++;
		if (at == edits->n_libraries)
			edits->libraries[edits->n_libraries++] = edits->list[i]->library;
		edits->library[kept++] = at;
	}
	edits->n = kept;
}
