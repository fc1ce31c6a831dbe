/* programs.h - the programs that `matr check-upgrade` looks at. */
#ifndef MATR_TOOLS_UPGRADE_PROGRAMS_H
#define MATR_TOOLS_UPGRADE_PROGRAMS_H

#include <matr/config.h>
#include <matr/diversions.h>
#include <matr/store.h>
#include <matr/upgrade.h>

#include "matr/upgrade/changes.h"
#include "matr/upgrade/touched.h"

struct upgrade_programs {
	struct matr_upgrade_program *list; /* for matr_upgrade_open() */
	size_t n;
	size_t n_asked;		 /* programs of the epoch that were asked about, touched or not */
	struct matr_edit *edits; /* all of the store */
	size_t n_edits;
	/* The rest is the code's own. */
	struct matr_store *store;
	int64_t epoch, *wanted; /* ids of the programs that were named */
	int n_wanted;
};

/* Open the store of the epoch in force, or the newest, and find the programs of these names in it;
 * n 0: all. *out: upgrade_programs_free(), also after an error. NOT_FOUND: there is no such epoch
 * or program, and the message has the nearest names. */
int upgrade_programs_open(const char *prefix, int n, char **names, struct upgrade_programs *out,
			  struct matr_error *err);

/* List the programs that load what is touched, with what they load with dlopen() and how they are
 * edited. The configuration is to live as long. */
int upgrade_programs_find(struct upgrade_programs *programs, const struct matr_config *config,
			  struct upgrade_touched *touched, struct matr_error *err);
void upgrade_programs_free(struct upgrade_programs *programs);

/* Add the programs that come with a change, under names that are not there yet. To be called
 * before it is made. */
int upgrade_programs_add_new(struct upgrade_programs *programs, const struct matr_config *config,
			     const struct upgrade_change *change,
			     const struct matr_diversions *diversions, struct matr_error *err);

#endif
