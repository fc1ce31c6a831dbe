#include "matr/edit/find.h"

const struct matr_edit *edit_find(const struct matr_epoch *epoch, int64_t id)
{
	size_t n;
	const struct matr_edit *edits = matr_epoch_edits(epoch, &n);

	for (size_t i = 0; i < n; i++)
		if (edits[i].id == id)
			return &edits[i];
	return NULL;
}
