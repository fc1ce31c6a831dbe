/* diff_answer.h - what differs between two epochs, for people: a sentence, then packages, then the
 * files because of which programs bind otherwise. */
#ifndef MATR_TOOLS_COMPARE_DIFF_ANSWER_H
#define MATR_TOOLS_COMPARE_DIFF_ANSWER_H

#include "common/tally.h"
#include "matr/compare/diff_packages.h"

#include <matr/diff_epochs.h>

enum { DIFF_ANSWER_NAMES = 4 };

struct diff_answer { /* all zero: nothing was added */
	struct diff_packages packages;
	struct tally tally;
	char *names[DIFF_ANSWER_NAMES]; /* programs that bind otherwise */
	size_t n_otherwise, n_other_files;
};

/* Add a program that both epochs have mapped, and that differs. */
int diff_answer_add(struct diff_answer *answer, const char *program,
		    const struct matr_application_diff *diff, struct matr_error *err);

/* Print the sentence and the tables to standard output. */
int diff_answer_show(const struct diff_answer *answer, const struct matr_diff_totals *totals,
		     struct matr_error *err);

void diff_answer_free(struct diff_answer *answer);

#endif
