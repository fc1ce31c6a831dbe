/* why_answer.h - the answer of matr why for people: a sentence, and a row per way of binding. */
#ifndef MATR_TOOLS_QUERY_WHY_ANSWER_H
#define MATR_TOOLS_QUERY_WHY_ANSWER_H

#include <stdbool.h>

#include <matr/explain.h>

/* Print the sentence that answers, and the table of the ways if `table`. asked: what the user
 * called the symbol. root: the library that is loaded with dlopen(); NULL: of the start. */
int why_answer(const struct matr_mapping *mapping, const struct matr_explanation *explanation,
	       const char *asked, const char *root, bool table, bool raw, struct matr_error *err);

#endif
