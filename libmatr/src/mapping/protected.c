/* protected.c - programs that edits never apply to: with them a bad edit is taken back. */
#include <matr/edit.h>

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "base/path.h"

/* docs/edit.md has the same list. */
static const char *const names[] = {
	/* MatR */
	"matr",
	"matrd",
	"matr-rescue",
	"matr-sql",
	"ld-stable",
	/* shells */
	"sh",
	"dash",
	"bash",
	"busybox",
	"sash",
	/* package managers */
	"dpkg",
	"dpkg-deb",
	"dpkg-divert",
	"dpkg-query",
	"dpkg-split",
	"dpkg-statoverride",
	"dpkg-trigger",
	"apt",
	"apt-get",
	"rpm",
	"pacman",
	"apk",
	"tar",
	/* starting the system, and getting in */
	"init",
	"systemctl",
	"login",
	"agetty",
	"sulogin",
	"su",
	"sudo",
	"sshd",
	"mount",
	"umount",
	"fsck",
	"kmod",
	/* with which files are put right */
	"cp",
	"ln",
	"mv",
	"rm",
};

static const char *const directories[] = {
	"/bin",
	"/sbin",
	"/usr/bin",
	"/usr/sbin",
	"/usr/local/bin",
	"/usr/local/sbin",
	"/usr/libexec/matr",
	"/usr/local/libexec/matr",
	"/usr/lib/matr",
	"/usr/lib/x86_64-linux-gnu/matr",
};

/* All that is in these. */
static const char *const whole_directories[] = {"/lib/systemd", "/usr/lib/systemd",
						"/usr/lib/apt/methods", "/usr/lib/openssh"};

static bool is_this_program(const char *program)
{
	struct stat own, other;

	return stat("/proc/self/exe", &own) == 0 && stat(program, &other) == 0 &&
	       own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

bool matr_edit_is_protected(const char *program)
{
	const char *name = path_name(program);
	size_t length = path_directory(program);
	bool here = false;

	if (!length)
		return false;
	for (size_t i = 0; i < sizeof whole_directories / sizeof *whole_directories; i++)
		if (strlen(whole_directories[i]) == length &&
		    memcmp(whole_directories[i], program, length) == 0)
			return true;
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
		here |= strlen(directories[i]) == length &&
			memcmp(directories[i], program, length) == 0;
	for (size_t i = 0; here && i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return is_this_program(program);
}
