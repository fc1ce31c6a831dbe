/* rebase.c - other addresses for the libraries of an epoch that is in force. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <matr/epoch.h>
#include <matr/prefix.h>

#include "base/path.h"
#include "base/prefix.h"
#include "epoch/images.h"
#include "image/rebase.h"

/* Test whether the image was written before the machine was started. */
static bool is_of_earlier_boot(const struct stat *image)
{
	struct timespec now, up;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return image->st_ctim.tv_sec < now.tv_sec - up.tv_sec;
}

/* The image as it was keeps its name while processes map it. */
static int rebase_locked(const char *prefix, const char *image, struct matr_error *err)
{
	char next[PATH_MAX];

	if (path_join(prefix, PREFIX_NEXT_IMAGE, next, err) != 0 ||
	    image_rebase(image, next, err) != 0 ||
	    images_put_in_force(prefix, next, matr_epoch_of_image(prefix), err) != 0)
		return -1;
	images_sweep(prefix, NULL);
	return 1;
}

int matr_epoch_rebase(const char *prefix, bool once_per_boot, struct matr_error *err)
{
	char canonical[PATH_MAX], image[PATH_MAX];
	struct stat status;

	if (!realpath(prefix, canonical))
		return errno == ENOENT ? 0 : matr_fail_errno(err, prefix, "no usable prefix");
	if (path_join(canonical, MATR_IMAGE_FILE, image, err) != 0)
		return -1;
	int lock = prefix_lock(canonical, true, err);
	if (lock < 0)
		return -1;
	int result = 0;
	if (stat(image, &status) == 0 && (!once_per_boot || is_of_earlier_boot(&status)))
		result = rebase_locked(canonical, image, err);
	close(lock);
	return result;
}
