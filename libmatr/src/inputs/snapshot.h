/* snapshot.h - what an epoch follows from, and whether any of it has changed.
 *
 * A scan (matr/scan.h) and the probes: every path that a search asked for, with what was there, or
 * that there was nothing. While all of these are as they were, so are the programs, their scopes
 * and their bindings.
 */
#ifndef MATR_INPUTS_H
#define MATR_INPUTS_H

#include <matr/scan.h>

#include "base/varint.h"

struct probe {
	char *path;
	struct matr_file_id file; /* all zero: there was nothing */
	/* Only that it is a directory counts, not its times. Otherwise times count, for directories
	 * too. */
	bool is_directory;
};

struct probes {
	struct probe *list;
	size_t n, room;
};

void probes_free(struct probes *probes);
int probes_add(struct probes *probes, const char *path, const struct matr_file_id *file,
	       bool is_directory, struct matr_error *err);
/* The same with what is there now. */
int probes_look(struct probes *probes, const char *path, struct matr_error *err);

/* Sort by path; insertion order depends on the threads. */
void probes_sort(struct probes *probes);

void probes_encode(const struct probes *probes, struct varint_buffer *out);
int probes_decode(struct varint_cursor *cursor, struct probes *out, struct matr_error *err);
void scan_encode(const struct matr_scan *scan, struct varint_buffer *out);
/* *out: matr_scan_free(). -1: no memory, or the cursor is damaged. */
int scan_decode(struct varint_cursor *cursor, struct matr_scan **out, struct matr_error *err);

/* Test whether everything is as it was. `trusted`: as in file_id_unchanged(). */
bool scan_unchanged(const struct matr_config *config, const struct matr_scan *scan, int64_t trusted,
		    unsigned jobs);
bool probes_unchanged(const struct probes *probes, int64_t trusted, unsigned jobs);

#endif
