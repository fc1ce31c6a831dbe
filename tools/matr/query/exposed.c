/* exposed.c - matr exposed: every program that binds to a symbol or a library. */
#include "common/open_store.h"
#include "common/options.h"
#include "common/output.h"
#include "common/recorded.h"
#include "matr/namespace/root.h"
#include "matr/query/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/epoch.h>
#include <matr/exposure.h>
#include <matr/names.h>
#include <matr/packages.h>

static const char help[] =
	"usage: matr exposed [OPTION]... --symbol SYMBOL[@VERSION] | --library LIBRARY | --list "
	"FILE\n"
	"\n"
	"Every program of the epoch that binds to it, directly or through its libraries: the\n"
	"object that does it, and the Debian package of the program. What only loads the library\n"
	"is counted, not listed. What an object takes from itself does not count.\n"
	"\n"
	"  --symbol S[@V]     who binds to this symbol; with --library: of this library\n"
	"  --library L        who binds to anything of this library (soname, file name, path);\n"
	"                     both may be given several times\n"
	"  --list FILE        one of these a line, # comments; a name with / or .so is a library\n"
	"  --epoch EPOCH      in that epoch: a number, current or previous\n"
	"  --root DIR         of the system in that tree\n"
	"  --format FORMAT    table (default), json or csv\n"
	"  --prefix DIR       where the store is\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 success, whoever binds; 1 failure, or there is no such symbol\n"
	"or library (of several the others are looked at all the same); 2 usage.\n"
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

struct item {				      /* what is bound to */
	const char *shown, *symbol, *library; /* symbol or library may be NULL */
};

struct request {
	const char *prefix, *epoch, *root, *list;
	struct option_list symbols, libraries;
	enum output_format format;
};

struct search {
	struct matr_store *store;
	int64_t epoch;
	struct output output;
	bool several; /* an item that is not there is reported, and does not keep from the others */
	bool missing;
};

/* Print the rows of one item; the counts go to standard error, so that the rows stay what they
 * are. */
static int show(struct search *search, const struct item *item, struct matr_error *err)
{
	struct matr_symbol_name name = {.name = NULL};
	struct matr_exposure exposure = {.list = NULL};
	struct output *output = &search->output;
	char **packages = NULL;
	int result = item->symbol ? matr_symbol_name_parse(item->symbol, &name, err) : 0;

	if (!result)
		result = matr_exposure(search->store, search->epoch, item->symbol ? &name : NULL,
				       item->library, &exposure, err);
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
		output_text(output, item->shown);
		output_text(output, rows[i].package);
		output_text(output, rows[i].exposed->program);
		output_text(output, rows[i].exposed->requester);
		output_text(output, rows[i].exposed->loaded);
	}
	if (!result)
		safe_fprintf(stderr, "%s: %zu programs bind to it, %zu more only load it\n",
			     item->shown, exposure.n_programs, exposure.n_loading);
	if (packages)
		matr_packages_free(packages, exposure.n);
	free(rows);
	free(paths);
	matr_exposure_free(&exposure);
	matr_symbol_name_free(&name);
	return result;
}

static int show_one_of(struct search *search, const struct item *item, struct matr_error *err)
{
	int result = show(search, item, err);

	if (result == 0 || !search->several || err->code != MATR_ERROR_NOT_FOUND)
		return result;
	print_error(err);
	search->missing = true;
	return 0;
}

/* The symbols, each of each library. */
static int show_named(struct search *search, const struct request *request, struct matr_error *err)
{
	const struct option_list *symbols = &request->symbols, *libraries = &request->libraries;
	size_t n_symbols = symbols->n ? symbols->n : 1,
	       n_libraries = libraries->n ? libraries->n : 1;
	int result = 0;

	search->several = n_symbols * n_libraries > 1;
	for (size_t i = 0; i < n_symbols * n_libraries && !result; i++) {
		struct item item = {
			.symbol = symbols->n ? symbols->list[i / n_libraries] : NULL,
			.library = libraries->n ? libraries->list[i % n_libraries] : NULL,
		};
		struct text both = {0};
		item.shown = item.symbol ? item.symbol : item.library;
		if (item.symbol && n_libraries > 1) {
			text_printf(&both, "%s:%s", item.library, item.symbol);
			item.shown = text_string(&both);
		}
		result = both.failed ? matr_fail_memory(err) : show_one_of(search, &item, err);
		text_free(&both);
	}
	return result;
}

static int show_list(struct search *search, FILE *list, const char *file, struct matr_error *err)
{
	char *line = NULL;
	size_t room = 0;
	int result = 0;

	search->several = true;
	while (!result && getline(&line, &room, list) > 0) {
		line[strcspn(line, "#\n")] = 0;
		char *name = line + strspn(line, " \t\r");
		name[strcspn(name, " \t\r")] = 0;
		bool library = strchr(name, '/') || strstr(name, ".so");
		const struct item item = {name, library ? NULL : name, library ? name : NULL};
		if (*name)
			result = show_one_of(search, &item, err);
	}
	if (!result && ferror(list))
		result = matr_fail_errno(err, file, "cannot be read");
	free(line);
	return result;
}

/* list: what request->list names, or NULL. */
static int show_all(struct search *search, const struct request *request, FILE *list,
		    struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"item", COLUMN_LEFT},
		{"package", COLUMN_LEFT},
		{"program", COLUMN_LEFT},
		{"requester", COLUMN_LEFT},
		{"loaded_by_dlopen_of", COLUMN_LEFT},
	};
	struct matr_store_epoch epoch;
	struct matr_error closing = {0};

	if (open_store(request->prefix, &search->store, err) != 0 ||
	    matr_store_freeze(search->store, err) != 0 ||
	    recorded_epoch(request->prefix, search->store, request->epoch, &epoch, err) != 0)
		return -1;
	search->epoch = epoch.id;
	output_open(&search->output, request->format, columns, sizeof columns / sizeof *columns);
	int result = list ? show_list(search, list, request->list, err)
			  : show_named(search, request, err);
	if (output_close(&search->output, &closing) != 0 && !result)
		result = matr_error_copy(err, &closing);
	return result;
}

static int run(const struct request *request)
{
	struct search search = {.store = NULL};
	struct matr_error err = {0};
	FILE *list = NULL;
	int result = 0;

	/* The list is the caller's, not the tree's. */
	if (request->list && !(list = fopen(request->list, "r")))
		result = matr_fail_errno(&err, request->list, "cannot be read");
	if (!result)
		result = root_of(request->root, &err);
	if (!result)
		result = show_all(&search, request, list, &err);
	if (list)
		fclose(list);
	matr_store_close(search.store);
	if (result)
		print_error(&err);
	return result || search.missing ? STATUS_FAILURE : STATUS_OK;
}

int command_exposed(const struct context *context, int argc, char **argv)
{
	struct request request = {.prefix = context->prefix};
	const struct option_row rows[] = {
		{"symbol", .list = &request.symbols}, {"library", .list = &request.libraries},
		{"list", .text = &request.list},      {"epoch", .text = &request.epoch},
		{"root", .text = &request.root},      {"format", .format = &request.format},
		{"prefix", .text = &request.prefix},  {0},
	};
	const struct options options = {.command = "exposed", .help = help, .rows = rows};
	int status;

	int at = options_parse(&options, argc, argv, &status);
	bool named = request.symbols.n || request.libraries.n;
	if (at >= 0 && at == argc && !request.list == named)
		status = run(&request);
	else if (at >= 0)
		status = usage_error_because("exposed", "--symbol, --library, or --list", NULL);
	free(request.symbols.list);
	free(request.libraries.list);
	return status;
}
