/* command.c - which command of a group the command line means. */
#include "common/command.h"
#include "common/help_text.h"
#include "common/options.h"
#include "common/screen.h"
#include "common/status_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/nearest.h>

enum { LEFT_MAX = 34 };

/* ---- help ---- */

/* "matr epoch begin PROGRAM..." */
static void add_usage(struct text *text, const struct command_group *group,
		      const struct command *command)
{
	text_printf(text, "matr %s%s%s%s%s", group->name, *group->name ? " " : "", command->name,
		    command->usage ? " " : "", command->usage ? command->usage : "");
}

void command_add_list(struct text *text, const struct command_group *group)
{
	struct text left = {0};
	size_t widest = 0, width = help_width();

	for (size_t i = 0; i < group->n; i++) {
		text_clear(&left);
		add_usage(&left, group, &group->commands[i]);
		if (group->commands[i].help && left.size > widest && left.size <= LEFT_MAX)
			widest = left.size;
	}
	for (size_t i = 0; i < group->n; i++) {
		const struct command *command = &group->commands[i];
		if (!command->help)
			continue;
		if (command->section)
			text_printf(text, "%s%s:\n", i ? "\n" : "", command->section);
		text_clear(&left);
		add_usage(&left, group, command);
		help_add_row(text, text_string(&left), command->help, widest, width);
	}
	text_add(text, "\n", 1);
	text->failed |= left.failed;
	text_free(&left);
}

static int print_help(const struct command_group *group, const struct context *context)
{
	static const struct option_row none[] = {{0}};
	char help[] = "--help", *arguments[] = {help, help, NULL};

	if (!group->help)
		return group->commands[0].run(context, 2, arguments);
	options_print_help(&(struct options){.command = group->name,
					     .help = group->help,
					     .after = group->after,
					     .add_list = command_add_list,
					     .commands = group,
					     .rows = none});
	return STATUS_OK;
}

/* For completion: a line for each command. */
static int describe(const struct command_group *group)
{
	for (size_t i = 0; i < group->n; i++)
		if (group->commands[i].help)
			printf("command\t%s\t%s\n", group->commands[i].name,
			       group->commands[i].help);
	puts("option\t--help\t-h\t\tnone\tnothing\t\tthis text");
	return STATUS_OK;
}

/* ---- dispatch ---- */

static const struct command *find(const struct command_group *group, const char *name)
{
	for (size_t i = 0; i < group->n; i++)
		if (strcmp(group->commands[i].name, name) == 0)
			return &group->commands[i];
	return NULL;
}

static int no_such_command(const struct command_group *group, const char *name)
{
	struct matr_nearest nearest = {.wanted = name};
	struct matr_error err = {0};

	for (size_t i = 0; i < group->n; i++)
		if (group->commands[i].help)
			matr_nearest_offer(&nearest, group->commands[i].name, NULL);
	matr_fail(&err, MATR_ERROR_USAGE, name, "%s",
		  *name == '-' ? "no such option" : "no such command");
	matr_nearest_add(&nearest, &err);
	print_error(&err);
	return usage_error(group->name);
}

/* help COMMAND...: what `COMMAND... --help` prints. */
static int help_of(const struct command_group *group, const struct context *context, int argc,
		   char **argv)
{
	const struct command *command = find(group, argv[0]);
	char **arguments;
	int status;

	if (!command)
		return no_such_command(group, argv[0]);
	if (!(arguments = calloc((size_t)argc + 2, sizeof *arguments))) {
		print_warning("out of memory");
		return STATUS_FAILURE;
	}
	memcpy(arguments, argv, (size_t)argc * sizeof *arguments);
	arguments[argc] = (char[]){"--help"};
	status = command->run(context, argc + 1, arguments);
	free(arguments);
	return status;
}

int command_dispatch(const struct command_group *group, const struct context *context, int argc,
		     char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct command *command = name ? find(group, name) : NULL;

	if (command) {
		if (command->paged && !context->no_pager)
			screen_use_pager();
		if (command->paged)
			status_line_await();
		return command->run(context, argc - 1, argv + 1);
	}
	if (!name)
		return usage_error_because(group->name, group->question, NULL);
	if (strcmp(name, OPTIONS_DESCRIBE) == 0)
		return describe(group);
	if (strcmp(name, "help") == 0 && argc > 2)
		return help_of(group, context, argc - 2, argv + 2);
	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return print_help(group, context);
	return no_such_command(group, name);
}
