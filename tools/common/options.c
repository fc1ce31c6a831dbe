/* query_options.c - see query_options.h. */
#include "common/options.h"
#include "matr/command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

bool query_option(int option, const char *command, const char *help, struct query_options *options,
		  int *status)
{
	switch (option) {
	case 'e':
		options->epoch = optarg;
		return true;
	case 'f':
		if (output_format_parse(optarg, &options->format))
			return true;
		*status = usage_error_because(command, "no such format", optarg);
		return false;
	case 'p':
		options->prefix = optarg;
		return true;
	case 'h':
		fputs(help, stdout);
		*status = STATUS_OK;
		return false;
	default:
		*status = usage_error(command);
		return false;
	}
}

bool parse_jobs(const char *text, unsigned *jobs)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*text < '1' || *text > '9' || *end || number > 256)
		return false;
	*jobs = (unsigned)number;
	return true;
}
