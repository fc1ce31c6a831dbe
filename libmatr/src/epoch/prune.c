/* prune.c - removing the records of old epochs on request; a begin does it by itself beyond
 * matr.conf(5)'s number. */
#include <matr/epoch.h>

#include "base/path.h"
#include "base/prefix.h"
#include "epoch/images.h"
#include "epoch/state.h"
#include "store/prune.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int prune(const char *prefix, size_t keep, size_t *removed, struct matr_error *err)
{
	struct matr_store_epoch current;
	struct matr_store *store;

	if (prefix_check_file(prefix, MATR_STORE_FILE, err) != 0 ||
	    store_open_to_write(prefix, &store, err) != 0)
		return -1;
	int result = matr_epoch_current(prefix, store, &current, err);
	if (result == 0)
		result = store_prune(store, keep, current.id, removed, err);
	matr_store_close(store);
	return result;
}

int matr_epoch_prune(const char *prefix, size_t keep, size_t *removed, struct matr_error *err)
{
	char canonical[PATH_MAX], store[PATH_MAX];

	if (keep == 0)
		return matr_fail(err, MATR_ERROR_USAGE, prefix, "one epoch at least is kept");
	if (!realpath(prefix, canonical))
		return matr_fail(err, MATR_ERROR_NOT_FOUND, prefix, "there is no store");
	if (path_join(canonical, MATR_STORE_FILE, store, err) != 0)
		return -1;
	if (access(store, F_OK) != 0)
		return matr_fail_errno(err, store, "there is no store");
	int lock = epoch_enter(canonical, EPOCH_RECORDS, true, NULL, err);
	if (lock < 0)
		return -1;
	int result = prune(canonical, keep, removed, err);
	images_sweep(canonical, NULL);
	close(lock);
	return result;
}

size_t matr_epoch_sweep(const char *prefix)
{
	char canonical[PATH_MAX];
	size_t left = 0;
	uint64_t bytes;

	if (!realpath(prefix, canonical))
		return 0;
	images_retired(canonical, &left, &bytes);
	if (!left)
		return 0;
	int lock = prefix_lock(canonical, false, NULL);
	if (lock < 0)
		return left;
	images_sweep(canonical, &left);
	close(lock);
	return left;
}
