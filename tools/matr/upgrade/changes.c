/* changes.c - the changes that `matr check-upgrade` is to assume. Errors are found before
 * anything is done. */
#include "matr/upgrade/changes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/array.h"

static int absolute(const char *path, char out[PATH_MAX], struct matr_error *err)
{
	char directory[PATH_MAX];
	if (path[0] != '/' && !getcwd(directory, sizeof directory))
		return matr_fail_errno(err, NULL, "no working directory");
	if (snprintf(out, PATH_MAX, "%s%s%s", path[0] == '/' ? "" : directory,
		     path[0] == '/' ? "" : "/", path) >= PATH_MAX)
		return matr_fail(err, MATR_ERROR_USAGE, path, "path is too long");
	return 0;
}

static int parse_source(const char *text, struct upgrade_change *change, struct stat *status,
			struct matr_error *err)
{
	if (!realpath(text, change->source) || stat(change->source, status) != 0 ||
	    access(change->source, S_ISDIR(status->st_mode) ? R_OK | X_OK : R_OK) != 0)
		return matr_fail_errno(err, text, "cannot be read");
	if (!S_ISDIR(status->st_mode) && !S_ISREG(status->st_mode))
		return matr_fail(err, MATR_ERROR_USAGE, text, "is neither a file nor a directory");
	return 0;
}

static int parse_pair(const char *text, struct upgrade_change *change, struct matr_error *err)
{
	const char *equals = strchr(text, '=');
	char left[PATH_MAX];
	struct stat old, new;

	if (!equals || equals == text || !equals[1])
		return matr_fail(err, MATR_ERROR_USAGE, text, "is not OLD=NEW");
	if (snprintf(left, sizeof left, "%.*s", (int)(equals - text), text) >= (int)sizeof left)
		return matr_fail(err, MATR_ERROR_USAGE, text, "path is too long");
	if (absolute(left, change->target, err) != 0 ||
	    parse_source(equals + 1, change, &new, err) != 0)
		return -1;
	if (change->kind == UPGRADE_ADD) {
		if (lstat(change->target, &old) == 0)
			return matr_fail(err, MATR_ERROR_USAGE, change->target,
					 "is there already: --replace, please");
		return errno == ENOENT ? 0
				       : matr_fail_errno(err, change->target, "cannot be added");
	}
	if (stat(change->target, &old) != 0)
		return matr_fail_errno(err, change->target, "cannot be replaced");
	if (S_ISDIR(old.st_mode) != S_ISDIR(new.st_mode))
		return matr_fail(err, MATR_ERROR_USAGE, text, "a directory and a file");
	return 0;
}

static int parse_removal(const char *text, struct upgrade_change *change, struct matr_error *err)
{
	struct stat status;

	if (absolute(text, change->target, err) != 0)
		return -1;
	if (lstat(change->target, &status) != 0)
		return matr_fail_errno(err, change->target, "cannot be removed");
	if (S_ISDIR(status.st_mode))
		return matr_fail(err, MATR_ERROR_USAGE, change->target,
				 "is a directory: --replace it by an empty one");
	return 0;
}

static bool is_package(const char *text)
{
	size_t length = strlen(text);
	return length > 4 && strcmp(text + length - 4, ".deb") == 0 && !strchr(text, '=');
}

static bool is_same(const char *a, const char *b)
{
	struct stat one, two;
	return stat(a, &one) == 0 && stat(b, &two) == 0 && one.st_dev == two.st_dev &&
	       one.st_ino == two.st_ino;
}

/* One file has one place, and one place one file. */
static int check_against(const struct upgrade_change *change, const struct upgrade_change *other,
			 struct matr_error *err)
{
	bool places = *change->target && *other->target;

	/* A file in two places would be one library, as two links to it are. */
	if (*change->source && strcmp(change->source, other->source) == 0)
		return matr_fail(err, MATR_ERROR_USAGE, change->source,
				 *change->target ? "takes two places; each wants a copy of its own"
						 : "is there twice");
	if (places && (strcmp(change->target, other->target) == 0 ||
		       (change->kind == UPGRADE_REPLACE && other->kind == UPGRADE_REPLACE &&
			is_same(change->target, other->target))))
		return matr_fail(err, MATR_ERROR_USAGE, change->target, "is to be changed twice");
	return 0;
}

int upgrade_changes_add(struct upgrade_changes *changes, enum upgrade_change_kind kind,
			const char *text, struct matr_error *err)
{
	struct stat status;
	int result;

	if (array_grow(&changes->list, changes->n, sizeof *changes->list, err) != 0)
		return -1;
	struct upgrade_change *change = &changes->list[changes->n];
	*change = (struct upgrade_change){.kind = kind};
	if (kind == UPGRADE_REPLACE && is_package(text)) {
		change->kind = UPGRADE_PACKAGE;
		result = parse_source(text, change, &status, err);
		if (result == 0 && S_ISDIR(status.st_mode))
			result = matr_fail(err, MATR_ERROR_USAGE, text, "is a directory");
	} else if (kind == UPGRADE_REMOVE) {
		result = parse_removal(text, change, err);
	} else {
		result = parse_pair(text, change, err);
	}
	for (size_t i = 0; i < changes->n && result == 0; i++)
		result = check_against(change, &changes->list[i], err);
	changes->n += result == 0;
	return result;
}

void upgrade_changes_free(struct upgrade_changes *changes)
{
	free(changes->list);
	*changes = (struct upgrade_changes){.n = 0};
}
