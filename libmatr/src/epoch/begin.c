/* begin.c - beginning an epoch. matr/epoch.h gives the order of the steps and the reason for it.
 * resolve.c and image.c do the work. */
#include <matr/epoch.h>

#include <matr/config.h>
#include <matr/prefix.h>

#include "base/file.h"
#include "base/path.h"
#include "base/prefix.h"
#include "epoch/circumstances.h"
#include "epoch/edits.h"
#include "epoch/image.h"
#include "epoch/images.h"
#include "epoch/marker.h"
#include "epoch/resolve.h"
#include "epoch/results.h"
#include "epoch/state.h"
#include "image/builder.h"
#include "inputs/noted.h"
#include "loader/place.h"
#include "loader/stamp.h"
#include "store/edit.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void matr_epoch_close(struct matr_epoch *epoch)
{
	if (!epoch)
		return;
	epoch_resolve_free(epoch);
	if (epoch->session)
		matr_session_close(epoch->session);
	image_builder_close(epoch->builder);
	outward_free(&epoch->outward);
	matr_store_close(epoch->store); /* the session had its objects */
	for (size_t i = 0; i < epoch->n_results; i++) {
		free(epoch->results[i].path);
		free(epoch->results[i].reason);
	}
	free(epoch->results);
	intern_free(&epoch->paths);
	free(epoch->ld_stable);
	free(epoch->config_file);
	free(epoch->cause);
	free(epoch->circumstances);
	matr_edits_free(epoch->edits, epoch->n_edits);
	for (size_t i = 0; i < epoch->n_left_out; i++)
		free(epoch->left_out[i].reason);
	free(epoch->left_out);
	matr_edit_failures_free(epoch->edit_failures, epoch->n_edit_failures);
	probes_free(&epoch->probes);
	store_previous_free(&epoch->previous);
	free(epoch->adopted);
	matr_config_free(epoch->config);
	matr_recordings_free(&epoch->recordings);
	if (!epoch->scan_is_previous)
		matr_scan_free(epoch->scan);
	if (epoch->tried)
		prefix_remove_trial(epoch->prefix, NULL);
	if (epoch->lock >= 0)
		close(epoch->lock);
	free(epoch);
}

/* Keep a damaged store for an examination, without its journal, which would be taken for the new
 * store's. */
static int move_store_aside(const char *prefix, struct matr_error *err)
{
	char from[PATH_MAX], to[PATH_MAX];
	static const char *const journals[] = {MATR_STORE_FILE "-wal", MATR_STORE_FILE "-shm"};

	if (path_join(prefix, MATR_STORE_FILE, from, err) != 0 ||
	    path_join(prefix, MATR_STORE_FILE ".damaged", to, err) != 0)
		return -1;
	if (rename(from, to) != 0 && errno != ENOENT)
		return matr_fail_errno(err, from, "cannot be moved aside");
	for (size_t i = 0; i < sizeof journals / sizeof *journals; i++) {
		if (path_join(prefix, journals[i], from, err) != 0)
			return -1;
		if (unlink(from) != 0 && errno != ENOENT)
			return matr_fail_errno(err, from, "cannot be removed");
	}
	return 0;
}

/* The files that are not among the paths of a search, as they are before they are read. */
static int look_at_inputs(struct matr_epoch *epoch, struct matr_error *err)
{
	const char *config = epoch->config_file ? epoch->config_file : MATR_CONFIG_FILE;
	char recordings[PATH_MAX];

	if (probes_look(&epoch->probes, config, err) != 0 ||
	    matr_config_load(epoch->config_file, &epoch->config, err) != 0 ||
	    noted_collect(epoch->prefix, epoch->config, err) != 0)
		return -1;
	if (path_join(epoch->prefix, MATR_RECORDINGS_FILE, recordings, err) != 0 ||
	    probes_look(&epoch->probes, recordings, err) != 0 ||
	    matr_recordings_read(epoch->prefix, &epoch->recordings, err) != 0)
		return -1;
	if (probes_look(&epoch->probes, "/etc/ld.so.cache", err) != 0)
		return -1;
	return probes_look(&epoch->probes, "/etc/ld.so.preload", err);
}

static int copy_options(struct matr_epoch *epoch, const struct matr_epoch_options *options,
			struct matr_error *err)
{
	epoch->jobs = options->jobs;
	epoch->portable = options->portable;
	epoch->edit_protected = options->edit_protected;
	epoch->with_summaries = options->with_summaries;
	epoch->ld_stable = strdup(options->ld_stable);
	epoch->config_file = options->config ? strdup(options->config) : NULL;
	epoch->cause = options->cause ? strdup(options->cause) : NULL;
	if (!epoch->ld_stable || (options->config && !epoch->config_file) ||
	    (options->cause && !epoch->cause))
		return matr_fail_memory(err);
	if (access(epoch->ld_stable, R_OK) != 0)
		return matr_fail_errno(err, epoch->ld_stable, "cannot read ld-stable");
	/* The real loader, also if ld-stable is installed in its place. */
	return loader_real(options->interpreter ? options->interpreter : MATR_SYSTEM_LOADER,
			   epoch->interpreter, err);
}

static int open_store(struct matr_epoch *epoch, struct matr_error *err)
{
	const char *level = session_cpu_level(epoch->session);

	if (prefix_check_file(epoch->prefix, MATR_STORE_FILE, err) != 0 ||
	    store_open_to_write(epoch->prefix, &epoch->store, err) != 0 ||
	    store_begin(epoch->store, level, matr_epoch_of_image(epoch->prefix), &epoch->id, err) !=
		    0 ||
	    (epoch->cause && store_set_cause(epoch->store, epoch->id, epoch->cause, err) != 0) ||
	    store_edits_restore(epoch->prefix, epoch->store, err) != 0 ||
	    epoch_edits_read(epoch, err) != 0)
		return -1;
	epoch->circumstances = epoch_circumstances(level, epoch->config_file, epoch->portable, err);
	if (!epoch->circumstances ||
	    (epoch->portable && store_set_portable(epoch->store, epoch->id, err) != 0))
		return -1;
	return store_previous(epoch->store, epoch->id, epoch->circumstances, &epoch->previous, err);
}

int matr_epoch_open(const struct matr_epoch_options *options, struct matr_epoch **out,
		    struct matr_error *err)
{
	struct matr_epoch *epoch = calloc(1, sizeof *epoch);

	if (!epoch)
		return matr_fail_memory(err);
	epoch->lock = -1;
	if (copy_options(epoch, options, err) != 0 ||
	    prefix_make(options->prefix, epoch->prefix, err) != 0 ||
	    prefix_check(epoch->prefix, err) != 0)
		goto fail;
	epoch->lock = epoch_enter(epoch->prefix, EPOCH_BEGIN, options->wait, NULL, err);
	if (epoch->lock < 0 || prefix_clean(epoch->prefix, err) != 0)
		goto fail;
	if (options->rebuild_store && move_store_aside(epoch->prefix, err) != 0)
		goto fail;
	if (look_at_inputs(epoch, err) != 0 || matr_session_open(NULL, &epoch->session, err) != 0 ||
	    open_store(epoch, err) != 0)
		goto fail;
	epoch->preload = session_preload(epoch->session);
	*out = epoch;
	return 0;
fail:
	matr_epoch_close(epoch);
	return -1;
}

size_t matr_epoch_compared(const struct matr_epoch *epoch, size_t *differ)
{
	*differ = epoch->n_differ;
	return epoch->n_compared;
}

int64_t matr_epoch_id(const struct matr_epoch *epoch)
{
	return epoch->id;
}

/* ---- programs ---- */

int matr_epoch_add(struct matr_epoch *epoch, const char *program, struct matr_error *err)
{
	char path[PATH_MAX];
	struct matr_error why = {0};

	if (realpath(program, path))
		return epoch_add_result(epoch, path, err);
	matr_fail_errno(&why, program, "cannot be found");
	size_t before = epoch->n_results;
	if (epoch_add_result(epoch, program, err) != 0)
		return -1;
	return epoch->n_results == before
		       ? 0
		       : epoch_decline(epoch, &epoch->results[before], &why, err);
}

int matr_epoch_goes_on(const char *prefix, struct matr_error *err)
{
	char by[256];

	return matr_epoch_of_image(prefix) ? 1 : matr_epoch_suspended(prefix, by, err);
}

int matr_epoch_add_kept(struct matr_epoch *epoch, struct matr_error *err)
{
	char **programs;
	size_t n, first;

	int goes_on = matr_epoch_goes_on(epoch->prefix, err);
	if (goes_on <= 0)
		return goes_on;
	if (epoch_kept_programs(epoch->prefix, &programs, &n, &first, err) != 0)
		return -1;
	int result = 0;
	for (size_t i = first; i < n && result == 0; i++)
		if (access(programs[i], F_OK) == 0)
			result = matr_epoch_add(epoch, programs[i], err);
	matr_epoch_programs_free(programs);
	return result;
}

int matr_epoch_scan(struct matr_epoch *epoch, const struct matr_scan **out, struct matr_error *err)
{
	const struct store_previous *previous = &epoch->previous;

	epoch->scan_is_previous = previous->scan && scan_unchanged(epoch->config, previous->scan,
								   previous->trusted, epoch->jobs);
	if (epoch->scan_is_previous)
		epoch->scan = previous->scan;
	else if (matr_scan(epoch->config, previous->scan, previous->trusted, &epoch->scan, err) !=
		 0)
		return -1;
	for (size_t i = 0; i < epoch->scan->n_programs; i++)
		if (epoch_add_result(epoch, epoch->scan->programs[i], err) != 0)
			return -1;
	*out = epoch->scan;
	return 0;
}

/* ---- the work ---- */

/* Read the result of each program from the records that were carried over. */
static int read_results(struct matr_epoch *epoch, struct matr_error *err)
{
	struct matr_store_application *applications;
	struct matr_store_declined *declined;
	struct matr_epoch_result *result;
	size_t n;

	if (matr_store_applications(epoch->store, epoch->id, &applications, &n, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if ((result = epoch_find_result(epoch, applications[i].path)) != NULL) {
			result->application = applications[i].id;
			result->carried = true;
		}
	matr_store_applications_free(applications, n);
	if (matr_store_declined(epoch->store, epoch->id, &declined, &n, err) != 0)
		return -1;
	int failed = 0;
	for (size_t i = 0; i < n; i++)
		if ((result = epoch_find_result(epoch, declined[i].path)) != NULL) {
			result->reason = strdup(declined[i].reason);
			failed |= !result->reason;
		}
	matr_store_declined_free(declined, n);
	return failed ? matr_fail_memory(err) : 0;
}

/* If none of the previous epoch's inputs has changed, take over all of its records. Returns 1 if
 * so, 0 if not, -1 on error. */
static int carry_all(struct matr_epoch *epoch, struct matr_error *err)
{
	const struct store_previous *previous = &epoch->previous;

	if (!epoch->scan_is_previous || epoch->n_results != epoch->scan->n_programs ||
	    !probes_unchanged(&previous->probes, previous->trusted, epoch->jobs))
		return 0;
	size_t n;
	if (store_count_programs(epoch->store, previous->id, &n, err) != 0)
		return -1;
	if (n != epoch->n_results) /* some were added to those of its scan */
		return 0;
	int same = store_directories_unchanged(epoch->store, previous->id, err);
	if (same > 0)
		same = epoch_edits_unchanged(epoch, err);
	if (same <= 0)
		return same;
	if (store_carry_all(epoch->store, previous->id, epoch->id, err) != 0 ||
	    store_carry_edit_failures(epoch->store, previous->id, epoch->id, err) != 0 ||
	    read_results(epoch, err) != 0)
		return -1;
	return 1;
}

static int compare_results(const void *left, const void *right)
{
	const struct matr_epoch_result *a = left, *b = right;
	return strcmp(a->path, b->path);
}

static int start(struct matr_epoch *epoch, struct matr_error *err)
{
	/* Programs that were added to those of a scan stand behind them. */
	if (epoch->scan && epoch->n_results > epoch->scan->n_programs)
		qsort(epoch->results, epoch->n_results, sizeof *epoch->results, compare_results);
	if (epoch->edits_stale && epoch_edits_read(epoch, err) != 0)
		return -1;
	int carried = carry_all(epoch, err);
	if (carried < 0)
		return -1;
	epoch->all_carried = carried;
	epoch->phase = carried ? EPOCH_IMAGE : EPOCH_SCOPES;
	epoch->next = 0;
	return 0;
}

static void tell_progress(const struct matr_epoch *epoch, struct matr_epoch_progress *progress)
{
	static const char *const names[] = {
		[EPOCH_LIST] = "comparing",	      [EPOCH_SCOPES] = "reading files",
		[EPOCH_OBJECTS] = "recording files",  [EPOCH_BINDINGS] = "resolving programs",
		[EPOCH_RECORD] = "recording",	      [EPOCH_IMAGE] = "compiling the image",
		[EPOCH_READY] = "putting into force",
	};

	*progress = (struct matr_epoch_progress){
		.what = names[epoch->phase],
		.done = epoch->next,
		.all = epoch->phase == EPOCH_OBJECTS ? epoch->n_objects : epoch->n_results,
	};
}

int matr_epoch_step(struct matr_epoch *epoch, struct matr_epoch_progress *progress,
		    struct matr_error *err)
{
	int result = 0;

	switch (epoch->phase) {
	case EPOCH_LIST:
		result = start(epoch, err);
		break;
	case EPOCH_IMAGE:
		result = epoch_image_step(epoch, err);
		if (result == 0 && epoch->phase == EPOCH_READY)
			result = epoch_edits_finish(epoch, err);
		break;
	case EPOCH_READY:
		break;
	default:
		result = epoch_resolve_step(epoch, err);
	}
	if (result != 0)
		return -1;
	if (progress)
		tell_progress(epoch, progress);
	return epoch->phase != EPOCH_READY;
}

/* ---- commit ---- */

int matr_epoch_commit(struct matr_epoch *epoch, struct matr_error *err)
{
	char image[PATH_MAX], next[PATH_MAX], ended[PATH_MAX];
	int more;

	const char *written = epoch->tried ? PREFIX_TRIAL "/" MATR_IMAGE_FILE : PREFIX_NEXT_IMAGE;

	if (path_join(epoch->prefix, MATR_IMAGE_FILE, image, err) != 0 ||
	    path_join(epoch->prefix, written, next, err) != 0 ||
	    path_join(epoch->prefix, MATR_ENDED_IMAGE_FILE, ended, err) != 0)
		return -1;
	while ((more = matr_epoch_step(epoch, NULL, err)) > 0)
		;
	if (more < 0)
		return -1;
	if ((!epoch->tried && epoch_image_write(epoch, next, err) != 0) ||
	    loader_stamp(epoch->prefix, epoch->ld_stable, epoch->interpreter, err) != 0 ||
	    epoch_keep_programs(epoch->prefix, epoch->results, epoch->n_results, epoch->scan,
				err) != 0 ||
	    store_edits_write_copy(epoch->prefix, epoch->edits, epoch->n_edits, err) != 0 ||
	    store_commit(epoch->store, epoch->config->keep_epochs, err) != 0) {
		unlink(next);
		return -1;
	}
	bool in_force = epoch->reuse && strcmp(epoch->reuse, MATR_IMAGE_FILE) == 0;
	if (in_force)
		return epoch_forget_suspension(epoch->prefix, err);
	if (epoch->reuse && rename(ended, image) != 0)
		return matr_fail_errno(err, image, "cannot be replaced");
	if (!epoch->reuse && images_put_in_force(epoch->prefix, next, epoch->id, err) != 0)
		return -1;
	unlink(ended); /* it was kept for this epoch to build on */
	if (epoch_forget_suspension(epoch->prefix, err) != 0 ||
	    file_sync_directory(epoch->prefix, err) != 0)
		return -1;
	image_builder_close(epoch->builder); /* it maps the image of the epoch before */
	epoch->builder = NULL;
	images_sweep(epoch->prefix, NULL);
	return 0;
}
