/* violation.c - the applications that a changed file affects.
 *
 * A changed object affects the applications that have it in their scope or in a closure. Any other
 * path that a search asked for (a library in a directory that is searched earlier,
 * /etc/ld.so.cache, /etc/ld.so.preload) affects the applications that would find another file now.
 * The store has those that need a library of that name. The search itself decides whether they
 * would find another file: it is libmatr's, as at the beginning of an epoch, without symbols.
 */
#include "watch/violation.h"

#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "resolve/resolution.h"
#include "store/mapping.h"
#include "store/usage.h"

void affected_search_close(struct affected_search *search)
{
	if (search->session)
		matr_session_close(search->session);
	map_free(&search->answers);
	*search = (struct affected_search){.session = NULL};
}

/* ---- repeating the search ---- */

/* Test whether every entry from `first` on has an object. */
static bool all_found(const struct scope *scope, size_t first)
{
	for (size_t i = first; i < scope->n; i++)
		if (scope->indices[i] == NO_INDEX)
			return false;
	return true;
}

/* 1: the same scope as recorded; 0: another, or none; -1. closure 0: the application itself. */
static int same_scope(struct matr_store *store, struct matr_session *session, int64_t application,
		      const char *path, const struct scope_options *options, int64_t closure,
		      struct matr_error *err)
{
	struct resolution resolution;
	struct matr_error why = {0};
	int same = 0;

	if (resolution_make(session, path, options, &resolution, &why) == 0) {
		size_t first = closure ? resolution.n_start : 0;
		same = all_found(&resolution.scope, first)
			       ? store_same_scope(store, application, closure,
						  resolution.scope.entries + first,
						  resolution.scope.n - first, err)
			       : 0;
	} else if (why.code == MATR_ERROR_RESOURCES) {
		same = matr_error_copy(err, &why);
	}
	resolution_free(&resolution);
	return same;
}

static int same_closures(struct matr_store *store, struct matr_session *session,
			 int64_t application, const char *path, const struct scope_options *options,
			 struct matr_error *err)
{
	struct scope_options closure_options = *options;
	struct matr_store_closure *closures;
	size_t n;
	int same = 1;

	if (matr_store_closures(store, application, &closures, &n, err) != 0)
		return -1;
	const char **roots = calloc(n + 1, sizeof *roots);
	if (!roots)
		same = matr_fail_memory(err);
	for (size_t i = 0; i < n && roots; i++)
		roots[i] = closures[i].root;
	closure_options.other_loads = roots;
	closure_options.n_other_loads = roots ? n : 0;
	for (size_t i = 0; i < n && same > 0; i++) {
		closure_options.root = closures[i].root;
		if (!closures[i].reason)
			same = same_scope(store, session, application, path, &closure_options,
					  closures[i].id, err);
	}
	free(roots);
	matr_store_closures_free(closures, n);
	return same;
}

/* Returns 1 if they are as recorded, 0 if not, -1 on error. */
static int starts_the_same(struct matr_store *store, struct matr_session *session,
			   int64_t application, struct matr_error *err)
{
	char *path, *library_path, **additions = NULL;
	size_t n_additions = 0;
	int result = store_application_start(store, application, &path, &library_path, err);

	if (result > 0 && store_additions(store, application, &additions, &n_additions, err) != 0)
		result = -1;
	const struct scope_options options = {
		.library_path = library_path,
		.additions = (const char *const *)additions,
		.n_additions = n_additions,
	};
	if (result > 0)
		result = same_scope(store, session, application, path, &options, 0, err);
	if (result > 0)
		result = same_closures(store, session, application, path, &options, err);
	store_paths_free(additions, n_additions);
	free(path);
	free(library_path);
	return result;
}

/* Keep those of the candidates who would start otherwise now. Where the search cannot even
 * begin, all. */
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
		if (!answer && !map_get(&search->answers, (uint64_t)list->ids[i], &answer)) {
			int same = starts_the_same(store, search->session, list->ids[i], err);
			if (same < 0)
				return -1;
			answer = same ? 2 : 1;
			if (map_set(&search->answers, (uint64_t)list->ids[i], answer) != 0)
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

	*out = (struct application_ids){.n = 0};
	if (file->kind != WATCHED_PROBE)
		return store_users_of(store, epoch, file->path, &out->ids, &out->n, err);
	bool of_all = strcmp(file->path, "/etc/ld.so.cache") == 0 ||
		      strcmp(file->path, "/etc/ld.so.preload") == 0;
	const char *name = of_all ? NULL : path_name(file->path);
	if (store_users_of_name(store, epoch, name, &out->ids, &out->n, err) != 0)
		return -1;
	return keep_changed(store, search, out, err);
}
