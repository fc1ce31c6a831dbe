/* dlopen_notes.h - libraries that an object may load by its own notes (matr/dlopen_note.h). */
#ifndef MATR_TOOLS_COMMON_DLOPEN_NOTES_H
#define MATR_TOOLS_COMMON_DLOPEN_NOTES_H

#include <stddef.h>

#include <matr/error.h>

struct candidate {
	char **sonames; /* alternatives, the preferred one first */
	size_t n_sonames;
	char *feature, *description, *priority; /* NULL: the note has none */
};

struct candidates {
	struct candidate *list;
	size_t n;
};

/* List the notes of the file at `path`. Malformed notes are passed over, and a file that cannot be
 * read has none. *out: candidates_free(), also after an error. Errors: MEMORY. */
int candidates_read(const char *path, struct candidates *out, struct matr_error *err);
void candidates_free(struct candidates *candidates);

#endif
