/* programs.h - the programs that `matr check-upgrade` looks at. */
#ifndef MATR_TOOLS_UPGRADE_PROGRAMS_H
#define MATR_TOOLS_UPGRADE_PROGRAMS_H

#include <matr/config.h>
#include <matr/diversions.h>
#include <matr/upgrade.h>

#include "matr/upgrade/changes.h"

struct upgrade_programs {
	struct matr_upgrade_program *list; /* for matr_upgrade_open() */
	size_t n;
	struct matr_edit *edits; /* all of the store */
	size_t n_edits;
};

/* The programs of the epoch in force, or the newest, or those of the n names among them, with
 * what they load and how they are edited. *out: upgrade_programs_free(), also after an error;
 * the configuration is to live as long. NOT_FOUND: there is no such epoch or program, and the
 * message has the nearest names. */
int upgrade_programs_find(const char *prefix, const struct matr_config *config, int n, char **names,
			  struct upgrade_programs *out, struct matr_error *err);
void upgrade_programs_free(struct upgrade_programs *programs);

/* Add the programs that come with a change, under names that are not there yet. To be called
 * before it is made. */
int upgrade_programs_add_new(struct upgrade_programs *programs, const struct matr_config *config,
			     const struct upgrade_change *change,
			     const struct matr_diversions *diversions, struct matr_error *err);

#endif
