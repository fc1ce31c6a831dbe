/* options.h - the options of a command, as a table: which there are, and where their values go. */
#ifndef MATR_TOOLS_COMMON_OPTIONS_H
#define MATR_TOOLS_COMMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/format.h"

struct option_list {	   /* the arguments of an option that may be given several times */
	const char **list; /* room for as many as the command line has arguments */
	size_t n;
};

/* An option. Exactly one of the pointers is set; it decides whether there is an argument, and of
 * what kind. */
struct option_row {
	const char *name; /* the long form, without "--" */
	char letter;	  /* the short form; 0: none */
	bool *flag;
	const char **text;
	enum output_format *format;   /* table, json or csv */
	enum output_format *document; /* table or json */
	unsigned *jobs;		      /* a number of threads */
	struct option_list *list;
	/* Called with `context` and the argument. Returns -1 to go on, or the exit status after
	 * an error that it has reported. */
	int (*take)(void *context, const char *argument);
	void *context;
	bool argument_is_optional; /* of take: NULL where it is left out */
};

struct options {
	const char *command;	       /* for messages: "epoch begin" */
	const char *help;	       /* what --help prints */
	const struct option_row *rows; /* until one without a name */
	bool no_arguments;	       /* there are only options */
	bool stop_early;  /* the first argument that is no option begins another command line */
	int usage_status; /* exit status for wrong usage; 0: STATUS_USAGE */
};

/* Take the options, and --help, from a command line; argv[0] is not looked at. Returns the index
 * of the first argument behind the options, or -1 if the command ends here with *status: help
 * was asked for, or something is wrong, which has been reported. */
int options_parse(const struct options *options, int argc, char **argv, int *status);

/* The number of threads in the text, 1 to 256. false: it is none. */
bool options_parse_jobs(const char *text, unsigned *jobs);

#endif
