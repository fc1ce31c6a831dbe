/* changes.h - the changes that `matr check-upgrade` is to assume. */
#ifndef MATR_TOOLS_UPGRADE_CHANGES_H
#define MATR_TOOLS_UPGRADE_CHANGES_H

#include <limits.h>
#include <stddef.h>

#include <matr/error.h>

enum upgrade_change_kind {
	UPGRADE_REPLACE, /* the file or directory `target`, links followed, by `source` */
	UPGRADE_PACKAGE, /* what the installed package has by what is unpacked in `source` */
	UPGRADE_ADD,	 /* `source` under the new name `target` */
	UPGRADE_REMOVE,	 /* the name `target` is gone */
};

struct upgrade_change {
	enum upgrade_change_kind kind;
	char target[PATH_MAX]; /* absolute; empty for a package */
	char source[PATH_MAX]; /* canonical; a package's: the file, until upgrade_unpack() */
	char package[256];     /* "libc6:amd64", from upgrade_unpack() on */
};

struct upgrade_changes {
	struct upgrade_change *list;
	size_t n;
};

/* One more, as the command line has it: OLD=NEW, PATH, or for REPLACE also FILE.deb. Errors:
 * USAGE, SYSTEM, MEMORY. */
int upgrade_changes_add(struct upgrade_changes *changes, enum upgrade_change_kind kind,
			const char *text, struct matr_error *err);
void upgrade_changes_free(struct upgrade_changes *changes);

/* Unpack all packages into directories below `work`. MALFORMED: dpkg-deb cannot, or it is no
 * package for this system; USAGE: a package is there twice. */
int upgrade_unpack(struct upgrade_changes *changes, const char *work, struct matr_error *err);

#endif
