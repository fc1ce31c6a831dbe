/* doctor_loader.c - the loader, and whether programs start. */
#include "common/program.h"
#include "matr/system/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <matr/enable.h>
#include <matr/resolve.h>

/* docs/support.md lists what was tried with which. */
void examine_glibc(struct examination *examination)
{
	static const unsigned tried[] = {36, 41, 43};
	enum { OLDEST = 36, NEWEST = 43 };
	struct matr_session *session;
	struct matr_error err = {0};
	bool known = false;

	if (matr_session_open(NULL, &session, &err) != 0) {
		findings_add(&examination->findings, "glibc", STATE_ERROR, NULL, "%s: %s", err.file,
			     err.message);
		return;
	}
	unsigned minor = matr_session_glibc(session);
	matr_session_close(session);
	for (size_t i = 0; i < sizeof tried / sizeof *tried; i++)
		known |= minor == tried[i];
	if (known)
		findings_add(&examination->findings, "glibc", STATE_OK, NULL,
			     "glibc 2.%u, with which MatR is tested", minor);
	else if (minor >= OLDEST && minor <= NEWEST)
		findings_add(&examination->findings, "glibc", STATE_NOTE,
			     "`matr verify PROGRAM` compares a program with ld.so",
			     "glibc 2.%u: MatR is tested with 2.36, 2.41 and 2.43", minor);
	else if (minor)
		findings_add(&examination->findings, "glibc", STATE_WARNING,
			     "`matr verify PROGRAM` compares a program with ld.so",
			     "glibc 2.%u: MatR is tested with 2.36 to 2.43 only", minor);
	else
		findings_add(&examination->findings, "glibc", STATE_WARNING, NULL,
			     "ld.so does not say its version: MatR is tested with glibc 2.36 to "
			     "2.43 only");
}

void examine_ld_stable(struct examination *examination)
{
	char path[PATH_MAX];
	struct matr_error err = {0};
	struct stat status;

	if (program_ld_stable(path, &err) != 0)
		findings_add(&examination->findings, "ld-stable", STATE_ERROR, "install MatR again",
			     "%s: %s", err.file, err.message);
	else if (stat(path, &status) == 0 && ((status.st_uid != 0 && status.st_uid != geteuid()) ||
					      (status.st_mode & (S_IWGRP | S_IWOTH))))
		findings_add(&examination->findings, "ld-stable", STATE_ERROR,
			     "chown root, chmod go-w", "%s: others may change it", path);
	else
		findings_add(&examination->findings, "ld-stable", STATE_OK, NULL, "%s", path);
}

static bool is_on_path(const char *name)
{
	char path[PATH_MAX];
	static const char *const places[] = {"/usr/sbin", "/usr/local/sbin", "/sbin"};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		snprintf(path, sizeof path, "%s/%s", places[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return program_find(name, path, NULL) == 0;
}

static void examine_installed_loader(struct examination *examination)
{
	const struct matr_loader_status *loader = &examination->loader;
	struct stat status;

	if (stat(loader->interpreter, &status) == 0 &&
	    (status.st_uid != 0 || (status.st_mode & (S_IWGRP | S_IWOTH))))
		findings_add(
			&examination->findings, "loader", STATE_ERROR, "chown root, chmod go-w",
			"%s: others may change what starts every program", loader->interpreter);

	if (strcmp(loader->prefix, examination->prefix) != 0)
		findings_add(&examination->findings, "loader", STATE_NOTE, NULL,
			     "it uses the epochs of %s, this is about %s", loader->prefix,
			     examination->prefix);
	if (!loader->image_format_matches)
		findings_add(&examination->findings, "loader", STATE_WARNING,
			     "`matr loader refresh`",
			     "%s is of another version of MatR and starts programs plainly",
			     loader->interpreter);
	else if (!loader->carries_real)
		findings_add(&examination->findings, "loader", STATE_NOTE,
			     "`matr loader refresh`: starts get faster",
			     "the real ld.so is another than the one that %s carries",
			     loader->interpreter);
	if (*loader->unserved)
		findings_add(&examination->findings, "loader", STATE_NOTE, NULL,
			     "ld.so's calls cannot be served: %s", loader->unserved);
	if (!is_on_path("matr-rescue"))
		findings_add(&examination->findings, "loader", STATE_WARNING,
			     "install it: docs/rescue.md", "matr-rescue is not installed");
}

void examine_loader(struct examination *examination)
{
	struct matr_loader_status *loader = &examination->loader;
	struct matr_error err = {0};

	if (matr_loader_status(NULL, loader, &err) != 0) {
		findings_add(&examination->findings, "loader", STATE_ERROR, NULL, "%s: %s",
			     err.file, err.message);
		return;
	}
	switch (loader->state) {
	case MATR_LOADER_INSTALLED:
		findings_add(&examination->findings, "loader",
			     *loader->problem ? STATE_WARNING : STATE_OK,
			     *loader->problem ? "`matr loader install`" : NULL,
			     "%s is ld-stable%s%s", loader->path, *loader->problem ? ": " : "",
			     loader->problem);
		examine_installed_loader(examination);
		break;
	case MATR_LOADER_DISPLACED:
		findings_add(
			&examination->findings, "loader", STATE_WARNING, "`matr loader refresh`",
			"%s: another dynamic linker is in the place of ld-stable", loader->path);
		break;
	case MATR_LOADER_BROKEN:
		findings_add(&examination->findings, "loader", STATE_ERROR,
			     "`matr loader uninstall`, or matr-rescue", "%s: %s", loader->path,
			     loader->problem);
		break;
	case MATR_LOADER_REAL:
		findings_add(&examination->findings, "loader", STATE_NOTE,
			     "`matr loader install` makes ld-stable the loader of all programs, "
			     "`matr run` "
			     "of one",
			     "%s is the real dynamic linker%s%s", loader->path,
			     *loader->problem ? "; " : "", loader->problem);
		break;
	}
}

void examine_enabled(struct examination *examination)
{
	struct matr_enabled *list;
	size_t n, replaced = 0;

	if (matr_enabled_list(&list, &n, NULL) != 0)
		return;
	for (size_t i = 0; i < n; i++)
		replaced += list[i].state != MATR_ENABLED;
	if (replaced)
		findings_add(&examination->findings, "enabled", STATE_WARNING,
			     "`matr enable --refresh`",
			     "%zu of %zu enabled programs have been replaced or removed since",
			     replaced, n);
	else if (n)
		findings_add(&examination->findings, "enabled", STATE_OK, NULL,
			     "%zu programs name ld-stable themselves", n);
	matr_enabled_free(list, n);
}

/* The message of ld-stable when a program starts. */
void examine_start(struct examination *examination)
{
	char said[512] = "";
	int fds[2];

	if (examination->loader.state != MATR_LOADER_INSTALLED || pipe2(fds, O_CLOEXEC) != 0)
		return;
	pid_t child = fork();
	if (child == 0) {
		static char *const argv[] = {"sh", "-c", ":", NULL};
		static char *const envp[] = {"LD_STABLE_DEBUG=1", NULL};
		dup2(fds[1], STDERR_FILENO);
		execve("/bin/sh", argv, envp);
		_exit(127);
	}
	close(fds[1]);
	ssize_t n = child > 0 ? read(fds[0], said, sizeof said - 1) : -1;
	close(fds[0]);
	int status = -1;
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	said[n > 0 ? n : 0] = 0;
	said[strcspn(said, "\n")] = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		findings_add(&examination->findings, "start", STATE_ERROR,
			     "`matr loader uninstall`, or matr-rescue",
			     "/bin/sh does not start: %s", said);
	else if (strncmp(said, "ld-stable: applied", 18) == 0 || !examination->in_force)
		findings_add(&examination->findings, "start", STATE_OK, NULL, "/bin/sh starts: %s",
			     said);
	else
		findings_add(&examination->findings, "start", STATE_WARNING,
			     "`matr epoch begin` takes in what has changed",
			     "/bin/sh starts without its mapping: %s", said);
}
