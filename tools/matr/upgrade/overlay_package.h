/* overlay_package.h - other versions of packages in the place of those that are installed, for
 * this process. */
#ifndef MATR_TOOLS_UPGRADE_OVERLAY_PACKAGE_H
#define MATR_TOOLS_UPGRADE_OVERLAY_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include <matr/diversions.h>

struct overlay_package {
	const char *name; /* "libc6:amd64" */
	const char *tree; /* where it is unpacked */
};

/* Replace packages as dpkg would upgrade them. Files of the installed versions that the new ones
 * lack are removed, unless they are conffiles or another package has them too. Files of the new
 * versions are put in place, or where diversions send them. Only files that matter for loading
 * programs are: ELF files, files in place of one, ld.so's configuration, and symbolic links except
 * those to other files. The installed packages are read from /var/lib/dpkg; maintainer scripts are
 * not run. `work` is overlay_enter()'s. */
int overlay_packages(const char *work, const struct overlay_package *packages, size_t n,
		     const struct matr_diversions *diversions, struct matr_error *err);

#endif
