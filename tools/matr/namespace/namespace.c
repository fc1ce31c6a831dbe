/* namespace.c - a private mount namespace in which ld-stable is the system's loader.
 *
 * Two bind mounts, in this order: the real loader over PREFIX/ld.so, so that ld-stable finds it at
 * the place it knows (same file as always, which debuggers and /proc/PID/maps show by inode); then
 * PREFIX/interpreter, an ld-stable, over the real loader's path.
 *
 * Who is not root is in a user namespace then (private_mounts.h). ld-stable cannot tell there whose
 * a file of another user is and will not trust it, so that this works with one's own prefix only.
 */
#include "matr/namespace/namespace.h"

#include "common/path.h"
#include "matr/namespace/private_mounts.h"
#include "matr/namespace/propagation.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/epoch.h>
#include <matr/image_format.h>
#include <matr/loader.h>
#include <matr/loader_format.h>
#include <matr/prefix.h>

struct places {
	char self[PATH_MAX];	 /* PREFIX/ld-stable, the interpreter file by its other name */
	char stable[PATH_MAX];	 /* PREFIX/interpreter */
	char kept[PATH_MAX];	 /* PREFIX/ld.so */
	char standard[PATH_MAX]; /* where the kernel looks for the loader, canonical */
	char real[PATH_MAX];	 /* the real loader */
};

/* Test whether two files have the same contents. Returns false if one of them cannot be read. */
static bool same_contents(const char *path, const char *other)
{
	enum { PIECE = 65536 };
	struct stat a, b;
	bool same = stat(path, &a) == 0 && stat(other, &b) == 0 && S_ISREG(a.st_mode) &&
		    a.st_size == b.st_size;
	FILE *files[2] = {fopen(path, "re"), fopen(other, "re")};
	char *bytes = malloc(2 * (size_t)PIECE);
	size_t n = PIECE;

	same = same && files[0] && files[1] && bytes;
	while (same && n == PIECE) {
		n = fread(bytes, 1, PIECE, files[0]);
		same = fread(bytes + PIECE, 1, PIECE, files[1]) == n &&
		       memcmp(bytes, bytes + PIECE, n) == 0;
	}
	for (int i = 0; i < 2; i++) {
		if (files[i])
			fclose(files[i]);
	}
	free(bytes);
	return same;
}

/* Only the glibc loader is replaced, by its usual name or a copy under another. A program with
 * another loader (musl's, for example) keeps it, and the usual one is replaced for its children. */
static const char *loader_path(const char *interpreter, const char *kept)
{
	bool glibc = strchr(interpreter, '/') &&
		     (strncmp(path_name(interpreter), "ld-linux-x86-64.so", 18) == 0 ||
		      same_contents(interpreter, kept));
	return glibc ? interpreter : MATR_SYSTEM_LOADER;
}

static int find_places(const char *prefix, const char *interpreter, struct places *places,
		       struct matr_error *err)
{
	char canonical[PATH_MAX];
	const char *loader;

	if (!realpath(prefix, canonical))
		return matr_fail(err, MATR_ERROR_STATE, prefix, "no epoch is in force");
	if (path_join(canonical, MATR_INTERPRETER_FILE, places->stable, err) != 0 ||
	    path_join(canonical, MATR_LD_STABLE_FILE, places->self, err) != 0 ||
	    path_join(canonical, MATR_REAL_LOADER_FILE, places->kept, err) != 0)
		return -1;
	if (access(places->stable, X_OK) != 0)
		return matr_fail_errno(err, places->stable, "cannot be used");
	if (access(places->self, R_OK) != 0)
		return matr_fail_errno(err, places->self, "cannot be used");
	if (access(places->kept, R_OK) != 0)
		return matr_fail_errno(err, places->kept, "cannot be used");
	if (matr_prefix_trusted(canonical, err) != 0)
		return -1;
	loader = loader_path(interpreter, places->kept);
	if (!realpath(loader, places->standard))
		return matr_fail_errno(err, loader, "cannot be found");
	return 0;
}

/* 1: PREFIX/interpreter is the loader already; 0: not, and places->real is set. */
static int find_real_loader(struct places *places, struct matr_error *err)
{
	struct stat stable, standard;
	struct matr_loader_config config;

	if (stat(places->stable, &stable) != 0)
		return matr_fail_errno(err, places->stable, "cannot be used");
	if (stat(places->standard, &standard) != 0)
		return matr_fail_errno(err, places->standard, "cannot be used");
	if (stable.st_dev == standard.st_dev && stable.st_ino == standard.st_ino)
		return 1;
	/* In the namespace of another prefix's `matr run`, its ld-stable has the path of the real
	 * one. */
	int other = matr_loader_identify(places->standard, &config, err);
	if (other < 0)
		return -1;
	if (snprintf(places->real, PATH_MAX, "%s", other ? config.loader : places->standard) >=
	    PATH_MAX)
		return matr_fail(err, MATR_ERROR_USAGE, places->standard, "path is too long");
	return 0;
}

/* file: the image, or what is used without one. */
static enum placement new_namespace(const char *file, struct matr_error *err)
{
	enum private_mounts mounts = private_mounts_enter(err);
	struct stat status;

	if (mounts == PRIVATE_MOUNTS_DENIED) {
		if (stat(file, &status) != 0) {
			matr_fail_errno(err, file, "cannot be used");
			return NOT_PLACED;
		}
		if (status.st_uid != geteuid()) {
			matr_fail(err, MATR_ERROR_UNTRUSTED, file,
				  "belongs to another user, whom a user namespace would not show");
			return NOT_PLACED;
		}
		mounts = private_mounts_enter_as_user(err);
		if (mounts == PRIVATE_MOUNTS_FAILED)
			return NOT_PLACED;
	}
	return mounts == PRIVATE_MOUNTS ? PLACED : NO_NAMESPACE;
}

static int bind_over(const char *source, const char *target, struct matr_error *err)
{
	if (mount(source, target, NULL, MS_BIND, NULL) != 0)
		return matr_fail_errno(err, target, "cannot mount %s over it", source);
	return 0;
}

static enum placement enter(const char *prefix, const char *interpreter, const char *image,
			    struct matr_error *err)
{
	struct places places;

	if (find_places(prefix, interpreter, &places, err) != 0)
		return NOT_PLACED;
	int already = find_real_loader(&places, err);
	if (already != 0)
		return already > 0 ? PLACED : NOT_PLACED;
	enum placement placement = new_namespace(image ? image : places.stable, err);
	if (placement != PLACED)
		return placement;
	/* Mounts made elsewhere still arrive here; ours stay here. A container may let root have
	 * the namespace and no mounts. */
	if (propagation_set(MS_SLAVE, err) != 0)
		return NO_NAMESPACE;
	if (bind_over(places.real, places.kept, err) != 0 ||
	    bind_over(places.stable, places.standard, err) != 0)
		return NOT_PLACED;
	return PLACED;
}

enum placement namespace_enter_plain(const char *interpreter, struct matr_error *err)
{
	struct matr_loader_config config;
	char standard[PATH_MAX];

	if (!realpath(interpreter, standard)) {
		matr_fail_errno(err, interpreter, "cannot be found");
		return NOT_PLACED;
	}
	int stable = matr_loader_identify(standard, &config, err);
	if (stable < 0)
		return NOT_PLACED;
	enum private_mounts mounts = private_mounts_enter(err);
	if (mounts == PRIVATE_MOUNTS_DENIED)
		mounts = private_mounts_enter_as_user(err);
	if (!stable) /* the namespace would only be for likeness to the other one */
		return mounts == PRIVATE_MOUNTS_FAILED ? NOT_PLACED : PLACED;
	if (mounts != PRIVATE_MOUNTS || propagation_set(MS_SLAVE, err) != 0)
		return NOT_PLACED;
	return bind_over(config.loader, standard, err) == 0 ? PLACED : NOT_PLACED;
}

enum placement namespace_enter(const char *prefix, const char *interpreter, struct matr_error *err)
{
	char image[PATH_MAX];

	if (path_join(prefix, MATR_IMAGE_FILE, image, err) != 0)
		return NOT_PLACED;
	if (access(image, F_OK) != 0) {
		matr_fail(err, MATR_ERROR_STATE, prefix, "no epoch is in force");
		return NOT_PLACED;
	}
	return enter(prefix, interpreter, image, err);
}

enum placement namespace_enter_without_image(const char *directory, const char *interpreter,
					     struct matr_error *err)
{
	return enter(directory, interpreter, NULL, err);
}
