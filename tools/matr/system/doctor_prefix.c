/* doctor_prefix.c - the kernel, the prefix, store and image. */
#include "matr/namespace/private_mounts.h"
#include "matr/system/doctor.h"

#include <errno.h>
#include <grp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <matr/epoch.h>
#include <matr/prefix.h>

/* ---- the kernel ---- */

void examine_kernel(struct examination *examination)
{
	struct utsname name;
	int major = 0, minor = 0;

	if (uname(&name) != 0)
		return;
	sscanf(name.release, "%d.%d", &major, &minor);
	bool old = major < 5 || (major == 5 && minor < 4);
	findings_add(&examination->findings, "kernel", old ? STATE_WARNING : STATE_OK,
		     old ? "MatR is tried with Linux 5.4 and later" : NULL, "Linux %s",
		     name.release);
	bool root = geteuid() == 0;
	bool works = private_mounts_work(!root);
	findings_add(&examination->findings, "kernel", works ? STATE_OK : STATE_NOTE,
		     works ? NULL
			   : "`matr run` and `matr verify` start programs as `ld-stable PROGRAM` "
			     "instead",
		     "%s namespaces %s", root ? "mount" : "user and mount",
		     works ? "are to be had" : "are refused here, or mounts in them");
}

/* ---- the prefix: whose it is, store, image, disk ---- */

/* Test whether ordinary users can read the file, without which their programs cannot use it. A
 * child process tries, as a user who owns nothing. */
static bool others_can_read(const char *path)
{
	enum { NOBODY = 65534 };
	pid_t child = fork();
	int status = -1;

	if (child == 0) {
		if (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
			_exit(0); /* not to be found out */
		_exit(access(path, R_OK) == 0 || errno == ENOENT ? 0 : 1);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return !WIFEXITED(status) || WEXITSTATUS(status) == 0;
}

static void examine_readers(struct examination *examination)
{
	static const char *const names[] = {"epoch.image", "ld-stable", "ld.so"};
	char path[PATH_MAX];

	if (geteuid() != 0)
		return;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (snprintf(path, sizeof path, "%s/%s", examination->prefix, names[i]) >=
			    (int)sizeof path ||
		    others_can_read(path))
			continue;
		findings_add(&examination->findings, "prefix", STATE_WARNING,
			     "directories need a+rx, the files in the prefix a+r: chmod",
			     "%s: only root can read it, programs of others start plainly", path);
		return;
	}
}

void examine_prefix(struct examination *examination)
{
	struct matr_error err = {0};
	struct statvfs space;
	struct stat status;
	const char *prefix = examination->prefix;

	if (stat(prefix, &status) != 0) {
		findings_add(&examination->findings, "prefix", STATE_NOTE,
			     "`matr epoch begin` makes it", "%s: %s", prefix, strerror(errno));
		return;
	}
	if (matr_prefix_trusted(prefix, &err) != 0) {
		snprintf(examination->untrusted, sizeof examination->untrusted, "%s", err.file);
		findings_add(&examination->findings, "prefix", STATE_ERROR,
			     "programs start plainly until it belongs to root and nobody else may "
			     "write: "
			     "chown, chmod go-w",
			     "%s: %s", err.file, err.message);
	} else {
		findings_add(&examination->findings, "prefix", STATE_OK, NULL,
			     "%s is yours or root's only", prefix);
	}
	examine_readers(examination);
	if (statvfs(prefix, &space) == 0 && space.f_bavail * space.f_frsize < UINT64_C(64) << 20)
		findings_add(&examination->findings, "prefix", STATE_WARNING,
			     "make room before the next epoch begins",
			     "%s: less than 64 MB are free", prefix);
}

void examine_epoch(struct examination *examination)
{
	struct matr_epoch_status status;
	struct matr_error err = {0};
	char by[256];

	if (matr_epoch_status(examination->prefix, &status, &err) != 0) {
		findings_add(&examination->findings, "epoch", STATE_ERROR,
			     "`matr epoch begin` makes a new store and image", "%s: %s", err.file,
			     err.message);
		matr_epoch_status_free(&status);
		return;
	}
	examination->in_force = status.in_force;
	if (status.in_force)
		findings_add(&examination->findings, "epoch", STATE_OK, NULL,
			     "epoch %lld is in force, %zu programs", (long long)status.epoch.id,
			     status.epoch.applications);
	else if (matr_epoch_suspended(examination->prefix, by, NULL) == 1)
		findings_add(&examination->findings, "epoch",
			     status.busy ? STATE_NOTE : STATE_WARNING,
			     "when no packages are being changed: `matr epoch resume`",
			     "the epoch was suspended by %s and has not begun again", by);
	else
		findings_add(&examination->findings, "epoch", STATE_NOTE,
			     "`matr epoch begin` begins one",
			     "none is in force: programs start the ordinary way");
	if (status.busy)
		findings_add(&examination->findings, "epoch", STATE_NOTE, NULL,
			     "one is being begun or ended");
	for (size_t i = 0; i < status.n_problems; i++) {
		/* Reported before, with the remedy. */
		if (strcmp(status.problems[i].file, examination->untrusted) == 0)
			continue;
		findings_add(&examination->findings, "epoch", STATE_ERROR,
			     "`matr epoch begin` puts it right", "%s: %s", status.problems[i].file,
			     status.problems[i].reason);
	}
	if (status.n_changed)
		findings_add(&examination->findings, "files", STATE_WARNING,
			     "programs that use them start plainly; `matr epoch begin` takes them "
			     "in, `matr "
			     "hooks install` does so by itself",
			     "%zu files have changed since the epoch began, the first is %s: %s",
			     status.n_changed, status.changed[0].file, status.changed[0].reason);
	else if (status.in_force)
		findings_add(&examination->findings, "files", STATE_OK, NULL,
			     "all %zu objects are what the epoch recorded", status.epoch.objects);
	if (status.n_declined)
		findings_add(&examination->findings, "epoch", STATE_NOTE,
			     "`matr epoch status` has the reasons",
			     "%zu programs were declined and start plainly", status.n_declined);
	matr_epoch_status_free(&status);
}
