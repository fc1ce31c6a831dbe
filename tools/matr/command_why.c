/* command_why.c - matr why: the search behind a symbol's bindings, and what brings a library in. */
#include "command.h"
#include "output.h"
#include "query_options.h"
#include "recorded.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/explain.h>

static const char help[] =
	"usage: matr why [OPTION]... PROGRAM SYMBOL[@VERSION]\n"
	"       matr why --library [OPTION]... PROGRAM LIBRARY\n"
	"\n"
	"Which object provides a symbol, and why: who refers to it, and what every object of the\n"
	"scope had to offer, in the order in which they are asked. The first match provides it.\n"
	"With --library: which chain of DT_NEEDED entries brings the library in, who else needs\n"
	"it, how it was found, and which of its symbols are bound by whom.\n"
	"Everything comes from the store; LIBRARY is a soname, a file name or a path.\n"
	"\n"
	"  --library          explain a library, not a symbol\n"
	"  --epoch EPOCH      in that epoch: a number, current or previous\n"
	"  --format FORMAT    table (default), json or csv\n"
	"  --prefix DIR       where the store is\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 success; 1 failure, or there is no such thing; 2 usage.\n"
	"\n"
	"  matr why git malloc\n"
	"  matr why clang-14 memcpy@GLIBC_2.14\n"
	"  matr why --library git libpcre2-8.so.0\n";

static const char *const verdicts[] = {
	[MATR_VERDICT_MATCH] = "match",
	[MATR_VERDICT_ABSENT] = "not defined",
	[MATR_VERDICT_REFERS] = "undefined there too",
	[MATR_VERDICT_UNHASHED] = "local: not in the hash table",
	[MATR_VERDICT_LOCAL] = "local",
	[MATR_VERDICT_HIDDEN] = "hidden",
	[MATR_VERDICT_VERSION] = "other version",
	[MATR_VERDICT_NO_VALUE] = "has no value",
	[MATR_VERDICT_TYPE] = "of a type that provides nothing",
	[MATR_VERDICT_CANONICAL] = "canonical address, not for calls",
	[MATR_VERDICT_PASSED_OVER] = "passed over: copy relocation",
};

static const char *const rules[] = {
	[MATR_RULE_SEARCH] = "search",
	[MATR_RULE_OWN] = "own, without a search",
	[MATR_RULE_SYMBOLIC] = "symbolic",
	[MATR_RULE_PROTECTED] = "protected",
	[MATR_RULE_UNIQUE] = "unique",
	[MATR_RULE_CHANGED] = "changed: not what the search gives",
};

static const char *version_of(const struct matr_object *object, uint32_t symbol)
{
	const struct matr_version *version =
		matr_object_symbol_version(object, &object->symbols[symbol]);
	return version ? version->name : NULL;
}

static const char *provider_name(const struct matr_mapping *mapping, uint32_t provider)
{
	if (provider < mapping->n_scope)
		return recorded_path(mapping, provider);
	return provider == MATR_PROVIDER_WEAK_NULL ? "nothing (weak: null)" : "nothing (undefined)";
}

/* One row per reference and object that was asked, numbered as they are asked. "match" is the one that counts, "next" the
 * one that would be next. */
static int why_symbol(const struct recorded *recorded, const char *text, enum output_format format,
		      struct matr_error *err)
{
	static const struct output_column asking[] = {
		{"requester", CELL_TEXT}, {"symbol", CELL_TEXT}, {"version", CELL_TEXT},
		{"provider", CELL_TEXT},  {"rule", CELL_TEXT},	 {"relocations", CELL_NUMBER},
		{"search", CELL_NUMBER},
	};
	static const struct output_column asked[] = {
		{"search", CELL_NUMBER}, {"order", CELL_NUMBER},     {"object", CELL_TEXT},
		{"outcome", CELL_TEXT},	 {"has_version", CELL_TEXT}, {"weak", CELL_TEXT},
	};
	const struct matr_mapping *mapping = recorded->mapping;
	struct matr_explanation *explanation;
	struct matr_symbol_name name;
	struct output output;

	if (matr_symbol_name_parse(text, &name, err) != 0)
		return -1;
	int result = matr_explain(mapping, &name, &explanation, err);
	matr_symbol_name_free(&name);
	if (result != 0)
		return -1;
	if (format == FORMAT_JSON)
		printf("{\"references\": ");
	if (!explanation->n_references && format == FORMAT_TABLE)
		puts("Nothing refers to it; dlsym() without a version would find:");
	output_open(&output, format, asking, sizeof asking / sizeof *asking);
	for (size_t i = 0; i < explanation->n_references; i++) {
		const struct matr_explained_reference *at = &explanation->references[i];
		const struct matr_object *object = mapping->scope[at->requester].object;
		output_text(&output, recorded_path(mapping, at->requester));
		output_text(&output, object->symbols[at->symbol].name);
		output_text(&output, version_of(object, at->symbol));
		output_text(&output, provider_name(mapping, at->binding.provider));
		output_text(&output, rules[at->rule]);
		output_number(&output, (int64_t)at->relocations);
		output_number(&output, at->search + 1);
	}
	result = output_close(&output, err);
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
			const char *outcome = verdicts[step->verdict];
			if (step->verdict == MATR_VERDICT_MATCH && ++matches > 1)
				outcome = matches == 2 ? "match: would be next" : "match: later";
			output_number(&output, (int64_t)i + 1);
			output_number(&output, (int64_t)n);
			output_text(&output, recorded_path(mapping, step->object));
			output_text(&output, outcome);
			output_text(&output, known ? version_of(object, step->symbol) : NULL);
			output_text(&output, known && object->symbols[step->symbol].binding == 2
						     ? "weak"
						     : NULL);
		}
	}
	if (output_close(&output, err) != 0)
		result = -1;
	if (format == FORMAT_JSON)
		puts("}");
	matr_explanation_free(explanation);
	return result;
}

/* "git -> libcurl.so.4 -> libssl.so.3" by what loaded each first. */
static void print_chain(const struct matr_mapping *mapping, uint32_t index)
{
	if (index) {
		print_chain(mapping, mapping->scope[index].loaded_by);
		fputs(" -> ", stdout);
	}
	fputs(mapping->scope[index].needed_as ? mapping->scope[index].needed_as
					      : recorded_path(mapping, index),
	      stdout);
}

/* Not there from the start; perhaps the program loads it. What was wrong stays in *err where it does not. */
static int why_loaded(const struct recorded *recorded, const char *library, struct matr_error *err)
{
	struct matr_store_closure *closures;
	struct matr_error ignored;
	size_t n;
	bool found = false;

	if (err->code != MATR_ERROR_NOT_FOUND ||
	    matr_store_closures(recorded->store, recorded->application, &closures, &n, &ignored) !=
		    0)
		return -1;
	for (size_t i = 0; i < n && !found; i++) {
		struct matr_closure closure;
		if (!closures[i].objects ||
		    matr_store_closure(recorded->store, recorded->application, &closures[i],
				       &closure, &ignored) != 0)
			continue;
		for (size_t k = closure.n_start; k < closure.mapping->n_scope && !found; k++)
			found = matr_object_is_called(closure.mapping->scope[k].object,
						      closure.mapping->scope[k].path, library);
		if (found)
			matr_fail(
				err, MATR_ERROR_NOT_FOUND, library,
				"not there from the start: comes with dlopen() of %s, as recorded",
				closures[i].root);
		matr_mapping_free(closure.mapping);
	}
	matr_store_closures_free(closures, n);
	return -1;
}

static int why_library(const struct recorded *recorded, const char *library,
		       enum output_format format, struct matr_error *err)
{
	static const struct output_column columns[] = {
		{"requester", CELL_TEXT},
		{"symbol", CELL_TEXT},
		{"version", CELL_TEXT},
		{"ifunc", CELL_TEXT},
	};
	const struct matr_mapping *mapping = recorded->mapping;
	struct matr_need *needs;
	struct output output;
	uint32_t index;
	size_t n_needs;

	if (matr_mapping_find_object(mapping, library, &index, err) != 0)
		return why_loaded(recorded, library, err);
	if (matr_needs(mapping, &needs, &n_needs, err) != 0)
		return -1;
	const struct matr_scope_entry *entry = &mapping->scope[index];
	if (format == FORMAT_TABLE) {
		printf("file        %s\nfound as    %s\nfound by    %s\nchain       ",
		       recorded_path(mapping, index), entry->path,
		       matr_search_rule_name(entry->rule));
		print_chain(mapping, index);
		for (size_t i = 0; i < n_needs; i++) {
			if (needs[i].object != index || needs[i].requester == entry->loaded_by)
				continue;
			fputs("\nalso        ", stdout);
			print_chain(mapping, needs[i].requester);
			printf(" -> %s", needs[i].name);
		}
		fputs("\n\n", stdout);
	}
	free(needs);
	output_open(&output, format, columns, sizeof columns / sizeof *columns);
	size_t bound = 0;
	for (uint32_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_object *object = mapping->scope[i].object;
		const struct matr_binding *bindings = mapping->objects[i].bindings;
		bool *seen = calloc(object->n_symbols + 1, sizeof *seen);
		if (!seen)
			return matr_fail_memory(err);
		for (size_t n = 0; bindings && i != index && n < object->n_relocations; n++) {
			uint32_t symbol = object->relocations[n].symbol;
			if (bindings[n].provider != index || seen[symbol])
				continue;
			seen[symbol] = true;
			bound++;
			output_text(&output, recorded_path(mapping, i));
			output_text(&output, object->symbols[symbol].name);
			output_text(&output, version_of(object, symbol));
			output_text(&output, entry->object->symbols[bindings[n].symbol].type == 10
						     ? "ifunc"
						     : NULL);
		}
		free(seen);
	}
	if (output_close(&output, err) != 0)
		return -1;
	if (!bound && format == FORMAT_TABLE)
		puts("Nothing binds to it.");
	return output_flush(err);
}

int command_why(const struct context *context, int argc, char **argv)
{
	static const struct option options[] = {
		{"library", no_argument, NULL, 'l'},	  {"epoch", required_argument, NULL, 'e'},
		{"format", required_argument, NULL, 'f'}, {"prefix", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},	  {NULL, 0, NULL, 0},
	};
	struct query_options common = {.prefix = context->prefix};
	struct recorded recorded;
	struct matr_error err = {0};
	bool library = false;
	int option, status;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			library = true;
			break;
		default:
			if (!query_option(option, "why", help, &common, &status))
				return status;
		}
	}
	if (argc - optind != 2)
		return usage_error_because("why", "a program, and a symbol or a library", NULL);
	if (common.format == FORMAT_CSV && !library)
		return usage_error_because("why", "csv goes with --library; json has both tables",
					   NULL);
	int result = recorded_open(common.prefix, argv[optind], common.epoch, &recorded, &err);
	if (result == 0)
		result = library ? why_library(&recorded, argv[optind + 1], common.format, &err)
				 : why_symbol(&recorded, argv[optind + 1], common.format, &err);
	recorded_close(&recorded);
	if (result != 0)
		print_error(&err);
	return result == 0 ? STATUS_OK : STATUS_FAILURE;
}
