/* why.c - matr why: the search behind a symbol's bindings, and what brings a library in. */
#include "matr/query/why.h"
#include "common/graph.h"
#include "common/options.h"
#include "common/output.h"
#include "common/recorded.h"
#include "common/resolved.h"
#include "common/symbol.h"
#include "matr/namespace/root.h"
#include "matr/query/commands.h"
#include "matr/query/why_answer.h"

#include <stdio.h>

#include <matr/explain.h>
#include <matr/lookup.h>
#include <matr/names.h>

static const char help[] =
	"usage: matr why [OPTION]... PROGRAM SYMBOL[@VERSION]\n"
	"       matr why --library [OPTION]... PROGRAM LIBRARY\n"
	"\n"
	"Which object provides a symbol, how many references bind to it, and what would be next.\n"
	"With --details who refers to it, and what every object of the scope had to offer, in the\n"
	"order in which they are asked. The first match provides it.\n"
	"With --library: which chain of DT_NEEDED entries brings the library in, who else needs\n"
	"it, where it was sought and found, and which of its symbols are bound by whom.\n"
	"What the program loads with dlopen(), as recorded, is part of it.\n"
	"Everything comes from the store. A program that is not in the epoch is resolved at\n"
	"once, as its files are now. SYMBOL may be a glob, or a C++ or Rust name as people write\n"
	"it; LIBRARY is a soname, a file name, a path, a glob, or the name of its package.\n";

static const char help_after[] =
	"Exit status: 0 success; 1 failure, or there is no such thing; 2 usage.\n"
	"\n"
	"  matr why git malloc\n"
	"  matr why --details clang memcpy@GLIBC_2.14\n"
	"  matr why clang 'std::locale::name'\n"
	"  matr why --library git libpcre2-8.so.0\n"
	"  matr why --library --format json sshd liblzma.so.5\n"
	"  matr why --env LD_PRELOAD=/opt/lib/libjemalloc.so.2 ./app malloc\n";

static const char *const outcomes[] = {
	[MATR_LOOKUP_MATCH] = "match",
	[MATR_LOOKUP_ABSENT] = "not defined",
	[MATR_LOOKUP_REFERS] = "undefined there too",
	[MATR_LOOKUP_UNHASHED] = "local: not in the hash table",
	[MATR_LOOKUP_LOCAL] = "local",
	[MATR_LOOKUP_HIDDEN] = "hidden",
	[MATR_LOOKUP_VERSION] = "other version",
	[MATR_LOOKUP_NO_VALUE] = "has no value",
	[MATR_LOOKUP_TYPE] = "of a type that provides nothing",
	[MATR_LOOKUP_CANONICAL] = "canonical address, not for calls",
	[MATR_LOOKUP_PASSED_OVER] = "passed over: copy relocation",
};

static const char *const rules[] = {
	[MATR_RULE_SEARCH] = "search",
	[MATR_RULE_OWN] = "own, without a search",
	[MATR_RULE_SYMBOLIC] = "symbolic",
	[MATR_RULE_PROTECTED] = "protected",
	[MATR_RULE_UNIQUE] = "unique",
	[MATR_RULE_CHANGED] = "changed: not what the search gives",
};

static const char *provider_name(const struct matr_mapping *mapping, uint32_t provider)
{
	if (provider < mapping->n_scope)
		return recorded_path(mapping, provider);
	return provider == MATR_PROVIDER_WEAK_NULL ? "nothing (weak: null)" : "nothing (undefined)";
}

/* Print two tables: a row per reference to the symbol, and one per object that its search asks, in
 * order. The first match counts. */
static int show_explanation(const struct why *why, const struct matr_mapping *mapping,
			    const struct matr_explanation *explanation, struct matr_error *err)
{
	enum output_format format = why->format;
	static const struct render_column asking[] = {
		{"requester", COLUMN_LEFT}, {"symbol", COLUMN_LEFT}, {"version", COLUMN_LEFT},
		{"provider", COLUMN_LEFT},  {"rule", COLUMN_LEFT},   {"relocations", COLUMN_RIGHT},
		{"search", COLUMN_RIGHT},
	};
	static const struct render_column asked[] = {
		{"search", COLUMN_RIGHT}, {"order", COLUMN_RIGHT},	{"object", COLUMN_LEFT},
		{"outcome", COLUMN_LEFT}, {"has_version", COLUMN_LEFT}, {"weak", COLUMN_LEFT},
	};
	struct output output;

	if (format == FORMAT_JSON)
		printf("\"references\": ");
	output_open(&output, format, asking, sizeof asking / sizeof *asking);
	for (size_t i = 0; i < explanation->n_references; i++) {
		const struct matr_explained_reference *at = &explanation->references[i];
		const struct matr_object *object = mapping->scope[at->requester].object;
		output_text(&output, recorded_path(mapping, at->requester));
		output_symbol(&output, object->symbols[at->symbol].name, why->raw);
		output_text(&output, recorded_version(object, at->symbol));
		output_text(&output, provider_name(mapping, at->binding.provider));
		output_text(&output, rules[at->rule]);
		output_number(&output, (int64_t)at->relocations);
		output_number(&output, at->search + 1);
	}
	int result = output_close(&output, err);
	if (format == FORMAT_JSON)
		printf(", \"searches\": ");
	else if (format == FORMAT_TABLE && explanation->n_references)
		putchar('\n');
	output_open(&output, format, asked, sizeof asked / sizeof *asked);
	for (size_t i = 0; i < explanation->n_searches; i++) {
		size_t matches = 0;
		for (size_t n = 0; n < explanation->n_scope; n++) {
			const struct matr_search_step *step = &explanation->searches[i].steps[n];
			const struct matr_object *object = mapping->scope[step->object].object;
			bool known = step->symbol != UINT32_MAX;
			const char *outcome = outcomes[step->outcome];
			if (step->outcome == MATR_LOOKUP_MATCH && ++matches > 1)
				outcome = matches == 2 ? "match: would be next" : "match: later";
			output_number(&output, (int64_t)i + 1);
			output_number(&output, (int64_t)n);
			output_text(&output, recorded_path(mapping, step->object));
			output_text(&output, outcome);
			output_text(&output, known ? recorded_version(object, step->symbol) : NULL);
			output_text(&output, known && object->symbols[step->symbol].binding == 2
						     ? "weak"
						     : NULL);
		}
	}
	return output_close(&output, err) != 0 ? -1 : result;
}

/* Print the references; root NULL: those of the start. */
static int show(const struct why *why, const struct matr_mapping *mapping,
		const struct matr_explanation *explanation, const char *root,
		struct matr_error *err)
{
	bool people = why->format == FORMAT_TABLE;
	int result = 0;

	if (people)
		result = why_answer(mapping, explanation, why->asked, root, !root && !why->details,
				    why->raw, err);
	if (people && why->details && result == 0)
		putchar('\n');
	if (result == 0 && (!people || why->details))
		result = show_explanation(why, mapping, explanation, err);
	return result;
}

static int begin_closure(const struct why *why, const char *root, size_t n, bool gap,
			 struct matr_error *err)
{
	if (why->format != FORMAT_JSON) {
		if (why->details ? n || gap : n == 0 && gap)
			putchar('\n');
		return 0;
	}
	if (!n && !gap) /* nothing at the start has it */
		fputs("{\"references\": [], \"searches\": [], \"closures\": [", stdout);
	printf("%s{\"root\": ", n ? ", " : "");
	int result = output_json_string(root, err);
	fputs(", ", stdout);
	return result;
}

/* The symbol in the scope of one closure. 1: shown; 0: nothing of it there. */
static int why_in_closure(const struct why *why, const struct matr_closure *closure,
			  const char *root, const struct matr_symbol_name *name, bool referring,
			  size_t n_shown, struct matr_error *err)
{
	struct matr_explanation *explanation;
	struct matr_error own = {0};
	int result = 0;

	if (matr_explain(closure->mapping, name, &explanation, &own) != 0) {
		if (own.code == MATR_ERROR_NOT_FOUND)
			return 0;
		return matr_error_copy(err, &own);
	}
	if (explanation->n_references || !referring) {
		result = begin_closure(why, root, n_shown, referring, err);
		if (!result)
			result = show(why, closure->mapping, explanation, root, err);
		result = result < 0 ? -1 : 1;
		if (why->format == FORMAT_JSON)
			putchar('}');
	}
	matr_explanation_free(explanation);
	return result;
}

/* Print the references of the program's closures, which are looked up in the scope of the start and
 * then in the closure. *n_shown: closures with the symbol. referring: only those that refer to
 * it. */
static int why_in_closures(const struct why *why, const struct recorded *recorded,
			   const struct matr_symbol_name *name, bool referring, size_t *n_shown,
			   struct matr_error *err)
{
	struct recorded_loads loads;

	int result = recorded_loads(recorded, &loads, err);
	for (size_t i = 0; i < loads.n_records && result >= 0; i++) {
		if (!loads.list[i].mapping)
			continue;
		result = why_in_closure(why, &loads.list[i], loads.records[i].root, name, referring,
					*n_shown, err);
		*n_shown += result > 0;
	}
	recorded_loads_free(&loads);
	return result < 0 ? -1 : 0;
}

static int why_symbol(const struct why *why, const struct recorded *recorded,
		      struct matr_error *err)
{
	struct matr_explanation *explanation = NULL;
	struct matr_symbol_name name;
	struct matr_error own = {0};
	size_t n = 0;

	if (matr_symbol_pattern_parse(why->asked, &name, err) != 0)
		return -1;
	bool known = matr_explain(recorded->mapping, &name, &explanation, &own) == 0;
	int result = known || own.code == MATR_ERROR_NOT_FOUND ? 0 : -1;
	if (known && why->format == FORMAT_JSON)
		putchar('{');
	if (known)
		result = show(why, recorded->mapping, explanation, NULL, err);
	if (known && why->format == FORMAT_JSON)
		printf(", \"closures\": [");
	/* If there is nothing at the start, json begins with the first closure that has it. */
	if (!result)
		result = why_in_closures(why, recorded, &name, known, &n, err);
	if ((known || n) && why->format == FORMAT_JSON)
		puts("]}");
	if (!known && !n && !result)
		result = matr_error_copy(err, &own);
	matr_explanation_free(explanation);
	matr_symbol_name_free(&name);
	if (!result)
		result = output_flush(err);
	return result;
}

int command_why(const struct context *context, int argc, char **argv)
{
	const char *prefix = context->prefix, *epoch = NULL, *root = NULL;
	struct why why = {.format = FORMAT_TABLE};
	struct option_list environment = {.n = 0};
	struct recorded recorded = {.store = NULL};
	struct matr_error err = {0};
	bool library = false;
	int status;
	const struct option_row rows[] = {
		{"library", .flag = &library, .help = "explain a library, not a symbol"},
		{"details", .flag = &why.details,
		 .help = "every reference, and every step of its search; with --library every "
			 "symbol"},
		{"raw", .flag = &why.raw, .help = "C++ and Rust names as they are in the files"},
		option_epoch(&epoch),
		{"env", .list = &environment, .argument = "NAME=VALUE",
		 .help = "as its files are now, with LD_LIBRARY_PATH or LD_PRELOAD"},
		option_root(&root),
		{"format", .format = &why.format, .graphs = true},
		option_prefix(&prefix),
		{0},
	};
	const struct options options = {.command = "why",
					.help = help,
					.after = help_after,
					.arguments = {COMPLETES_PROGRAM, COMPLETES_SYMBOL},
					.rows = rows};

	int at = options_parse(&options, argc, argv, &status);
	if (at >= 0 && argc - at != 2)
		status = usage_error_because("why", "a program, and a symbol or a library", NULL);
	else if (at >= 0 && root && why.format == FORMAT_SVG)
		status = usage_error_because("why", GRAPH_NO_SVG, "--root");
	else if (at >= 0 && format_is_rows(why.format) && !library)
		status = usage_error_because(
			"why", "csv and jsonl go with --library; json has both tables", NULL);
	else if (at >= 0) {
		why.asked = argv[at + 1];
		int result = root_of(root, &err);
		if (result == 0)
			result = recorded_or_resolved(prefix, argv[at], epoch, &environment,
						      &recorded, &err);
		if (result == 0)
			result = library ? why_library(&why, &recorded, &err)
				 : format_is_graph(why.format)
					 ? why_symbol_graph(&why, &recorded, &err)
					 : why_symbol(&why, &recorded, &err);
		recorded_close(&recorded);
		if (result != 0)
			print_error(&err);
		status = result == 0 ? STATUS_OK : error_status(&err);
	}
	free(environment.list);
	return status;
}
