/* current.c - which epoch is in force, and which was before it. */
#include <matr/epoch.h>
#include <matr/image_format.h>
#include <matr/prefix.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/path.h"

int64_t matr_epoch_of_image(const char *prefix)
{
	char path[PATH_MAX];
	struct matr_image_header header;

	if (path_join(prefix, MATR_IMAGE_FILE, path, NULL) != 0)
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO, too */
	if (fd < 0)
		return 0;
	bool whole = read(fd, &header, sizeof header) == sizeof header;
	close(fd);
	return whole && header.magic == MATR_IMAGE_MAGIC && header.format == MATR_IMAGE_FORMAT
		       ? (int64_t)header.epoch
		       : 0;
}

int64_t matr_epoch_of_image_with(const char *prefix, const struct matr_store *store)
{
	const struct matr_store_copy *copy = matr_store_copied(store);

	return copy ? copy->image : matr_epoch_of_image(prefix);
}

int matr_epoch_current(const char *prefix, struct matr_store *store, struct matr_store_epoch *out,
		       struct matr_error *err)
{
	int64_t id = matr_epoch_of_image_with(prefix, store);

	if (id && matr_store_epoch_of_image(store, id, out, NULL) == 0)
		return 0;
	return matr_store_epoch(store, 0, out, err);
}

int matr_epoch_previous(const char *prefix, struct matr_store *store, struct matr_store_epoch *out,
			struct matr_error *err)
{
	struct matr_store_epoch current;
	int64_t *ids, before = 0;
	size_t n;

	if (matr_epoch_current(prefix, store, &current, err) != 0 ||
	    matr_store_epochs(store, &ids, &n, err) != 0)
		return -1;
	for (size_t i = 0; i < n && ids[i] < current.id; i++)
		before = ids[i];
	free(ids);
	if (!before)
		return matr_fail(err, MATR_ERROR_NOT_FOUND, NULL,
				 "no record of an epoch before %lld", (long long)current.id);
	return matr_store_epoch(store, before, out, err);
}
