/* command.h - commands, and groups of them: `matr epoch begin` is the command "begin" of the
 * group "epoch". */
#ifndef MATR_TOOLS_COMMON_COMMAND_H
#define MATR_TOOLS_COMMON_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "common/message.h"

struct context { /* the options before the command */
	const char *prefix;
	bool verbose;
};

struct command {
	const char *name;
	/* argv[0] stands for the command itself, arguments follow. Returns the exit status. */
	int (*run)(const struct context *context, int argc, char **argv);
};

struct command_group {
	const char *name;     /* "" for matr itself */
	const char *help;     /* of the group as a whole */
	const char *question; /* what to say if the command is missing, or unknown */
	const char *unknown;  /* what to say if it is unknown; NULL: the question */
	const struct command *commands;
	size_t n;
};

/* Run the command that argv[1] names, or print the group's help. Returns the exit status. */
int command_dispatch(const struct command_group *group, const struct context *context, int argc,
		     char **argv);

#endif
