/* verify.c - matr verify: compare what the mapping would write with what ld.so writes. */
#include "common/options.h"
#include "common/output.h"
#include "common/recorded.h"
#include "matr/run/commands.h"
#include "matr/run/verify_child.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: matr verify [--format FORMAT] PROGRAM...\n"
	"       matr verify --loads [--bind-now] PROGRAM [ARG]...\n"
	"\n"
	"Start each program with MatR watching but not writing: ld.so relocates everything "
	"itself,\n"
	"and before the first constructor every slot that the mapping would have written is "
	"compared\n"
	"with what ld.so wrote. Then the program exits; its own code never runs.\n";

static const char help_after[] =
	"Exit status: 0 every slot of every program is the same; 1 some differ, or some program\n"
	"could not be compared (not in the epoch, a plain start, ...; with --loads: nothing was); "
	"2\n"
	"usage.\n"
	"\n"
	"  matr verify git clang\n"
	"  matr verify --format json /usr/lib/libreoffice/program/soffice.bin\n"
	"  matr verify --loads python3 -c 'import numpy'\n";

static const char *const outcomes[] = {"same", "different", "plain", "failed"};

/* Result for one program. */
struct verdict {
	const char *program;		    /* as given, or its path where it is known */
	const struct matr_mapping *mapping; /* NULL: not in the store */
	const struct comparison *comparison;
	const char *outcome;
	/* Differences that an edit (matr-rebind(1)) makes, which come behind the others. */
	size_t n_edited;
};

/* Test whether an edit changed the word. */
static bool is_edited(const struct recorded *recorded, const struct difference *difference)
{
	for (size_t i = 0; i < recorded->n_edited; i++) {
		const struct matr_edited_binding *edited = &recorded->edited[i];
		if (edited->object != difference->object)
			continue;
		const struct matr_object *object = recorded->mapping->scope[edited->object].object;
		const struct matr_relocation *relocation = &object->relocations[edited->relocation];
		uint64_t size = relocation->type == R_X86_64_COPY
					? object->symbols[relocation->symbol].size
					: 8;
		if (difference->offset >= relocation->offset &&
		    difference->offset - relocation->offset < size)
			return true;
	}
	return false;
}

/* qsort: by object, then offset. */
static int compare_places(const void *a, const void *b)
{
	const struct difference *left = a, *right = b;

	if (left->object != right->object)
		return left->object < right->object ? -1 : 1;
	return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* Move the differences that edits make behind the others. Returns their number. */
static size_t set_edited_aside(const struct recorded *recorded, struct comparison *comparison)
{
	size_t n = comparison->n_differences, kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct difference *difference = &comparison->differences[i], other = *difference;
		if (is_edited(recorded, difference))
			continue;
		*difference = comparison->differences[kept];
		comparison->differences[kept++] = other;
	}
	comparison->n_differences = kept;
	if (n > kept)
		qsort(comparison->differences + kept, n - kept, sizeof *comparison->differences,
		      compare_places);
	return n - kept;
}

static bool has_undefined(const struct matr_mapping *mapping)
{
	for (size_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_binding *bindings = mapping->objects[i].bindings;
		for (size_t n = 0; bindings && n < mapping->scope[i].object->n_relocations; n++)
			if (bindings[n].provider == MATR_PROVIDER_UNDEFINED)
				return true;
	}
	return false;
}

static const char *object_of(const struct verdict *verdict, const struct difference *difference)
{
	return difference->object < verdict->mapping->n_scope
		       ? recorded_path(verdict->mapping, difference->object)
		       : "?";
}

/* The symbol whose reference is at the offset; NULL for a relative relocation. */
static const char *symbol_of(const struct verdict *verdict, const struct difference *difference)
{
	if (difference->object >= verdict->mapping->n_scope)
		return NULL;
	const struct matr_object *object = verdict->mapping->scope[difference->object].object;
	for (size_t i = 0; i < object->n_relocations; i++) {
		const struct matr_relocation *relocation = &object->relocations[i];
		if (relocation->offset == difference->offset && relocation->symbol)
			return object->symbols[relocation->symbol].name;
	}
	return NULL;
}

/* ---- the formats ---- */

static void show_text(const struct verdict *verdict)
{
	const struct comparison *comparison = verdict->comparison;

	if (comparison->outcome != COMPARISON_DONE) {
		safe_printf("%s: not compared: %s%s\n", verdict->program,
			    comparison->outcome == COMPARISON_PLAIN ? "plain start: " : "",
			    comparison->reason);
		return;
	}
	safe_printf(
		"%s: %zu differences in %zu slots of %zu objects, %zu relocations left to ld.so",
		verdict->program, comparison->n_differences, comparison->slots, comparison->objects,
		comparison->residual);
	if (verdict->n_edited)
		printf(", %zu edited", verdict->n_edited);
	putchar('\n');
	for (size_t i = 0; i < comparison->n_differences + verdict->n_edited; i++) {
		const struct difference *difference = &comparison->differences[i];
		const char *symbol = symbol_of(verdict, difference);
		if (i >= comparison->n_differences) {
			safe_printf("  edited: %s offset 0x%" PRIx64 " %s\n",
				    object_of(verdict, difference), difference->offset,
				    symbol ? symbol : "(relative)");
			continue;
		}
		safe_printf("  %s offset 0x%" PRIx64 " %s: expected 0x%" PRIx64 ", found 0x%" PRIx64
			    "\n",
			    object_of(verdict, difference), difference->offset,
			    symbol ? symbol : "(relative)", difference->expected,
			    difference->found);
	}
}

static struct json_object *as_json(const struct verdict *verdict)
{
	const struct comparison *comparison = verdict->comparison;
	struct json_object *object = json_object_new_object();
	struct json_object *differences = json_object_new_array();

	if (!object || !differences) {
		json_object_put(object);
		json_object_put(differences);
		return NULL;
	}
	json_object_object_add(object, "program", json_object_new_string(verdict->program));
	json_object_object_add(object, "outcome", json_object_new_string(verdict->outcome));
	if (comparison->reason[0])
		json_object_object_add(object, "reason",
				       json_object_new_string(comparison->reason));
	json_object_object_add(object, "objects", json_object_new_uint64(comparison->objects));
	json_object_object_add(object, "slots", json_object_new_uint64(comparison->slots));
	json_object_object_add(object, "residual", json_object_new_uint64(comparison->residual));
	struct json_object *edited = json_object_new_array();
	for (size_t i = 0; i < comparison->n_differences + verdict->n_edited; i++) {
		const struct difference *difference = &comparison->differences[i];
		const char *symbol = symbol_of(verdict, difference);
		struct json_object *entry = json_object_new_object();
		json_object_object_add(entry, "object",
				       json_object_new_string(object_of(verdict, difference)));
		json_object_object_add(entry, "offset", json_object_new_uint64(difference->offset));
		json_object_object_add(entry, "symbol",
				       symbol ? json_object_new_string(symbol) : NULL);
		json_object_object_add(entry, "expected",
				       json_object_new_uint64(difference->expected));
		json_object_object_add(entry, "found", json_object_new_uint64(difference->found));
		json_object_array_add(i < comparison->n_differences ? differences : edited, entry);
	}
	json_object_object_add(object, "edited", edited);
	json_object_object_add(object, "differences", differences);
	return object;
}

static const struct render_column row_columns[] = {
	{"program", COLUMN_LEFT}, {"outcome", COLUMN_LEFT},   {"objects", COLUMN_RIGHT},
	{"slots", COLUMN_RIGHT},  {"residual", COLUMN_RIGHT}, {"object", COLUMN_LEFT},
	{"offset", COLUMN_RIGHT}, {"symbol", COLUMN_LEFT},    {"expected", COLUMN_RIGHT},
	{"found", COLUMN_RIGHT},  {"reason", COLUMN_LEFT},    {"edited", COLUMN_RIGHT},
};

/* A row per difference, one without an object where there is none. */
static void show_row(struct output *output, const struct verdict *verdict)
{
	const struct comparison *comparison = verdict->comparison;

	for (size_t i = 0; i == 0 || i < comparison->n_differences; i++) {
		const struct difference *difference =
			comparison->n_differences ? &comparison->differences[i] : NULL;
		output_text(output, verdict->program);
		output_text(output, verdict->outcome);
		output_number(output, (int64_t)comparison->objects);
		output_number(output, (int64_t)comparison->slots);
		output_number(output, (int64_t)comparison->residual);
		if (difference) {
			output_text(output, object_of(verdict, difference));
			output_hex(output, difference->offset);
			output_text(output, symbol_of(verdict, difference));
			output_hex(output, difference->expected);
			output_hex(output, difference->found);
		} else {
			for (int empty = 0; empty < 5; empty++)
				output_text(output, NULL);
		}
		output_text(output, comparison->reason);
		output_number(output, (int64_t)verdict->n_edited);
	}
}

/* ---- one program ---- */

struct report { /* where the verdicts go */
	enum output_format format;
	struct output rows;
	struct json_object *json;
};

/* 1: every slot is the same, 0: not, -1: error. */
static int verify_one(const char *prefix, const char *program, struct report *report,
		      struct matr_error *err)
{
	struct recorded recorded;
	struct comparison comparison = {.outcome = COMPARISON_FAILED};
	struct verdict verdict = {.program = program, .comparison = &comparison};
	struct matr_error why = {0};
	int result = 0;

	if (recorded_open(prefix, program, NULL, &recorded, &why) != 0) {
		if (why.code == MATR_ERROR_RESOURCES)
			result = matr_error_copy(err, &why);
		snprintf(comparison.reason, sizeof comparison.reason, "%.400s", why.message);
	} else {
		verdict.mapping = recorded.mapping;
		verdict.program = recorded_path(recorded.mapping, 0);
		const char *library_path = recorded.mapping->library_path;
		bool bind_now = !has_undefined(recorded.mapping);
		result = verify_program(prefix, verdict.program, library_path, bind_now,
					&comparison, err);
		/* Some programs do not survive that, with or without MatR: an IFUNC resolver
		 * that relies on being called late. */
		if (result == 0 && bind_now && comparison.outcome == COMPARISON_FAILED) {
			comparison_free(&comparison);
			result = verify_program(prefix, verdict.program, library_path, false,
						&comparison, err);
		}
	}
	if (result == 0 && comparison.outcome == COMPARISON_DONE)
		verdict.n_edited = set_edited_aside(&recorded, &comparison);
	bool same = comparison.outcome == COMPARISON_DONE && comparison.n_differences == 0;
	verdict.outcome = same ? outcomes[0] : outcomes[comparison.outcome + 1];
	if (result == 0 && report->format == FORMAT_TABLE) {
		show_text(&verdict);
		fflush(stdout);
	} else if (result == 0 && format_is_rows(report->format)) {
		show_row(&report->rows, &verdict);
	} else if (result == 0) {
		struct json_object *object = as_json(&verdict);
		if (!object)
			result = matr_fail_memory(err);
		else
			json_object_array_add(report->json, object);
	}
	comparison_free(&comparison);
	recorded_close(&recorded);
	return result == 0 ? same : -1;
}

static int verify_all(const char *prefix, char **programs, struct report *report,
		      struct matr_error *err)
{
	int all_same = 1;

	if (report->format == FORMAT_JSON && !(report->json = json_object_new_array()))
		return matr_fail_memory(err);
	if (format_is_rows(report->format))
		output_open(&report->rows, report->format, row_columns,
			    sizeof row_columns / sizeof *row_columns);
	for (; *programs; programs++) {
		int same = verify_one(prefix, *programs, report, err);
		if (same < 0) {
			json_object_put(report->json);
			return -1;
		}
		all_same &= same;
	}
	int result = report->format == FORMAT_JSON    ? output_json(report->json, err)
		     : format_is_rows(report->format) ? output_close(&report->rows, err)
						      : output_flush(err);
	return result == 0 ? all_same : -1;
}

/* With --loads, what follows the program is the program's. */
static bool has_loads(char **argv)
{
	for (argv++; *argv && **argv == '-'; argv++) {
		if (!strcmp(*argv, "--loads"))
			return true;
	}
	return false;
}

int command_verify(const struct context *context, int argc, char **argv)
{
	const char *prefix = context->prefix;
	struct report report = {.format = FORMAT_TABLE};
	struct matr_error err = {0};
	bool loads = false, bind_now = false;
	int status;
	const struct option_row rows[] = {
		{"loads", .flag = &loads,
		 .help = "run the program, and compare what it and the programs it starts load "
			 "with dlopen() and the epoch has a mapping for (matr-record(1)); the "
			 "report goes to standard error"},
		{"bind-now", .flag = &bind_now,
		 .help = "with --loads: have ld.so bind all functions at once, so that they are "
			 "compared too"},
		{"format", .format = &report.format,
		 .help = "table (default), json, jsonl or csv; not with --loads"},
		option_prefix(&prefix),
		{0},
	};
	const struct options options = {.command = "verify",
					.help = help,
					.after = help_after,
					.arguments = {COMPLETES_PROGRAM},
					.rows = rows,
					.stop_early = has_loads(argv)};

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	if (at == argc)
		return usage_error_because("verify", "which programs?", NULL);
	if (bind_now && !loads)
		return usage_error_because("verify", "--bind-now goes with --loads", NULL);
	if (loads && report.format != FORMAT_TABLE)
		return usage_error_because("verify", "--loads has no --format", NULL);
	int same = loads ? verify_loads(prefix, argc - at, argv + at, bind_now, &err)
			 : verify_all(prefix, argv + at, &report, &err);
	if (same < 0)
		print_error(&err);
	return same > 0 ? STATUS_OK : STATUS_FAILURE;
}
