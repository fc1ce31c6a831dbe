/* options.c - the options of a command, as a table. */
#include "common/options.h"

#include "common/array.h"
#include "common/message.h"

#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

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

/* table, json or csv */
static bool is_format(const char *text, enum output_format *format)
{
	enum output_format parsed;

	if (!format_parse(text, &parsed) ||
	    (parsed != FORMAT_TABLE && parsed != FORMAT_JSON && parsed != FORMAT_CSV))
		return false;
	*format = parsed;
	return true;
}

/* Put the argument where the row says. Returns GO_ON or the exit status. */
static int take(const struct options *options, const struct option_row *row, const char *argument)
{
	enum output_format format;

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
	else if (!is_format(argument, &format) || (row->document && format == FORMAT_CSV))
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

int options_parse(const struct options *options, int argc, char **argv, int *status)
{
	struct option names[ROWS_MAX + 2];
	char letters[2 * ROWS_MAX + 4];
	int option, result = GO_ON;

	if (n_rows(options) > ROWS_MAX)
		abort();
	fill(options, names, letters);
	argv[0] = (char *)"matr"; /* getopt_long() begins its messages with it */
	optind = 0;		  /* glibc's way to begin again */
	while (result == GO_ON && (option = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		const struct option_row *row = find(options, option);
		if (row) {
			result = take(options, row, optarg);
		} else if (option == 'h') {
			fputs(options->help, stdout);
			result = STATUS_OK;
		} else {
			result = usage_error(options->command);
		}
	}
	if (result == GO_ON && options->no_arguments && optind < argc)
		result = usage_error_because(options->command, "unexpected argument", argv[optind]);
	if (result == GO_ON)
		return optind;
	*status = result == STATUS_USAGE && options->usage_status ? options->usage_status : result;
	return -1;
}
