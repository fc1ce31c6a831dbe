/* epoch_begin.c - beginning an epoch; epoch.h says in which order and why. */
#include <matr/epoch.h>
#include <matr/loader.h>
#include <matr/recording.h>
#include <matr/resolve.h>

#include "epoch_suspend.h"
#include "prefix.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct matr_epoch {
	char prefix[PATH_MAX]; /* canonical */
	char *ld_stable, *config_file;
	char interpreter[PATH_MAX]; /* the real dynamic linker */
	struct matr_config *config;
	struct matr_scan *scan;
	struct matr_recordings recordings;
	int lock; /* descriptor */
	int64_t id;
	struct matr_session *session;
	struct matr_file_id preload;
	struct matr_store *store;
	struct matr_epoch_result *results;
	size_t n_results, room;
};

void matr_epoch_close(struct matr_epoch *epoch)
{
	if (!epoch)
		return;
	matr_store_close(epoch->store);
	if (epoch->session)
		matr_session_close(epoch->session);
	for (size_t i = 0; i < epoch->n_results; i++) {
		free(epoch->results[i].path);
		free(epoch->results[i].reason);
	}
	free(epoch->results);
	free(epoch->ld_stable);
	free(epoch->config_file);
	matr_config_free(epoch->config);
	matr_scan_free(epoch->scan);
	matr_recordings_free(&epoch->recordings);
	if (epoch->lock >= 0)
		close(epoch->lock);
	free(epoch);
}

static int join(const char *prefix, const char *name, char out[PATH_MAX], struct matr_error *err)
{
	if (snprintf(out, PATH_MAX, "%s/%s", prefix, name) >= PATH_MAX)
		return matr_fail(err, MATR_ERROR_USAGE, prefix, "path is too long");
	return 0;
}

/* Keep a damaged store for whoever wants to look at it, without its journal, which would be taken for
 * the new store's. */
static int move_store_aside(const char *prefix, struct matr_error *err)
{
	char from[PATH_MAX], to[PATH_MAX];
	static const char *const journals[] = {MATR_STORE_FILE "-wal", MATR_STORE_FILE "-shm"};

	if (join(prefix, MATR_STORE_FILE, from, err) != 0 ||
	    join(prefix, MATR_STORE_FILE ".damaged", to, err) != 0)
		return -1;
	if (rename(from, to) != 0 && errno != ENOENT)
		return matr_fail_errno(err, from, "cannot be moved aside");
	for (size_t i = 0; i < sizeof journals / sizeof *journals; i++) {
		if (join(prefix, journals[i], from, err) != 0)
			return -1;
		if (unlink(from) != 0 && errno != ENOENT)
			return matr_fail_errno(err, from, "cannot be removed");
	}
	return 0;
}

/* The epoch of the image in force, 0 where none is. */
static int64_t epoch_in_force(const char *prefix)
{
	char path[PATH_MAX];
	struct matr_image_info info;

	if (join(prefix, MATR_IMAGE_FILE, path, NULL) != 0 || access(path, F_OK) != 0 ||
	    matr_image_check(path, &info, NULL) != 0)
		return 0;
	return (int64_t)info.epoch;
}

int matr_epoch_open(const struct matr_epoch_options *options, struct matr_epoch **out,
		    struct matr_error *err)
{
	struct matr_epoch *epoch = calloc(1, sizeof *epoch);

	if (!epoch)
		return matr_fail_memory(err);
	epoch->lock = -1;
	epoch->ld_stable = strdup(options->ld_stable);
	epoch->config_file = options->config ? strdup(options->config) : NULL;
	if (!epoch->ld_stable || (options->config && !epoch->config_file)) {
		matr_fail_memory(err);
		goto fail;
	}
	if (access(epoch->ld_stable, R_OK) != 0) {
		matr_fail_errno(err, epoch->ld_stable, "cannot read ld-stable");
		goto fail;
	}
	/* Where ld-stable is the system's loader, the real one behind it. */
	const char *interpreter =
		options->interpreter ? options->interpreter : MATR_DEFAULT_INTERPRETER;
	if (matr_loader_real(interpreter, epoch->interpreter, err) != 0 ||
	    matr_prefix_make(options->prefix, epoch->prefix, err) != 0 ||
	    matr_prefix_check(epoch->prefix, err) != 0)
		goto fail;
	epoch->lock = matr_prefix_lock(epoch->prefix, options->wait, err);
	if (epoch->lock < 0 || matr_prefix_clean(epoch->prefix, err) != 0)
		goto fail;
	if (options->rebuild_store && move_store_aside(epoch->prefix, err) != 0)
		goto fail;
	if (matr_recordings_read(epoch->prefix, &epoch->recordings, err) != 0 ||
	    matr_session_open(NULL, &epoch->session, err) != 0 ||
	    matr_prefix_check_file(epoch->prefix, MATR_STORE_FILE, err) != 0 ||
	    matr_store_open(epoch->prefix, MATR_STORE_WRITE, &epoch->store, err) != 0 ||
	    matr_store_begin(epoch->store, matr_session_cpu_level(epoch->session),
			     epoch_in_force(epoch->prefix), &epoch->id, err) != 0)
		goto fail;
	epoch->preload = matr_session_preload(epoch->session);
	*out = epoch;
	return 0;
fail:
	matr_epoch_close(epoch);
	return -1;
}

int64_t matr_epoch_id(const struct matr_epoch *epoch)
{
	return epoch->id;
}

const struct matr_epoch_result *matr_epoch_results(const struct matr_epoch *epoch, size_t *n)
{
	*n = epoch->n_results;
	return epoch->results;
}

int matr_epoch_scan(struct matr_epoch *epoch, const struct matr_scan **out, struct matr_error *err)
{
	if (matr_config_load(epoch->config_file, &epoch->config, err) != 0 ||
	    matr_scan(epoch->config, NULL, 0, &epoch->scan, err) != 0)
		return -1;
	*out = epoch->scan;
	return 0;
}

static int add_result(struct matr_epoch *epoch, const char *path, const char *reason,
		      int64_t application, struct matr_error *err)
{
	if (epoch->n_results == epoch->room) {
		size_t room = epoch->room ? 2 * epoch->room : 16;
		struct matr_epoch_result *results = realloc(epoch->results, room * sizeof *results);
		if (!results)
			return matr_fail_memory(err);
		epoch->results = results;
		epoch->room = room;
	}
	struct matr_epoch_result result = {.path = strdup(path), .application = application};
	if (reason)
		result.reason = strdup(reason);
	if (!result.path || (reason && !result.reason)) {
		free(result.path);
		free(result.reason);
		return matr_fail_memory(err);
	}
	epoch->results[epoch->n_results++] = result;
	return 0;
}

/* The reason as one line: the file it is about comes first where that is not the program itself. */
static void describe(const struct matr_error *why, const char *program, char *out, size_t size)
{
	if (why->file[0] && strcmp(why->file, program) != 0)
		snprintf(out, size, "%s: %s", why->file, why->message);
	else
		snprintf(out, size, "%s", why->message);
}

static int decline(struct matr_epoch *epoch, const char *path, const struct matr_error *why,
		   struct matr_error *err)
{
	char reason[sizeof why->file + sizeof why->message + 2];

	describe(why, path, reason, sizeof reason);
	if (matr_store_decline(epoch->store, epoch->id, path, reason, err) != 0 ||
	    add_result(epoch, path, reason, 0, err) != 0)
		return -1;
	if (err)
		*err = *why;
	return 0;
}

/* What it was seen to load. A library that is no longer there, or cannot be mapped, is ld.so's business. */
static int add_closures(struct matr_epoch *epoch, const char *path, int64_t application,
			struct matr_error *err)
{
	for (size_t i = 0; i < epoch->recordings.n; i++) {
		const struct matr_recorded_load *load = &epoch->recordings.list[i];
		struct matr_closure closure;
		struct matr_error why = {0};
		char reason[sizeof why.file + sizeof why.message + 2];
		if (strcmp(load->application, path) != 0)
			continue;
		int resolved =
			matr_resolve_closure(epoch->session, path, load->root, &closure, &why);
		if (resolved != 0 && why.code == MATR_ERROR_MEMORY)
			return matr_fail_memory(err);
		if (resolved == 0 && !closure.mapping)
			continue; /* there from the start, now */
		if (resolved != 0)
			describe(&why, load->root, reason, sizeof reason);
		int added = matr_store_add_closure(epoch->store, application, load->root,
						   resolved == 0 ? &closure : NULL,
						   resolved == 0 ? NULL : reason, NULL, err);
		matr_mapping_free(closure.mapping);
		if (added != 0)
			return -1;
	}
	return 0;
}

int matr_epoch_add(struct matr_epoch *epoch, const char *program, struct matr_error *err)
{
	char path[PATH_MAX];
	struct matr_error why = {0};
	struct matr_mapping *mapping = NULL;
	int64_t application;

	if (!realpath(program, path)) {
		matr_fail_errno(&why, program, "cannot be found");
		return decline(epoch, program, &why, err);
	}
	if (matr_resolve(epoch->session, path, &mapping, &why) != 0) {
		if (why.code != MATR_ERROR_MEMORY)
			return decline(epoch, path, &why, err);
		return matr_fail_memory(err);
	}
	int result = matr_store_add(epoch->store, epoch->id, mapping, &application, err);
	if (result == 0 && application)
		result = add_closures(epoch, path, application, err);
	matr_mapping_free(mapping);
	if (result != 0)
		return -1;
	if (application && add_result(epoch, path, NULL, application, err) != 0)
		return -1;
	return 1;
}

/* ---- commit ---- */

/* Read what the application loads. *closures: matr_closures_free(); ids: the store's, free(). */
static int read_closures(struct matr_epoch *epoch, int64_t application,
			 struct matr_closure **closures, int64_t **ids, size_t *n,
			 struct matr_error *err)
{
	struct matr_store_closure *records;
	size_t n_records;

	*n = 0;
	if (matr_store_closures(epoch->store, application, &records, &n_records, err) != 0)
		return -1;
	*closures = calloc(n_records + 1, sizeof **closures);
	*ids = calloc(n_records + 1, sizeof **ids);
	int result = *closures && *ids ? 0 : matr_fail_memory(err);
	for (size_t i = 0; i < n_records && !result; i++) {
		if (!records[i].objects)
			continue;
		result = matr_store_closure(epoch->store, application, records[i].id,
					    &(*closures)[*n], err);
		(*ids)[*n] = records[i].id;
		*n += !result;
	}
	matr_store_closures_free(records, n_records);
	return result;
}

/* Compile one application from what the store holds of it. */
static int add_to_image(struct matr_epoch *epoch, struct matr_image_builder *builder,
			struct matr_epoch_result *result, struct matr_error *why,
			struct matr_error *err)
{
	struct matr_mapping *mapping = NULL;
	struct matr_closure *closures = NULL;
	int64_t *ids = NULL;
	size_t n = 0;

	int done = matr_store_mapping(epoch->store, result->application, &mapping, err);
	if (done == 0)
		done = read_closures(epoch, result->application, &closures, &ids, &n, err);
	if (done == 0 &&
	    matr_image_builder_add(builder, mapping, closures, n, &result->summary, why) != 0)
		done = why->code == MATR_ERROR_UNSUPPORTED ? 1 : -1;
	if (done < 0 && why->code != MATR_OK && err)
		*err = *why;
	for (size_t i = 0; i < n && done == 0; i++) {
		if (closures[i].reason)
			done = matr_store_decline_closure(epoch->store, ids[i], closures[i].reason,
							  err);
	}
	matr_closures_free(closures, n);
	free(ids);
	matr_mapping_free(mapping);
	return done;
}

static int compile(struct matr_epoch *epoch, struct matr_image_builder *builder,
		   struct matr_epoch_result *result, struct matr_error *err)
{
	struct matr_error why = {0};
	char reason[sizeof why.file + sizeof why.message + 2];

	int declined = add_to_image(epoch, builder, result, &why, err);
	if (declined <= 0)
		return declined;
	describe(&why, result->path, reason, sizeof reason);
	result->reason = strdup(reason);
	if (!result->reason)
		return matr_fail_memory(err);
	if (matr_store_remove(epoch->store, epoch->id, result->application, err) != 0)
		return -1;
	result->application = 0;
	return matr_store_decline(epoch->store, epoch->id, result->path, reason, err);
}

static int compile_image(struct matr_epoch *epoch, const char *path, struct matr_error *err)
{
	struct matr_image_builder *builder;
	struct matr_store_epoch record;
	size_t applications = 0;
	int result = -1;

	if (matr_store_epoch(epoch->store, epoch->id, &record, err) != 0 ||
	    matr_image_builder_open((uint64_t)epoch->id, record.cpu_level, epoch->n_results,
				    &builder, err) != 0)
		return -1;
	matr_image_builder_preload(builder, &epoch->preload);
	for (size_t i = 0; i < epoch->n_results; i++) {
		if (!epoch->results[i].application)
			continue;
		if (compile(epoch, builder, &epoch->results[i], err) != 0)
			goto done;
		applications += epoch->results[i].application != 0;
	}
	if (applications == 0) {
		matr_fail(err, MATR_ERROR_STATE, epoch->prefix,
			  "no epoch was begun: every program was declined");
		goto done;
	}
	result = matr_image_builder_write(builder, path, NULL, err);
done:
	matr_image_builder_close(builder);
	return result;
}

int matr_epoch_commit(struct matr_epoch *epoch, struct matr_error *err)
{
	char image[PATH_MAX], next[PATH_MAX];

	if (join(epoch->prefix, MATR_IMAGE_FILE, image, err) != 0 ||
	    join(epoch->prefix, MATR_IMAGE_FILE ".next", next, err) != 0)
		return -1;
	/* What was parsed is in the store now, and the ELF files' memory is wanted for reading it. */
	matr_session_close(epoch->session);
	epoch->session = NULL;
	if (compile_image(epoch, next, err) != 0)
		return -1;
	if (matr_image_check(next, NULL, err) != 0 ||
	    matr_loader_install(epoch->prefix, epoch->ld_stable, epoch->interpreter, err) != 0 ||
	    epoch_keep_programs(epoch->prefix, epoch->scan ? NULL : epoch->results,
				epoch->n_results, err) != 0 ||
	    matr_store_commit(epoch->store, epoch->id, err) != 0) {
		unlink(next);
		return -1;
	}
	if (rename(next, image) != 0)
		return matr_fail_errno(err, image, "cannot be replaced");
	if (epoch_forget_suspension(epoch->prefix, err) != 0)
		return -1;
	return matr_prefix_sync(epoch->prefix, err);
}
