/* table.c - a command's table, asked of the command itself. */
#include "matr/complete/table.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIELDS = 8, WORDS = 4 };

/* In the child: have the command print its table on `out`. */
static void print_table(const struct command_group *matr, const struct options *options,
			const struct context *context, char *const *words, size_t n, int out)
{
	char describe[] = OPTIONS_DESCRIBE, *arguments[WORDS + 3] = {describe};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int argc = 1;

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0)
		_exit(1);
	for (size_t i = 0; i < n && i < WORDS; i++)
		arguments[argc++] = words[i];
	arguments[argc++] = describe;
	if (n == 0)
		options_describe(options);
	command_dispatch(matr, context, argc, arguments);
	fflush(stdout);
	_exit(0);
}

static void take_line(struct complete_table *table, char *line)
{
	const char *fields[FIELDS] = {"", "", "", "", "", "", "", ""};

	for (size_t i = 0; i < FIELDS && line; i++)
		fields[i] = strsep(&line, "\t");
	if (strcmp(fields[0], "option") == 0 && table->n_options < TABLE_ROWS)
		table->options[table->n_options++] = (struct complete_option){
			fields[1], fields[2], fields[4], fields[5], fields[6], fields[7]};
	else if (strcmp(fields[0], "argument") == 0 && table->n_arguments < ARGUMENTS_MAX)
		table->arguments[table->n_arguments++] =
			(struct complete_argument){fields[1], fields[2]};
	else if (strcmp(fields[0], "command") == 0 && table->n_commands < TABLE_ROWS)
		table->commands[table->n_commands++] =
			(struct complete_command){fields[1], fields[2]};
	else if (strcmp(fields[0], "stop") == 0)
		table->stops = true;
}

int complete_table_read(const struct command_group *matr, const struct options *options,
			const struct context *context, char *const *words, size_t n,
			struct complete_table *out)
{
	int ends[2], status;

	*out = (struct complete_table){.n_options = 0};
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	pid_t child = fork();
	if (child == 0)
		print_table(matr, options, context, words, n, ends[1]);
	close(ends[1]);
	if (child > 0)
		text_add_rest(&out->text, ends[0]);
	close(ends[0]);
	if (child < 0 || waitpid(child, &status, 0) != child || out->text.failed || !out->text.size)
		return -1;
	for (char *at = out->text.bytes; at && *at;) {
		char *line = strsep(&at, "\n");
		take_line(out, line);
	}
	return 0;
}

void complete_table_free(struct complete_table *table)
{
	text_free(&table->text);
}

const struct complete_option *complete_table_find(const struct complete_table *table,
						  const char *word)
{
	size_t length = strcspn(word, "=");
	const struct complete_option *found = NULL;

	for (size_t i = 0; i < table->n_options; i++) {
		const struct complete_option *option = &table->options[i];
		if (word[1] != '-') {
			if (option->letter[0] && option->letter[1] == word[strlen(word) - 1])
				return option;
		} else if (strncmp(option->name, word, length) == 0) {
			if (option->name[length] == 0)
				return option;
			found = option;
		}
	}
	return found;
}
