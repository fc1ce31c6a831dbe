/* export.c - the rows of an epoch, one after the other. */
#include <matr/export.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/blake2b.h"
#include "store/binding.h"
#include "store/object.h"
#include "store/statement.h"
#include "store/usage.h"

/* All objects of the epoch ?1. */
#define EPOCH_OBJECTS                                                                              \
	"SELECT l.object_id AS id FROM epoch_applications e"                                       \
	" JOIN scope_entries s ON s.application_id = e.application_id"                             \
	" JOIN locations l ON l.id = s.location_id WHERE e.epoch_id = ?1"                          \
	" UNION SELECT l.object_id FROM epoch_applications e"                                      \
	" JOIN closures c ON c.application_id = e.application_id"                                  \
	" JOIN closure_entries s ON s.closure_id = c.id"                                           \
	" JOIN locations l ON l.id = s.location_id WHERE e.epoch_id = ?1"

static const char *text(sqlite3_stmt *row, int column)
{
	return (const char *)sqlite3_column_text(row, column);
}

int matr_export_objects(struct matr_store *store, int64_t epoch,
			int (*visit)(const struct matr_export_object *object, void *context,
				     struct matr_error *err),
			void *context, struct matr_error *err)
{
	sqlite3_stmt *rows = store_statement_for(
		store,
		"SELECT o.id, o.path, o.build_id, o.soname, o.size FROM (" EPOCH_OBJECTS ") u"
		" JOIN objects o ON o.id = u.id ORDER BY o.id",
		epoch, err);
	int more = 0, result = rows ? 0 : -1;

	while (result == 0 && (more = store_step(store, rows, err)) > 0) {
		const struct matr_export_object object = {
			.id = sqlite3_column_int64(rows, 0),
			.path = text(rows, 1),
			.build_id = text(rows, 2) ? text(rows, 2) : "",
			.soname = text(rows, 3),
			.size = (uint64_t)sqlite3_column_int64(rows, 4),
		};
		result = object.path ? visit(&object, context, err)
				     : store_damaged(store, err, "object without a path");
	}
	sqlite3_reset(rows);
	return more < 0 ? -1 : result;
}

int matr_export_applications(struct matr_store *store, int64_t epoch,
			     int (*visit)(const struct matr_export_application *row, void *context,
					  struct matr_error *err),
			     void *context, struct matr_error *err)
{
	sqlite3_stmt *rows = store_statement_for(
		store,
		"SELECT r.id, l.object_id, r.path, r.library_path, r.flags"
		" FROM epoch_applications e JOIN application_records r ON r.id = e.application_id"
		" JOIN scope_entries s ON s.application_id = r.id AND s.position = 0"
		" JOIN locations l ON l.id = s.location_id WHERE e.epoch_id = ?1 ORDER BY r.id",
		epoch, err);
	int more = 0, result = rows ? 0 : -1;

	while (result == 0 && (more = store_step(store, rows, err)) > 0) {
		const struct matr_export_application application = {
			.id = sqlite3_column_int64(rows, 0),
			.object = sqlite3_column_int64(rows, 1),
			.path = text(rows, 2),
			.library_path = text(rows, 3),
			.edited = (sqlite3_column_int64(rows, 4) & MATR_MAPPING_EDITED) != 0,
		};
		result = application.path ? visit(&application, context, err)
					  : store_damaged(store, err, "application without a path");
	}
	sqlite3_reset(rows);
	return more < 0 ? -1 : result;
}

int matr_export_scopes(struct matr_store *store, int64_t epoch,
		       int (*visit)(const struct matr_export_entry *entry, void *context,
				    struct matr_error *err),
		       void *context, struct matr_error *err)
{
	sqlite3_stmt *rows = store_statement_for(
		store,
		"SELECT e.application_id, s.position, l.object_id, NULL, s.rule, s.loaded_by"
		" FROM epoch_applications e"
		" JOIN scope_entries s ON s.application_id = e.application_id"
		" JOIN locations l ON l.id = s.location_id WHERE e.epoch_id = ?1"
		" UNION ALL SELECT e.application_id, s.position, l.object_id, c.root, s.rule,"
		" s.loaded_by FROM epoch_applications e"
		" JOIN closures c ON c.application_id = e.application_id"
		" JOIN closure_entries s ON s.closure_id = c.id"
		" JOIN locations l ON l.id = s.location_id WHERE e.epoch_id = ?1"
		" ORDER BY 1, 4, 2",
		epoch, err);
	int more = 0, result = rows ? 0 : -1;

	while (result == 0 && (more = store_step(store, rows, err)) > 0) {
		int64_t rule = sqlite3_column_int64(rows, 4);
		struct matr_export_entry entry = {
			.application = sqlite3_column_int64(rows, 0),
			.position = sqlite3_column_int64(rows, 1),
			.object = sqlite3_column_int64(rows, 2),
			.load = text(rows, 3),
			.loaded_by = sqlite3_column_int64(rows, 5),
		};
		if (rule < 0 || rule >= MATR_FOUND_RULES) {
			result = store_damaged(store, err, "search rule");
			break;
		}
		entry.rule = matr_search_rule_name((enum matr_search_rule)rule);
		if (entry.loaded_by == entry.position)
			entry.loaded_by = -1;
		result = visit(&entry, context, err);
	}
	sqlite3_reset(rows);
	return more < 0 ? -1 : result;
}

/* ---- bindings ---- */

#define NO_PROVIDER INT64_MIN

struct provider {
	int64_t id;
	char *path;
	size_t n_symbols;
};

struct binder { /* the requester, and what was found of it */
	struct matr_store *store;
	struct matr_object *object;
	struct matr_binding *bindings; /* one vector's */
	int64_t *last; /* provider of the last binding of each symbol; NO_PROVIDER: none yet */
	struct provider *providers; /* of all of its vectors; two for what is no object */
	size_t n_providers;
	struct matr_export_binding *list;
	size_t n, room;
};

static void binder_free(struct binder *binder)
{
	for (size_t i = 0; i < binder->n_providers; i++)
		free(binder->providers[i].path);
	free(binder->providers);
	free(binder->bindings);
	free(binder->last);
	free(binder->list);
	store_drop_object(binder->object);
}

static int binder_open(struct binder *binder, struct matr_store *store, int64_t id,
		       struct matr_error *err)
{
	*binder = (struct binder){.store = store};
	if (store_read_object(store, id, &binder->object, err) != 0)
		return -1;
	binder->bindings = calloc(binder->object->n_relocations + 1, sizeof *binder->bindings);
	binder->last = calloc(binder->object->n_symbols + 1, sizeof *binder->last);
	if (!binder->bindings || !binder->last)
		return matr_fail_memory(err);
	for (size_t i = 0; i < binder->object->n_symbols; i++)
		binder->last[i] = NO_PROVIDER;
	return 0;
}

/* Get the provider of that id, as an index. */
static int find_provider(struct binder *binder, int64_t id, const char *path, size_t n_symbols,
			 size_t *out, struct matr_error *err)
{
	for (*out = 0; *out < binder->n_providers; (*out)++)
		if (binder->providers[*out].id == id)
			return 0;
	if (array_grow(&binder->providers, binder->n_providers, sizeof *binder->providers, err) !=
	    0)
		return -1;
	struct provider *provider = &binder->providers[binder->n_providers];
	*provider = (struct provider){id, strdup(path), n_symbols};
	if (!provider->path)
		return matr_fail_memory(err);
	binder->n_providers++;
	return 0;
}

/* The providers of a vector, as indices; *out: free(). */
static int vector_providers(struct binder *binder, int64_t vector, size_t **out, size_t *n,
			    struct matr_error *err)
{
	sqlite3_stmt *rows = store_statement_for(
		binder->store,
		"SELECT o.id, o.path, o.n_symbols FROM providers p JOIN objects o"
		" ON o.id = p.object_id WHERE p.vector_id = ?1 ORDER BY p.position",
		vector, err);
	int more = 0, result = rows ? 0 : -1;

	*out = NULL;
	*n = 0;
	while (result == 0 && (more = store_step(binder->store, rows, err)) > 0) {
		result = array_grow(out, *n, sizeof **out, err);
		if (result == 0 && !text(rows, 1))
			result = store_damaged(binder->store, err, "object without a path");
		if (result == 0)
			result = find_provider(binder, sqlite3_column_int64(rows, 0), text(rows, 1),
					       (size_t)sqlite3_column_int64(rows, 2), &(*out)[*n],
					       err);
		*n += result == 0;
	}
	sqlite3_reset(rows);
	return more < 0 ? -1 : result;
}

/* Decode a vector against its providers, of which the number of symbols is enough. */
static int decode_vector(struct binder *binder, const struct store_vector *vector,
			 const size_t *providers, size_t n, struct matr_error *err)
{
	struct matr_scope_entry *scope = calloc(n + 1, sizeof *scope);
	struct matr_object *stubs = calloc(n + 1, sizeof *stubs);
	int64_t *ids = calloc(n + 1, sizeof *ids);
	struct matr_mapped_object mapped = {.bindings = binder->bindings};
	int result = scope && stubs && ids ? 0 : matr_fail_memory(err);

	for (size_t i = 0; i <= n && result == 0; i++) {
		stubs[i].n_symbols = i ? binder->providers[providers[i - 1]].n_symbols : 0;
		scope[i].object = i ? &stubs[i] : binder->object;
		ids[i] = i ? binder->providers[providers[i - 1]].id : vector->object;
	}
	if (result == 0) {
		struct matr_mapping mapping = {
			.scope = scope, .objects = &mapped, .n_scope = n + 1};
		result = store_get_bindings(binder->store, &mapping, 0, ids, vector->id, err);
	}
	free(ids);
	free(stubs);
	free(scope);
	return result;
}

static int compare_bindings(const void *left, const void *right)
{
	const struct matr_export_binding *a = left, *b = right;
	int order = strcmp(a->symbol, b->symbol);

	if (order == 0)
		order = strcmp(a->version, b->version);
	return order ? order : strcmp(a->provider_path, b->provider_path);
}

/* Sort the list, and keep each binding once. */
static void make_distinct(struct binder *binder)
{
	size_t n = 0;

	if (binder->n)
		qsort(binder->list, binder->n, sizeof *binder->list, compare_bindings);
	for (size_t i = 0; i < binder->n; i++)
		if (n == 0 || compare_bindings(&binder->list[n - 1], &binder->list[i]) != 0)
			binder->list[n++] = binder->list[i];
	binder->n = n;
}

static int put_binding(struct binder *binder, const struct matr_symbol *symbol, int64_t provider,
		       struct matr_error *err)
{
	const struct matr_version *version = matr_object_symbol_version(binder->object, symbol);

	if (binder->n == binder->room) {
		size_t room = binder->room ? 2 * binder->room : 256;
		struct matr_export_binding *list =
			realloc(binder->list, room * sizeof *binder->list);
		if (!list)
			return matr_fail_memory(err);
		binder->list = list;
		binder->room = room;
	}
	binder->list[binder->n++] = (struct matr_export_binding){
		.symbol = symbol->name,
		.version = version && version->name ? version->name : "",
		.provider = provider,
	};
	return 0;
}

/* The id of a binding's provider. */
static int64_t provider_id(const struct binder *binder, uint32_t provider, const size_t *providers,
			   int64_t requester)
{
	if (provider == MATR_PROVIDER_WEAK_NULL)
		return MATR_EXPORT_NULL;
	if (provider == MATR_PROVIDER_UNDEFINED)
		return MATR_EXPORT_UNDEFINED;
	return provider == 0 ? requester : binder->providers[providers[provider - 1]].id;
}

/* Add the bindings of the vector that was decoded. Nearly all references to a symbol bind alike, in
 * all vectors: these are added once. */
static int collect(struct binder *binder, const size_t *providers, int64_t requester,
		   struct matr_error *err)
{
	const struct matr_object *object = binder->object;
	int result = 0;

	for (size_t i = 0; i < object->n_relocations && result == 0; i++) {
		uint32_t index = object->relocations[i].symbol;
		uint32_t provider = binder->bindings[i].provider;
		if (index == 0 || provider == MATR_PROVIDER_NONE ||
		    !matr_symbol_is_looked_up(&object->symbols[index]))
			continue;
		int64_t id = provider_id(binder, provider, providers, requester);
		if (binder->last[index] == id)
			continue;
		binder->last[index] = id;
		result = put_binding(binder, &object->symbols[index], id, err);
	}
	return result;
}

static const char *provider_path(const struct binder *binder, int64_t id, int64_t requester)
{
	if (id == MATR_EXPORT_NULL)
		return "null";
	if (id == MATR_EXPORT_UNDEFINED)
		return "undefined";
	for (size_t i = 0; i < binder->n_providers && id != requester; i++)
		if (binder->providers[i].id == id)
			return binder->providers[i].path;
	return binder->object->path;
}

static int add_vector(struct binder *binder, const struct store_vector *vector,
		      struct matr_error *err)
{
	size_t *providers, n;
	int result = vector_providers(binder, vector->id, &providers, &n, err);

	if (result == 0)
		result = decode_vector(binder, vector, providers, n, err);
	if (result == 0)
		result = collect(binder, providers, vector->object, err);
	free(providers);
	return result;
}

/* The bindings of one object, from n vectors. */
static int export_object(struct matr_store *store, const struct store_vector *vectors, size_t n,
			 int (*visit)(const struct matr_export_bindings *bindings, void *context,
				      struct matr_error *err),
			 void *context, struct matr_error *err)
{
	struct binder binder;
	int result = binder_open(&binder, store, vectors[0].object, err);

	for (size_t i = 0; i < n && result == 0; i++)
		result = add_vector(&binder, &vectors[i], err);
	if (result == 0) {
		for (size_t i = 0; i < binder.n; i++)
			binder.list[i].provider_path =
				provider_path(&binder, binder.list[i].provider, vectors[0].object);
		make_distinct(&binder);
		const struct matr_export_bindings bindings = {
			.requester = vectors[0].object,
			.path = binder.object->path,
			.list = binder.list,
			.n = binder.n,
		};
		result = binder.n ? visit(&bindings, context, err) : 0;
	}
	binder_free(&binder);
	return result;
}

int matr_export_bindings(struct matr_store *store, int64_t epoch, matr_export_wanted *wanted,
			 int (*visit)(const struct matr_export_bindings *bindings, void *context,
				      struct matr_error *err),
			 void *context, struct matr_error *err)
{
	struct store_vector *vectors;
	size_t n, end;
	int result = 0;

	if (store_vectors(store, epoch, &vectors, &n, err) != 0)
		return -1;
	for (size_t i = 0; i < n && result == 0; i = end) {
		end = i + 1;
		while (end < n && vectors[end].object == vectors[i].object)
			end++;
		int take = wanted ? wanted(vectors[i].object, context, err) : 1;
		result = take > 0 ? export_object(store, &vectors[i], end - i, visit, context, err)
				  : take;
	}
	free(vectors);
	return result;
}

/* ---- changes between epochs ---- */

struct changes {
	struct matr_store *store;
	int64_t since, epoch;
	int (*visit)(enum matr_export_change change, int64_t id, void *context,
		     struct matr_error *err);
	void *context;
};

static int visit_ids(const struct changes *changes, sqlite3_stmt *rows, int64_t from, int64_t to,
		     enum matr_export_change change, struct matr_error *err)
{
	int more = 0, result = rows ? 0 : -1;

	if (rows) {
		store_bind(rows, 1, from);
		store_bind(rows, 2, to);
	}
	while (result == 0 && (more = store_step(changes->store, rows, err)) > 0)
		result = changes->visit(change, sqlite3_column_int64(rows, 0), changes->context,
					err);
	sqlite3_reset(rows);
	return more < 0 ? -1 : result;
}

/* Applications of epoch ?2 that epoch ?1 does not have. */
static int applications_besides(const struct changes *changes, int64_t from, int64_t to,
				enum matr_export_change change, struct matr_error *err)
{
	sqlite3_stmt *rows = store_statement(
		changes->store,
		"SELECT application_id FROM epoch_applications WHERE epoch_id = ?2"
		" EXCEPT SELECT application_id FROM epoch_applications WHERE epoch_id = ?1"
		" ORDER BY 1",
		err);

	return visit_ids(changes, rows, from, to, change, err);
}

/* Test whether the runs of vectors are equal. */
static bool same_vectors(const struct store_vector *a, size_t n_a, const struct store_vector *b,
			 size_t n_b)
{
	bool same = n_a == n_b;

	for (size_t i = 0; i < n_a && same; i++)
		same = a[i].id == b[i].id;
	return same;
}

static size_t run_of(const struct store_vector *vectors, size_t n, size_t at)
{
	size_t end = at;

	while (end < n && vectors[end].object == vectors[at].object)
		end++;
	return end - at;
}

static size_t find_run(const struct store_vector *vectors, size_t n, size_t at, int64_t object)
{
	while (at < n && vectors[at].object < object)
		at++;
	return at;
}

/* Objects that are only in the later epoch, or that bind by other vectors there. */
static int objects_changed(const struct changes *changes, const int64_t *before, size_t n_before,
			   const int64_t *after, size_t n_after, struct matr_error *err)
{
	struct store_vector *old = NULL, *new = NULL;
	size_t n_old = 0, n_new = 0, o = 0, w = 0, k = 0;
	int result = store_vectors(changes->store, changes->since, &old, &n_old, err);

	if (result == 0)
		result = store_vectors(changes->store, changes->epoch, &new, &n_new, err);
	for (size_t i = 0; i < n_after && result == 0; i++) {
		while (k < n_before && before[k] < after[i])
			k++;
		bool is_new = k == n_before || before[k] != after[i];
		o = find_run(old, n_old, o, after[i]);
		w = find_run(new, n_new, w, after[i]);
		size_t in_old = o < n_old && old[o].object == after[i] ? run_of(old, n_old, o) : 0;
		size_t in_new = w < n_new && new[w].object == after[i] ? run_of(new, n_new, w) : 0;
		if (is_new || !same_vectors(old + o, in_old, new + w, in_new))
			result =
				changes->visit(MATR_EXPORT_OBJECT, after[i], changes->context, err);
	}
	free(old);
	free(new);
	return result;
}

static int objects_gone(const struct changes *changes, const int64_t *before, size_t n_before,
			const int64_t *after, size_t n_after, struct matr_error *err)
{
	size_t k = 0;
	int result = 0;

	for (size_t i = 0; i < n_before && result == 0; i++) {
		while (k < n_after && after[k] < before[i])
			k++;
		if (k == n_after || after[k] != before[i])
			result = changes->visit(MATR_EXPORT_NO_OBJECT, before[i], changes->context,
						err);
	}
	return result;
}

int matr_export_changes(struct matr_store *store, int64_t since, int64_t epoch,
			int (*visit)(enum matr_export_change change, int64_t id, void *context,
				     struct matr_error *err),
			void *context, struct matr_error *err)
{
	const struct changes changes = {store, since, epoch, visit, context};
	int64_t *before = NULL, *after = NULL;
	size_t n_before = 0, n_after = 0;
	int result = store_object_ids(store, since, &before, &n_before, err);

	if (result == 0)
		result = store_object_ids(store, epoch, &after, &n_after, err);
	if (result == 0)
		result = applications_besides(&changes, since, epoch, MATR_EXPORT_APPLICATION, err);
	if (result == 0)
		result = objects_changed(&changes, before, n_before, after, n_after, err);
	if (result == 0)
		result = applications_besides(&changes, epoch, since, MATR_EXPORT_NO_APPLICATION,
					      err);
	if (result == 0)
		result = objects_gone(&changes, before, n_before, after, n_after, err);
	free(before);
	free(after);
	return result;
}

/* ---- content ---- */

void matr_export_hash(const void *bytes, size_t size, char out[MATR_EXPORT_HASH])
{
	uint8_t hash[MATR_HASH_SIZE];

	blake2b(bytes, size, hash);
	for (size_t i = 0; i < sizeof hash; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
}
