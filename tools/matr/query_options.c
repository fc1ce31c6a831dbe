/* query_options.c - see query_options.h. */
#include "query_options.h"
#include "command.h"

#include <getopt.h>
#include <stdio.h>

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
