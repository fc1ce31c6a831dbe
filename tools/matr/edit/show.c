/* rebind_show.c - edits as a table, and what is said of those that do not hold. */
#include "common/open_store.h"
#include "matr/command.h"
#include "matr/edit/rebind.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* ---- showing edits ---- */

static void format_time(int64_t seconds, char text[32])
{
	time_t time = (time_t)seconds;
	struct tm broken_down;

	text[0] = 0;
	if (localtime_r(&time, &broken_down))
		strftime(text, 32, "%Y-%m-%d %H:%M:%S", &broken_down);
}

bool rebind_is_wanted(const struct matr_edit *edit, const int64_t *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] == edit->id)
			return true;
	return !ids;
}

int rebind_show(const struct matr_edit *edits, size_t n, const int64_t *ids, size_t n_ids,
		enum output_format format, struct matr_error *err)
{
	static const struct output_column columns[] = {
		{"id", CELL_NUMBER},	   {"program", CELL_TEXT},   {"symbol", CELL_TEXT},
		{"version", CELL_TEXT},	   {"requester", CELL_TEXT}, {"library", CELL_TEXT},
		{"to_symbol", CELL_TEXT},  {"state", CELL_TEXT},     {"programs", CELL_NUMBER},
		{"bindings", CELL_NUMBER}, {"author", CELL_TEXT},    {"time", CELL_TEXT},
		{"reason", CELL_TEXT},	   {"complaint", CELL_TEXT},
	};
	struct output output;
	char time[32];

	output_open(&output, format, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < n; i++) {
		const struct matr_edit *edit = &edits[i];
		if (!rebind_is_wanted(edit, ids, n_ids))
			continue;
		format_time(edit->time, time);
		output_number(&output, edit->id);
		output_text(&output, edit->program);
		output_text(&output, edit->symbol);
		output_text(&output, edit->version);
		output_text(&output, edit->requester);
		output_text(&output, edit->library);
		output_text(&output, edit->to_symbol);
		output_text(&output, edit->state);
		output_number(&output, (int64_t)edit->programs);
		output_number(&output, (int64_t)edit->bindings);
		output_text(&output, edit->author);
		output_text(&output, time);
		output_text(&output, edit->reason);
		output_text(&output, edit->complaint);
	}
	return output_close(&output, err);
}

size_t report_edits(const struct matr_epoch *epoch, bool quiet)
{
	size_t n, bad = 0;
	const struct matr_edit *edits = matr_epoch_edits(epoch, &n);

	for (size_t i = 0; i < n; i++) {
		if (!edits[i].complaint)
			continue;
		bad++;
		if (!quiet)
			print_warning("edit %" PRId64 " (%s) is not in force%s: %s", edits[i].id,
				      edits[i].symbol, edits[i].programs ? " everywhere" : "",
				      edits[i].complaint);
	}
	return bad;
}

int rebind_list(const char *prefix, enum output_format format)
{
	struct matr_store *store;
	struct matr_edit *edits = NULL;
	struct matr_error err = {0};
	size_t n = 0;
	bool well = true;

	int result = reading_open(prefix, &store, &err);
	if (result == 0) {
		result = matr_store_edits(store, &edits, &n, &err);
		matr_store_close(store);
	}
	if (result == 0 && (n || format != FORMAT_TABLE))
		result = rebind_show(edits, n, NULL, 0, format, &err);
	for (size_t i = 0; i < n; i++)
		well &= !edits[i].complaint;
	matr_edits_free(edits, n);
	if (result != 0)
		print_error(&err);
	return result == 0 && well ? STATUS_OK : STATUS_FAILURE;
}
