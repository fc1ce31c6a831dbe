/* root.c - working on the file tree of another system.
 *
 * Everything that decides a binding is a path: of libraries, of ld.so.cache, in symbolic links, in
 * run paths. With the tree as root each of them means what it will mean in the running image, and
 * nothing outside can be meant by mistake.
 */
#include "matr/namespace/root.h"

#include "matr/namespace/private_mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <matr/loader.h>

static const char copy_name[] = "/.matr-ld-stable";

/* The tree may be hostile as long as we are not in it: nothing of it is followed, only its top
 * directory written to. */
static int copy_file(const char *from, int directory, const char *to, struct matr_error *err)
{
	char buffer[65536];
	ssize_t size = -1;
	int source = open(from, O_RDONLY | O_CLOEXEC);

	if (source < 0)
		return matr_fail_errno(err, from, "cannot be read");
	unlinkat(directory, to, 0);
	int target =
		openat(directory, to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0700);
	int result = target < 0 ? matr_fail_errno(err, to, "cannot be made in the tree") : 0;
	while (!result && (size = read(source, buffer, sizeof buffer)) > 0) {
		if (write(target, buffer, (size_t)size) != size)
			result = matr_fail_errno(err, to, "cannot be written in the tree");
	}
	if (!result && size < 0)
		result = matr_fail_errno(err, from, "cannot be read");
	close(source);
	if (target >= 0)
		close(target);
	if (result && target >= 0)
		unlinkat(directory, to, 0);
	return result;
}

static int become_root(struct matr_error *err)
{
	unsigned uid = geteuid(), gid = getegid();

	if (unshare(CLONE_NEWUSER) != 0)
		return matr_fail_errno(err, NULL,
				       "only root can enter a tree, and a user namespace is not "
				       "to be had");
	return private_maps(0, 0, uid, gid, err);
}

int root_enter(const char *directory, const char *ld_stable, char copy[PATH_MAX],
	       struct matr_error *err)
{
	if (geteuid() != 0 && become_root(err) != 0)
		return -1;
	int top = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return matr_fail_errno(err, directory, "no usable tree");
	if (ld_stable)
		matr_loader_prepare();
	int result = ld_stable ? copy_file(ld_stable, top, copy_name + 1, err) : 0;
	if (!result && (fchdir(top) != 0 || chroot(".") != 0 || chdir("/") != 0)) {
		result = matr_fail_errno(err, directory, "cannot be made the root");
		if (ld_stable)
			unlinkat(top, copy_name + 1, 0);
	}
	close(top);
	if (ld_stable)
		snprintf(copy, PATH_MAX, "%s", copy_name);
	return result;
}

int root_of(const char *directory, struct matr_error *err)
{
	return directory ? root_enter(directory, NULL, NULL, err) : 0;
}
