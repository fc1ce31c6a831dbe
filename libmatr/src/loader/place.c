/* place.c - looking at the loader path, and for the real dynamic linker. Changes nothing. */
#include "loader/place.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"

/* `matr run` stamps its prefix's own copy of ld.so for the real one. */
static bool is_of_run(const struct matr_loader_config *config)
{
	size_t length = strlen(config->prefix);
	return length && strncmp(config->loader, config->prefix, length) == 0 &&
	       config->loader[length] == '/';
}

static bool is_shared_object(const char *path)
{
	Elf64_Ehdr header;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	bool is = read(fd, &header, sizeof header) == sizeof header &&
		  memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_type == ET_DYN;
	close(fd);
	return is;
}

static int split(const char *path, struct loader_place *place, struct matr_error *err)
{
	char directory[PATH_MAX];

	if (path[0] != '/' || !*path_name(path) || strlen(path) >= PATH_MAX)
		return matr_fail(err, MATR_ERROR_USAGE, path, "is not an absolute path of a file");
	snprintf(place->given, sizeof place->given, "%s", path);
	snprintf(directory, sizeof directory, "%.*s", (int)path_directory(path), path);
	if (!realpath(directory, place->directory))
		return matr_fail_errno(err, directory, "cannot be resolved");
	if (path_join(place->directory, path_name(path), place->path, err) != 0 ||
	    path_join(place->directory, MATR_LOADER_FILE, place->interpreter, err) != 0 ||
	    path_join(place->directory, MATR_LOADER_ORIGINAL, place->original, err) != 0)
		return -1;
	return 0;
}

int loader_place_look(const char *path, struct loader_place *place, struct matr_error *err)
{
	struct stat status;
	char target[sizeof MATR_LOADER_FILE + 1];
	struct matr_loader_config config;

	memset(place, 0, sizeof *place);
	if (split(path ? path : MATR_SYSTEM_LOADER, place, err) != 0)
		return -1;
	if (lstat(place->path, &status) == 0) {
		place->exists = true;
		place->is_link = S_ISLNK(status.st_mode);
	} else if (errno != ENOENT) {
		return matr_fail_errno(err, place->path, "cannot be looked at");
	}
	place->has_interpreter = lstat(place->interpreter, &status) == 0;
	if (lstat(place->original, &status) == 0) {
		place->has_original = true;
		place->original_is_link = S_ISLNK(status.st_mode);
	}
	if (place->is_link) {
		ssize_t n = readlink(place->path, target, sizeof target);
		place->ours = n == (ssize_t)sizeof MATR_LOADER_FILE - 1 &&
			      memcmp(target, MATR_LOADER_FILE, (size_t)n) == 0;
	}
	place->works = place->exists && is_shared_object(place->path);
	if (place->has_interpreter && matr_loader_identify(place->interpreter, &config, NULL) == 1)
		place->config = config;
	if (place->works && matr_loader_identify(place->path, &config, NULL) == 1) {
		place->in_run = is_of_run(&config);
		place->ours = !place->in_run;
		place->config = config;
	} else if (place->ours) {
		place->works = false; /* matr-ld.so is not an ld-stable */
	}
	return 0;
}

/* A file that can be the real dynamic linker. */
static int check_real(const char *path, char real[PATH_MAX], struct matr_error *err)
{
	if (!realpath(path, real))
		return matr_fail_errno(err, path, "the real dynamic linker cannot be found");
	if (!is_shared_object(real))
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, real, "is not a dynamic linker");
	int ours = matr_loader_identify(real, NULL, err);
	if (ours > 0)
		return matr_fail(err, MATR_ERROR_STATE, real,
				 "is an ld-stable, not the real dynamic linker");
	return ours;
}

int loader_place_real(const struct loader_place *place, char real[PATH_MAX], struct matr_error *err)
{
	if (!place->ours)
		return check_real(place->path, real, err);
	if (place->has_original && check_real(place->original, real, NULL) == 0)
		return 0;
	if (place->config.loader[0])
		return check_real(place->config.loader, real, err);
	return check_real(place->original, real, err);
}

int loader_real(const char *interpreter, char real[PATH_MAX], struct matr_error *err)
{
	struct matr_loader_config config;
	struct stat status;

	if (!realpath(interpreter, real))
		return matr_fail(err, MATR_ERROR_NOT_FOUND, interpreter, "%s", strerror(errno));
	if (stat(real, &status) != 0 || !S_ISREG(status.st_mode))
		return matr_fail(err, MATR_ERROR_NOT_FOUND, interpreter, "not a regular file");
	int ours = matr_loader_identify(real, &config, err);
	if (ours <= 0)
		return ours;
	if (is_of_run(&config))
		return matr_fail(err, MATR_ERROR_STATE, interpreter,
				 "is ld-stable here; begin epochs outside `matr run`");
	return check_real(config.loader, real, err);
}
