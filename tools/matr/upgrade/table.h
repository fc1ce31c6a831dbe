/* table.h - the rows of `matr check-upgrade`. */
#ifndef MATR_TOOLS_UPGRADE_TABLE_H
#define MATR_TOOLS_UPGRADE_TABLE_H

#include <stdbool.h>

#include <matr/upgrade.h>

#include "common/output.h"

struct upgrade_table {
	struct output output;
	bool all;   /* what makes no difference, too */
	bool worse; /* something changes for the worse */
};

void upgrade_table_open(struct upgrade_table *table, enum output_format format, bool all);

/* What becomes of the program. */
void upgrade_table_add(struct upgrade_table *table, const char *program,
		       const struct matr_upgrade_result *result);

#endif
