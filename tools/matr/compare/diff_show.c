/* diff_show.c - the rows of matr diff. */
#include "matr/compare/diff_show.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/store.h>

#include "common/array.h"

struct diff_line { /* a program in the table for people */
	char *program, *differs;
	enum matr_program_change change;
};

static const struct render_column program_columns[] = {
	{"program", COLUMN_LEFT},
	{"change", COLUMN_LEFT},
	{"objects_added", COLUMN_RIGHT},
	{"objects_removed", COLUMN_RIGHT},
	{"objects_moved", COLUMN_RIGHT},
	{"objects_replaced", COLUMN_RIGHT},
	{"scopes_reordered", COLUMN_RIGHT},
	{"bindings_added", COLUMN_RIGHT},
	{"bindings_removed", COLUMN_RIGHT},
	{"bindings_moved", COLUMN_RIGHT},
	{"bindings_edited", COLUMN_RIGHT},
	{"loads_added", COLUMN_RIGHT},
	{"loads_removed", COLUMN_RIGHT},
	{"loads_changed", COLUMN_RIGHT},
	{"reason", COLUMN_LEFT},
};

static const struct render_column line_columns[] = {
	{"program", COLUMN_LEFT},
	{"change", COLUMN_LEFT},
	{"differs", COLUMN_LEFT},
};

static const struct render_column total_columns[] = {
	{"what", COLUMN_LEFT},	    {"change", COLUMN_LEFT},   {"number", COLUMN_RIGHT},
	{"programs", COLUMN_RIGHT}, {"by_edit", COLUMN_RIGHT},
};

static const struct render_column detail_columns[] = {
	{"program", COLUMN_LEFT},      {"change", COLUMN_LEFT},	     {"what", COLUMN_LEFT},
	{"requester", COLUMN_LEFT},    {"symbol", COLUMN_LEFT},	     {"version", COLUMN_LEFT},
	{"before", COLUMN_LEFT},       {"after", COLUMN_LEFT},	     {"load", COLUMN_LEFT},
	{"edit_before", COLUMN_RIGHT}, {"edit_after", COLUMN_RIGHT},
};

void diff_show_open(struct diff_show *show)
{
	struct output *output = &show->output;

	if (show->view == DIFF_DETAILS)
		output_open(output, show->format, detail_columns,
			    sizeof detail_columns / sizeof *detail_columns);
	else if (show->view == DIFF_TOTALS)
		output_open(output, show->format, total_columns,
			    sizeof total_columns / sizeof *total_columns);
	else if (show->format != FORMAT_TABLE)
		output_open(output, show->format, program_columns,
			    sizeof program_columns / sizeof *program_columns);
}

/* ---- details ---- */

static void edit_cell(struct output *output, int64_t edit)
{
	if (edit)
		output_number(output, edit);
	else
		output_text(output, NULL);
}

struct row { /* of the differences */
	const char *change, *what, *requester, *symbol, *version, *before, *after, *load;
	int64_t edit_before, edit_after;
};

static void detail(struct diff_show *show, const char *program, const struct row *row)
{
	struct output *output = &show->output;

	output_text(output, program);
	output_text(output, row->change);
	output_text(output, row->what);
	output_text(output, row->requester);
	output_text(output, row->symbol);
	output_text(output, row->version);
	output_text(output, row->before);
	output_text(output, row->after);
	output_text(output, row->load);
	edit_cell(output, row->edit_before);
	edit_cell(output, row->edit_after);
}

/* "LIBRARY", or "LIBRARY:SYMBOL" as in matr rebind --to. *text: free(). NULL: there is none. */
static int provider_text(const char *provider, const char *symbol, char **text,
			 struct matr_error *err)
{
	*text = NULL;
	if (!provider)
		return 0;
	if (asprintf(text, "%s%s%s", provider, symbol ? ":" : "", symbol ? symbol : "") >= 0)
		return 0;
	*text = NULL;
	return matr_fail_memory(err);
}

static int detail_binding(struct diff_show *show, const char *program, const char *load,
			  const struct matr_binding_change *binding, struct matr_error *err)
{
	char *before, *after = NULL;
	int result = provider_text(binding->before, binding->before_symbol, &before, err);

	if (result == 0)
		result = provider_text(binding->after, binding->after_symbol, &after, err);
	const struct row row = {
		.change = matr_change_name(binding->change),
		.what = "binding",
		.requester = binding->requester,
		.symbol = binding->symbol,
		.version = binding->version,
		.before = before,
		.after = after,
		.load = load,
		.edit_before = binding->edit_before,
		.edit_after = binding->edit_after,
	};
	if (result == 0)
		detail(show, program, &row);
	free(before);
	free(after);
	return result;
}

static bool is_meant(const struct diff_show *show, const struct matr_binding_change *binding)
{
	return !show->symbol || fnmatch(show->symbol, binding->symbol, 0) == 0;
}

static int show_diff(struct diff_show *show, const char *program, const char *load,
		     const struct matr_diff *diff, struct matr_error *err)
{
	int result = 0;

	for (size_t i = 0; i < diff->n_objects && !show->symbol; i++) {
		const struct matr_object_change *object = &diff->objects[i];
		const struct row row = {.change = matr_change_name(object->change),
					.what = "object",
					.before = object->before,
					.after = object->after,
					.load = load,
					.edit_before = object->edit_before,
					.edit_after = object->edit_after};
		detail(show, program, &row);
	}
	if (diff->reordered && !show->symbol)
		detail(show, program,
		       &(struct row){.change = "reordered", .what = "scope", .load = load});
	for (size_t i = 0; i < diff->n_bindings && result == 0; i++)
		if (is_meant(show, &diff->bindings[i]))
			result = detail_binding(show, program, load, &diff->bindings[i], err);
	return result;
}

/* "mapped, now", or "declined: REASON". *text: free(). NULL: there is nothing. */
static int state_text(bool there, const char *reason, const char *flags, char **text,
		      struct matr_error *err)
{
	*text = NULL;
	if (!there)
		return 0;
	if (asprintf(text, "%s%s%s", reason ? "declined: " : "mapped",
		     reason  ? reason
		     : flags ? ", "
			     : "",
		     reason || !flags ? "" : flags) >= 0)
		return 0;
	*text = NULL;
	return matr_fail_memory(err);
}

/* A program or a load as a whole. */
static int show_change(struct diff_show *show, const char *program, const char *what,
		       enum matr_program_change change, const char *load, char *before, char *after,
		       int failed)
{
	const struct row row = {.change = matr_program_change_name(change),
				.what = what,
				.before = before,
				.after = after,
				.load = load};

	if (!failed)
		detail(show, program, &row);
	free(before);
	free(after);
	return failed;
}

static int show_load(struct diff_show *show, const char *program, const struct matr_load_diff *load,
		     struct matr_error *err)
{
	const struct matr_store_closure *was = load->before, *is = load->after;
	char *before, *after = NULL;
	int failed = state_text(was != NULL, was ? was->reason : NULL, was ? was->flags : NULL,
				&before, err);

	if (!failed)
		failed = state_text(is != NULL, is ? is->reason : NULL, is ? is->flags : NULL,
				    &after, err);
	/* If what it brings in has changed, the rows that follow are enough. */
	if (failed || load->change == MATR_PROGRAM_SAME ||
	    load->change == MATR_PROGRAM_STILL_DECLINED ||
	    (before && after && strcmp(before, after) == 0)) {
		free(before);
		free(after);
		return failed;
	}
	return show_change(show, program, "load", load->change, load->root, before, after, failed);
}

static int show_details(struct diff_show *show, const char *program,
			const struct matr_application_diff *diff, struct matr_error *err)
{
	int result = show_diff(show, program, NULL, &diff->start, err);

	for (size_t i = 0; i < diff->n_loads && result == 0; i++) {
		if (!show->symbol)
			result = show_load(show, program, &diff->loads[i], err);
		if (result == 0)
			result = show_diff(show, program, diff->loads[i].root, &diff->loads[i].diff,
					   err);
	}
	return result;
}

/* ---- a row per program ---- */

struct counts {
	size_t objects[MATR_CHANGES], bindings[MATR_CHANGES], loads[MATR_PROGRAM_CHANGES];
	size_t reordered, edited;
};

static void count_diff(struct counts *counts, const struct matr_diff *diff)
{
	for (size_t i = 0; i < diff->n_objects; i++)
		counts->objects[diff->objects[i].change]++;
	for (size_t i = 0; i < diff->n_bindings; i++) {
		counts->bindings[diff->bindings[i].change]++;
		counts->edited += diff->bindings[i].edit_before || diff->bindings[i].edit_after;
	}
	counts->reordered += diff->reordered;
}

static struct counts count(const struct matr_application_diff *diff)
{
	struct counts counts = {.reordered = 0};

	if (!diff)
		return counts;
	count_diff(&counts, &diff->start);
	for (size_t i = 0; i < diff->n_loads; i++) {
		counts.loads[diff->loads[i].change]++;
		count_diff(&counts, &diff->loads[i].diff);
	}
	return counts;
}

static void put(FILE *out, size_t number, const char *thing, const char *change)
{
	if (number)
		fprintf(out, "%s%zu %s%s %s", ftell(out) > 0 ? ", " : "", number, thing,
			number == 1 ? "" : "s", change);
}

/* "2 objects replaced, 1 binding moved". */
static void describe(FILE *out, const struct counts *counts)
{
	for (int i = 0; i < MATR_CHANGES; i++)
		put(out, counts->objects[i], "object", matr_change_name(i));
	put(out, counts->reordered, "scope", "reordered");
	for (int i = 0; i < MATR_CHANGES; i++)
		put(out, counts->bindings[i], "binding", matr_change_name(i));
	if (counts->edited)
		fprintf(out, " (%zu by edits)", counts->edited);
	for (int i = MATR_PROGRAM_ADDED; i < MATR_PROGRAM_STILL_DECLINED; i++)
		put(out, counts->loads[i], "load", matr_program_change_name(i));
}

/* Get the reason why a program is declined, or was; NULL if neither. */
static const char *reason_of(const struct matr_program_pair *pair)
{
	return pair->after.reason ? pair->after.reason : pair->before.reason;
}

static int keep_line(struct diff_show *show, const char *program, enum matr_program_change change,
		     const struct counts *counts, const char *reason, struct matr_error *err)
{
	if (array_grow(&show->lines, show->n_lines, sizeof *show->lines, err) != 0)
		return -1;
	struct diff_line *line = &show->lines[show->n_lines];
	size_t size;
	*line = (struct diff_line){.program = strdup(program), .change = change};
	FILE *text = open_memstream(&line->differs, &size);
	if (text && reason)
		fputs(reason, text);
	else if (text)
		describe(text, counts);
	if (!text || fclose(text) != 0 || !line->program) {
		free(line->program);
		free(line->differs);
		return matr_fail_memory(err);
	}
	show->n_lines++;
	return 0;
}

static int show_program(struct diff_show *show, const char *program,
			enum matr_program_change change, const struct matr_application_diff *diff,
			const char *reason, struct matr_error *err)
{
	const struct counts counts = count(diff);
	struct output *output = &show->output;

	if (show->format == FORMAT_TABLE)
		return keep_line(show, program, change, &counts, reason, err);
	output_text(output, program);
	output_text(output, matr_program_change_name(change));
	for (int i = 0; i < MATR_CHANGES; i++)
		output_number(output, (int64_t)counts.objects[i]);
	output_number(output, (int64_t)counts.reordered);
	for (int i = 0; i < MATR_CHANGE_REPLACED; i++)
		output_number(output, (int64_t)counts.bindings[i]);
	output_number(output, (int64_t)counts.edited);
	output_number(output, (int64_t)counts.loads[MATR_PROGRAM_ADDED]);
	output_number(output, (int64_t)counts.loads[MATR_PROGRAM_REMOVED]);
	output_number(output, (int64_t)(counts.loads[MATR_PROGRAM_CHANGED] +
					counts.loads[MATR_PROGRAM_DECLINED] +
					counts.loads[MATR_PROGRAM_ACCEPTED]));
	output_text(output, reason);
	return 0;
}

/* ---- totals ---- */

struct total {
	const char *what, *change;
	struct matr_diff_count count;
	bool edits; /* what edits can have a share in */
};

static void show_total(struct diff_show *show, const struct total *total)
{
	struct output *output = &show->output;

	output_text(output, total->what);
	output_text(output, total->change);
	output_number(output, (int64_t)total->count.number);
	output_number(output, (int64_t)total->count.programs);
	if (total->edits)
		output_number(output, (int64_t)total->count.by_edit);
	else
		output_text(output, NULL);
}

/* Of programs: what is counted is in one program each. */
static struct total of_programs(const char *what, const char *change, size_t number)
{
	return (struct total){
		.what = what, .change = change, .count = {.number = number, .programs = number}};
}

static void show_totals(struct diff_show *show)
{
	const struct matr_diff_totals *totals = &show->totals;
	struct total list[2 * MATR_CHANGES + 2 * MATR_PROGRAM_CHANGES + 2];
	size_t n = 0;

	list[n++] = of_programs("program", "compared", totals->compared);
	for (int i = MATR_PROGRAM_ADDED; i < MATR_PROGRAM_CHANGES; i++)
		list[n++] =
			of_programs("program", matr_program_change_name(i), totals->programs[i]);
	for (int i = 0; i < MATR_CHANGES; i++)
		list[n++] = (struct total){"object", matr_change_name(i), totals->objects[i], true};
	list[n++] = of_programs("scope", "reordered", totals->reordered);
	for (int i = 0; i < MATR_CHANGE_REPLACED; i++)
		list[n++] =
			(struct total){"binding", matr_change_name(i), totals->bindings[i], true};
	for (int i = MATR_PROGRAM_ADDED; i < MATR_PROGRAM_CHANGES; i++)
		list[n++] = (struct total){"load", matr_program_change_name(i), totals->loads[i],
					   false};
	for (size_t i = 0; i < n; i++)
		show_total(show, &list[i]);
}

/* Of two epochs many programs may differ alike: then only those that came, went or are declined
 * have a line. */
enum { LINES_MAX = 20 };

static int show_lines(struct diff_show *show, struct matr_error *err)
{
	bool all = !show->epochs || show->n_lines <= LINES_MAX, any = false;

	if (show->epochs && diff_answer_show(&show->answer, &show->totals, err) != 0)
		return -1;
	output_open(&show->output, FORMAT_TABLE, line_columns,
		    sizeof line_columns / sizeof *line_columns);
	for (size_t i = 0; i < show->n_lines; i++) {
		if (!all && show->lines[i].change == MATR_PROGRAM_CHANGED)
			continue;
		any = true;
		output_text(&show->output, show->lines[i].program);
		output_text(&show->output, matr_program_change_name(show->lines[i].change));
		output_text(&show->output, show->lines[i].differs);
	}
	if (show->epochs && any)
		putchar('\n');
	return output_close(&show->output, any || !show->epochs ? err : NULL);
}

/* ---- results of the comparison ---- */

static bool is_answered(const struct diff_show *show)
{
	return show->epochs && show->view == DIFF_PROGRAMS && show->format == FORMAT_TABLE;
}

int diff_show_prepare(struct diff_show *show, struct matr_store *store,
		      const struct matr_store_epoch *before, const struct matr_store_epoch *after,
		      struct matr_error *err)
{
	if (!is_answered(show))
		return 0;
	return diff_packages_read(store, before, after, &show->answer.packages, err);
}

int diff_show_pair(struct diff_show *show, const struct matr_program_pair *pair,
		   struct matr_error *err)
{
	enum matr_program_change change = matr_program_change_of(pair);
	const struct matr_program_side *was = &pair->before, *is = &pair->after;
	/* Still declined, and for the same reason: nothing that differs, but nothing that was
	 * compared. */
	bool same = change == MATR_PROGRAM_STILL_DECLINED && strcmp(was->reason, is->reason) == 0;

	if (show->symbol)
		return 0;
	show->different |= !same;
	if (matr_diff_totals_add(&show->totals, pair, NULL, err) != 0)
		return -1;
	if (show->view == DIFF_TOTALS || (same && show->view == DIFF_DETAILS))
		return 0;
	if (show->view == DIFF_PROGRAMS)
		return show_program(show, pair->path, change, NULL, reason_of(pair), err);
	char *before, *after = NULL;
	int failed = state_text(was->application || was->reason, was->reason, NULL, &before, err);
	if (!failed)
		failed = state_text(is->application || is->reason, is->reason, NULL, &after, err);
	return show_change(show, pair->path, "program", change, NULL, before, after, failed);
}

/* Test whether any binding passes the filter. */
static bool is_asked_for(const struct diff_show *show, const struct matr_diff *diff)
{
	for (size_t i = 0; i < diff->n_bindings; i++)
		if (is_meant(show, &diff->bindings[i]))
			return true;
	return false;
}

static bool is_different(const struct diff_show *show, const struct matr_application_diff *diff)
{
	if (!show->symbol)
		return !matr_application_diff_is_empty(diff);
	bool different = is_asked_for(show, &diff->start);
	for (size_t i = 0; i < diff->n_loads && !different; i++)
		different = is_asked_for(show, &diff->loads[i].diff);
	return different;
}

int diff_show_application(struct diff_show *show, const struct matr_program_pair *pair,
			  const struct matr_application_diff *diff, struct matr_error *err)
{
	if (matr_diff_totals_add(&show->totals, pair, diff, err) != 0)
		return -1;
	if (!diff || !is_different(show, diff))
		return 0;
	show->different = true;
	if (is_answered(show) && diff_answer_add(&show->answer, pair->path, diff, err) != 0)
		return -1;
	if (show->view == DIFF_DETAILS)
		return show_details(show, pair->path, diff, err);
	if (show->view == DIFF_PROGRAMS)
		return show_program(show, pair->path, MATR_PROGRAM_CHANGED, diff, NULL, err);
	return 0;
}

int diff_show_close(struct diff_show *show, bool failed, struct matr_error *err)
{
	int result = 0;

	if (show->view == DIFF_PROGRAMS && show->format == FORMAT_TABLE) {
		result = failed ? 0 : show_lines(show, err);
	} else {
		if (show->view == DIFF_TOTALS && !failed)
			show_totals(show);
		result = output_close(&show->output, failed ? NULL : err);
	}
	for (size_t i = 0; i < show->n_lines; i++) {
		free(show->lines[i].program);
		free(show->lines[i].differs);
	}
	free(show->lines);
	matr_diff_totals_free(&show->totals);
	diff_answer_free(&show->answer);
	return result;
}
