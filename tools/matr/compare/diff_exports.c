/* diff_exports.c - the differences between two machines: exports, or this machine's store. */
#include "matr/compare/diff_exports.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/output.h"
#include "common/path.h"
#include "matr/export/model.h"

static const struct render_column columns[] = {
	{"what", COLUMN_LEFT},	 {"change", COLUMN_LEFT},  {"path", COLUMN_LEFT},
	{"symbol", COLUMN_LEFT}, {"version", COLUMN_LEFT}, {"before", COLUMN_LEFT},
	{"after", COLUMN_LEFT},
};

static const struct render_column total_columns[] = {
	{"what", COLUMN_LEFT},
	{"change", COLUMN_LEFT},
	{"number", COLUMN_RIGHT},
};

enum { ADDED, REMOVED, CHANGED, CHANGES };
enum { PROGRAM, OBJECT, BINDING, THINGS };

static const char *const thing_names[THINGS] = {"program", "object", "binding"};

struct comparison {
	const struct diff_exports *diff;
	struct model before, after;
	struct output output;
	size_t numbers[THINGS][CHANGES];
	int64_t *ids[2]; /* of objects that bind otherwise */
	size_t n_ids;
	struct model_bindings bindings[2];
};

struct row {
	const char *what, *change, *path, *symbol, *version, *before, *after;
};

/* Only what was asked for. */
static void put_row(struct comparison *comparison, const struct row *row)
{
	const char *texts[] = {row->what,    row->change, row->path, row->symbol,
			       row->version, row->before, row->after};

	if (comparison->diff->totals || (comparison->diff->symbol && !row->symbol))
		return;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		output_text(&comparison->output, texts[i]);
}

/* ---- programs ---- */

/* The next entry of a scope; false at its end. */
static bool next_entry(const struct text *scope, size_t *at, const char **load, const char **path)
{
	if (*at >= scope->size)
		return false;
	*load = scope->bytes + *at;
	*path = *load + strlen(*load) + 1;
	*at += (size_t)(*path - *load) + strlen(*path) + 1;
	*at += strlen(scope->bytes + *at) + 1; /* the rule */
	return true;
}

static bool has_entry(const struct text *scope, const char *load, const char *path)
{
	const char *other_load, *other_path;
	size_t at = 0;

	while (next_entry(scope, &at, &other_load, &other_path))
		if (strcmp(load, other_load) == 0 && strcmp(path, other_path) == 0)
			return true;
	return false;
}

/* The names of what only `one` has, for a row. */
static void add_besides(struct text *out, const struct text *one, const struct text *other)
{
	const char *load, *path;
	size_t at = 0;

	while (next_entry(one, &at, &load, &path))
		if (!has_entry(other, load, path))
			text_printf(out, "%s%s%s%s", out->size ? ", " : "", path,
				    *load ? " for " : "", *load ? path_name(load) : "");
}

static int compare_scopes(struct comparison *comparison, const struct model_program *before,
			  const struct model_program *after, struct matr_error *err)
{
	struct text gone = {0}, new = {0};

	if (before->scope.size == after->scope.size &&
	    (!before->scope.size ||
	     memcmp(before->scope.bytes, after->scope.bytes, before->scope.size) == 0))
		return 0;
	comparison->numbers[PROGRAM][CHANGED]++;
	add_besides(&gone, &before->scope, &after->scope);
	add_besides(&new, &after->scope, &before->scope);
	bool reordered = !gone.size && !new.size;
	const struct row row = {
		.what = "program",
		.change = reordered ? "reordered" : "changed",
		.path = after->path,
		.before = gone.size ? text_string(&gone) : NULL,
		.after = new.size ? text_string(&new) : NULL,
	};
	put_row(comparison, &row);
	int result = gone.failed || new.failed ? matr_fail_memory(err) : 0;
	text_free(&gone);
	text_free(&new);
	return result;
}

static void one_sided_program(struct comparison *comparison, const struct model_program *program,
			      bool added)
{
	comparison->numbers[PROGRAM][added ? ADDED : REMOVED]++;
	const struct row row = {
		.what = "program",
		.change = added ? "added" : "removed",
		.path = program->path,
		.before = added ? NULL : program->reason,
		.after = added ? program->reason : NULL,
	};
	put_row(comparison, &row);
}

static int compare_program(struct comparison *comparison, const struct model_program *before,
			   const struct model_program *after, struct matr_error *err)
{
	if (!before->reason && !after->reason)
		return compare_scopes(comparison, before, after, err);
	if (before->reason && after->reason)
		return 0;
	comparison->numbers[PROGRAM][CHANGED]++;
	const struct row row = {
		.what = "program",
		.change = after->reason ? "declined" : "accepted",
		.path = after->path,
		.before = before->reason,
		.after = after->reason,
	};
	put_row(comparison, &row);
	return 0;
}

static int compare_programs(struct comparison *comparison, struct matr_error *err)
{
	const struct model *before = &comparison->before, *after = &comparison->after;
	size_t i = 0, k = 0;
	int result = 0;

	while ((i < before->n_programs || k < after->n_programs) && result == 0) {
		int order = i == before->n_programs ? 1
			    : k == after->n_programs
				    ? -1
				    : strcmp(before->programs[i].path, after->programs[k].path);
		if (order < 0)
			one_sided_program(comparison, &before->programs[i], false);
		else if (order > 0)
			one_sided_program(comparison, &after->programs[k], true);
		else
			result = compare_program(comparison, &before->programs[i],
						 &after->programs[k], err);
		i += order <= 0;
		k += order >= 0;
	}
	return result;
}

/* ---- objects ---- */

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Add the file's package to the text, or else its build-id. */
static void describe(struct text *out, const struct model_object *object, bool by_package)
{
	if (by_package)
		text_printf(out, "%s %s", object->package, object->version);
	else
		text_printf(out, "build-id %s", object->build_id ? object->build_id : "none");
}

static int compare_files(struct comparison *comparison, const struct model_object *before,
			 const struct model_object *after, struct matr_error *err)
{
	struct text old = {0}, new = {0};
	bool by_package = before->package && after->package && before->version && after->version &&
			  (!same_text(before->package, after->package) ||
			   !same_text(before->version, after->version));

	if (same_text(before->build_id, after->build_id) || comparison->diff->bindings_only)
		return 0;
	comparison->numbers[OBJECT][CHANGED]++;
	describe(&old, before, by_package);
	describe(&new, after, by_package);
	const struct row row = {
		.what = "object",
		.change = "replaced",
		.path = after->path,
		.before = text_string(&old),
		.after = text_string(&new),
	};
	put_row(comparison, &row);
	int result = old.failed || new.failed ? matr_fail_memory(err) : 0;
	text_free(&old);
	text_free(&new);
	return result;
}

static int add_ids(struct comparison *comparison, int64_t before, int64_t after,
		   struct matr_error *err)
{
	for (int side = 0; side < 2; side++)
		if (array_grow(&comparison->ids[side], comparison->n_ids, sizeof(int64_t), err) !=
		    0)
			return -1;
	comparison->ids[0][comparison->n_ids] = before;
	comparison->ids[1][comparison->n_ids] = after;
	comparison->n_ids++;
	return 0;
}

static int compare_object(struct comparison *comparison, const struct model_object *before,
			  const struct model_object *after, struct matr_error *err)
{
	if (compare_files(comparison, before, after, err) != 0)
		return -1;
	return strcmp(before->hash, after->hash) == 0
		       ? 0
		       : add_ids(comparison, before->id, after->id, err);
}

static void one_sided_object(struct comparison *comparison, const struct model_object *object,
			     bool added)
{
	comparison->numbers[OBJECT][added ? ADDED : REMOVED]++;
	const struct row row = {.what = "object",
				.change = added ? "added" : "removed",
				.path = object->path,
				.before = added ? NULL : object->package,
				.after = added ? object->package : NULL};
	put_row(comparison, &row);
}

static int compare_objects(struct comparison *comparison, struct matr_error *err)
{
	const struct model *before = &comparison->before, *after = &comparison->after;
	size_t i = 0, k = 0;
	int result = 0;

	while ((i < before->n_objects || k < after->n_objects) && result == 0) {
		int order = i == before->n_objects ? 1
			    : k == after->n_objects
				    ? -1
				    : strcmp(before->objects[i].path, after->objects[k].path);
		if (order < 0)
			one_sided_object(comparison, &before->objects[i], false);
		else if (order > 0)
			one_sided_object(comparison, &after->objects[k], true);
		else
			result = compare_object(comparison, &before->objects[i], &after->objects[k],
						err);
		i += order <= 0;
		k += order >= 0;
	}
	return result;
}

/* ---- bindings ---- */

static int compare_references(const struct model_binding *a, const struct model_binding *b)
{
	int order = strcmp(a->requester, b->requester);

	order = order ? order : strcmp(a->symbol, b->symbol);
	return order ? order : strcmp(a->version, b->version);
}

/* Bindings of the same reference, which may have several providers. */
static size_t run_of(const struct model_bindings *bindings, size_t at)
{
	size_t end = at;

	while (end < bindings->n &&
	       compare_references(&bindings->list[at], &bindings->list[end]) == 0)
		end++;
	return end - at;
}

static bool has_provider(const struct model_binding *list, size_t n, const char *provider)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].provider, provider) == 0)
			return true;
	return false;
}

struct counts { /* of one requester */
	const char *requester;
	size_t numbers[CHANGES];
};

/* The row of a requester, where bindings have none. */
static void end_requester(struct comparison *comparison, struct counts *counts)
{
	static const char *const names[CHANGES] = {"added", "removed", "moved"};
	struct text text = {0};

	for (int i = 0; i < CHANGES; i++)
		if (counts->numbers[i])
			text_printf(&text, "%s%zu %s", text.size ? ", " : "", counts->numbers[i],
				    names[i]);
	if (counts->requester && text.size && !comparison->diff->details &&
	    !comparison->diff->symbol) {
		const struct row row = {.what = "bindings",
					.change = "changed",
					.path = counts->requester,
					.after = text_string(&text)};
		put_row(comparison, &row);
	}
	text_free(&text);
	*counts = (struct counts){.requester = NULL};
}

static void put_binding(struct comparison *comparison, struct counts *counts,
			const struct model_binding *binding, const char *before, const char *after)
{
	int change = !before ? ADDED : !after ? REMOVED : CHANGED;
	const char *symbol = comparison->diff->symbol;

	if (symbol && fnmatch(symbol, binding->symbol, 0) != 0)
		return;
	if (!counts->requester || strcmp(counts->requester, binding->requester) != 0) {
		end_requester(comparison, counts);
		counts->requester = binding->requester;
	}
	counts->numbers[change]++;
	comparison->numbers[BINDING][change]++;
	if (!comparison->diff->details && !symbol)
		return;
	const struct row row = {
		.what = "binding",
		.change = change == ADDED     ? "added"
			  : change == REMOVED ? "removed"
					      : "moved",
		.path = binding->requester,
		.symbol = binding->symbol,
		.version = *binding->version ? binding->version : NULL,
		.before = before,
		.after = after,
	};
	put_row(comparison, &row);
}

/* The providers of a reference on both sides: one that only each has is a move. */
static void compare_reference(struct comparison *comparison, struct counts *counts,
			      const struct model_binding *before, size_t n_before,
			      const struct model_binding *after, size_t n_after)
{
	size_t i = 0, k = 0;

	for (;;) {
		while (i < n_before && has_provider(after, n_after, before[i].provider))
			i++;
		while (k < n_after && has_provider(before, n_before, after[k].provider))
			k++;
		if (i == n_before && k == n_after)
			return;
		put_binding(comparison, counts, i < n_before ? &before[i] : &after[k],
			    i < n_before ? before[i].provider : NULL,
			    k < n_after ? after[k].provider : NULL);
		i += i < n_before;
		k += k < n_after;
	}
}

static void compare_all_bindings(struct comparison *comparison)
{
	const struct model_bindings *before = &comparison->bindings[0];
	const struct model_bindings *after = &comparison->bindings[1];
	struct counts counts = {.requester = NULL};
	size_t i = 0, k = 0;

	while (i < before->n || k < after->n) {
		int order = i == before->n  ? 1
			    : k == after->n ? -1
					    : compare_references(&before->list[i], &after->list[k]);
		size_t n_before = order <= 0 ? run_of(before, i) : 0;
		size_t n_after = order >= 0 ? run_of(after, k) : 0;
		compare_reference(comparison, &counts, before->list + i, n_before, after->list + k,
				  n_after);
		i += n_before;
		k += n_after;
	}
	end_requester(comparison, &counts);
}

static int compare_ids(const void *left, const void *right)
{
	const int64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static int compare_bindings(struct comparison *comparison, struct matr_error *err)
{
	const struct export_source *const sources[2] = {comparison->diff->before,
							comparison->diff->after};
	const struct model *const models[2] = {&comparison->before, &comparison->after};

	for (int side = 0; side < 2; side++) {
		if (comparison->n_ids)
			qsort(comparison->ids[side], comparison->n_ids, sizeof(int64_t),
			      compare_ids);
		if (model_read_bindings(sources[side], models[side], comparison->ids[side],
					comparison->n_ids, &comparison->bindings[side], err) != 0)
			return -1;
	}
	compare_all_bindings(comparison);
	return 0;
}

/* ---- the answer ---- */

static size_t sum(const size_t numbers[CHANGES])
{
	return numbers[ADDED] + numbers[REMOVED] + numbers[CHANGED];
}

static size_t differences(const struct comparison *comparison)
{
	size_t n = sum(comparison->numbers[BINDING]);

	if (comparison->diff->symbol)
		return n;
	return n + sum(comparison->numbers[PROGRAM]) + sum(comparison->numbers[OBJECT]);
}

/* A sentence, before or without rows. */
static void say(const struct comparison *comparison)
{
	const struct model *before = &comparison->before, *after = &comparison->after;

	safe_fprintf(comparison->diff->format == FORMAT_TABLE ? stdout : stderr,
		     "%s (epoch %lld) and %s (epoch %lld) ", before->host, (long long)before->epoch,
		     after->host, (long long)after->epoch);
	FILE *out = comparison->diff->format == FORMAT_TABLE ? stdout : stderr;
	if (!differences(comparison)) {
		safe_fprintf(out, "are alike%s: %zu programs, %zu objects.\n",
			     comparison->diff->symbol ? " in these symbols" : "",
			     after->n_programs - after->n_declined,
			     after->n_objects > 2 ? after->n_objects - 2 : 0);
		return;
	}
	safe_fprintf(out, "differ: programs %zu added, %zu removed, %zu changed; ",
		     comparison->numbers[PROGRAM][ADDED], comparison->numbers[PROGRAM][REMOVED],
		     comparison->numbers[PROGRAM][CHANGED]);
	safe_fprintf(out, "objects %zu added, %zu removed, %zu replaced; ",
		     comparison->numbers[OBJECT][ADDED], comparison->numbers[OBJECT][REMOVED],
		     comparison->numbers[OBJECT][CHANGED]);
	safe_fprintf(out, "bindings %zu added, %zu removed, %zu moved.\n",
		     comparison->numbers[BINDING][ADDED], comparison->numbers[BINDING][REMOVED],
		     comparison->numbers[BINDING][CHANGED]);
}

static void put_totals(struct comparison *comparison)
{
	static const char *const names[THINGS][CHANGES] = {{"added", "removed", "changed"},
							   {"added", "removed", "replaced"},
							   {"added", "removed", "moved"}};

	for (int thing = 0; thing < THINGS; thing++) {
		for (int change = 0; change < CHANGES; change++) {
			output_text(&comparison->output, thing_names[thing]);
			output_text(&comparison->output, names[thing][change]);
			output_number(&comparison->output,
				      (int64_t)comparison->numbers[thing][change]);
		}
	}
}

/* Rows are made twice: the sentence, which is first, has their numbers. */
static int compare_once(struct comparison *comparison, struct matr_error *err)
{
	memset(comparison->numbers, 0, sizeof comparison->numbers);
	comparison->n_ids = 0;
	if (compare_programs(comparison, err) != 0)
		return -1;
	return compare_objects(comparison, err);
}

static int show(struct comparison *comparison, struct matr_error *err)
{
	struct diff_exports quiet = *comparison->diff;
	const struct diff_exports *asked = comparison->diff;

	quiet.totals = true;
	comparison->diff = &quiet;
	int result = compare_once(comparison, err);
	if (result == 0)
		result = compare_bindings(comparison, err);
	comparison->diff = asked;
	if (result != 0)
		return -1;
	say(comparison);
	const bool rows = asked->totals ? asked->format != FORMAT_TABLE : true;
	if (!rows || (asked->format == FORMAT_TABLE && !differences(comparison)))
		return output_flush(err);
	if (asked->totals)
		output_open(&comparison->output, asked->format, total_columns,
			    sizeof total_columns / sizeof *total_columns);
	else
		output_open(&comparison->output, asked->format, columns,
			    sizeof columns / sizeof *columns);
	if (asked->totals) {
		put_totals(comparison);
	} else {
		size_t bindings[CHANGES];
		memcpy(bindings, comparison->numbers[BINDING], sizeof bindings);
		result = compare_once(comparison, err);
		if (result == 0)
			compare_all_bindings(comparison);
		memcpy(comparison->numbers[BINDING], bindings, sizeof bindings);
	}
	return output_close(&comparison->output, result ? NULL : err) != 0 ? -1 : result;
}

int diff_exports(const struct diff_exports *diff, struct matr_error *err)
{
	struct comparison comparison = {.diff = diff};
	int result = model_read(diff->before, &comparison.before, err);

	if (result == 0)
		result = model_read(diff->after, &comparison.after, err);
	if (result == 0)
		result = show(&comparison, err);
	if (result == 0)
		result = differences(&comparison) > 0;
	for (int side = 0; side < 2; side++) {
		model_bindings_free(&comparison.bindings[side]);
		free(comparison.ids[side]);
	}
	model_free(&comparison.before);
	model_free(&comparison.after);
	return result;
}
