/* command_exposed.c - matr exposed: every program that binds to a symbol or a library. */
#include "common/open_store.h"
#include "common/options.h"
#include "common/output.h"
#include "common/recorded.h"
#include "matr/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/epoch.h>
#include <matr/exposure.h>
#include <matr/names.h>

static const char help[] =
	"usage: matr exposed [OPTION]... --symbol SYMBOL[@VERSION] | --library LIBRARY | --list "
	"FILE\n"
	"\n"
	"Every program of the epoch that binds to it, directly or through its libraries: the\n"
	"object that does it, and the Debian package of the program. What only loads the library\n"
	"is counted, not listed. What an object takes from itself does not count.\n"
	"\n"
	"  --symbol S[@V]     who binds to this symbol; with --library: of this library\n"
	"  --library L        who binds to anything of this library (soname, file name, path)\n"
	"  --list FILE        one of these a line, # comments; a name with / or .so is a library\n"
	"  --epoch EPOCH      in that epoch: a number, current or previous\n"
	"  --format FORMAT    table (default), json or csv\n"
	"  --prefix DIR       where the store is\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 success, whoever binds; 1 failure, or there is no such symbol\n"
	"or library (of a list the others are looked at all the same); 2 usage.\n"
	"\n"
	"  matr exposed --library liblzma.so.5\n"
	"  matr exposed --symbol lzma_code\n"
	"  matr exposed --symbol malloc@GLIBC_2.2.5 --format csv\n";

struct row {
	const struct matr_exposed *exposed;
	const char *package; /* NULL: none */
};

static int compare_rows(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	int order = (a->package == NULL) - (b->package == NULL);

	if (!order && a->package)
		order = strcmp(a->package, b->package);
	if (!order)
		order = strcmp(a->exposed->program, b->exposed->program);
	return order ? order : strcmp(a->exposed->requester, b->exposed->requester);
}

/* One item's rows; the counts go to standard error, so that the rows stay what they are. */
static int show(struct matr_store *store, int64_t epoch, const char *symbol, const char *library,
		struct output *output, struct matr_error *err)
{
	struct matr_symbol_name name = {.name = NULL};
	struct matr_exposure exposure = {.list = NULL};
	char **packages = NULL;
	int result = symbol ? matr_symbol_name_parse(symbol, &name, err) : 0;

	if (!result)
		result =
			matr_exposure(store, epoch, symbol ? &name : NULL, library, &exposure, err);
	const char **paths = calloc(exposure.n + 1, sizeof(char *));
	struct row *rows = calloc(exposure.n + 1, sizeof *rows);
	if (!result && (!paths || !rows))
		result = matr_fail_memory(err);
	for (size_t i = 0; i < exposure.n && !result; i++)
		paths[i] = exposure.list[i].program;
	if (!result)
		result = matr_packages(NULL, paths, exposure.n, &packages, err);
	for (size_t i = 0; i < exposure.n && !result; i++)
		rows[i] = (struct row){&exposure.list[i], packages[i]};
	if (!result && exposure.n)
		qsort(rows, exposure.n, sizeof *rows, compare_rows);
	for (size_t i = 0; i < exposure.n && !result; i++) {
		output_text(output, symbol ? symbol : library);
		output_text(output, rows[i].package);
		output_text(output, rows[i].exposed->program);
		output_text(output, rows[i].exposed->requester);
		output_text(output, rows[i].exposed->loaded);
	}
	if (!result)
		fprintf(stderr, "%s: %zu programs bind to it, %zu more only load it\n",
			symbol ? symbol : library, exposure.n_programs, exposure.n_loading);
	if (packages)
		matr_packages_free(packages, exposure.n);
	free(rows);
	free(paths);
	matr_exposure_free(&exposure);
	matr_symbol_name_free(&name);
	return result;
}

/* An item that is not there is said, and the others are looked at: nobody is exposed to what he does not have. */
static int show_list(struct matr_store *store, int64_t epoch, const char *file,
		     struct output *output, bool *missing, struct matr_error *err)
{
	FILE *list = fopen(file, "r");
	char *line = NULL;
	size_t room = 0;
	int result = 0;

	if (!list)
		return matr_fail_errno(err, file, "cannot be read");
	while (!result && getline(&line, &room, list) > 0) {
		line[strcspn(line, "#\n")] = 0;
		char *item = line + strspn(line, " \t\r");
		item[strcspn(item, " \t\r")] = 0;
		bool library = strchr(item, '/') || strstr(item, ".so");
		if (*item)
			result = show(store, epoch, library ? NULL : item, library ? item : NULL,
				      output, err);
		if (result && err->code == MATR_ERROR_NOT_FOUND) {
			print_error(err);
			*missing = true;
			result = 0;
		}
	}
	if (!result && ferror(list))
		result = matr_fail_errno(err, file, "cannot be read");
	free(line);
	fclose(list);
	return result;
}

int command_exposed(const struct context *context, int argc, char **argv)
{
	static const struct option options[] = {
		{"symbol", required_argument, NULL, 's'}, {"library", required_argument, NULL, 'l'},
		{"list", required_argument, NULL, 'L'},	  {"epoch", required_argument, NULL, 'e'},
		{"format", required_argument, NULL, 'f'}, {"prefix", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},	  {NULL, 0, NULL, 0},
	};
	static const struct output_column columns[] = {
		{"item", CELL_TEXT},
		{"package", CELL_TEXT},
		{"program", CELL_TEXT},
		{"requester", CELL_TEXT},
		{"loaded_by_dlopen_of", CELL_TEXT},
	};
	struct query_options common = {.prefix = context->prefix};
	const char *symbol = NULL, *library = NULL, *list = NULL;
	struct matr_store *store = NULL;
	struct matr_store_epoch epoch;
	struct matr_error err = {0};
	struct output output;
	bool missing = false;
	int option, status;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 's':
			symbol = optarg;
			break;
		case 'l':
			library = optarg;
			break;
		case 'L':
			list = optarg;
			break;
		default:
			if (!query_option(option, "exposed", help, &common, &status))
				return status;
		}
	}
	if (argc != optind || (list ? symbol || library : !symbol && !library))
		return usage_error_because("exposed", "--symbol, --library, or --list", NULL);
	int result = reading_open(common.prefix, &store, &err);
	if (!result)
		result = matr_store_freeze(store, &err);
	if (!result)
		result = recorded_epoch(common.prefix, store, common.epoch, &epoch, &err);
	if (!result) {
		output_open(&output, common.format, columns, sizeof columns / sizeof *columns);
		result = list ? show_list(store, epoch.id, list, &output, &missing, &err)
			      : show(store, epoch.id, symbol, library, &output, &err);
		struct matr_error closing = {0};
		if (output_close(&output, &closing) != 0 && !result) {
			err = closing;
			result = -1;
		}
	}
	matr_store_close(store);
	if (result)
		print_error(&err);
	return result || missing ? STATUS_FAILURE : STATUS_OK;
}
