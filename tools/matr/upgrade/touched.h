/* touched.h - the names that a change of files touches, for finding the programs that it can
 * concern. */
#ifndef MATR_TOOLS_UPGRADE_TOUCHED_H
#define MATR_TOOLS_UPGRADE_TOUCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "matr/upgrade/changes.h"
#include "matr/upgrade/lines.h"

struct matr_diversions;
struct matr_store;

/* Names that a change touches. The files that ld.so loads for a program depend on the names that it
 * looks for. A change concerns a program only if one of these names, or one of these files, is
 * touched. */
struct upgrade_touched {
	struct lines names;	  /* last components of paths, and sonames of new files; sorted */
	struct lines directories; /* whose files all change */
	bool everything;	  /* any file may be: a link to a directory or ld.so's configuration
			  * changes */
};

/* Find what the changes touch, before they are made and after packages were unpacked.
 * diversions: those of dpkg, by which the files of packages have other names.
 * *out: upgrade_touched_free(), also after an error. */
int upgrade_touched_find(const struct upgrade_changes *changes,
			 const struct matr_diversions *diversions, struct upgrade_touched *out,
			 struct matr_error *err);

/* Add the files that changed since the epoch began: what its programs load now may differ from what
 * the epoch has. */
int upgrade_touched_since(struct matr_store *store, int64_t epoch, struct upgrade_touched *touched,
			  struct matr_error *err);

/* Test whether the file is touched. For matr_store_users().
 * context: const struct upgrade_touched *. */
bool upgrade_touches(const char *path, const char *found_as, const char *soname, void *context);

void upgrade_touched_free(struct upgrade_touched *touched);

#endif
