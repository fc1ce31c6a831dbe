/* exposed.c - matr exposed: every program that binds to a symbol or a library. */
#include "common/dlopen_notes.h"
#include "common/open_store.h"
#include "common/options.h"
#include "common/output.h"
#include "common/path.h"
#include "common/recorded.h"
#include "matr/namespace/root.h"
#include "matr/query/commands.h"
#include "matr/query/exposed_graph.h"
#include "matr/query/vex.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/epoch.h>
#include <matr/exposure.h>
#include <matr/names.h>
#include <matr/packages.h>
#include <matr/store.h>

static const char help[] =
	"usage: matr exposed [OPTION]... --symbol SYMBOL[@VERSION] | --library LIBRARY | --list "
	"FILE\n"
	"\n"
	"How many programs of the epoch bind to it, directly or through their libraries, by "
	"Debian\n"
	"package; with --details every program and the object that binds. What only loads the\n"
	"library is counted, not listed. What an object takes from itself does not count.\n";

static const char help_after[] =
	"Exit status: 0 success, whoever binds; 1 failure, or there is no such symbol\n"
	"or library (of several the others are looked at all the same); 2 usage.\n"
	"\n"
	"  matr exposed --library liblzma.so.5\n"
	"  matr exposed --details --symbol lzma_code\n"
	"  matr exposed --symbol malloc@GLIBC_2.2.5 --format csv\n"
	"  matr exposed --format openvex --vulnerability CVE-2022-37434 --library libz.so.1 \\\n"
	"      --symbol inflateGetHeader --all-entries --author security@example.org\n";

/* A line of --list, which may be as long as the name of a C++ function. */
enum { LIST_LINE = 65536 };

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
	bool details;
	struct vex_request vex;
};

struct search {
	struct matr_store *store;
	int64_t epoch;
	const struct request *request;
	struct output output;
	size_t n_shown;		     /* items */
	struct exposed_graph *graph; /* in the place of the output; NULL: none */
	bool several; /* an item that is not there is reported, and does not keep from the others */
	bool missing;
};

/* ---- the answer ---- */

static bool is_package(const struct row *a, const struct row *b)
{
	return a->package && b->package ? strcmp(a->package, b->package) == 0
					: a->package == b->package;
}

/* Rows of a package stand beside each other, and so do those of a program. */
static size_t end_of_package(const struct row *rows, size_t n, size_t i, size_t *programs)
{
	size_t end = i;

	*programs = 0;
	while (end < n && is_package(&rows[i], &rows[end])) {
		*programs += end == i || strcmp(rows[end].exposed->program,
						rows[end - 1].exposed->program) != 0;
		end++;
	}
	return end;
}

/* Name the group's requester. Returns NULL if there are several. A program that binds itself counts
 * as "itself". */
static const char *through(const struct row *rows, size_t start, size_t end)
{
	const char *first = NULL;

	for (size_t i = start; i < end; i++) {
		const struct matr_exposed *exposed = rows[i].exposed;
		const char *name = strcmp(exposed->program, exposed->requester) == 0
					   ? "itself"
					   : path_name(exposed->requester);
		if (first && strcmp(first, name) != 0)
			return NULL;
		first = name;
	}
	return first;
}

static const char *plural(size_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

/* Fail for a library that no epoch has: there is no answer. */
static int say_unseen(struct search *search, struct matr_error *err)
{
	struct matr_store_application *applications;
	struct matr_store_declined *declined;
	struct matr_store_skipped *skipped;
	size_t n, n_declined, n_skipped, n_loading;
	uint64_t n_static = 0;

	if (matr_store_count_loading(search->store, search->epoch, &n_loading, err) != 0 ||
	    matr_store_skipped(search->store, search->epoch, &skipped, &n_skipped, err) != 0)
		return -1;
	for (size_t i = 0; i < n_skipped; i++)
		if (strcmp(skipped[i].kind, "static") == 0)
			n_static = skipped[i].files;
	matr_store_skipped_free(skipped, n_skipped);
	if (matr_store_declined(search->store, search->epoch, &declined, &n_declined, err) != 0)
		return -1;
	matr_store_declined_free(declined, n_declined);
	if (matr_store_applications(search->store, search->epoch, &applications, &n, err) != 0)
		return -1;
	matr_store_applications_free(applications, n);
	safe_printf("Not seen: dlopen() in %zu of %zu programs, which have no record of it; "
		    "%" PRIu64 " static %s, %zu declined.\n",
		    n - n_loading, n, n_static, plural(n_static, "program", "programs"),
		    n_declined);
	return 0;
}

/* For people: "liblzma.so.5: 392 programs of 175 packages bind to it; 3 more only load it." */
static int say(struct search *search, const struct item *item, const struct matr_exposure *exposure,
	       const struct row *rows, struct matr_error *err)
{
	size_t n_packages = 0, programs;

	for (size_t i = 0; i < exposure->n; i = end_of_package(rows, exposure->n, i, &programs))
		n_packages += rows[i].package != NULL;
	safe_printf("%s%s: ", search->n_shown ? "\n" : "", item->shown);
	if (exposure->n_programs)
		safe_printf("%zu %s", exposure->n_programs,
			    plural(exposure->n_programs, "program", "programs"));
	else
		safe_printf("no program");
	if (n_packages)
		safe_printf(" of %zu %s", n_packages, plural(n_packages, "package", "packages"));
	safe_printf(" %s to it",
		    plural(exposure->n_programs, "binds", exposure->n_programs ? "bind" : "binds"));
	if (exposure->n_loading)
		safe_printf("; %zu more only %s it", exposure->n_loading,
			    plural(exposure->n_loading, "loads", "load"));
	puts(".");
	return search->n_shown++ ? 0 : say_unseen(search, err);
}

static bool names_library(const struct candidate *candidate, const char *library)
{
	for (size_t i = 0; i < candidate->n_sonames; i++) {
		if (strcmp(candidate->sonames[i], path_name(library)) == 0)
			return true;
	}
	return false;
}

/* Objects without a known load of the library whose notes have it. */
static int say_candidates(struct search *search, const char *library, struct matr_error *err)
{
	struct matr_store_file *files;
	size_t n;

	if (matr_store_files(search->store, search->epoch, &files, &n, err) != 0)
		return -1;
	int result = 0;
	for (size_t i = 0; i < n && !result; i++) {
		struct candidates candidates;
		result = candidates_read(files[i].path, &candidates, err);
		for (size_t k = 0; k < candidates.n; k++) {
			const struct candidate *candidate = &candidates.list[k];
			if (!names_library(candidate, library))
				continue;
			safe_printf("%s may load it with dlopen(), as it says", files[i].path);
			if (candidate->feature)
				safe_printf(" (for %s)", candidate->feature);
			puts(".");
		}
		candidates_free(&candidates);
	}
	matr_store_files_free(files, n);
	return result;
}

static int show_packages(const struct row *rows, size_t n, struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"package", COLUMN_LEFT},
		{"programs", COLUMN_RIGHT},
		{"through", COLUMN_LEFT},
	};
	struct output output;

	putchar('\n');
	output_open(&output, FORMAT_TABLE, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0, end; i < n; i = end) {
		char several[32];
		size_t programs;
		end = end_of_package(rows, n, i, &programs);
		const char *one = through(rows, i, end);
		snprintf(several, sizeof several, "%zu bindings", end - i);
		output_text(&output, rows[i].package ? rows[i].package : "(none)");
		output_number(&output, (int64_t)programs);
		output_text(&output, one ? one : several);
	}
	return output_close(&output, err);
}

static void show_rows(struct output *output, const struct item *item, const struct row *rows,
		      size_t n)
{
	for (size_t i = 0; i < n; i++) {
		output_text(output, item->shown);
		output_text(output, rows[i].package);
		output_text(output, rows[i].exposed->program);
		output_text(output, rows[i].exposed->requester);
		output_text(output, rows[i].exposed->loaded);
	}
}

static const struct render_column row_columns[] = {
	{"item", COLUMN_LEFT},
	{"package", COLUMN_LEFT},
	{"program", COLUMN_LEFT},
	{"requester", COLUMN_LEFT},
	{"loaded_by_dlopen_of", COLUMN_LEFT},
};

enum { ROW_COLUMNS = sizeof row_columns / sizeof *row_columns };

/* For people the sentence and the packages, or the rows; for programs the rows, and the counts on
 * standard error, so that the rows stay what they are. */
static int show_found(struct search *search, const struct item *item,
		      const struct matr_exposure *exposure, const struct row *rows,
		      struct matr_error *err)
{
	if (search->graph) {
		int result = 0;
		for (size_t i = 0; i < exposure->n && !result; i++)
			result = exposed_graph_add(search->graph, item->shown, rows[i].package,
						   rows[i].exposed, err);
		return result;
	}
	if (search->request->format != FORMAT_TABLE) {
		show_rows(&search->output, item, rows, exposure->n);
		safe_fprintf(stderr, "%s: %zu programs bind to it, %zu more only load it\n",
			     item->shown, exposure->n_programs, exposure->n_loading);
		return 0;
	}
	if (say(search, item, exposure, rows, err) != 0 ||
	    (item->library && say_candidates(search, item->library, err) != 0))
		return -1;
	if (!exposure->n)
		return output_flush(err);
	if (!search->request->details)
		return show_packages(rows, exposure->n, err);
	putchar('\n');
	output_open(&search->output, FORMAT_TABLE, row_columns, ROW_COLUMNS);
	show_rows(&search->output, item, rows, exposure->n);
	return output_close(&search->output, err);
}

static int show(struct search *search, const struct item *item, struct matr_error *err)
{
	struct matr_symbol_name name = {.name = NULL};
	struct matr_exposure exposure = {.list = NULL};
	char **packages = NULL;
	int result = item->symbol ? matr_symbol_pattern_parse(item->symbol, &name, err) : 0;

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
	if (!result)
		result = show_found(search, item, &exposure, rows, err);
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
	char line[LIST_LINE];
	int result = 0;

	search->several = true;
	while (!result && fgets(line, sizeof line, list)) {
		size_t length = strlen(line);
		if ((!length || line[length - 1] != '\n') && !feof(list)) {
			result = matr_fail(err, MATR_ERROR_MALFORMED, file,
					   "is no list of names: a line of it is too long, or has "
					   "a NUL byte");
			break;
		}
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
	return result;
}

/* list: what request->list names, or NULL. */
static int show_all(struct search *search, const struct request *request, FILE *list,
		    struct matr_error *err)
{
	struct matr_store_epoch epoch;
	struct matr_error closing = {0};

	if (open_store(request->prefix, &search->store, err) != 0 ||
	    matr_store_freeze(search->store, err) != 0 ||
	    recorded_epoch(request->prefix, search->store, request->epoch, &epoch, err) != 0)
		return -1;
	search->epoch = epoch.id;
	search->request = request;
	if (request->vex.format)
		return vex_show(search->store, epoch.id, &request->vex, err);
	if (format_is_graph(request->format)) {
		struct exposed_graph graph;
		exposed_graph_open(&graph);
		search->graph = &graph;
		int drawn = list ? show_list(search, list, request->list, err)
				 : show_named(search, request, err);
		if (!drawn)
			drawn = graph_show(&graph.graph, request->format, err);
		search->graph = NULL;
		graph_free(&graph.graph);
		return drawn;
	}
	if (request->format != FORMAT_TABLE)
		output_open(&search->output, request->format, row_columns, ROW_COLUMNS);
	int result = list ? show_list(search, list, request->list, err)
			  : show_named(search, request, err);
	if (request->format != FORMAT_TABLE && output_close(&search->output, &closing) != 0 &&
	    !result)
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

/* The formats of VEX, besides those of tables. */
static int take_format(void *context, const char *name)
{
	struct request *request = context;

	request->vex.format = strcmp(name, "openvex") == 0     ? VEX_OPENVEX
			      : strcmp(name, "cyclonedx") == 0 ? VEX_CYCLONEDX
							       : VEX_NONE;
	bool known = request->vex.format || format_parse_graph(name, &request->format) ||
		     format_parse(name, &request->format);
	if (known && request->format != FORMAT_LIST && request->format != FORMAT_MARKDOWN &&
	    request->format != FORMAT_LINE)
		return -1;
	return usage_error_because("exposed", "no such format", name);
}

/* -1: the options of VEX go together; else the exit status. */
static int take_vex(struct request *request)
{
	struct vex_request *vex = &request->vex;

	if (!vex->format) {
		bool given = vex->vulnerability || vex->all_entries || vex->product ||
			     vex->author || vex->action;
		return given ? usage_error_because("exposed",
						   "goes with --format openvex or "
						   "cyclonedx",
						   "--vulnerability")
			     : -1;
	}
	if (request->libraries.n != 1 || request->list)
		return usage_error_because("exposed", "a VEX document is about one --library",
					   NULL);
	if (!vex->vulnerability)
		return usage_error_because("exposed", "which --vulnerability?", NULL);
	if (vex->product && !strchr(vex->product, ':'))
		return usage_error_because("exposed", "is no IRI: pkg:..., https://...",
					   vex->product);
	vex->library = request->libraries.list[0];
	vex->symbols = request->symbols;
	return -1;
}

int command_exposed(const struct context *context, int argc, char **argv)
{
	struct request request = {.prefix = context->prefix};
	const struct option_row rows[] = {
		{"symbol", .list = &request.symbols, .argument = "S[@V]",
		 .help = "who binds to this symbol; with --library: of this library. S may be a "
			 "glob, or a C++ or Rust name as people write it",
		 .completes = COMPLETES_SYMBOL},
		{"library", .list = &request.libraries, .argument = "L",
		 .help = "who binds to anything of this library: soname, file name, path, glob, or "
			 "the name of its package; both may be given several times",
		 .completes = COMPLETES_LIBRARY},
		{"list", .text = &request.list, .argument = "FILE",
		 .help = "one of these a line, # comments; a name with / or .so is a library",
		 .completes = COMPLETES_FILE},
		{"details", .flag = &request.details,
		 .help = "every program, and the object that binds"},
		option_epoch(&request.epoch),
		option_root(&request.root),
		{"format", .take = take_format, .context = &request, .argument = "FORMAT",
		 .words = "table json jsonl csv dot svg openvex cyclonedx",
		 .help = "table (default), json, jsonl, csv, dot (for graphviz) or svg (drawn by "
			 "it); openvex or cyclonedx: a VEX document (with one --library and "
			 "--vulnerability)"},
		{"vulnerability", .text = &request.vex.vulnerability, .argument = "ID",
		 .help = "the vulnerability that --symbol, or all of the library, has"},
		{"all-entries", .flag = &request.vex.all_entries,
		 .help = "the symbols are all functions by which the vulnerable code is entered; "
			 "else who binds others of the library is in doubt"},
		{"product", .text = &request.vex.product, .argument = "IRI",
		 .help = "all programs are this product; else each is one, of its package"},
		{"author", .text = &request.vex.author, .argument = "NAME",
		 .help = "of the document"},
		{"action", .text = &request.vex.action, .argument = "TEXT",
		 .help = "what is to be done about affected programs"},

		option_prefix(&request.prefix),
		{0},
	};
	const struct options options = {
		.command = "exposed", .help = help, .after = help_after, .rows = rows};
	int status;

	int at = options_parse(&options, argc, argv, &status);
	bool named = request.symbols.n || request.libraries.n;
	if (at >= 0 && request.root && request.format == FORMAT_SVG)
		status = usage_error_because("exposed", GRAPH_NO_SVG, "--root");
	else if (at >= 0 && (at < argc || !request.list != named))
		status = usage_error_because("exposed", "--symbol, --library, or --list", NULL);
	else if (at >= 0 && (status = take_vex(&request)) < 0)
		status = run(&request);
	free(request.symbols.list);
	free(request.libraries.list);
	return status;
}
