/* dlopen_note.h - the libraries that an ELF file may load with dlopen(), by its own notes
 * (.note.dlopen).
 *
 * systemd's "dlopen() Metadata for ELF Files": notes of the owner "FDO" and the type below, whose
 * descriptor is JSON. The notes are not verified: the file may load other libraries, or none.
 */
#ifndef MATR_DLOPEN_NOTE_H
#define MATR_DLOPEN_NOTE_H

#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MATR_NOTE_DLOPEN UINT32_C(0x407c0c0a)

struct matr_dlopen_notes {
	char **list; /* descriptors, in the file's order, each ended by a NUL: whatever is there */
	size_t n;
};

/* Read the notes of the ELF file at `path`, and nothing else of it. A file that is not a 64-bit
 * ELF file, or whose headers make no sense, has none; of notes that make no sense, those before
 * them count.
 * *out belongs to the caller: matr_dlopen_notes_free().
 * Errors: SYSTEM (the file cannot be read), RESOURCES. */
MATR_API int matr_dlopen_notes(const char *path, struct matr_dlopen_notes *out,
			       struct matr_error *err);
MATR_API void matr_dlopen_notes_free(struct matr_dlopen_notes *notes);

#ifdef __cplusplus
}
#endif

#endif
