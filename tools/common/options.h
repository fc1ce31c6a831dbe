/* query_options.h - the options of the commands that show what the store has. */
#ifndef MATR_QUERY_OPTIONS_H
#define MATR_QUERY_OPTIONS_H

#include <stdbool.h>

#include "common/output.h"

struct query_options {
	const char *prefix;	   /* p: --prefix DIR */
	const char *epoch;	   /* e: --epoch EPOCH (recorded_epoch()); NULL: the one in force */
	enum output_format format; /* f: --format FORMAT */
};

/* Take what getopt_long() gave, where it is none of the command's own: one of the letters above, or h for help, or
 * something unknown. false: the command is to end with *status. */
bool query_option(int option, const char *command, const char *help, struct query_options *options,
		  int *status);

/* The number of threads that -j wants, 1 to 256. false: that is none. */
bool parse_jobs(const char *text, unsigned *jobs);

#endif
