/* status.c - the state of a prefix, and everything in it that does not fit together.
 *
 * The image alone decides whether an epoch is in force: ld-stable reads nothing else. Where the
 * store disagrees, a crash or an rm came between the two, and the problem's line names the remedy.
 */
#include <matr/edit.h>
#include <matr/epoch.h>
#include <matr/image.h>
#include <matr/image_format.h>
#include <matr/loader.h>
#include <matr/loader_format.h>
#include <matr/prefix.h>

#include "base/array.h"
#include "base/file_id.h"
#include "base/path.h"
#include "base/prefix.h"
#include "epoch/images.h"
#include "epoch/same_program.h"
#include "epoch/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void free_problems(struct matr_epoch_problem *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(list[i].file);
		free(list[i].reason);
	}
	free(list);
}

void matr_epoch_status_free(struct matr_epoch_status *status)
{
	free_problems(status->problems, status->n_problems);
	free_problems(status->changed, status->n_changed);
	matr_store_declined_free(status->declined, status->n_declined);
	matr_store_skipped_free(status->skipped, status->n_skipped);
	matr_store_violations_free(status->violations, status->n_violations);
	*status = (struct matr_epoch_status){0};
}

static int add(struct matr_epoch_problem **list, size_t *n, const char *file, const char *reason,
	       struct matr_error *err)
{
	if (array_grow(list, *n, sizeof **list, err) != 0)
		return -1;
	struct matr_epoch_problem *added = &(*list)[(*n)++];
	*added = (struct matr_epoch_problem){strdup(file), strdup(reason)};
	return added->file && added->reason ? 0 : matr_fail_memory(err);
}

static int problem(struct matr_epoch_status *status, const char *file, const char *reason,
		   struct matr_error *err)
{
	return add(&status->problems, &status->n_problems, file, reason, err);
}

/* Report another function's error as a problem, except RESOURCES, which remains an error. */
static int problem_from(struct matr_epoch_status *status, const char *file,
			const struct matr_error *why, const char *consequence,
			struct matr_error *err)
{
	char reason[sizeof why->message + 128];

	if (why->code == MATR_ERROR_RESOURCES)
		return matr_error_copy(err, why);
	snprintf(reason, sizeof reason, "%s%s", why->message, consequence);
	return problem(status, why->file[0] ? why->file : file, reason, err);
}

static uint64_t file_size(const char *prefix, const char *name)
{
	char path[PATH_MAX];
	struct stat status;

	return path_join(prefix, name, path, NULL) == 0 && stat(path, &status) == 0
		       ? (uint64_t)status.st_size
		       : 0;
}

/* Set the state (epoch/state.h) as it is apart from the lock. */
static void look_at_state(const char *prefix, struct matr_epoch_status *status)
{
	struct epoch_evidence evidence;

	epoch_examine(prefix, &evidence);
	status->busy = evidence.locked;
	evidence.locked = false;
	status->state = epoch_state_name(epoch_state_of(&evidence));
	if (evidence.suspended)
		matr_epoch_suspended(prefix, status->suspended_by, NULL);
}

/* Look at the image: find whether an epoch is in force, and which. *epoch is 0 where there is no
 * sound image. */
static int look_at_image(const char *prefix, struct matr_epoch_status *status, bool *exists,
			 int64_t *epoch, struct matr_error *err)
{
	char path[PATH_MAX];
	struct matr_image_info info;
	struct matr_error why = {0};

	*epoch = 0;
	if (path_join(prefix, MATR_IMAGE_FILE, path, err) != 0)
		return -1;
	status->image_size = file_size(prefix, MATR_IMAGE_FILE);
	images_retired(prefix, &status->n_retired, &status->retired_size);
	*exists = access(path, F_OK) == 0;
	if (!*exists)
		return 0;
	if (matr_image_check(path, &info, &why) != 0) {
		status->state = epoch_state_name(EPOCH_STATE_DAMAGED);
		return problem_from(status, path, &why,
				    "; programs start plainly until an epoch is begun", err);
	}
	status->in_force = true;
	status->shared = info.shared;
	status->random = info.random;
	status->packed = info.packed;
	status->region = info.region;
	*epoch = (int64_t)info.epoch;
	return 0;
}

/* One of the prefix's copies of ld-stable. */
static int look_at_copy(const char *prefix, const char *name, struct matr_epoch_status *status,
			struct matr_error *err)
{
	char path[PATH_MAX];
	struct matr_loader_config config;
	struct matr_error why = {0};

	if (path_join(prefix, name, path, err) != 0)
		return -1;
	int ours = matr_loader_identify(path, &config, &why);
	if (ours < 0)
		return problem_from(status, path, &why, "; begin an epoch to install it", err);
	if (ours == 0)
		return problem(status, path, "is not an ld-stable", err);
	if (strcmp(config.prefix, prefix) != 0)
		return problem(status, path, "was installed for another prefix", err);
	if (config.unserved[0])
		snprintf(status->unserved, sizeof status->unserved, "%s", config.unserved);
	return 0;
}

static int look_at_loader(const char *prefix, struct matr_epoch_status *status,
			  struct matr_error *err)
{
	char path[PATH_MAX];

	if (!status->in_force)
		return 0;
	if (look_at_copy(prefix, MATR_LD_STABLE_FILE, status, err) != 0 ||
	    look_at_copy(prefix, MATR_INTERPRETER_FILE, status, err) != 0)
		return -1;
	if (path_join(prefix, MATR_REAL_LOADER_FILE, path, err) != 0)
		return -1;
	if (access(path, R_OK | X_OK) != 0)
		return problem(status, path,
			       "the copy of the dynamic linker is missing or not executable", err);
	return 0;
}

static int compare_records(struct matr_epoch_status *status, const char *store_path,
			   const struct matr_store_epoch *newest, bool image_exists,
			   int64_t in_force, struct matr_error *err)
{
	char reason[256];

	if (image_exists && !status->in_force)
		return 0; /* the broken image has been reported */
	if (newest->ended || newest->image == in_force)
		return 0;
	if (status->busy) /* between commit and rename, or about to be */
		return 0;
	if (in_force)
		snprintf(
			reason, sizeof reason,
			"beginning epoch %lld was interrupted, epoch %lld is still in force; begin "
			"again",
			(long long)newest->id, (long long)in_force);
	else
		snprintf(
			reason, sizeof reason,
			"epoch %lld has no image (interrupted, or removed); begin again, or end it",
			(long long)newest->id);
	return problem(status, store_path, reason, err);
}

/* Test whether the inode is the same, with the recorded ctime. Its contents may have been written
 * and the mtime set back. */
static bool is_same_inode(const struct matr_file_id *id, const struct stat *now)
{
	return file_id_same_inode(id, now) && timespec_ns(&now->st_ctim) == id->ctime;
}

static int look_for_changes(struct matr_store *store, struct matr_epoch_status *status,
			    struct matr_error *err)
{
	struct matr_store_file *files;
	size_t n;
	int result = 0;

	if (matr_store_files(store, status->epoch.id, &files, &n, err) != 0)
		return -1;
	for (size_t i = 0; i < n && result == 0; i++) {
		const struct matr_file_id *id = &files[i].id;
		const char *reason = NULL;
		struct stat now;
		if (stat(files[i].path, &now) != 0)
			reason = strerror(errno);
		else if (status->epoch.portable)
			reason = (uint64_t)now.st_size != id->size ? "changed since the epoch began"
								   : NULL;
		else if ((uint64_t)now.st_size != id->size ||
			 timespec_ns(&now.st_mtim) != id->mtime)
			reason = "changed since the epoch began";
		else if (!is_same_inode(id, &now)) {
			int same =
				epoch_same_program(store, status->epoch.id, files[i].path, id, err);
			if (same < 0)
				result = -1;
			else if (same == 0)
				reason =
					file_id_same_inode(id, &now)
						? "its owner, mode, links or contents have changed "
						  "since the epoch began"
						: "replaced since the epoch began";
		}
		if (reason)
			result = add(&status->changed, &status->n_changed, files[i].path, reason,
				     err);
	}
	matr_store_files_free(files, n);
	return result;
}

/* Edits that are not in force, or not everywhere. */
static int look_at_edits(struct matr_store *store, struct matr_epoch_status *status,
			 struct matr_error *err)
{
	struct matr_edit *edits;
	char name[64];
	size_t n;

	if (matr_store_edits(store, &edits, &n, err) != 0)
		return -1;
	int result = 0;
	for (size_t i = 0; i < n && result == 0; i++) {
		bool waits =
			strcmp(edits[i].state, "new") == 0 || strcmp(edits[i].state, "forced") == 0;
		status->n_edits++;
		if (!edits[i].complaint && !waits)
			continue;
		snprintf(name, sizeof name, "edit %lld", (long long)edits[i].id);
		result = problem(status, name,
				 waits ? "waits for `matr epoch apply`" : edits[i].complaint, err);
	}
	matr_edits_free(edits, n);
	return result;
}

static bool started_since(int64_t time)
{
	struct timespec now, up;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return time < now.tv_sec - up.tv_sec;
}

static int look_into_store(struct matr_store *store, struct matr_epoch_status *status,
			   const char *path, bool image_exists, int64_t in_force,
			   struct matr_error *err)
{
	struct matr_store_epoch newest;
	struct matr_error why = {0};

	if (matr_store_epoch(store, 0, &newest, &why) != 0) {
		if (why.code != MATR_ERROR_NOT_FOUND)
			return problem_from(status, path, &why, "", err);
		if (!in_force)
			return 0;
		return problem(status, path,
			       "does not know the epoch that is in force; begin again", err);
	}
	if (compare_records(status, path, &newest, image_exists, in_force, err) != 0)
		return -1;
	status->epoch = newest;
	status->has_record = true;
	if (in_force && in_force != newest.image &&
	    matr_store_epoch_of_image(store, in_force, &status->epoch, &why) != 0) {
		status->has_record = false;
		return problem_from(status, path, &why, ", which is in force; begin again", err);
	}
	if (matr_store_declined(store, status->epoch.id, &status->declined, &status->n_declined,
				&why) != 0 ||
	    matr_store_skipped(store, status->epoch.id, &status->skipped, &status->n_skipped,
			       &why) != 0 ||
	    matr_store_violations(store, status->epoch.id, &status->violations,
				  &status->n_violations, &why) != 0)
		return problem_from(status, path, &why, "", err);
	status->restarted = started_since(status->epoch.begun);
	if (!status->in_force)
		return 0;
	if (look_for_changes(store, status, &why) != 0 || look_at_edits(store, status, &why) != 0)
		return problem_from(status, path, &why, "", err);
	return 0;
}

static int examine(const char *prefix, struct matr_epoch_status *out, struct matr_error *err)
{
	char canonical[PATH_MAX], path[PATH_MAX];
	struct matr_error why = {0};
	struct matr_store *store;
	bool image_exists;
	int64_t in_force;

	*out = (struct matr_epoch_status){.state = epoch_state_name(EPOCH_STATE_MANAGEMENT)};
	if (!realpath(prefix, canonical)) {
		if (errno == ENOENT)
			return 0; /* no epoch was ever begun here */
		return matr_fail_errno(err, prefix, "no usable prefix");
	}
	if (prefix_check(canonical, &why) != 0 && problem_from(out, canonical, &why, "", err) != 0)
		return -1;
	why = (struct matr_error){0};
	if (prefix_check_file(canonical, MATR_STORE_FILE, &why) != 0 &&
	    problem_from(out, canonical, &why, "", err) != 0)
		return -1;
	look_at_state(canonical, out);
	if (look_at_image(canonical, out, &image_exists, &in_force, err) != 0 ||
	    look_at_loader(canonical, out, err) != 0 ||
	    path_join(canonical, MATR_STORE_FILE, path, err) != 0)
		return -1;
	out->store_size = file_size(canonical, MATR_STORE_FILE);
	out->store_size += file_size(canonical, MATR_STORE_FILE "-wal");
	why = (struct matr_error){0};
	if (matr_store_open(canonical, &store, &why) != 0) {
		if (why.code == MATR_ERROR_NOT_FOUND && !image_exists)
			return 0;
		bool lost = why.code == MATR_ERROR_NOT_FOUND || why.code == MATR_ERROR_MALFORMED;
		return problem_from(out, path, &why,
				    lost ? "; beginning an epoch makes a new one" : "", err);
	}
	int result = look_into_store(store, out, path, image_exists, in_force, err);
	matr_store_close(store);
	return result;
}

int matr_epoch_status(const char *prefix, struct matr_epoch_status *out, struct matr_error *err)
{
	int result = examine(prefix, out, err);

	if (result != 0)
		matr_epoch_status_free(out);
	return result;
}
