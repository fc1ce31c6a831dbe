/* stamp.c - making a prefix ready for the loader.
 *
 * ld-stable takes no paths from its environment: its copy in the prefix has them stamped in. The
 * place is found by its magic number, so that no section headers are needed and a stripped
 * ld-stable works as well.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <matr/image_format.h>
#include <matr/loader_format.h>

#include "base/file.h"
#include "base/file_id.h"
#include "base/path.h"
#include "loader/interpreter_file.h"
#include "loader/stamp.h"

enum { MAX_LOADER = 64 << 20 }; /* bytes; ld-stable and ld.so have well under one megabyte */

static struct matr_loader_config *find_config(void *data, size_t size)
{
	const uint64_t magic = MATR_CONFIG_MAGIC;
	struct matr_loader_config *found = NULL;

	for (size_t at = 0; at + sizeof *found <= size; at += 8) {
		if (memcmp((char *)data + at, &magic, sizeof magic) != 0)
			continue;
		if (found)
			return NULL; /* twice: ambiguous */
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
	    file_read(path, MAX_LOADER, &old, &old_size, &ignored) == 0) {
		bool same = old_size == size && !memcmp(old, data, size);
		free(old);
		if (same)
			return 0;
	}
	return file_write(path, data, size, 0755, err);
}

/* Stamp the prefix's paths into the bytes of an ld-stable. */
static int stamp(void *data, size_t size, const char *source, const char *prefix,
		 const char *loader, struct matr_error *err)
{
	struct matr_loader_config *config = find_config(data, size);

	if (!config || config->format != MATR_IMAGE_FORMAT)
		return matr_fail(err, MATR_ERROR_MALFORMED, source,
				 config ? "is an ld-stable of another version"
					: "is not an ld-stable");
	if (set_path(config->prefix, prefix, "", err) < 0 ||
	    set_path(config->self, prefix, "/ld-stable", err) < 0 ||
	    set_path(config->loader, loader ? loader : prefix, loader ? "" : "/ld.so", err) < 0)
		return -1;
	return set_path(config->image, prefix, "/epoch.image", err);
}

static int install(const char *prefix, const char *name, const void *data, size_t size,
		   struct matr_error *err)
{
	char path[PATH_MAX];

	if (path_join(prefix, name, path, err) != 0)
		return -1;
	return replace_if_different(path, data, size, err);
}

/* Give the prefix's copy of ld.so the original's time. The interpreter file compares it to see
 * that it embeds that very ld.so and need not map the copy. */
static int install_real(const char *prefix, const char *interpreter, const void *data, size_t size,
			struct matr_error *err)
{
	char path[PATH_MAX];
	struct stat original, copy;

	if (install(prefix, "ld.so", data, size, err) < 0 ||
	    path_join(prefix, "ld.so", path, err) < 0)
		return -1;
	if (stat(interpreter, &original) < 0)
		return matr_fail_errno(err, interpreter, "cannot be read");
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, original.st_mtim};
	if (stat(path, &copy) == 0 && copy.st_mtim.tv_sec == original.st_mtim.tv_sec &&
	    copy.st_mtim.tv_nsec == original.st_mtim.tv_nsec)
		return 0;
	if (utimensat(AT_FDCWD, path, times, 0) < 0)
		return matr_fail_errno(err, path, "its time cannot be set");
	return 0;
}

/* The file for ld.so's place, which remembers which ld.so it holds. */
static int make_interpreter(const char *source, const void *stable, size_t stable_size,
			    const char *interpreter, const void *real, size_t real_size, void **out,
			    size_t *out_size, struct matr_error *err)
{
	const struct interpreter_source ld_so = {interpreter, real, real_size};
	const struct interpreter_source ld_stable = {source, stable, stable_size};
	struct interpreter_file file;
	struct stat status;

	if (stat(interpreter, &status) < 0)
		return matr_fail_errno(err, interpreter, "cannot be read");
	if (interpreter_file_make(&ld_so, &ld_stable, INTERPRETER_TABLE_AUTO, &file, err) < 0)
		return -1;
	*out = file.bytes;
	*out_size = file.size;
	struct matr_loader_config *config = find_config(*out, *out_size);
	if (!config) /* cannot be: it was found in the original */
		return matr_fail(err, MATR_ERROR_MALFORMED, source, "is not an ld-stable");
	config->embedded = -(int64_t)file.base;
	config->loader_entry = file.entry;
	config->debug = file.debug;
	config->loader_hash = matr_image_checksum64(real, real_size, 0);
	memcpy(config->unserved, file.unserved, sizeof config->unserved);
	config->loader_size = (uint64_t)status.st_size;
	config->loader_mtime = timespec_ns(&status.st_mtim);
	return 0;
}

/* An ld-stable for the prefix, stamped. loader NULL: the prefix's own copy of ld.so. */
static int read_stable(const char *prefix, const char *source, const char *loader, void **out,
		       size_t *size, struct matr_error *err)
{
	if (strchr(prefix, '$'))
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, prefix,
				 "contains '$', which ld.so would expand");
	if (file_read(source, MAX_LOADER, out, size, err) < 0)
		return -1;
	if (stamp(*out, *size, source, prefix, loader, err) == 0)
		return 0;
	free(*out);
	*out = NULL;
	return -1;
}

static int read_real(const char *interpreter, void **out, size_t *size, struct matr_error *err)
{
	if (file_read(interpreter, MAX_LOADER, out, size, err) < 0)
		return -1;
	if (!find_config(*out, *size))
		return 0;
	free(*out);
	*out = NULL;
	return matr_fail(err, MATR_ERROR_STATE, interpreter,
			 "is an ld-stable, not the real dynamic linker");
}

int loader_make(const char *prefix, const char *source, const char *interpreter, const char *loader,
		void **out, size_t *out_size, struct matr_error *err)
{
	void *stable = NULL, *real = NULL;
	size_t stable_size, real_size;

	int result = read_stable(prefix, source, loader, &stable, &stable_size, err);
	if (!result)
		result = read_real(interpreter, &real, &real_size, err);
	if (!result)
		result = make_interpreter(source, stable, stable_size, interpreter, real, real_size,
					  out, out_size, err);
	free(stable);
	free(real);
	return result;
}

int loader_stamp(const char *prefix, const char *source, const char *interpreter,
		 struct matr_error *err)
{
	char canonical[PATH_MAX];
	void *stable = NULL, *real = NULL, *both = NULL;
	size_t stable_size, real_size, both_size;

	if (!realpath(prefix, canonical))
		return matr_fail_errno(err, prefix, "cannot be resolved");
	int result = read_stable(canonical, source, NULL, &stable, &stable_size, err);
	if (!result)
		result = read_real(interpreter, &real, &real_size, err);
	if (!result)
		result = make_interpreter(source, stable, stable_size, interpreter, real, real_size,
					  &both, &both_size, err);
	/* Write the file that others refer to first. It has two names: one for ld.so's place, one
	 * to be started by. */
	if (!result && (install_real(canonical, interpreter, real, real_size, err) < 0 ||
			install(canonical, "ld-stable", both, both_size, err) < 0 ||
			install(canonical, "interpreter", both, both_size, err) < 0))
		result = -1;
	free(stable);
	free(real);
	free(both);
	return result;
}
