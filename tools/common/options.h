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

/* Source of the words that complete an argument. */
enum completion {
	COMPLETES_NOTHING,
	COMPLETES_WORDS, /* those of option_row.words */
	COMPLETES_FILE,
	COMPLETES_DIRECTORY,
	COMPLETES_EXECUTABLE, /* in PATH, or by its path */
	COMPLETES_COMMAND,    /* the same, and the words behind it belong to it */
	COMPLETES_PROGRAM,    /* programs of the epoch */
	COMPLETES_EPOCH,
	COMPLETES_LIBRARY,
	COMPLETES_SYMBOL, /* of the program before it, if there is one */
	COMPLETES_PACKAGE,
};

enum { ARGUMENTS_MAX = 4 };

/* An option. Exactly one of the pointers is set; it decides whether there is an argument, and of
 * what kind. */
struct option_row {
	const char *name; /* the long form, without "--" */
	char letter;	  /* the short form; 0: none */
	bool *flag;
	const char **text;
	enum output_format *format;   /* table, json, jsonl or csv */
	enum output_format *document; /* table or json */
	unsigned *jobs;		      /* a number of threads */
	struct option_list *list;
	/* Called with `context` and the argument. Returns -1 to go on, or the exit status after
	 * an error that it has reported. */
	int (*take)(void *context, const char *argument);
	void *context;
	bool graphs;		   /* of format or document: dot and svg too */
	bool argument_is_optional; /* of take: NULL where it is left out */

	/* For --help, completion and the check of the man page. Rows without a help text are not
	 * listed by --help: `options.help` has them. */
	const char *help;     /* one sentence, of any length: it is wrapped */
	const char *argument; /* "DIR"; NULL: by kind */
	const char *words;    /* the arguments there are, separated by blanks; NULL: by kind */
	enum completion completes;
};

/* The rows of options that many commands have. */
struct option_row option_prefix(const char **prefix);
struct option_row option_root(const char **root);
struct option_row option_epoch(const char **epoch);

struct command_group;
struct text;

struct options {
	const char *command; /* for messages: "epoch begin" */
	const char *help;    /* what --help prints, before the options */
	const char *after;   /* and behind them; NULL: `help` lists the options itself */
	/* Adds a list of `commands` before the options of --help; NULL: there is none. */
	void (*add_list)(struct text *text, const struct command_group *commands);
	const struct command_group *commands;
	const struct option_row *rows; /* until one without a name */
	bool no_arguments;	       /* there are only options */
	bool stop_early;  /* the first argument that is no option begins another command line */
	int usage_status; /* exit status for wrong usage; 0: STATUS_USAGE */
	/* Completion of the arguments behind the options; the last one goes for all others. */
	enum completion arguments[ARGUMENTS_MAX];
	const char *words; /* of arguments that are COMPLETES_WORDS */
};

/* Take the options, and --help, from a command line; argv[0] is not looked at. Returns the index
 * of the first argument behind the options, or -1 if the command ends here with *status: help
 * was asked for, or something is wrong, which has been reported. */
int options_parse(const struct options *options, int argc, char **argv, int *status);

/* The first argument that has options_parse() print the table and nothing else, for completion and
 * tests: lines of tab-separated fields,
 *
 *	option NAME LETTER ARGUMENT optional|required|none COMPLETION WORDS HELP
 *	argument COMPLETION WORDS
 *	stop                           where the first argument ends the options
 */
#define OPTIONS_DESCRIBE "--describe-options"

void options_describe(const struct options *options);

/* Print the help text of a command. */
void options_print_help(const struct options *options);

/* The argument of a row as --help names it ("DIR"), NULL if it takes none. */
const char *option_argument(const struct option_row *row);

/* The number of threads in the text, 1 to 256. false: it is none. */
bool options_parse_jobs(const char *text, unsigned *jobs);

#endif
