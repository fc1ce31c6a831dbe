/* private_mounts.c - a mount namespace of its own, for root and for other users.
 *
 * Root needs a mount namespace only; other users need a user namespace around it. A process cannot
 * leave that again, and a program in one without maps sees itself as `nobody`. So a child tries it
 * first. With AppArmor (Ubuntu 24.04 and later) every user can make a user namespace, but not mount
 * in it, so the trial ends with a mount.
 */
#include "matr/namespace/private_mounts.h"

#include "matr/namespace/propagation.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

static int write_text(const char *path, const char *text, struct matr_error *err)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return matr_fail_errno(err, path, "cannot be opened");
	ssize_t length = (ssize_t)strlen(text);
	int result = write(fd, text, (size_t)length) == length
			     ? 0
			     : matr_fail_errno(err, path, "cannot be written");
	close(fd);
	return result;
}

int private_maps(unsigned uid, unsigned gid, unsigned uid_outside, unsigned gid_outside,
		 struct matr_error *err)
{
	char uids[64], gids[64];

	snprintf(uids, sizeof uids, "%u %u 1\n", uid, uid_outside);
	snprintf(gids, sizeof gids, "%u %u 1\n", gid, gid_outside);
	/* The kernel wants setgroups() given up before it takes a map of groups. */
	if (write_text("/proc/self/setgroups", "deny", err) != 0 ||
	    write_text("/proc/self/uid_map", uids, err) != 0)
		return -1;
	return write_text("/proc/self/gid_map", gids, err);
}

bool private_mounts_work(bool as_user)
{
	pid_t child = fork();
	if (child < 0)
		return false;
	if (child == 0) {
		unsigned uid = geteuid(), gid = getegid();
		bool works = unshare((as_user ? CLONE_NEWUSER : 0) | CLONE_NEWNS) == 0 &&
			     (!as_user || private_maps(uid, gid, uid, gid, NULL) == 0) &&
			     propagation_set(MS_SLAVE, NULL) == 0;
		_exit(works ? 0 : 1);
	}
	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

enum private_mounts private_mounts_enter(struct matr_error *err)
{
	if (unshare(CLONE_NEWNS) == 0)
		return PRIVATE_MOUNTS;
	bool denied = errno == EPERM;
	matr_fail_errno(err, NULL, "no mount namespace");
	return denied ? PRIVATE_MOUNTS_DENIED : PRIVATE_MOUNTS_FAILED;
}

enum private_mounts private_mounts_enter_as_user(struct matr_error *err)
{
	unsigned uid = geteuid(), gid = getegid();

	if (!private_mounts_work(true)) {
		matr_fail(err, MATR_ERROR_SYSTEM, NULL,
			  "no user namespace is to be had on this system");
		return PRIVATE_MOUNTS_DENIED;
	}
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
		matr_fail_errno(err, NULL, "no user namespace");
		return PRIVATE_MOUNTS_DENIED;
	}
	return private_maps(uid, gid, uid, gid, err) == 0 ? PRIVATE_MOUNTS : PRIVATE_MOUNTS_FAILED;
}
