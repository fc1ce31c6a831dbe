/* options_help.c - the table of a command's options, for people and for completion. */
#include "common/options.h"

#include "common/help_text.h"
#include "common/text.h"

#include <stdio.h>
#include <string.h>

enum { LEFT_MAX = 24 };

static const struct option_row help_row = {"help", 'h', .help = "this text"};

const char *option_argument(const struct option_row *row)
{
	if (row->flag ||
	    !(row->text || row->format || row->document || row->jobs || row->list || row->take))
		return NULL;
	if (row->argument)
		return row->argument;
	if (row->format || row->document)
		return "FORMAT";
	return row->jobs ? "N" : "ARGUMENT";
}

static const char *row_words(const struct option_row *row)
{
	if (row->words)
		return row->words;
	if (row->graphs)
		return row->format ? "table json jsonl csv dot svg" : "table json dot svg";
	if (row->format)
		return "table json jsonl csv";
	return row->document ? "table json" : "";
}

static const char *row_help(const struct option_row *row)
{
	if (row->help)
		return row->help;
	if (row->graphs)
		return row->format
			       ? "table (default), json, jsonl, csv, dot (for graphviz) or svg "
				 "(drawn by it)"
			       : "table (default), json, dot (for graphviz) or svg (drawn by it)";
	if (row->format)
		return "table (default), json, jsonl or csv";
	return row->document ? "table (default) or json" : NULL;
}

/* ---- --help ---- */

/* "-j, --jobs N" */
static void add_left(struct text *text, const struct option_row *row)
{
	const char *argument = option_argument(row);

	if (row->letter)
		text_printf(text, "-%c, ", row->letter);
	text_printf(text, "--%s", row->name);
	if (argument)
		text_printf(text, row->argument_is_optional ? "[=%s]" : " %s", argument);
}

static void add_row(struct text *text, const struct option_row *row, size_t left_width,
		    size_t width)
{
	struct text left = {0};

	if (!row_help(row))
		return;
	add_left(&left, row);
	help_add_row(text, text_string(&left), row_help(row), left_width, width);
	text->failed |= left.failed;
	text_free(&left);
}

/* The longest left side, longer ones aside that would leave little room to the right. */
static size_t left_width_of(const struct options *options)
{
	size_t widest = strlen("-h, --help");
	struct text left = {0};

	for (const struct option_row *row = options->rows; row->name; row++) {
		text_clear(&left);
		add_left(&left, row);
		if (row_help(row) && left.size > widest && left.size <= LEFT_MAX)
			widest = left.size;
	}
	text_free(&left);
	return widest;
}

void options_print_help(const struct options *options)
{
	struct text text = {0};
	size_t left = left_width_of(options), width = help_width();

	text_add_string(&text, options->help);
	if (options->after) {
		text_add(&text, "\n", 1);
		if (options->add_list)
			options->add_list(&text, options->commands);
		for (const struct option_row *row = options->rows; row->name; row++)
			add_row(&text, row, left, width);
		add_row(&text, &help_row, left, width);
		text_add(&text, "\n", 1);
		text_add_string(&text, options->after);
	}
	fwrite(text_string(&text), 1, text.size, stdout);
	if (text.failed)
		fputs("matr: out of memory\n", stderr);
	text_free(&text);
}

/* ---- for completion ---- */

static const char *completion_name(enum completion completion)
{
	static const char *const names[] = {
		[COMPLETES_NOTHING] = "nothing",
		[COMPLETES_WORDS] = "words",
		[COMPLETES_FILE] = "file",
		[COMPLETES_DIRECTORY] = "directory",
		[COMPLETES_EXECUTABLE] = "executable",
		[COMPLETES_COMMAND] = "command",
		[COMPLETES_PROGRAM] = "program",
		[COMPLETES_EPOCH] = "epoch",
		[COMPLETES_LIBRARY] = "library",
		[COMPLETES_SYMBOL] = "symbol",
		[COMPLETES_PACKAGE] = "package",
	};

	return names[completion];
}

static void describe_row(const struct option_row *row)
{
	const char *argument = option_argument(row), *help = row_help(row);
	const char *words = row_words(row);

	printf("option\t--%s\t", row->name);
	if (row->letter)
		printf("-%c", row->letter);
	printf("\t%s\t%s\t%s\t%s\t%s\n", argument ? argument : "",
	       !argument		   ? "none"
	       : row->argument_is_optional ? "optional"
					   : "required",
	       completion_name(*words ? COMPLETES_WORDS : row->completes), words, help ? help : "");
}

void options_describe(const struct options *options)
{
	for (const struct option_row *row = options->rows; row->name; row++)
		describe_row(row);
	describe_row(&help_row);
	for (size_t i = 0; i < ARGUMENTS_MAX && options->arguments[i] != COMPLETES_NOTHING; i++)
		printf("argument\t%s\t%s\n", completion_name(options->arguments[i]),
		       options->words ? options->words : "");
	if (options->stop_early)
		puts("stop");
}
