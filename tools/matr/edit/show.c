/* show.c - edits as a table, and the reasons of those that are not in force. */
#include "common/message.h"
#include "common/open_store.h"
#include "matr/edit/rebind.h"

#include <inttypes.h>

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
	static const struct render_column columns[] = {
		{"id", COLUMN_RIGHT},	    {"program", COLUMN_LEFT},	{"symbol", COLUMN_LEFT},
		{"version", COLUMN_LEFT},   {"requester", COLUMN_LEFT}, {"library", COLUMN_LEFT},
		{"to_symbol", COLUMN_LEFT}, {"state", COLUMN_LEFT},	{"programs", COLUMN_RIGHT},
		{"bindings", COLUMN_RIGHT}, {"author", COLUMN_LEFT},	{"time", COLUMN_LEFT},
		{"reason", COLUMN_LEFT},    {"complaint", COLUMN_LEFT},
	};
	struct output output;
	char time[32];

	output_open(&output, format, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < n; i++) {
		const struct matr_edit *edit = &edits[i];
		if (!rebind_is_wanted(edit, ids, n_ids))
			continue;
		output_time(edit->time, time);
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

size_t rebind_report(const struct matr_epoch *epoch)
{
	size_t n, bad = 0;
	const struct matr_edit *edits = matr_epoch_edits(epoch, &n);

	for (size_t i = 0; i < n; i++) {
		if (!edits[i].complaint)
			continue;
		bad++;
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

	int result = open_store(prefix, &store, &err);
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
