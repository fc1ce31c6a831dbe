/* violation.c - see violation.h.
 *
 * An object that changes concerns those who have it in their scope or in a closure. Any other path that a search asked
 * for (a library in a directory that is searched earlier, /etc/ld.so.cache, /etc/ld.so.preload) concerns those who would
 * find something else now. Who needs a library of that name is asked of the store; whether it would be found
 * otherwise, of the search itself, which is libmatr's as at the beginning of an epoch, without symbols.
 */
#include "watch/violation.h"

#include <stdlib.h>
#include <string.h>

#include "resolve/resolution.h"

void affected_search_close(struct affected_search *search)
{
	if (search->session)
		matr_session_close(search->session);
	matr_map_free(&search->answers);
	*search = (struct affected_search){.session = NULL};
}

static int collect(struct matr_store *store, sqlite3_stmt *rows, struct application_ids *out,
		   struct matr_error *err)
{
	size_t room = 0;
	int more;

	while ((more = matr_step(store, rows, err)) > 0) {
		if (out->n == room) {
			room = room ? 2 * room : 64;
			int64_t *grown = realloc(out->ids, room * sizeof *grown);
			if (!grown) {
				more = matr_fail_memory(err);
				break;
			}
			out->ids = grown;
		}
		out->ids[out->n++] = sqlite3_column_int64(rows, 0);
	}
	sqlite3_reset(rows);
	return more;
}

/* Those who have the file in their scope, by the name by which it was found or by its own. */
static int find_users(struct matr_store *store, int64_t epoch, const char *path,
		      struct application_ids *out, struct matr_error *err)
{
	sqlite3_stmt *rows = matr_statement(
		store,
		"WITH places (id) AS (SELECT l.id FROM locations l JOIN objects o ON"
		" o.id = l.object_id WHERE l.path = ?2 OR o.path = ?2)"
		" SELECT e.application_id FROM epoch_applications e WHERE e.epoch_id = ?1 AND ("
		"  EXISTS (SELECT 1 FROM scope_entries s WHERE s.application_id ="
		"   e.application_id AND s.location_id IN places)"
		"  OR EXISTS (SELECT 1 FROM closures k JOIN closure_entries c ON c.closure_id ="
		"   k.id WHERE k.application_id = e.application_id AND c.location_id IN places))"
		" ORDER BY 1",
		err);

	if (!rows)
		return -1;
	matr_bind(rows, 1, epoch);
	matr_bind_text(rows, 2, path);
	return collect(store, rows, out, err);
}

/* Those who need a library of that name; name NULL: all. */
static int find_candidates(struct matr_store *store, int64_t epoch, const char *name,
			   struct application_ids *out, struct matr_error *err)
{
	sqlite3_stmt *rows = matr_statement(
		store,
		"WITH places (id) AS (SELECT id FROM locations WHERE"
		"  substr(path, -length(?2) - 1) = '/' || ?2)"
		" SELECT e.application_id FROM epoch_applications e WHERE e.epoch_id = ?1 AND ("
		"  ?2 IS NULL OR EXISTS (SELECT 1 FROM scope_entries s WHERE s.application_id ="
		"   e.application_id AND s.location_id IN places)"
		"  OR EXISTS (SELECT 1 FROM closures k JOIN closure_entries c ON c.closure_id ="
		"   k.id WHERE k.application_id = e.application_id AND c.location_id IN places))"
		" ORDER BY 1",
		err);

	if (!rows)
		return -1;
	matr_bind(rows, 1, epoch);
	matr_bind_text(rows, 2, name);
	return collect(store, rows, out, err);
}

/* ---- would it find something else? ---- */

/* Do the rows (path as found, object's path) say what the scope says from `first` on? */
static int compare_scope(struct matr_store *store, sqlite3_stmt *rows, const struct scope *scope,
			 size_t first, struct matr_error *err)
{
	size_t at = first;
	bool same = true;
	int more;

	while ((more = matr_step(store, rows, err)) > 0 && same) {
		const char *found = (const char *)sqlite3_column_text(rows, 0);
		const char *object = (const char *)sqlite3_column_text(rows, 1);
		same = found && object && at < scope->n && scope->indices[at] != NO_INDEX &&
		       strcmp(scope->entries[at].path, found) == 0 &&
		       strcmp(scope->entries[at].object->path, object) == 0;
		at++;
	}
	sqlite3_reset(rows);
	return more < 0 ? -1 : same && at == scope->n;
}

/* 1: the same scope as recorded; 0: another, or none; -1. closure 0: the application itself. */
static int same_scope(struct matr_store *store, struct matr_session *session, int64_t application,
		      const char *path, const struct scope_wish *wish, int64_t closure,
		      struct matr_error *err)
{
	static const char of_application[] =
		"SELECT l.path, o.path FROM scope_entries s JOIN locations l ON l.id ="
		" s.location_id JOIN objects o ON o.id = l.object_id"
		" WHERE s.application_id = ?1 ORDER BY s.position";
	static const char of_closure[] =
		"SELECT l.path, o.path FROM closure_entries s JOIN locations l ON l.id ="
		" s.location_id JOIN objects o ON o.id = l.object_id"
		" WHERE s.closure_id = ?1 ORDER BY s.position";
	struct resolution resolution;
	struct matr_error why = {0};
	int same = 0;

	if (resolution_make(session, path, wish, &resolution, &why) == 0) {
		sqlite3_stmt *rows =
			matr_statement(store, closure ? of_closure : of_application, err);
		if (rows) {
			matr_bind(rows, 1, closure ? closure : application);
			same = compare_scope(store, rows, &resolution.scope,
					     closure ? resolution.n_start : 0, err);
		} else {
			same = -1;
		}
	} else if (why.code == MATR_ERROR_MEMORY) {
		same = matr_fail_memory(err);
	}
	resolution_free(&resolution);
	return same;
}

static int same_closures(struct matr_store *store, struct matr_session *session,
			 int64_t application, const char *path, const struct scope_wish *wish,
			 struct matr_error *err)
{
	struct scope_wish closure_wish = *wish;
	struct matr_store_closure *closures;
	size_t n;
	int same = 1;

	if (matr_store_closures(store, application, &closures, &n, err) != 0)
		return -1;
	for (size_t i = 0; i < n && same > 0; i++) {
		closure_wish.root = closures[i].root;
		if (!closures[i].reason)
			same = same_scope(store, session, application, path, &closure_wish,
					  closures[i].id, err);
	}
	matr_store_closures_free(closures, n);
	return same;
}

/* The libraries that edits added to the application's scope, by path. *out: free each, then the list. */
static int read_additions(struct matr_store *store, int64_t application, char ***out, size_t *n,
			  struct matr_error *err)
{
	sqlite3_stmt *rows = matr_statement(
		store,
		"SELECT l.path FROM scope_entries s JOIN locations l ON l.id = s.location_id"
		" WHERE s.application_id = ?1 AND s.rule = ?2 ORDER BY s.position",
		err);
	int more;

	*out = NULL;
	*n = 0;
	if (!rows)
		return -1;
	matr_bind(rows, 1, application);
	matr_bind(rows, 2, MATR_FOUND_EDIT);
	while ((more = matr_step(store, rows, err)) > 0) {
		char **list = realloc(*out, (*n + 1) * sizeof *list);
		if (!list) {
			more = matr_fail_memory(err);
			break;
		}
		*out = list;
		if ((more = matr_column_text(rows, 0, &list[*n], err)) != 0)
			break;
		++*n;
	}
	sqlite3_reset(rows);
	return more < 0 ? -1 : 0;
}

/* 1: as recorded; 0: not; -1. */
static int starts_the_same(struct matr_store *store, struct matr_session *session,
			   int64_t application, struct matr_error *err)
{
	char *path = NULL, *library_path = NULL, **additions = NULL;
	size_t n_additions = 0;
	sqlite3_stmt *row = matr_statement(
		store, "SELECT path, library_path FROM application_records WHERE id = ?1", err);

	if (!row)
		return -1;
	matr_bind(row, 1, application);
	int result = matr_step(store, row, err);
	if (result > 0 && (matr_column_text(row, 0, &path, err) != 0 ||
			   matr_column_text(row, 1, &library_path, err) != 0))
		result = -1;
	sqlite3_reset(row);
	if (result > 0 && read_additions(store, application, &additions, &n_additions, err) != 0)
		result = -1;
	const struct scope_wish wish = {
		.library_path = library_path,
		.additions = (const char *const *)additions,
		.n_additions = n_additions,
	};
	if (result > 0)
		result = same_scope(store, session, application, path, &wish, 0, err);
	if (result > 0)
		result = same_closures(store, session, application, path, &wish, err);
	for (size_t i = 0; i < n_additions; i++)
		free(additions[i]);
	free(additions);
	free(path);
	free(library_path);
	return result;
}

/* Keep those of the candidates who would start otherwise now. Where the search cannot even begin, all. */
static int keep_changed(struct matr_store *store, struct affected_search *search,
			struct application_ids *list, struct matr_error *err)
{
	const struct matr_session_options options = {.search_only = true};
	size_t kept = 0;

	if (list->n && !search->session && !search->failed &&
	    matr_session_open(&options, &search->session, NULL) != 0)
		search->failed = true;
	for (size_t i = 0; i < list->n; i++) {
		uint64_t answer = search->failed ? 1 : 0;
		if (!answer && !matr_map_get(&search->answers, (uint64_t)list->ids[i], &answer)) {
			int same = starts_the_same(store, search->session, list->ids[i], err);
			if (same < 0)
				return -1;
			answer = same ? 2 : 1;
			if (matr_map_set(&search->answers, (uint64_t)list->ids[i], answer) != 0)
				return matr_fail_memory(err);
		}
		if (answer == 1)
			list->ids[kept++] = list->ids[i];
	}
	list->n = kept;
	return 0;
}

int affected_applications(struct matr_store *store, int64_t epoch, const struct watched_file *file,
			  struct affected_search *search, struct application_ids *out,
			  struct matr_error *err)
{
	const char *slash = strrchr(file->path, '/');

	*out = (struct application_ids){.n = 0};
	if (file->kind != WATCHED_PROBE)
		return find_users(store, epoch, file->path, out, err);
	bool of_all = strcmp(file->path, "/etc/ld.so.cache") == 0 ||
		      strcmp(file->path, "/etc/ld.so.preload") == 0;
	if (find_candidates(store, epoch,
			    of_all  ? NULL
			    : slash ? slash + 1
				    : file->path,
			    out, err) != 0)
		return -1;
	return keep_changed(store, search, out, err);
}
