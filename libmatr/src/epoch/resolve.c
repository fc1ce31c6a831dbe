/* resolve.c - from a list of programs to their records in the store, several at a time.
 *
 * There are three phases: the scopes of all programs (which reads every object), the objects'
 * encodings, the bindings. Each needs all of the one before. A phase goes in batches: all threads
 * do the batch's work, then one thread writes the results, in the programs' order. So the store
 * does not depend on the number or speed of threads, SQLite sees one thread, and no more than a
 * batch's results are in memory at once.
 *
 * Records of an earlier epoch are used in two ways. Objects whose files have not changed are read
 * from its records, at first without their symbols. An application binds as recorded if its scope
 * is the recorded one and consists of such objects only: its record is carried over. The scopes
 * themselves are made again for all programs. That is quick, and the only way to notice a new file
 * that comes first in a search.
 */
#include "epoch/resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/epoch.h>

#include "base/file_id.h"
#include "base/parallel.h"
#include "elf/needed.h"
#include "epoch/adopt.h"
#include "epoch/edit_scopes.h"
#include "epoch/edits.h"
#include "epoch/loads.h"
#include "epoch/results.h"
#include "store/closure.h"
#include "store/declined.h"
#include "store/edit.h"
#include "store/object.h"

enum {
	SCOPES_AT_ONCE = 128,
	OBJECTS_AT_ONCE = 32,
	BINDINGS_AT_ONCE = 32,
};

void epoch_resolve_free(struct matr_epoch *epoch)
{
	for (size_t i = 0; epoch->work && i < epoch->n_results; i++)
		epoch_work_free(&epoch->work[i]);
	free(epoch->work);
	epoch->work = NULL;
	free(epoch->objects);
	epoch->objects = NULL;
}

/* Handle a thread's error. Returns 0 if it concerns the one program, -1 if it ends the epoch. */
static int program_failed(struct matr_epoch *epoch, size_t i, struct matr_error *err)
{
	struct epoch_work *work = &epoch->work[i];

	if (work->why.code == MATR_ERROR_RESOURCES)
		return matr_error_copy(err, &work->why);
	epoch_work_free(work);
	return epoch_decline(epoch, &epoch->results[i], &work->why, err);
}

static size_t batch_size(const struct matr_epoch *epoch, size_t n, size_t at_once)
{
	return n - epoch->next < at_once ? n - epoch->next : at_once;
}

/* ---- scopes ---- */

static void make_scope(void *context, size_t i)
{
	struct matr_epoch *epoch = context;

	if (!epoch->results[epoch->next + i].reason)
		epoch_work_make(epoch, epoch->next + i);
}

/* Test whether the scope is the recorded one and all its objects are recorded. */
static bool is_alike(struct matr_epoch *epoch, const struct resolution *resolution,
		     const struct store_recorded_scope *recorded)
{
	const struct scope *scope = &resolution->scope;
	int64_t id;

	if (!recorded || recorded->has_closures || recorded->n_scope != scope->n ||
	    (recorded->flags & ~(uint32_t)MATR_MAPPING_EDITED) != scope->flags ||
	    recorded->interpreter != scope->interpreter ||
	    !recorded->library_path != !resolution->library_path ||
	    (recorded->library_path &&
	     strcmp(recorded->library_path, resolution->library_path) != 0))
		return false;
	for (size_t i = 0; i < scope->n; i++) {
		const struct matr_scope_entry *entry = &scope->entries[i];
		const struct store_recorded_entry *was = &recorded->scope[i];
		const struct matr_object *by = scope->entries[entry->loaded_by].object;
		int64_t needed = elf_needed_position(by, entry->needed_as);
		if (!session_object_is_known(epoch->session, scope->indices[i]) ||
		    !store_object_id(epoch->store, entry->object, &id) || id != was->object ||
		    strcmp(entry->path, was->path) != 0 || entry->rule != was->rule ||
		    entry->loaded_by != was->loaded_by || needed != was->needed)
			return false;
	}
	return true;
}

static int carry(struct matr_epoch *epoch, size_t i, const struct store_recorded_scope *recorded,
		 struct matr_error *err)
{
	struct epoch_work *work = &epoch->work[i];
	int64_t directory;

	if (store_carry(epoch->store, epoch->id, recorded->application, err) != 0)
		return -1;
	for (size_t n = 0; n < work->resolution.n_directories; n++)
		if (store_directory(epoch->store, epoch->id, &work->resolution.directories[n],
				    &directory, err) != 0)
			return -1;
	epoch->results[i].application = recorded->application;
	epoch->results[i].carried = true;
	work->carried = true;
	epoch_work_free(work);
	return 0;
}

static int carry_what_is_alike(struct matr_epoch *epoch, struct matr_error *err)
{
	struct store_recorded_scopes list;
	int result = 0;

	if (!epoch->previous.id)
		return 0;
	if (store_read_recorded_scopes(epoch->store, epoch->previous.id, &list, err) != 0)
		return -1;
	for (size_t i = 0; i < epoch->n_results && result == 0; i++) {
		const struct store_recorded_scope *recorded =
			store_recorded_scope_find(&list, epoch->results[i].path);
		if (!epoch->work[i].made || epoch->work[i].n_loads ||
		    !is_alike(epoch, &epoch->work[i].resolution, recorded))
			continue;
		int same = store_same_directories(epoch->store, recorded->application,
						  epoch->work[i].resolution.directories,
						  epoch->work[i].resolution.n_directories, err);
		if (same > 0)
			same = epoch_same_edits(epoch, &epoch->work[i], recorded->application, err);
		if (same < 0)
			result = -1;
		else if (same > 0)
			result = carry(epoch, i, recorded, err);
	}
	store_recorded_scopes_free(&list);
	return result;
}

/* A scope's objects: complete those that are known, list those that are to be written. */
static int collect_scope(struct matr_epoch *epoch, const struct scope *scope, bool *seen,
			 struct matr_error *err)
{
	for (size_t n = 0; n < scope->n; n++) {
		uint32_t index = scope->indices[n];
		struct matr_object *object = session_object(epoch->session, index);
		if (seen[index])
			continue;
		seen[index] = true;
		if (!session_object_is_known(epoch->session, index))
			epoch->objects[epoch->n_objects++] = object;
		else if (store_complete_object(epoch->store, object, err) != 0 ||
			 session_index(epoch->session, index, err) != 0)
			return -1;
	}
	return 0;
}

static int collect_objects(struct matr_epoch *epoch, struct matr_error *err)
{
	size_t n_objects = session_object_count(epoch->session);
	bool *seen = calloc(n_objects + 1, sizeof *seen);
	int result = 0;

	epoch->objects = calloc(n_objects + 1, sizeof(const struct matr_object *));
	if (!seen || !epoch->objects)
		result = matr_fail_memory(err);
	for (size_t i = 0; i < epoch->n_results && result == 0; i++) {
		const struct epoch_work *work = &epoch->work[i];
		if (work->made)
			result = collect_scope(epoch, &work->resolution.scope, seen, err);
		for (size_t n = 0; n < work->n_loads && result == 0; n++)
			if (work->loads[n].made)
				result = collect_scope(epoch, &work->loads[n].resolution.scope,
						       seen, err);
	}
	free(seen);
	return result;
}

/* The file that an earlier scan saw at the path, if it is what was declined and is still there
 * unchanged. */
static bool is_unchanged(const struct store_previous *previous, const struct intern *paths,
			 const char *path)
{
	uint32_t at = intern_find(paths, path);
	struct stat status;

	if (at == UINT32_MAX || stat(path, &status) != 0)
		return false;
	struct matr_file_id now = file_id_of(&status);
	return file_id_unchanged(&previous->scan->files[at].id, &now, previous->trusted);
}

/* Decline malformed programs again without reading unchanged files. */
static int decline_again(struct matr_epoch *epoch, struct matr_error *err)
{
	const struct store_previous *previous = &epoch->previous;
	struct matr_store_declined *list;
	struct intern paths = {0};
	uint32_t id;
	size_t n;
	int result = 0;

	if (!epoch->scan || !previous->scan)
		return 0;
	if (store_declined_own(epoch->store, previous->id, &list, &n, err) != 0)
		return -1;
	/* Files that were included may be there twice; for these the numbers would be off. */
	size_t n_files = previous->scan->n_files - previous->scan->n_included;
	for (size_t i = 0; i < n_files && n && result == 0; i++)
		result = intern_add(&paths, previous->scan->files[i].path, &id, err);
	for (size_t i = 0; i < n && result == 0; i++) {
		struct matr_epoch_result *program = epoch_find_result(epoch, list[i].path);
		struct matr_error why = {.code = MATR_ERROR_MALFORMED};
		if (!program || program->reason || !is_unchanged(previous, &paths, list[i].path))
			continue;
		snprintf(why.file, sizeof why.file, "%s", list[i].path);
		snprintf(why.message, sizeof why.message, "%s", list[i].reason);
		result = epoch_decline(epoch, program, &why, err);
	}
	intern_free(&paths);
	matr_store_declined_free(list, n);
	return result;
}

static int start_scopes(struct matr_epoch *epoch, struct matr_error *err)
{
	struct matr_object **known;
	size_t n;

	epoch->work = calloc(epoch->n_results + 1, sizeof *epoch->work);
	if (!epoch->work)
		return matr_fail_memory(err);
	if (epoch_add_configured_loads(epoch, err) != 0)
		return -1;
	if (!epoch->previous.id)
		return 0;
	if (decline_again(epoch, err) != 0)
		return -1;
	if (store_object_headers(epoch->store, epoch->previous.id, &known, &n, err) != 0)
		return -1;
	bool *current = calloc(n + 1, sizeof *current);
	int result = current ? epoch_adopt(epoch, known, n, current, err) : matr_fail_memory(err);
	if (result == 0)
		result = session_know(epoch->session, known, current, n, epoch->previous.trusted,
				      err);
	free(current);
	free(known);
	return result;
}

static int scopes_step(struct matr_epoch *epoch, struct matr_error *err)
{
	if (epoch->next == 0 && start_scopes(epoch, err) != 0)
		return -1;
	size_t n = batch_size(epoch, epoch->n_results, SCOPES_AT_ONCE);
	parallel_run(epoch->jobs, n, make_scope, epoch);
	for (size_t i = 0; i < n; i++, epoch->next++) {
		if (!epoch->results[epoch->next].reason && !epoch->work[epoch->next].made &&
		    program_failed(epoch, epoch->next, err) != 0)
			return -1;
	}
	if (epoch->next < epoch->n_results)
		return 0;
	if (epoch_edit_scopes(epoch, err) != 0 || session_finish_names(epoch->session, err) != 0 ||
	    carry_what_is_alike(epoch, err) != 0 || collect_objects(epoch, err) != 0)
		return -1;
	epoch->phase = EPOCH_OBJECTS;
	epoch->next = 0;
	return 0;
}

/* ---- objects ---- */

struct object_batch {
	struct matr_epoch *epoch;
	struct {
		struct store_encoded_object encoded;
		struct matr_error err;
		bool done;
	} list[OBJECTS_AT_ONCE];
};

static void encode_object(void *context, size_t i)
{
	struct object_batch *batch = context;
	struct matr_epoch *epoch = batch->epoch;

	const struct matr_object *object = epoch->objects[epoch->next + i];
	struct store_encoded_object *encoded = &batch->list[i].encoded;

	batch->list[i].done =
		store_encode_object(epoch->store, object, encoded, &batch->list[i].err) == 0;
	encoded->has_content = epoch_file_content(object->path, &object->file, &encoded->content);
}

static int objects_step(struct matr_epoch *epoch, struct matr_error *err)
{
	struct object_batch *batch = calloc(1, sizeof *batch);
	size_t n = batch_size(epoch, epoch->n_objects, OBJECTS_AT_ONCE);
	int result = 0;
	int64_t id;

	if (!batch)
		return matr_fail_memory(err);
	batch->epoch = epoch;
	parallel_run(epoch->jobs, n, encode_object, batch);
	for (size_t i = 0; i < n; i++) {
		if (result == 0 && !batch->list[i].done)
			result = matr_error_copy(err, &batch->list[i].err);
		if (result == 0)
			result = store_put_encoded(epoch->store, epoch->objects[epoch->next + i],
						   &batch->list[i].encoded, &id, err);
		store_encoded_object_free(&batch->list[i].encoded);
	}
	free(batch);
	epoch->next += n;
	if (epoch->next == epoch->n_objects) {
		epoch->phase = EPOCH_BINDINGS;
		epoch->next = 0;
	}
	return result;
}

/* ---- bindings ---- */

static void bind(void *context, size_t i)
{
	struct matr_epoch *epoch = context;
	struct epoch_work *work = &epoch->work[epoch->next + i];

	if (work->made)
		epoch_work_bind(epoch, work);
}

static int put_load(struct matr_epoch *epoch, const struct load *load, int64_t application,
		    struct matr_error *err)
{
	char reason[sizeof load->why.file + sizeof load->why.message + 2];

	if (load->why.code == MATR_ERROR_RESOURCES)
		return matr_error_copy(err, &load->why);
	if (load->why.code == MATR_OK && !load->closure.mapping)
		return 0; /* there from the start, now */
	if (load->why.code != MATR_OK)
		epoch_describe(&load->why, load->root, reason, sizeof reason);
	bool good = load->why.code == MATR_OK;
	return store_add_closure(epoch->store, application, load->root, load->flags,
				 good ? &load->closure : NULL, good ? NULL : reason, NULL, err);
}

static int put_program(struct matr_epoch *epoch, size_t i, struct matr_error *err)
{
	struct epoch_work *work = &epoch->work[i];
	struct matr_epoch_result *result = &epoch->results[i];

	if (!work->made)
		return 0;
	if (work->edits.refused && epoch_edit_again(epoch, i, err) != 0)
		return -1;
	if (work->why.code != MATR_OK)
		return program_failed(epoch, i, err);
	int added = store_add_encoded(epoch->store, epoch->id, work->mapping, &work->encoded,
				      &result->application, err);
	if (added == 0 && result->application)
		added = epoch_put_edits(epoch, work, result->application, err);
	for (size_t n = 0; n < work->n_loads && added == 0 && result->application; n++)
		added = put_load(epoch, &work->loads[n], result->application, err);
	epoch_work_free(work);
	return added;
}

static int bindings_step(struct matr_epoch *epoch, struct matr_error *err)
{
	size_t n = batch_size(epoch, epoch->n_results, BINDINGS_AT_ONCE);

	parallel_run(epoch->jobs, n, bind, epoch);
	for (size_t i = 0; i < n; i++, epoch->next++)
		if (put_program(epoch, epoch->next, err) != 0)
			return -1;
	if (epoch->next == epoch->n_results)
		epoch->phase = EPOCH_RECORD;
	return 0;
}

/* ---- inputs of the epoch ---- */

static int record_step(struct matr_epoch *epoch, struct matr_error *err)
{
	struct matr_session *session = epoch->session;

	for (size_t i = 0; i < session_path_count(session); i++) {
		const struct known_path *path = session_path_at(session, i);
		if (probes_add(&epoch->probes, path->path, &path->file, path->is_directory, err) !=
		    0)
			return -1;
	}
	/* Record the interpreter paths too: a file that appears there changes which ld.so is the
	 * real one. */
	for (const struct real_interpreter *at = session_interpreters(session); at; at = at->next)
		if (probes_look(&epoch->probes, at->path, err) != 0)
			return -1;
	probes_sort(&epoch->probes);
	if (store_set_inputs(epoch->store, epoch->id, epoch->circumstances, epoch->scan,
			     &epoch->probes, err) != 0 ||
	    (epoch->scan && store_set_skipped(epoch->store, epoch->id, epoch->scan, err) != 0))
		return -1;
	epoch_resolve_free(epoch);
	/* Everything parsed is in the store now; reading it needs the memory of the ELF files. */
	matr_session_close(epoch->session);
	epoch->session = NULL;
	epoch->phase = EPOCH_IMAGE;
	epoch->next = 0;
	return 0;
}

int epoch_resolve_step(struct matr_epoch *epoch, struct matr_error *err)
{
	switch (epoch->phase) {
	case EPOCH_SCOPES:
		return scopes_step(epoch, err);
	case EPOCH_OBJECTS:
		return objects_step(epoch, err);
	case EPOCH_BINDINGS:
		return bindings_step(epoch, err);
	default:
		return record_step(epoch, err);
	}
}
