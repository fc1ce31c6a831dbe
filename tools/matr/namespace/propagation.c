/* propagation.c - mounts that do not reach the namespaces we come from.
 *
 * mount(2) changes the propagation of mounts by the directory at which one is rooted. In a chroot
 * that was made of an ordinary directory no path leads to the mount that this directory is on:
 * mount(2) fails with EINVAL. setns(2) with the current namespace leads out to its root. A child
 * does that, so that we are never out there ourselves, whatever fails; propagation belongs to the
 * namespace, which it shares with us.
 */
#include "matr/namespace/propagation.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

static int set_here(unsigned long propagation)
{
	return mount(NULL, "/", NULL, MS_REC | propagation, NULL) == 0 ? 0 : errno;
}

static int set_at_namespace_root(unsigned long propagation)
{
	int fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNS) != 0)
		return errno;
	return set_here(propagation);
}

int propagation_set(unsigned long propagation, struct matr_error *err)
{
	int status, problem = set_here(propagation);

	if (problem == 0)
		return 0;
	if (problem != EINVAL) {
		errno = problem;
		return matr_fail_errno(err, "/", "mounts cannot be made private");
	}
	pid_t child = fork();
	if (child < 0)
		return matr_fail_errno(err, NULL, "no process can be made");
	if (child == 0)
		_exit(set_at_namespace_root(propagation)); /* errno values fit */
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return matr_fail_errno(err, NULL, "a process is lost");
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
	if (errno == 0)
		return 0;
	return matr_fail_errno(err, "/",
			       "the root directory is no mount point, and mounts cannot be made "
			       "private from the namespace's own root, by /proc/self/ns/mnt");
}
