/* thunk.h - ld-stable's thunks, as bytes (matr/loader_format.h, struct matr_sites). */
#ifndef MATR_LOADER_THUNK_H
#define MATR_LOADER_THUNK_H

#include <matr/loader_format.h>

#include "loader/elf_image.h"

struct thunks {
	uint64_t table;		 /* address of struct matr_sites in ld-stable */
	uint64_t slots;		 /* address of the first slot in ld-stable */
	struct matr_sites sites; /* a copy */
};

/* Find the table in an ld-stable, and check that its slots are in the text and can be filled in.
 * Errors: MALFORMED if it is no ld-stable of this version. */
int thunks_find(const struct elf_image *ld_stable, struct thunks *out, struct matr_error *err);

#endif
