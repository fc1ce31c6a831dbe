/* touched.c - the names that a change of files touches. */
#include "matr/upgrade/touched.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <matr/diversions.h>
#include <matr/object.h>
#include <matr/store.h>

#include "common/path.h"

static int add_name(struct upgrade_touched *touched, const char *path, struct matr_error *err)
{
	/* ld.so.conf, ld.so.conf.d, ld.so.preload */
	if (strncmp(path, "/etc/ld.so.", 11) == 0)
		touched->everything = true;
	return lines_add(&touched->names, path_name(path), err);
}

/* dpkg's package that a file belongs to. */
struct owner {
	const struct matr_diversions *diversions;
	const char *package;
};

/* Get the path at which the owner's file is, or will be. owner: NULL if there is none. */
static const char *place_of(const struct owner *owner, const char *path)
{
	return owner ? matr_diverted(owner->diversions, path, owner->package) : path;
}

static bool is_directory(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool is_link(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
}

/* ldconfig enters a library under its soname, too. */
static int add_soname(struct upgrade_touched *touched, const char *file, struct matr_error *err)
{
	struct matr_object *object;
	struct matr_error own = {0};

	if (matr_object_open(file, &object, &own) != 0)
		return own.code == MATR_ERROR_RESOURCES ? matr_error_copy(err, &own) : 0;
	int result = object->soname ? add_name(touched, object->soname, err) : 0;
	matr_object_free(object);
	return result;
}

/* A file that comes, under the name that it will have. */
static int add_new(struct upgrade_touched *touched, const char *file, const char *target,
		   struct matr_error *err)
{
	if (add_name(touched, target, err) != 0)
		return -1;
	return strstr(path_name(target), ".so") ? add_soname(touched, file, err) : 0;
}

/* All that comes with the tree `source`, which will be at `target`, except what is diverted. */
static int add_tree(struct upgrade_touched *touched, const char *source, const char *target,
		    const struct owner *owner, struct matr_error *err)
{
	char *roots[] = {(char *)(uintptr_t)source, NULL}, path[PATH_MAX];
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry = NULL;
	int result = walk ? 0 : matr_fail_errno(err, source, "cannot be read");

	while (result == 0 && (errno = 0, entry = fts_read(walk))) {
		const char *below = entry->fts_path + strlen(source);
		if (snprintf(path, sizeof path, "%s%s", target, below) >= (int)sizeof path) {
			result = matr_fail(err, MATR_ERROR_USAGE, entry->fts_path,
					   "path is too long");
			continue;
		}
		const char *place = place_of(owner, path);
		switch (entry->fts_info) {
		case FTS_F:
			result = add_new(touched, entry->fts_path, place, err);
			break;
		case FTS_SL:
		case FTS_SLNONE:
			/* A link that is there already stays as it is, or leads to what changes. */
			touched->everything |= !is_link(place) && (is_directory(entry->fts_path) ||
								   is_directory(place));
			result = add_name(touched, place, err);
			break;
		default:
			break;
		}
	}
	if (result == 0 && errno)
		result = matr_fail_errno(err, source, "cannot be read");
	if (walk)
		fts_close(walk);
	return result;
}

/* Add the name at the path, and that of the file it leads to. */
static int add_old(struct upgrade_touched *touched, const char *path, struct matr_error *err)
{
	char canonical[PATH_MAX];

	if (add_name(touched, path, err) != 0)
		return -1;
	return realpath(path, canonical) ? add_name(touched, canonical, err) : 0;
}

/* Add the files of the installed package, any of which may go. */
static int add_installed(struct upgrade_touched *touched, const struct owner *owner,
			 struct matr_error *err)
{
	struct lines files = {.n = 0};

	int result = lines_add_package(&files, owner->package, "list", err);
	for (size_t i = 0; i < files.n && result == 0; i++) {
		const char *place = place_of(owner, files.list[i]);
		touched->everything |= is_link(place) && is_directory(place);
		result = add_name(touched, place, err);
	}
	lines_free(&files);
	return result;
}

static int add_replacement(struct upgrade_touched *touched, const struct upgrade_change *change,
			   struct matr_error *err)
{
	char canonical[PATH_MAX];

	if (!is_directory(change->target)) {
		if (add_old(touched, change->target, err) != 0)
			return -1;
		return add_soname(touched, change->source, err);
	}
	if (!realpath(change->target, canonical))
		return matr_fail_errno(err, change->target, "cannot be resolved");
	if (lines_add(&touched->directories, canonical, err) != 0 ||
	    lines_add(&touched->directories, change->target, err) != 0)
		return -1;
	/* The files of the old tree are below these; links out of it lead elsewhere. */
	return add_tree(touched, change->source, change->target, NULL, err) != 0 ||
			       add_tree(touched, canonical, canonical, NULL, err) != 0
		       ? -1
		       : 0;
}

static int add_change(struct upgrade_touched *touched, const struct upgrade_change *change,
		      const struct matr_diversions *diversions, struct matr_error *err)
{
	const struct owner owner = {diversions, change->package};

	switch (change->kind) {
	case UPGRADE_REPLACE:
		return add_replacement(touched, change, err);
	case UPGRADE_PACKAGE:
		return add_tree(touched, change->source, "", &owner, err) != 0
			       ? -1
			       : add_installed(touched, &owner, err);
	case UPGRADE_ADD:
		return add_tree(touched, change->source, change->target, NULL, err);
	case UPGRADE_REMOVE:
		touched->everything |= is_link(change->target) && is_directory(change->target);
		return add_old(touched, change->target, err);
	}
	return 0;
}

static int compare_names(const void *left, const void *right)
{
	const char *const *a = left, *const *b = right;
	return strcmp(*a, *b);
}

static void sort_names(struct upgrade_touched *touched)
{
	struct lines *names = &touched->names;

	if (names->n)
		qsort(names->list, names->n, sizeof *names->list, compare_names);
}

int upgrade_touched_find(const struct upgrade_changes *changes,
			 const struct matr_diversions *diversions, struct upgrade_touched *out,
			 struct matr_error *err)
{
	int result = 0;

	*out = (struct upgrade_touched){.everything = false};
	for (size_t i = 0; i < changes->n && result == 0; i++)
		result = add_change(out, &changes->list[i], diversions, err);
	sort_names(out);
	return result;
}

static bool is_as_recorded(const struct matr_store_file *file)
{
	struct stat now;

	return stat(file->path, &now) == 0 && (uint64_t)now.st_ino == file->id.inode &&
	       (uint64_t)now.st_size == file->id.size &&
	       (int64_t)now.st_mtim.tv_sec * 1000000000 + now.st_mtim.tv_nsec == file->id.mtime;
}

int upgrade_touched_since(struct matr_store *store, int64_t epoch, struct upgrade_touched *touched,
			  struct matr_error *err)
{
	struct matr_store_file *files;
	size_t n;

	int result = matr_store_files(store, epoch, &files, &n, err);
	if (result != 0)
		return -1;
	for (size_t i = 0; i < n && result == 0; i++)
		if (!is_as_recorded(&files[i]))
			result = add_name(touched, files[i].path, err);
	matr_store_files_free(files, n);
	sort_names(touched);
	return result;
}

static bool has_name(const struct upgrade_touched *touched, const char *path)
{
	const struct lines *names = &touched->names;
	const char *name = path ? path_name(path) : NULL;

	return name && names->n &&
	       bsearch(&name, names->list, names->n, sizeof *names->list, compare_names);
}

static bool is_below(const struct upgrade_touched *touched, const char *path)
{
	for (size_t i = 0; i < touched->directories.n; i++) {
		const char *directory = touched->directories.list[i];
		size_t length = strlen(directory);
		if (strncmp(path, directory, length) == 0 && path[length] == '/')
			return true;
	}
	return false;
}

bool upgrade_touches(const char *path, const char *found_as, const char *soname, void *context)
{
	const struct upgrade_touched *touched = context;

	return touched->everything || has_name(touched, path) || has_name(touched, found_as) ||
	       has_name(touched, soname) || is_below(touched, path) || is_below(touched, found_as);
}

void upgrade_touched_free(struct upgrade_touched *touched)
{
	lines_free(&touched->names);
	lines_free(&touched->directories);
	*touched = (struct upgrade_touched){.everything = false};
}
