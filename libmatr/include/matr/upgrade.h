/* upgrade.h - the changes for programs if files were replaced.
 *
 * The scopes of the programs, and of what they are known to load with dlopen(), are made twice:
 * before and after the file system that this process sees has changed (for example, the caller puts
 * other files in place in a private mount namespace). A scope of the same files binds as before.
 * The others are bound in both scopes, with the edits that are made in the program, and the
 * mappings are compared (matr/diff.h). No program is started, and no store is used.
 */
#ifndef MATR_UPGRADE_H
#define MATR_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>

#include <matr/diff.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_edit;
struct matr_mapping;

struct matr_upgrade;

/* A program to check. It is not copied, and must outlive the upgrade. */
struct matr_upgrade_program {
	const char *path;
	const char *library_path; /* LD_LIBRARY_PATH it is started with; NULL: none */
	bool is_new;		  /* it comes with the change: there is no before */
	const char **loads;	  /* libraries that it loads with dlopen(), absolute paths */
	size_t n_loads;
	const struct matr_edit **edits; /* edits that are made in it, by id */
	size_t n_edits;
};

enum matr_upgrade_outcome {
	MATR_UPGRADE_SAME,	/* no file that it binds to has changed */
	MATR_UPGRADE_DIFFERENT, /* other files or references, but no binding is lost or moved */
	/* A binding, a version or an edit is lost, or another provider comes first. */
	MATR_UPGRADE_WORSE,
	MATR_UPGRADE_NEW,     /* it comes with the change, and ld.so would start it */
	MATR_UPGRADE_GONE,    /* removed, or no longer dynamically linked; `why` has the reason */
	MATR_UPGRADE_REFUSED, /* ld.so would not start (load) it, or MatR cannot tell; `why` */
	MATR_UPGRADE_UNKNOWN, /* REFUSED before the change too; `why` */
};

/* A library that has versions would lose all of them: ld.so warns, and checks no version. */
struct matr_version_loss {
	const char *requester, *file, *version; /* the requester's canonical path */
};

/* An edit that could no longer be made. */
struct matr_edit_loss {
	const struct matr_edit *edit;
	struct matr_error why;
};

/* The start of a program, or a library that it loads. */
struct matr_upgrade_part {
	const char *load; /* NULL: the start */
	enum matr_upgrade_outcome outcome;
	struct matr_error why;
	struct matr_diff diff; /* where the outcome is DIFFERENT or WORSE */
	struct matr_version_loss *versions;
	size_t n_versions;
	struct matr_edit_loss *edits;
	size_t n_edits;
	struct matr_mapping *before, *after; /* what the diff's strings belong to */
};

struct matr_upgrade_result {
	struct matr_upgrade_part
		*parts; /* the start, then the loads, without those that could not be made before */
	size_t n_parts;
};

/* Make the scopes before the change.
 * progress: called with `context` before each program; NULL: not at all.
 * *out belongs to the caller: matr_upgrade_close().
 * Errors: RESOURCES, SYSTEM. */
MATR_API int matr_upgrade_open(const struct matr_upgrade_program *programs, size_t n,
			       void (*progress)(void *context, size_t done, size_t n),
			       void *context, struct matr_upgrade **out, struct matr_error *err);
MATR_API void matr_upgrade_close(struct matr_upgrade *upgrade);

/* Take the files that are found from now on for those after the change. To be called once.
 * Errors: RESOURCES, SYSTEM. */
MATR_API int matr_upgrade_changed(struct matr_upgrade *upgrade, struct matr_error *err);

/* Compare the i-th program before and after. To be called once for each.
 * *out belongs to the caller: matr_upgrade_result_free(), before the upgrade is
 * closed.
 * Errors: RESOURCES. */
MATR_API int matr_upgrade_check(struct matr_upgrade *upgrade, size_t i,
				struct matr_upgrade_result *out, struct matr_error *err);
MATR_API void matr_upgrade_result_free(struct matr_upgrade_result *result);

/* Test whether the binding lost its provider, or got another one. */
MATR_API bool matr_binding_is_worse(const struct matr_binding_change *binding);

#ifdef __cplusplus
}
#endif

#endif
