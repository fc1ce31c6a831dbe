/* tally.h - counting facts that are found in many programs: each fact once, with the programs and
 * the symbols that it is about.
 *
 * Facts come program by program.
 */
#ifndef MATR_TOOLS_COMMON_TALLY_H
#define MATR_TOOLS_COMMON_TALLY_H

#include <stddef.h>

#include <matr/error.h>

enum { TALLY_TEXTS = 4 };

struct tally_fact {
	char *texts[TALLY_TEXTS]; /* that distinguish facts; "" if there is none */
	char *example;		  /* the first program */
	size_t programs, symbols; /* different ones */
	size_t last;		  /* program that counted last, plus 1 */
};

struct tally {			   /* all zero: nothing was counted */
	struct tally_fact **facts; /* in the order in which they came first */
	size_t n;
	void *by_texts, *symbols; /* tsearch(3) */
	size_t program;
};

/* The next facts are of another program. */
void tally_next_program(struct tally *tally);

/* Count a fact. texts: any of them may be NULL. symbol NULL: it is about no symbol. */
int tally_add(struct tally *tally, const char *const texts[TALLY_TEXTS], const char *symbol,
	      const char *program, struct matr_error *err);

void tally_free(struct tally *tally);

#endif
