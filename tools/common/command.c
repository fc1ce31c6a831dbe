/* command.c - which command of a group the command line means. */
#include "common/command.h"

#include <stdio.h>
#include <string.h>

int command_dispatch(const struct command_group *group, const struct context *context, int argc,
		     char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	for (size_t i = 0; name && i < group->n; i++)
		if (strcmp(group->commands[i].name, name) == 0)
			return group->commands[i].run(context, argc - 1, argv + 1);
	if (name && (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)) {
		fputs(group->help, stdout);
		return STATUS_OK;
	}
	return usage_error_because(group->name,
				   name && group->unknown ? group->unknown : group->question, name);
}
