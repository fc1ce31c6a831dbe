/* doctor.h - what matr doctor examines: one function per subject adds its findings. */
#ifndef MATR_TOOLS_SYSTEM_DOCTOR_H
#define MATR_TOOLS_SYSTEM_DOCTOR_H

#include "matr/system/findings.h"

#include <limits.h>
#include <stdbool.h>

#include <matr/loader.h>

struct examination {
	const char *prefix;
	struct findings findings;
	struct matr_loader_status loader;
	bool in_force;
	char untrusted[PATH_MAX]; /* the file for which programs start plainly; "": none */
};

/* doctor_prefix.c: the kernel, the prefix, and what store and image have to do with each other
 * and the disk */
void examine_kernel(struct examination *examination);
void examine_prefix(struct examination *examination);
void examine_epoch(struct examination *examination);

/* doctor_loader.c: who starts programs, and whether they start */
void examine_glibc(struct examination *examination);
void examine_ld_stable(struct examination *examination);
void examine_loader(struct examination *examination);
void examine_enabled(struct examination *examination);
void examine_start(struct examination *examination);

#endif
