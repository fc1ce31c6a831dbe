/* doctor.h - what matr doctor looks at, and the list of what it finds. One function per subject adds findings. */
#ifndef MATR_DOCTOR_H
#define MATR_DOCTOR_H

#include "matr/command.h"

#include <limits.h>
#include <stdbool.h>

#include <matr/loader.h>

enum finding_state { STATE_OK, STATE_NOTE, STATE_WARNING, STATE_ERROR };

struct finding {
	const char *subject;
	enum finding_state state;
	char *text;
	const char *advice; /* NULL: none */
};

struct examination {
	const char *prefix;
	struct finding *list;
	size_t n, room;
	bool failed; /* out of memory */
	struct matr_loader_status loader;
	bool in_force;
	char untrusted[PATH_MAX]; /* the file for which programs start plainly; "": none */
};

__attribute__((format(printf, 5, 6))) void finding_add(struct examination *examination,
						       const char *subject,
						       enum finding_state state, const char *advice,
						       const char *format, ...);

/* doctor_prefix.c: the kernel, the prefix, and what store and image have to do with each other and the disk */
void examine_kernel(struct examination *examination);
void examine_prefix(struct examination *examination);
void examine_epoch(struct examination *examination);

/* doctor_loader.c: who starts programs, and whether they start */
void examine_ld_stable(struct examination *examination);
void examine_loader(struct examination *examination);
void examine_enabled(struct examination *examination);
void examine_start(struct examination *examination);

#endif
