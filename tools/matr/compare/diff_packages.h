/* diff_packages.h - the packages that the files of two epochs belong to, and their versions then.
 *
 * A file's package is the one that dpkg has on record now. Versions are those of dpkg's status and
 * log: an epoch does not record them.
 */
#ifndef MATR_TOOLS_COMPARE_DIFF_PACKAGES_H
#define MATR_TOOLS_COMPARE_DIFF_PACKAGES_H

#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

struct matr_store;
struct matr_store_epoch;

struct diff_packages {		 /* all zero: none */
	struct diff_file *files; /* by path */
	size_t n;
	struct diff_version *versions; /* in the order of the log */
	size_t n_versions;
	int64_t times[2]; /* of the epochs */
};

/* Find the packages of all files of two epochs.
 * *out belongs to the caller: diff_packages_free(), also after an error.
 * Errors: MEMORY, those of matr/store.h. */
int diff_packages_read(struct matr_store *store, const struct matr_store_epoch *before,
		       const struct matr_store_epoch *after, struct diff_packages *out,
		       struct matr_error *err);
void diff_packages_free(struct diff_packages *packages);

/* Get the package of a file ("zlib1g:amd64"). NULL: none has it. The string belongs to packages. */
const char *diff_packages_of(const struct diff_packages *packages, const char *path);

/* Get the version of a package.
 * epoch: 0 for the one before, 1 for the one after. current: the package's version now, or NULL.
 * Returns NULL if the package was not installed then, or if nothing is known. */
const char *diff_packages_version(const struct diff_packages *packages, const char *package,
				  int epoch, const char *current);

#endif
