/* values.h - names in the store that complete an argument. */
#ifndef MATR_TOOLS_COMPLETE_VALUES_H
#define MATR_TOOLS_COMPLETE_VALUES_H

/* Fields of a command line that decide which names there are. */
struct complete_values {
	const char *prefix, *epoch; /* epoch NULL: the current one */
	const char *program;	    /* the first argument; NULL: none yet */
	const char *lead;	    /* printed before each name: "--epoch=", or "" */
};

/* Print the names of a kind ("program", "epoch", "library", "symbol", "package") that begin with
 * `word`. Prints nothing, and no error, if the store cannot be read. */
void complete_values_print(const struct complete_values *values, const char *kind,
			   const char *word);

/* Print a word that completes `word`, if it does, and can be shown as it is. */
void complete_offer(const char *lead, const char *word, const char *candidate,
		    const char *description);

#endif
