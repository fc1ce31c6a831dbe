/* loader_install.c - making a prefix ready for the loader (matr/image.h, matr_loader_install).
 *
 * ld-stable takes no paths from its environment: its copy in the prefix has them stamped in. The place is found
 * by its magic number, so that no section headers are needed and a stripped ld-stable works as well.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <matr/image.h>
#include <matr/image_format.h>

#include "write_file.h"

enum { MAX_LOADER = 64 << 20 }; /* bytes; ld-stable and ld.so have well under one megabyte */

static struct matr_loader_config *find_config(void *data, size_t size)
{
	const uint64_t magic = MATR_CONFIG_MAGIC;
	struct matr_loader_config *found = NULL;

	for (size_t at = 0; at + sizeof *found <= size; at += 8) {
		if (memcmp((char *)data + at, &magic, sizeof magic) != 0)
			continue;
		if (found)
			return NULL; /* twice: which is it? */
		found = (void *)((char *)data + at);
	}
	return found;
}

static int set_path(char target[MATR_CONFIG_PATH], const char *prefix, const char *name,
		    struct matr_error *err)
{
	memset(target, 0, MATR_CONFIG_PATH);
	if (snprintf(target, MATR_CONFIG_PATH, "%s%s", prefix, name) >= MATR_CONFIG_PATH)
		return matr_fail(err, MATR_ERROR_USAGE, prefix, "is too long a path for a prefix");
	return 0;
}

/* Leave the file alone where it is as wanted: others may have it bound over their loader. */
static int replace_if_different(const char *path, const void *data, size_t size,
				struct matr_error *err)
{
	struct matr_error ignored;
	struct stat status;
	void *old;
	size_t old_size;

	if (stat(path, &status) == 0 && (status.st_mode & 07777) == 0755 &&
	    read_file(path, MAX_LOADER, &old, &old_size, &ignored) == 0) {
		bool same = old_size == size && !memcmp(old, data, size);
		free(old);
		if (same)
			return 0;
	}
	return write_file(path, data, size, 0755, err);
}

int matr_loader_install(const char *prefix, const char *source, const char *interpreter,
			struct matr_error *err)
{
	char canonical[PATH_MAX];
	void *data;
	size_t size;

	if (!realpath(prefix, canonical))
		return matr_fail_errno(err, prefix, "cannot be resolved");
	if (strchr(canonical, '$'))
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, canonical,
				 "contains '$', which ld.so would expand");
	if (read_file(source, MAX_LOADER, &data, &size, err) < 0)
		return -1;
	int result = 0;
	struct matr_loader_config *config = find_config(data, size);
	if (!config || config->format != MATR_IMAGE_FORMAT)
		result = matr_fail(err, MATR_ERROR_MALFORMED, source,
				   config ? "is an ld-stable of another version"
					  : "is not an ld-stable");
	if (!result && (set_path(config->prefix, canonical, "", err) < 0 ||
			set_path(config->self, canonical, "/ld-stable", err) < 0 ||
			set_path(config->loader, canonical, "/ld.so", err) < 0 ||
			set_path(config->image, canonical, "/epoch.image", err) < 0))
		result = -1;
	char path[PATH_MAX];
	if (!result) {
		snprintf(path, sizeof path, "%.*s/ld-stable", MATR_CONFIG_PATH, canonical);
		result = replace_if_different(path, data, size, err);
	}
	free(data);
	if (result)
		return -1;

	if (read_file(interpreter, MAX_LOADER, &data, &size, err) < 0)
		return -1;
	/* Where ld-stable stands in the place of ld.so, the real one is kept already. */
	if (find_config(data, size)) {
		free(data);
		return 0;
	}
	snprintf(path, sizeof path, "%.*s/ld.so", MATR_CONFIG_PATH, canonical);
	result = replace_if_different(path, data, size, err);
	free(data);
	return result;
}
