/* find.h - an edit of an epoch, by its number. */
#ifndef MATR_TOOLS_EDIT_FIND_H
#define MATR_TOOLS_EDIT_FIND_H

#include <stdint.h>

#include <matr/edit.h>

/* The epoch's edit with this number; NULL: it has none. It is the epoch's. */
const struct matr_edit *edit_find(const struct matr_epoch *epoch, int64_t id);

#endif
