/* complete.c - matr complete: the words that fit at the cursor.
 *
 * One implementation for all shells, on the tables that the commands themselves parse their
 * options with. The shells' scripts pass the command line on, and show the answer.
 */
#include "matr/complete/complete.h"
#include "matr/complete/table.h"
#include "matr/complete/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_WORDS = 3 }; /* matr, group, command */

struct line { /* the command line up to the cursor, as far as it is understood */
	const struct command_group *matr;
	const struct options *options;
	const struct context *context;
	struct complete_values values;
	struct complete_table table; /* of the command so far */
	char *path[PATH_WORDS];	     /* the command's words */
	size_t n_path, n_arguments;
	const struct complete_option *pending; /* its argument comes next */
	bool only_arguments;		       /* behind "--" */
	int command; /* index of the word that begins another command line; 0: none */
};

/* Remember the values of options that others depend on. */
static void take_value(struct line *line, const struct complete_option *option, const char *value)
{
	if (strcmp(option->name, "--prefix") == 0)
		line->values.prefix = value;
	else if (strcmp(option->name, "--epoch") == 0)
		line->values.epoch = value;
}

static void take_option(struct line *line, const char *word)
{
	const struct complete_option *option = complete_table_find(&line->table, word);
	const char *value = word[1] == '-' ? strchr(word, '=') : NULL;

	if (option && value)
		take_value(line, option, value + 1);
	else if (option && strcmp(option->argument, "required") == 0)
		line->pending = option;
}

/* A word that is no option: a command, or an argument. Returns -1 if it is no command. */
static int take_argument(struct line *line, char *word, int index)
{
	const struct complete_table *table = &line->table;
	size_t i = 0;

	if (table->n_commands == 0) {
		if (line->n_arguments++ == 0)
			line->values.program = word;
		if (table->stops && table->n_arguments &&
		    strcmp(table->arguments[0].completion, "command") == 0)
			line->command = index;
		return 0;
	}
	if (strcmp(word, "help") == 0)
		return 0;
	while (i < table->n_commands && strcmp(table->commands[i].name, word) != 0)
		i++;
	if (i == table->n_commands || line->n_path == PATH_WORDS)
		return -1;
	line->path[line->n_path++] = word;
	complete_table_free(&line->table);
	return complete_table_read(line->matr, line->options, line->context, line->path,
				   line->n_path, &line->table);
}

static int take_word(struct line *line, char *word, int index)
{
	if (line->pending) {
		take_value(line, line->pending, word);
		line->pending = NULL;
		return 0;
	}
	if (!line->only_arguments && strcmp(word, "--") == 0) {
		line->only_arguments = true;
		return 0;
	}
	if (!line->only_arguments && word[0] == '-' && word[1]) {
		take_option(line, word);
		return 0;
	}
	return take_argument(line, word, index);
}

/* ---- the word at the cursor ---- */

static void offer_words(const char *lead, const char *word, const char *words)
{
	char *copy = strdup(words), *rest = copy;

	for (const char *one; (one = strsep(&rest, " "));)
		complete_offer(lead, word, one, "");
	free(copy);
}

static void offer_values(struct line *line, const char *lead, const char *completion,
			 const char *words, const char *word)
{
	line->values.lead = lead;
	if (strcmp(completion, "words") == 0)
		offer_words(lead, word, words);
	else if (strcmp(completion, "file") == 0 || strcmp(completion, "directory") == 0 ||
		 strcmp(completion, "executable") == 0)
		printf(":%s\n", completion);
	else if (strcmp(completion, "command") == 0)
		puts(":executable");
	else if (strcmp(completion, "nothing") != 0)
		complete_values_print(&line->values, completion, word);
	/* A library, or a program, may be a file that the epoch does not have. */
	if ((strcmp(completion, "library") == 0 || strcmp(completion, "program") == 0) &&
	    strchr(word, '/'))
		puts(":file");
}

static void offer_options(const struct complete_table *table, const char *word)
{
	for (size_t i = 0; i < table->n_options; i++)
		complete_offer("", word, table->options[i].name, table->options[i].help);
	for (size_t i = 0; i < table->n_options && !word[1]; i++)
		complete_offer("", word, table->options[i].letter, table->options[i].help);
}

static void offer(struct line *line, const char *word)
{
	const struct complete_table *table = &line->table;
	const char *value = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
	const struct complete_option *option = value ? complete_table_find(table, word) : NULL;

	if (line->pending) {
		offer_values(line, "", line->pending->completion, line->pending->words, word);
	} else if (option && !line->only_arguments) {
		char *lead = strndup(word, (size_t)(value - word) + 1);
		if (lead)
			offer_values(line, lead, option->completion, option->words, value + 1);
		free(lead);
	} else if (word[0] == '-' && !line->only_arguments) {
		offer_options(table, word);
	} else if (table->n_commands) {
		for (size_t i = 0; i < table->n_commands; i++)
			complete_offer("", word, table->commands[i].name, table->commands[i].help);
	} else if (table->n_arguments) {
		size_t last = table->n_arguments - 1;
		size_t at = line->n_arguments < last ? line->n_arguments : last;
		offer_values(line, "", table->arguments[at].completion, table->arguments[at].words,
			     word);
	}
}

int complete(const struct command_group *matr, const struct options *options,
	     const struct context *context, int argc, char **argv)
{
	struct line line = {
		.matr = matr,
		.options = options,
		.context = context,
		.values = {.prefix = context->prefix},
	};
	int first = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;

	if (argc - first < 2)
		return STATUS_USAGE;
	int result = complete_table_read(matr, options, context, NULL, 0, &line.table);
	for (int i = first + 1; i < argc - 1 && !result && !line.command; i++)
		result = take_word(&line, argv[i], i - first);
	if (!result && line.command)
		printf(":command %d\n", line.command);
	else if (!result)
		offer(&line, argv[argc - 1]);
	complete_table_free(&line.table);
	return STATUS_OK;
}
