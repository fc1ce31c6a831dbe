/* complete.h - matr complete: the words that fit at the cursor, for the shells' completion. */
#ifndef MATR_TOOLS_COMPLETE_COMPLETE_H
#define MATR_TOOLS_COMPLETE_COMPLETE_H

#include "common/command.h"
#include "common/options.h"

/* Print what completes the last of the words (argv[1], "--", the command line up to the cursor,
 * beginning with matr's own name), a line each: the word, a tab, a description. Lines with a colon
 * in front are for the shell to complete by itself:
 *
 *	:file       :directory       :executable
 *	:command N  as the command line that begins with the word N, from 0
 *
 * Prints nothing where nothing fits, on whatever error. Returns the exit status.
 * matr: the commands. options: those before the command. */
int complete(const struct command_group *matr, const struct options *options,
	     const struct context *context, int argc, char **argv);

#endif
