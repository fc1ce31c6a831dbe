/* snapshot.c - scan and probes as bytes. Paths are front-coded: sorted or in the order of a walk,
 * most of one is in the last. */
#include "inputs/snapshot.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <matr/config.h>

#include "base/array.h"
#include "base/file_id.h"
#include "base/parallel.h"
#include "inputs/scan.h"

void probes_free(struct probes *probes)
{
	for (size_t i = 0; i < probes->n; i++)
		free(probes->list[i].path);
	free(probes->list);
	*probes = (struct probes){.n = 0};
}

int probes_add(struct probes *probes, const char *path, const struct matr_file_id *file,
	       bool is_directory, struct matr_error *err)
{
	if (array_reserve(&probes->list, &probes->room, probes->n + 1, sizeof *probes->list, err) !=
	    0)
		return -1;
	struct probe *probe = &probes->list[probes->n];
	*probe = (struct probe){.path = strdup(path), .file = *file, .is_directory = is_directory};
	if (!probe->path)
		return matr_fail_memory(err);
	probes->n++;
	return 0;
}

int probes_look(struct probes *probes, const char *path, struct matr_error *err)
{
	struct matr_file_id id = {.size = 0};
	struct stat status;
	bool there = stat(path, &status) == 0;

	if (there)
		id = file_id_of(&status);
	return probes_add(probes, path, &id, there && S_ISDIR(status.st_mode), err);
}

static int compare_paths(const void *left, const void *right)
{
	return strcmp(((const struct probe *)left)->path, ((const struct probe *)right)->path);
}

void probes_sort(struct probes *probes)
{
	if (probes->n)
		qsort(probes->list, probes->n, sizeof *probes->list, compare_paths);
}

/* ---- encoding ---- */

static void put_path(struct varint_buffer *out, const char **last, const char *path)
{
	size_t shared = 0;

	while (*last && path[shared] && path[shared] == (*last)[shared])
		shared++;
	varint_put(out, shared);
	varint_put_string(out, path + shared);
	*last = path;
}

/* A malloc'ed path; NULL: damaged, or no memory. */
static char *get_path(struct varint_cursor *cursor, const char **last)
{
	size_t shared = varint_get_up_to(cursor, *last ? strlen(*last) : 0);
	const char *rest = varint_get_string(cursor);
	if (!rest)
		return NULL;
	size_t length = strlen(rest);
	char *path = malloc(shared + length + 1);
	if (!path)
		return NULL;
	if (shared)
		memcpy(path, *last, shared);
	memcpy(path + shared, rest, length + 1);
	*last = path;
	return path;
}

static void put_id(struct varint_buffer *out, const struct matr_file_id *id)
{
	varint_put(out, id->device);
	varint_put(out, id->inode);
	varint_put(out, id->size);
	varint_put_signed(out, id->mtime);
	varint_put_signed(out, (int64_t)((uint64_t)id->ctime - (uint64_t)id->mtime));
}

static struct matr_file_id get_id(struct varint_cursor *cursor)
{
	struct matr_file_id id = {
		.device = varint_get(cursor),
		.inode = varint_get(cursor),
		.size = varint_get(cursor),
		.mtime = varint_get_signed(cursor),
	};
	id.ctime = (int64_t)((uint64_t)id.mtime + (uint64_t)varint_get_signed(cursor));
	return id;
}

void probes_encode(const struct probes *probes, struct varint_buffer *out)
{
	const char *last = NULL;

	varint_put(out, probes->n);
	for (size_t i = 0; i < probes->n; i++)
		put_path(out, &last, probes->list[i].path);
	for (size_t i = 0; i < probes->n; i++) {
		const struct probe *probe = &probes->list[i];
		varint_put(out, probe->is_directory ? 2 : probe->file.inode != 0);
		if (!probe->is_directory && probe->file.inode)
			put_id(out, &probe->file);
	}
}

static int finish(const struct varint_cursor *cursor, bool complete, struct matr_error *err)
{
	if (cursor->damaged)
		return matr_fail(err, MATR_ERROR_MALFORMED, NULL, "record of the epoch's inputs");
	return complete ? 0 : matr_fail_memory(err);
}

int probes_decode(struct varint_cursor *cursor, struct probes *out, struct matr_error *err)
{
	size_t n = varint_get_count(cursor);
	const char *last = NULL;

	*out = (struct probes){.list = calloc(n + 1, sizeof *out->list), .room = n};
	while (out->list && out->n < n && (out->list[out->n].path = get_path(cursor, &last)))
		out->n++;
	bool complete = out->list && out->n == n;
	for (size_t i = 0; complete && i < n; i++) {
		uint64_t kind = varint_get_up_to(cursor, 2);
		out->list[i].is_directory = kind == 2;
		if (kind == 1)
			out->list[i].file = get_id(cursor);
	}
	return finish(cursor, complete, err);
}

void scan_encode(const struct matr_scan *scan, struct varint_buffer *out)
{
	const char *last = NULL;

	for (size_t kind = 0; kind < MATR_SCAN_KINDS; kind++)
		varint_put(out, scan->skipped[kind]);
	varint_put(out, scan->n_unreadable);
	varint_put(out, scan->n_starts);
	varint_put(out, scan->n_directories);
	for (size_t i = 0; i < scan->n_directories; i++)
		put_path(out, &last, scan->directories[i].path);
	for (size_t i = 0; i < scan->n_directories; i++)
		put_id(out, &scan->directories[i].id);
	last = NULL;
	varint_put(out, scan->n_included);
	varint_put(out, scan->n_files);
	for (size_t i = 0; i < scan->n_files; i++)
		put_path(out, &last, scan->files[i].path);
	for (size_t i = 0; i < scan->n_files; i++) {
		varint_put(out,
			   scan->files[i].kind + (scan->files[i].target ? MATR_SCAN_KINDS : 0));
		if (scan->files[i].target)
			varint_put_string(out, scan->files[i].target);
		put_id(out, &scan->files[i].id);
	}
}

static bool decode_directories(struct varint_cursor *cursor, struct matr_scan *scan)
{
	scan->n_starts = varint_get(cursor);
	size_t n = varint_get_count(cursor);
	const char *last = NULL;

	scan->directories = calloc(n + 1, sizeof *scan->directories);
	if (!scan->directories)
		return false;
	for (; scan->n_directories < n; scan->n_directories++) {
		char *path = get_path(cursor, &last);
		if (!path)
			return false;
		scan->directories[scan->n_directories].path = path;
	}
	for (size_t i = 0; i < n; i++)
		scan->directories[i].id = get_id(cursor);
	cursor->damaged |= scan->n_starts > n;
	return true;
}

static bool decode_files(struct varint_cursor *cursor, struct matr_scan *scan)
{
	scan->n_included = varint_get(cursor);
	size_t n = varint_get_count(cursor);
	const char *last = NULL;

	scan->files = calloc(n + 1, sizeof *scan->files);
	if (!scan->files || scan->n_included > n) {
		cursor->damaged |= scan->n_included > n;
		return false;
	}
	for (; scan->n_files < n; scan->n_files++) {
		char *path = get_path(cursor, &last);
		if (!path)
			return false;
		scan->files[scan->n_files].path = path;
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t kind = varint_get_up_to(cursor, 2 * MATR_SCAN_KINDS - 1);
		if (kind >= MATR_SCAN_KINDS) {
			const char *target = varint_get_string(cursor);
			scan->files[i].target = target ? strdup(target) : NULL;
			if (!scan->files[i].target)
				return false;
		}
		scan->files[i].kind = (enum matr_scan_kind)(kind % MATR_SCAN_KINDS);
		scan->files[i].id = get_id(cursor);
	}
	return true;
}

int scan_decode(struct varint_cursor *cursor, struct matr_scan **out, struct matr_error *err)
{
	struct matr_scan *scan = calloc(1, sizeof *scan);

	if (!scan)
		return matr_fail_memory(err);
	for (size_t kind = 0; kind < MATR_SCAN_KINDS; kind++)
		scan->skipped[kind] = varint_get(cursor);
	scan->n_unreadable = varint_get(cursor);
	bool complete = decode_directories(cursor, scan) && decode_files(cursor, scan);
	int result = finish(cursor, complete, err);
	if (result == 0)
		result = scan_list_programs(scan, err);
	if (result != 0)
		matr_scan_free(scan);
	else
		*out = scan;
	return result;
}

/* ---- comparing with what is there now ---- */

enum { BATCH = 256 }; /* calls of stat() that are worth a turn of a thread */

struct comparison {
	const struct matr_scan *scan;
	const struct probes *probes;
	int64_t trusted;
	atomic_bool changed;
};

static bool file_changed(const char *path, const struct matr_file_id *id, int64_t trusted)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return true;
	struct matr_file_id now = file_id_of(&status);
	return !file_id_unchanged(id, &now, trusted);
}

/* Directories first, then files. */
static void compare_scan(void *context, size_t batch)
{
	struct comparison *comparison = context;
	const struct matr_scan *scan = comparison->scan;
	size_t end = (batch + 1) * BATCH, n = scan->n_directories + scan->n_files;

	for (size_t i = batch * BATCH; i < end && i < n && !comparison->changed; i++) {
		const struct matr_scan_directory *directory = &scan->directories[i];
		const struct matr_scan_file *file = &scan->files[i - scan->n_directories];
		bool changed;
		if (i >= scan->n_directories)
			changed = file_changed(file->path, &file->id, comparison->trusted);
		else /* without an id: not read, because it was read under another name */
			changed =
				directory->id.inode &&
				file_changed(directory->path, &directory->id, comparison->trusted);
		if (changed)
			comparison->changed = true;
	}
}

bool scan_unchanged(const struct matr_config *config, const struct matr_scan *scan, int64_t trusted,
		    unsigned jobs)
{
	struct comparison comparison = {.scan = scan, .trusted = trusted};

	if (!scan_starts_alike(config, scan))
		return false;
	parallel_run(jobs, (scan->n_directories + scan->n_files + BATCH - 1) / BATCH, compare_scan,
		     &comparison);
	return !comparison.changed;
}

static bool probe_changed(const struct probe *probe, int64_t trusted)
{
	struct stat status;

	if (stat(probe->path, &status) != 0)
		return probe->is_directory || probe->file.inode;
	if (probe->is_directory)
		return !S_ISDIR(status.st_mode);
	struct matr_file_id now = file_id_of(&status);
	return !file_id_unchanged(&probe->file, &now, trusted);
}

static void compare_probes(void *context, size_t batch)
{
	struct comparison *comparison = context;
	const struct probes *probes = comparison->probes;
	size_t end = (batch + 1) * BATCH;

	for (size_t i = batch * BATCH; i < end && i < probes->n && !comparison->changed; i++)
		if (probe_changed(&probes->list[i], comparison->trusted))
			comparison->changed = true;
}

bool probes_unchanged(const struct probes *probes, int64_t trusted, unsigned jobs)
{
	struct comparison comparison = {.probes = probes, .trusted = trusted};

	parallel_run(jobs, (probes->n + BATCH - 1) / BATCH, compare_probes, &comparison);
	return !comparison.changed;
}
