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

/* As dpkg would upgrade them: what their installed versions have and the new ones have not is
 * gone, unless it is a conffile or some other package has it too; the rest comes, to where
 * diversions send it. Of that only what may have a part in how programs are loaded: ELF files,
 * what takes the place of one, ld.so's configuration, and symbolic links but for those that lead
 * to other files. Which of the packages are installed is read from /var/lib/dpkg; maintainer
 * scripts are not run. `work` is overlay_enter()'s. */
int overlay_packages(const char *work, const struct overlay_package *packages, size_t n,
		     const struct matr_diversions *diversions, struct matr_error *err);

#endif
