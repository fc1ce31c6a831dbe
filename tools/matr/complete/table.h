/* table.h - a command's options and arguments, or a group's commands, as completion sees them. */
#ifndef MATR_TOOLS_COMPLETE_TABLE_H
#define MATR_TOOLS_COMPLETE_TABLE_H

#include "common/command.h"
#include "common/options.h"
#include "common/text.h"

enum { TABLE_ROWS = 64 };

/* All zero: empty. Strings belong to `text`. */
struct complete_table {
	struct text text;
	struct complete_option {
		const char *name, *letter; /* "--jobs", "-j" or "" */
		const char *argument;	   /* "none", "optional" or "required" */
		const char *completion, *words, *help;
	} options[TABLE_ROWS];
	struct complete_argument {
		const char *completion, *words;
	} arguments[ARGUMENTS_MAX];
	struct complete_command {
		const char *name, *help;
	} commands[TABLE_ROWS];
	size_t n_options, n_arguments, n_commands;
	bool stops; /* the first argument ends the options */
};

/* Ask the command that the words name (OPTIONS_DESCRIBE) in a child process. n 0: matr itself.
 * *out: complete_table_free(), also after an error. Returns -1 if there is no answer. */
int complete_table_read(const struct command_group *matr, const struct options *options,
			const struct context *context, char *const *words, size_t n,
			struct complete_table *out);
void complete_table_free(struct complete_table *table);

/* The option that a word of the command line names: by its name or a part of it, or by the last
 * letter of "-xj". NULL: none. */
const struct complete_option *complete_table_find(const struct complete_table *table,
						  const char *word);

#endif
