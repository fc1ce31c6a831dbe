/* upgrade.h - what would change for programs if files were replaced.
 *
 * The scopes of the programs are made twice: before and after the file system this process sees has changed (the caller
 * puts other files in place in a private mount namespace, say). A program whose scope came out as before, of the same
 * files, binds as before. The others are bound in both scopes, and the mappings compared (matr/diff.h). Nothing is
 * started, no store is touched.
 */
#ifndef MATR_UPGRADE_H
#define MATR_UPGRADE_H

#include <matr/diff.h>

struct matr_upgrade;

enum matr_verdict {
	MATR_UPGRADE_SAME,	/* nothing it binds to has changed */
	MATR_UPGRADE_DIFFERENT, /* other files or references, but no binding is lost or moved */
	MATR_UPGRADE_WORSE,   /* a binding or a version is lost, or another provider comes first */
	MATR_UPGRADE_REFUSED, /* ld.so would not start it, or MatR could not tell: `why` */
	MATR_UPGRADE_UNKNOWN, /* so it was before: `why` */
};

/* A library that has versions now, would have none any more: ld.so warns, and checks nothing. */
struct matr_version_loss {
	const char *requester, *file, *version; /* the requester's canonical path */
};

struct matr_upgrade_result {
	enum matr_verdict verdict;
	struct matr_error why;
	struct matr_diff diff; /* where the verdict is DIFFERENT or WORSE */
	struct matr_version_loss *versions;
	size_t n_versions;
	struct matr_mapping *before, *after; /* what the diff's strings belong to */
};

/* The scopes as they are now. library_paths: for each program its LD_LIBRARY_PATH or NULL. The strings are to live as long
 * as *out, which belongs to the caller: matr_upgrade_close(). */
int matr_upgrade_open(const char *const *programs, const char *const *library_paths, size_t n,
		      struct matr_upgrade **out, struct matr_error *err);
void matr_upgrade_close(struct matr_upgrade *upgrade);

/* The files have changed: what is found from here on is what comes after. Once. */
int matr_upgrade_changed(struct matr_upgrade *upgrade, struct matr_error *err);

/* What becomes of the i-th program. *out: matr_upgrade_result_free(), also after an error; it lives no longer than the
 * upgrade. Errors: MEMORY. */
int matr_upgrade_check(struct matr_upgrade *upgrade, size_t i, struct matr_upgrade_result *out,
		       struct matr_error *err);
void matr_upgrade_result_free(struct matr_upgrade_result *result);

/* A binding that had a provider and has none, or another. */
bool matr_binding_is_worse(const struct matr_binding_change *binding);

#endif
