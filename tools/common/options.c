/* options.c - the options of a command, as a table. */
#include "common/options.h"

#include "common/array.h"
#include "common/message.h"
#include "common/text.h"

#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/nearest.h>

enum {
	ROWS_MAX = 24,
	FIRST = 256 /* values of getopt_long() that are rows and no letters */,
	GO_ON = -1
};

bool options_parse_jobs(const char *text, unsigned *jobs)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*text < '1' || *text > '9' || *end || number > 256)
		return false;
	*jobs = (unsigned)number;
	return true;
}

struct option_row option_prefix(const char **prefix)
{
	return (struct option_row){"prefix", .text = prefix, .argument = "DIR",
				   .help = "where the store is", .completes = COMPLETES_DIRECTORY};
}

struct option_row option_root(const char **root)
{
	return (struct option_row){"root", .text = root, .argument = "DIR",
				   .help = "of the system in that tree",
				   .completes = COMPLETES_DIRECTORY};
}

struct option_row option_epoch(const char **epoch)
{
	return (struct option_row){"epoch", .text = epoch, .argument = "EPOCH",
				   .help = "in that epoch: a number, current or previous",
				   .completes = COMPLETES_EPOCH};
}

static int list_add(struct option_list *list, const char *argument)
{
	struct matr_error err;

	if (array_grow(&list->list, list->n, sizeof *list->list, &err) != 0) {
		print_error(&err);
		return STATUS_FAILURE;
	}
	list->list[list->n++] = argument;
	return GO_ON;
}

/* Test whether the text is a format that the row has. *format receives it. */
static bool is_format(const struct option_row *row, const char *text, enum output_format *format)
{
	enum output_format parsed;

	if (!format_parse(text, &parsed))
		return false;
	if (parsed != FORMAT_TABLE && parsed != FORMAT_JSON &&
	    (row->document || !format_is_rows(parsed)))
		return false;
	*format = parsed;
	return true;
}

/* Nothing that has a name is called "". */
static bool is_nameless(const struct option_row *row, const char *argument)
{
	return argument && !*argument &&
	       (row->format || row->document || row->words || row->completes != COMPLETES_NOTHING);
}

/* Store the argument as the row directs. Returns GO_ON or the exit status. */
static int take(const struct options *options, const struct option_row *row, const char *argument)
{
	enum output_format format;

	if (is_nameless(row, argument)) {
		print_warning("--%s: its argument is empty", row->name);
		return usage_error(options->command);
	}
	if (row->flag)
		*row->flag = true;
	else if (row->text)
		*row->text = argument;
	else if (row->list)
		return list_add(row->list, argument);
	else if (row->take)
		return row->take(row->context, argument);
	else if (row->jobs)
		return options_parse_jobs(argument, row->jobs)
			       ? GO_ON
			       : usage_error_because(options->command, "no number of jobs",
						     argument);
	else if (row->graphs &&
		 format_parse_graph(argument, row->document ? row->document : row->format))
		return GO_ON;
	else if (!is_format(row, argument, &format))
		return usage_error_because(options->command, "no such format", argument);
	else
		*(row->document ? row->document : row->format) = format;
	return GO_ON;
}

static size_t n_rows(const struct options *options)
{
	size_t n = 0;

	while (options->rows[n].name)
		n++;
	return n;
}

/* The tables of getopt_long(). */
static void fill(const struct options *options, struct option *names, char *letters)
{
	size_t n = 0;

	if (options->stop_early)
		letters[n++] = '+';
	letters[n++] = ':'; /* no messages of getopt_long() */
	letters[n++] = 'h';
	for (size_t i = 0; i < n_rows(options); i++) {
		const struct option_row *row = &options->rows[i];
		int argument = row->flag		   ? no_argument
			       : row->argument_is_optional ? optional_argument
							   : required_argument;
		names[i] = (struct option){row->name, argument, NULL, FIRST + (int)i};
		if (row->letter)
			letters[n++] = row->letter;
		if (row->letter && argument != no_argument)
			letters[n++] = ':';
	}
	letters[n] = 0;
	names[n_rows(options)] = (struct option){"help", no_argument, NULL, 'h'};
	names[n_rows(options) + 1] = (struct option){NULL, 0, NULL, 0};
}

static const struct option_row *find(const struct options *options, int option)
{
	if (option >= FIRST)
		return &options->rows[option - FIRST];
	for (size_t i = 0; i < n_rows(options); i++)
		if (options->rows[i].letter == option)
			return &options->rows[i];
	return NULL;
}

/* ---- reports of mistakes ---- */

/* No option of this name, or several that begin with it. name: "--formt=json" */
static void report_unknown(const struct options *options, const char *name)
{
	size_t length = strcspn(name, "=");
	struct text shown = {0};
	struct matr_error err = {0};
	size_t n_begin = 0;

	text_add(&shown, name, length);
	struct matr_nearest nearest = {.wanted = text_string(&shown) + 2};
	for (size_t i = 0; i <= n_rows(options); i++) {
		const char *known = i < n_rows(options) ? options->rows[i].name : "help";
		char both[64];
		snprintf(both, sizeof both, "--%s", known);
		n_begin += strncmp(known, name + 2, length - 2) == 0;
		matr_nearest_offer(&nearest, known, both);
	}
	matr_fail(&err, MATR_ERROR_USAGE, text_string(&shown),
		  n_begin > 1 ? "begins several options" : "no such option");
	matr_nearest_add(&nearest, &err);
	print_error(&err);
	text_free(&shown);
}

/* getopt_long() returned '?' or ':'. */
static int report(const struct options *options, int option, char **argv)
{
	const struct option_row *row = optopt ? find(options, optopt) : NULL;
	const char *argument = argv[optind - 1];

	if (option == ':' && row && row->letter == optopt)
		print_warning("-%c: needs an argument: %s", row->letter, option_argument(row));
	else if (option == ':' && row)
		print_warning("--%s: needs an argument: %s", row->name, option_argument(row));
	else if (optopt == 'h' || row) /* of an option that takes none: --all=x */
		print_warning("%s: takes no argument", argument);
	else if (optopt)
		print_warning("-%c: no such option", optopt);
	else
		report_unknown(options, argument);
	return usage_error(options->command);
}

int options_parse(const struct options *options, int argc, char **argv, int *status)
{
	struct option names[ROWS_MAX + 2];
	char letters[2 * ROWS_MAX + 5];
	int option, result = GO_ON;

	if (n_rows(options) > ROWS_MAX)
		abort();
	if (argc > 1 && strcmp(argv[1], OPTIONS_DESCRIBE) == 0) {
		options_describe(options);
		*status = STATUS_OK;
		return -1;
	}
	fill(options, names, letters);
	optind = 0; /* glibc's way to begin again */
	while (result == GO_ON && (option = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		const struct option_row *row = find(options, option);
		if (row) {
			result = take(options, row, optarg);
		} else if (option == 'h') {
			options_print_help(options);
			result = STATUS_OK;
		} else {
			result = report(options, option, argv);
		}
	}
	if (result == GO_ON && options->no_arguments && optind < argc)
		result = usage_error_because(options->command, "unexpected argument", argv[optind]);
	if (result == GO_ON)
		return optind;
	*status = result == STATUS_USAGE && options->usage_status ? options->usage_status : result;
	return -1;
}
