/* table.h - the rows of `matr check-upgrade`. */
#ifndef MATR_TOOLS_UPGRADE_TABLE_H
#define MATR_TOOLS_UPGRADE_TABLE_H

#include <stdbool.h>

#include <matr/upgrade.h>

#include "common/output.h"
#include "common/tally.h"

enum { UPGRADE_NAMES = 3 };

struct upgrade_table {
	struct output output; /* of rows */
	bool rows;	      /* a row per fact and program; else the summary */
	bool all;	      /* what makes no difference, too */
	bool worse;	      /* something changes for the worse */
	/* Of the summary: the facts, and how many programs there are of each kind. */
	struct tally tally;
	size_t n_refused, n_moved, n_gained, n_new;
	const char *refused[UPGRADE_NAMES]; /* the first ones */
	bool moved, gained;		    /* of the program that is being added */
	struct matr_error failure;	    /* code MATR_OK: none */
};

/* For people (FORMAT_TABLE) without `details` the summary is printed, by upgrade_table_close(). */
void upgrade_table_open(struct upgrade_table *table, enum output_format format, bool all,
			bool details);

/* Add the result of a program. Its name must live as long as the table. */
void upgrade_table_add(struct upgrade_table *table, const char *program,
		       const struct matr_upgrade_result *result);

/* Print what is left, and free everything. n_asked: programs in question; n_checked of them load
 * what changes. err NULL: only free. */
int upgrade_table_close(struct upgrade_table *table, size_t n_asked, size_t n_checked,
			struct matr_error *err);

#endif
