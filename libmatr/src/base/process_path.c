/* process_path.c - paths that lead elsewhere in another process.
 *
 * realpath(3) cannot tell, since it follows the links of its own process. So the path is followed
 * name by name. A tree that is not running may have no procfs: /proc and /dev/fd count by name too.
 */
#include "base/process_path.h"

#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { MAX_SYMBOLIC_LINKS = 40 };

struct walk {
	char at[PATH_MAX];   /* so far, without symbolic links; "" is the root */
	char rest[PATH_MAX]; /* still to follow */
	dev_t device;	     /* of the last directory that is known not to be in procfs */
	int links;
};

enum step { GO_ON, ENDS, DEPENDS };

static bool is_process_name(const char *path)
{
	static const char *const names[] = {"/proc", "/dev/fd", "/dev/stdin", "/dev/stdout",
					    "/dev/stderr"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(path, names[i]) == 0)
			return true;
	return false;
}

static enum step follow_link(struct walk *walk, size_t before)
{
	char rest[PATH_MAX], target[PATH_MAX];
	ssize_t length = readlink(walk->at, target, sizeof target - 1);

	if (length < 0 || ++walk->links > MAX_SYMBOLIC_LINKS)
		return ENDS;
	target[length] = 0;
	/* The kernel sets no limit for this sum. */
	if (snprintf(rest, sizeof rest, "%s/%s", target, walk->rest) >= (int)sizeof rest)
		return DEPENDS;
	strcpy(walk->rest, rest);
	walk->at[target[0] == '/' ? 0 : before] = 0;
	return GO_ON;
}

/* The next name. */
static enum step enter(struct walk *walk, const char *name)
{
	size_t before = strlen(walk->at);
	struct statfs system;
	struct stat status;

	if (strcmp(name, ".") == 0)
		return GO_ON;
	if (strcmp(name, "..") == 0) {
		char *slash = strrchr(walk->at, '/');
		if (slash)
			*slash = 0;
		return GO_ON;
	}
	if (before + strlen(name) + 2 > sizeof walk->at)
		return ENDS;
	walk->at[before] = '/';
	strcpy(walk->at + before + 1, name);
	if (is_process_name(walk->at))
		return DEPENDS;
	if (lstat(walk->at, &status) < 0)
		return ENDS;
	if (S_ISLNK(status.st_mode))
		return follow_link(walk, before);
	if (status.st_dev == walk->device || !S_ISDIR(status.st_mode))
		return GO_ON;
	if (statfs(walk->at, &system) == 0 && system.f_type == PROC_SUPER_MAGIC)
		return DEPENDS;
	walk->device = status.st_dev;
	return GO_ON;
}

bool path_depends_on_process(const char *path)
{
	struct walk walk = {.links = 0};
	enum step step = GO_ON;
	char name[PATH_MAX];

	if (strlen(path) >= sizeof walk.rest)
		return false;
	strcpy(walk.rest, path);
	while (step == GO_ON) {
		const char *start = walk.rest + strspn(walk.rest, "/");
		size_t length = strcspn(start, "/");
		if (!length)
			return false;
		memcpy(name, start, length);
		name[length] = 0;
		memmove(walk.rest, start + length, strlen(start + length) + 1);
		step = enter(&walk, name);
	}
	return step == DEPENDS;
}
