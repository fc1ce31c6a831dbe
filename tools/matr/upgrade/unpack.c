/* unpack.c - packages, unpacked by dpkg-deb.
 *
 * A package may come from anywhere: its name is looked at before it becomes part of a path, and
 * dpkg-deb, which has tar unpack it, keeps what is in it below the directory.
 */
#include "matr/upgrade/changes.h"

#include <stdio.h>
#include <string.h>

#include "common/subprocess.h"

/* "Package: NAME" of the control file, as dpkg-deb -f prints it. */
static int field(const char *text, const char *name, const char *file, char *out, size_t size,
		 struct matr_error *err)
{
	size_t length = strlen(name);

	while (text && (strncmp(text, name, length) != 0 || text[length] != ':')) {
		text = strchr(text, '\n');
		text += text ? 1 : 0;
	}
	if (!text)
		return matr_fail(err, MATR_ERROR_MALFORMED, file, "has no field %s", name);
	text += length + 1;
	text += strspn(text, " \t");
	int wanted = snprintf(out, size, "%.*s", (int)strcspn(text, " \t\n"), text);
	/* Both are of letters, digits and "+-." (Debian policy, 5.6.1 and 5.6.8). */
	if (wanted <= 0 || wanted >= (int)size || out[0] == '.' ||
	    out[strspn(out, "abcdefghijklmnopqrstuvwxyz0123456789+-.")])
		return matr_fail(err, MATR_ERROR_MALFORMED, file, "has no valid field %s", name);
	return 0;
}

/* Check that dpkg would install packages of this architecture here. */
static int check_architecture(const char *architecture, const char *work, const char *file,
			      struct matr_error *err)
{
	char *native_query[] = {(char *)"dpkg", (char *)"--print-architecture", NULL};
	char *foreign_query[] = {(char *)"dpkg", (char *)"--print-foreign-architectures", NULL};
	char native[64], foreign[1024], *rest = NULL;

	if (strcmp(architecture, "all") == 0)
		return 0;
	if (subprocess_run(native_query, work, file, native, sizeof native, err) != 0 ||
	    subprocess_run(foreign_query, work, file, foreign, sizeof foreign, err) != 0)
		return -1;
	native[strcspn(native, "\n")] = 0;
	if (strcmp(architecture, native) == 0)
		return 0;
	for (char *one = strtok_r(foreign, "\n", &rest); one; one = strtok_r(NULL, "\n", &rest))
		if (strcmp(architecture, one) == 0)
			return 0;
	return matr_fail(err, MATR_ERROR_MALFORMED, file,
			 "is for architecture %s, and this system is %s", architecture, native);
}

static int unpack(struct upgrade_change *change, const char *work, size_t i, struct matr_error *err)
{
	char tree[PATH_MAX], text[1024], name[128], architecture[64];
	char *query[] = {(char *)"dpkg-deb", (char *)"-f",	     change->source,
			 (char *)"Package",  (char *)"Architecture", NULL};
	char *extract[] = {(char *)"dpkg-deb", (char *)"-x", change->source, tree, NULL};

	if (snprintf(tree, sizeof tree, "%s/%zu", work, i) >= (int)sizeof tree)
		return matr_fail(err, MATR_ERROR_USAGE, work, "path is too long");
	if (subprocess_run(query, work, change->source, text, sizeof text, err) != 0 ||
	    field(text, "Package", change->source, name, sizeof name, err) != 0 ||
	    field(text, "Architecture", change->source, architecture, sizeof architecture, err) !=
		    0 ||
	    check_architecture(architecture, work, change->source, err) != 0 ||
	    subprocess_run(extract, work, change->source, NULL, 0, err) != 0)
		return -1;
	snprintf(change->package, sizeof change->package, "%s:%s", name, architecture);
	snprintf(change->source, sizeof change->source, "%s", tree);
	return 0;
}

int upgrade_unpack(struct upgrade_changes *changes, const char *work, struct matr_error *err)
{
	for (size_t i = 0; i < changes->n; i++) {
		struct upgrade_change *change = &changes->list[i];
		char file[PATH_MAX];
		if (change->kind != UPGRADE_PACKAGE)
			continue;
		snprintf(file, sizeof file, "%s", change->source);
		if (unpack(change, work, i, err) != 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (strcmp(changes->list[k].package, change->package) == 0)
				return matr_fail(err, MATR_ERROR_USAGE, file,
						 "another %s is to be installed as well",
						 change->package);
	}
	return 0;
}
