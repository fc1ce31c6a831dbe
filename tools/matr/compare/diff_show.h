/* diff_show.h - what matr diff prints: totals, a row per program, or a row per difference.
 *
 * For people the answer comes first (diff_answer.h), then a line per program. For programs (json,
 * csv) it is one table, whose rows are all alike: that of the programs, of the totals (--totals),
 * or of the differences (--details).
 */
#ifndef MATR_TOOLS_COMPARE_DIFF_SHOW_H
#define MATR_TOOLS_COMPARE_DIFF_SHOW_H

#include "common/output.h"
#include "matr/compare/diff_answer.h"

#include <matr/diff_epochs.h>

struct matr_store;
struct matr_store_epoch;

enum diff_view { DIFF_PROGRAMS, DIFF_TOTALS, DIFF_DETAILS };

struct diff_show {
	enum diff_view view;
	enum output_format format;
	const char *symbol; /* glob: only bindings of these symbols; NULL: everything */
	bool epochs;	    /* two epochs are compared, so that there are totals */
	/* The rest is the code's own. */
	struct output output;
	struct matr_diff_totals totals;
	struct diff_answer answer; /* of two epochs, for people */
	struct diff_line *lines;   /* kept until the totals are known */
	size_t n_lines;
	bool different;
};

void diff_show_open(struct diff_show *show);

/* Programs differ: get ready to say why. */
int diff_show_prepare(struct diff_show *show, struct matr_store *store,
		      const struct matr_store_epoch *before, const struct matr_store_epoch *after,
		      struct matr_error *err);

/* A program without a mapping in at least one of the epochs. */
int diff_show_pair(struct diff_show *show, const struct matr_program_pair *pair,
		   struct matr_error *err);

/* A program that both sides have mapped; diff NULL: by the same record. */
int diff_show_application(struct diff_show *show, const struct matr_program_pair *pair,
			  const struct matr_application_diff *diff, struct matr_error *err);

/* Print what is left, and free everything, also where `failed`. */
int diff_show_close(struct diff_show *show, bool failed, struct matr_error *err);

#endif
