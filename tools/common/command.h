/* command.h - commands, and groups of them: `matr epoch begin` is the command "begin" of the
 * group "epoch". */
#ifndef MATR_TOOLS_COMMON_COMMAND_H
#define MATR_TOOLS_COMMON_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "common/message.h"
#include "common/text.h"

struct context { /* the options before the command */
	const char *prefix;
	bool verbose, no_pager;
};

struct command {
	const char *name;
	/* argv[0] stands for the command itself, arguments follow. Returns the exit status. */
	int (*run)(const struct context *context, int argc, char **argv);
	/* For the group's help. */
	const char *usage;   /* behind the name: "PROGRAM SYMBOL" */
	const char *help;    /* what it does, in one sentence; NULL: not listed */
	bool paged;	     /* changes nothing and runs no program: a pager may show it */
	const char *section; /* heading above it and those that follow; NULL: that of before */
};

struct command_group {
	const char *name;     /* "" for matr itself */
	const char *help;     /* before the list of commands; NULL: the commands share one text */
	const char *after;    /* and behind it; NULL: `help` has a list of its own */
	const char *question; /* the message if the command is missing */
	const struct command *commands;
	size_t n;
};

/* Run the command that argv[1] names, or print the group's help, or with `help COMMAND` that of the
 * command. Returns the exit status. */
int command_dispatch(const struct command_group *group, const struct context *context, int argc,
		     char **argv);

/* Add the group's commands, with what they do. */
void command_add_list(struct text *text, const struct command_group *group);

#endif
