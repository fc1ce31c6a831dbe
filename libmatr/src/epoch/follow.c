/* follow.c - the epoch in force follows a program that was enabled or disabled. */
#include <matr/epoch.h>
#include <matr/prefix.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_id.h"
#include "base/path.h"
#include "base/prefix.h"
#include "epoch/images.h"
#include "epoch/same_program.h"
#include "image/move.h"

/* 1: the store has an application at `path` in that epoch which the file there still is. */
static int still_the_program(struct matr_store *store, int64_t epoch, const char *path,
			     struct matr_error *err)
{
	struct matr_store_file *files;
	size_t n;
	int same = 0;

	if (matr_store_files(store, epoch, &files, &n, err) != 0)
		return -1;
	for (size_t i = 0; i < n && !same; i++)
		if (strcmp(files[i].path, path) == 0)
			same = epoch_same_program(store, epoch, path, &files[i].id, err);
	matr_store_files_free(files, n);
	return same;
}

static int follow_locked(const char *prefix, const char *image, const char *path,
			 struct matr_error *err)
{
	char next[PATH_MAX];
	struct matr_store *store;
	struct stat status;

	if (matr_store_open(prefix, &store, err) != 0)
		return -1;
	int result = still_the_program(store, matr_epoch_of_image(prefix), path, err);
	matr_store_close(store);
	if (result <= 0)
		return result;
	if (stat(path, &status) != 0)
		return matr_fail_errno(err, path, "cannot be looked at");
	struct matr_file_id now = file_id_of(&status);
	if (path_join(prefix, PREFIX_NEXT_IMAGE, next, err) != 0)
		return -1;
	/* The image as it was keeps its name while processes map it. */
	int64_t epoch = matr_epoch_of_image(prefix);
	result = image_move(image, path, &now, next, err);
	if (result > 0 && images_put_in_force(prefix, next, epoch, err) != 0)
		result = -1;
	if (result > 0)
		images_sweep(prefix, NULL);
	return result;
}

int matr_epoch_follow(const char *prefix, const char *program, struct matr_error *err)
{
	char canonical[PATH_MAX], path[PATH_MAX], image[PATH_MAX];

	if (!realpath(prefix, canonical) || !realpath(program, path))
		return 0;
	if (path_join(canonical, MATR_IMAGE_FILE, image, err) != 0)
		return -1;
	int lock = prefix_lock(canonical, true, err);
	if (lock < 0)
		return -1;
	int result = access(image, F_OK) == 0 ? follow_locked(canonical, image, path, err) : 0;
	close(lock);
	return result;
}
