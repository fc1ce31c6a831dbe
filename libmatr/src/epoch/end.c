/* end.c - ending an epoch: the image goes, with one rename. It is kept under the other name, for
 * the next epoch to build on. */
#include "epoch/end.h"

#include <matr/epoch.h>
#include <matr/prefix.h>

#include "base/file.h"
#include "base/path.h"
#include "base/prefix.h"
#include "epoch/marker.h"
#include "epoch/state.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Note the end in the store, if there is one. Errors do not matter: the image alone decides whether
 * an epoch is in force. */
static void record_end(const char *prefix, int64_t *id)
{
	struct matr_store *store;
	struct matr_store_epoch epoch;

	if (store_open_to_write(prefix, &store, NULL) != 0)
		return;
	if (matr_store_epoch(store, 0, &epoch, NULL) == 0 && !epoch.ended) {
		store_end_epoch(store, epoch.id, NULL);
		*id = epoch.id;
	}
	matr_store_close(store);
}

int epoch_end_locked(const char *canonical, struct matr_error *err)
{
	char image[PATH_MAX], ended[PATH_MAX];

	if (path_join(canonical, MATR_IMAGE_FILE, image, err) != 0 ||
	    path_join(canonical, MATR_ENDED_IMAGE_FILE, ended, err) != 0)
		return -1;
	if (rename(image, ended) == 0)
		return file_sync_directory(canonical, err) == 0 ? 1 : -1;
	return errno == ENOENT ? 0 : matr_fail_errno(err, image, "cannot be removed");
}

static int end(const char *prefix, bool keeping, int64_t *id, struct matr_error *err)
{
	char canonical[PATH_MAX], image[PATH_MAX], store[PATH_MAX];
	int64_t epoch = 0;

	if (!realpath(prefix, canonical))
		return matr_fail(err, MATR_ERROR_STATE, prefix, "no epoch is in force");
	if (path_join(canonical, MATR_IMAGE_FILE, image, err) != 0 ||
	    path_join(canonical, MATR_STORE_FILE, store, err) != 0)
		return -1;
	if (access(image, F_OK) != 0 && access(store, F_OK) != 0)
		return matr_fail(err, MATR_ERROR_STATE, prefix, "no epoch is in force");
	int lock = epoch_enter(canonical, keeping ? EPOCH_SUSPEND : EPOCH_END, keeping, NULL, err);
	if (lock < 0)
		return -1;

	int result = 0;
	char by[256];
	bool was_suspended = !keeping && matr_epoch_suspended(canonical, by, NULL) > 0;
	if (was_suspended)
		result = epoch_forget_suspension(canonical, err);
	if (epoch_end_locked(canonical, result == 0 ? err : NULL) < 0)
		result = -1;
	if (result == 0 && access(store, F_OK) == 0)
		record_end(canonical, &epoch);
	if (result == 0 && id)
		*id = epoch;
	close(lock);
	return result;
}

int matr_epoch_end(const char *prefix, int64_t *id, struct matr_error *err)
{
	return end(prefix, false, id, err);
}

int matr_epoch_suspend(const char *prefix, const char *by, struct matr_error *err)
{
	char image[PATH_MAX];
	struct matr_error why = {0};

	if (path_join(prefix, MATR_IMAGE_FILE, image, err) != 0)
		return -1;
	if (access(image, F_OK) != 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : matr_fail_errno(err, image, "cannot be looked at");
	if (matr_prefix_recognize(prefix, err) != 0 || epoch_mark_suspended(prefix, by, err) != 0)
		return -1;
	if (end(prefix, true, NULL, &why) == 0)
		return 1;
	if (access(image, F_OK) != 0 && errno == ENOENT)
		return 1; /* it was ended at the same time */
	epoch_forget_suspension(prefix, NULL);
	return matr_error_copy(err, &why);
}
