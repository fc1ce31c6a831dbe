/* inspect_closures.c - what a program loads with dlopen(), as recorded. */
#include "matr/query/inspect.h"

int inspect_closures(const struct recorded *recorded, enum output_format format,
		     struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"library", COLUMN_LEFT},
		{"flags", COLUMN_LEFT},
		{"objects", COLUMN_RIGHT},
		{"left_to_ld_so", COLUMN_LEFT},
	};
	struct matr_store_closure *closures;
	struct output output;
	size_t n;

	if (matr_store_closures(recorded->store, recorded->application, &closures, &n, err) != 0)
		return -1;
	output_open(&output, format, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < n; i++) {
		output_text(&output, closures[i].root);
		output_text(&output, closures[i].flags);
		output_number(&output, (int64_t)closures[i].objects);
		output_text(&output, closures[i].reason);
	}
	matr_store_closures_free(closures, n);
	return output_close(&output, err);
}
