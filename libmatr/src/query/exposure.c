/* exposure.c - which programs bind to a symbol or a library; see matr/exposure.h.
 *
 * For a library the store has the answer in a table: `providers`. For a symbol the vectors of all objects that have the name
 * are decoded, each once, against the objects it names; a look for the name in the decompressed symbols comes before.
 */
#include <matr/exposure.h>
#include <matr/names.h>
#include <matr/nearest.h>

#include <stdlib.h>
#include <string.h>

#include "codec/bindings.h"
#include "codec/object.h"
#include "store/store.h"

struct search {
	struct matr_store *store;
	int64_t epoch;
	const struct matr_symbol_name *symbol;
	const char *library;
	struct matr_map libraries; /* object ids that are called so, or that provide the symbol */
	struct matr_map vectors;   /* that bind to it */
};

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static const char select_objects[] =
	"SELECT DISTINCT o.id, o.path, o.soname, l.path FROM epoch_applications e"
	" JOIN scope_entries s ON s.application_id = e.application_id"
	" JOIN locations l ON l.id = s.location_id JOIN objects o ON o.id = l.object_id"
	" WHERE e.epoch_id = ?1 AND s.position > 0"
	" UNION SELECT o.id, o.path, o.soname, l.path FROM epoch_applications e"
	" JOIN closures c ON c.application_id = e.application_id"
	" JOIN closure_entries s ON s.closure_id = c.id"
	" JOIN locations l ON l.id = s.location_id JOIN objects o ON o.id = l.object_id"
	" WHERE e.epoch_id = ?1";

static int find_libraries(struct search *search, struct matr_error *err)
{
	sqlite3_stmt *rows = matr_statement(search->store, select_objects, err);
	struct matr_nearest nearest = {.wanted = search->library};
	int more;

	if (!rows)
		return -1;
	matr_bind(rows, 1, search->epoch);
	while ((more = matr_step(search->store, rows, err)) > 0) {
		const char *path = (const char *)sqlite3_column_text(rows, 1);
		const char *soname = (const char *)sqlite3_column_text(rows, 2);
		const char *location = (const char *)sqlite3_column_text(rows, 3);
		struct matr_object object = {.path = (char *)path, .soname = soname};
		if (matr_object_is_called(&object, location, search->library)) {
			if (matr_map_set(&search->libraries,
					 (uint64_t)sqlite3_column_int64(rows, 0), 1) != 0) {
				more = matr_fail_memory(err);
				break;
			}
		} else {
			matr_nearest_offer(&nearest, soname ? soname : last_part(path), NULL);
		}
	}
	sqlite3_reset(rows);
	if (more < 0 || search->libraries.used) {
		matr_nearest_free(&nearest);
		return more < 0 ? -1 : 0;
	}
	return matr_nearest_fail(&nearest, err, "no such library in epoch %lld",
				 (long long)search->epoch);
}

/* Every vector with one of the libraries among its providers. */
static int find_by_library(struct search *search, struct matr_error *err)
{
	sqlite3_stmt *rows =
		matr_statement(search->store, "SELECT vector_id, object_id FROM providers", err);
	uint64_t ignored;
	int more;

	if (!rows)
		return -1;
	while ((more = matr_step(search->store, rows, err)) > 0) {
		if (matr_map_get(&search->libraries, (uint64_t)sqlite3_column_int64(rows, 1),
				 &ignored) &&
		    matr_map_set(&search->vectors, (uint64_t)sqlite3_column_int64(rows, 0), 1) !=
			    0) {
			more = matr_fail_memory(err);
			break;
		}
	}
	sqlite3_reset(rows);
	return more < 0 ? -1 : 0;
}

/* ---- a symbol ---- */

struct number_list {
	int64_t *list;
	size_t n, room;
};

static int put_number(struct number_list *numbers, int64_t number, struct matr_error *err)
{
	if (numbers->n == numbers->room) {
		size_t room = numbers->room ? numbers->room * 2 : 64;
		int64_t *list = realloc(numbers->list, room * sizeof *list);
		if (!list)
			return matr_fail_memory(err);
		numbers->list = list;
		numbers->room = room;
	}
	numbers->list[numbers->n++] = number;
	return 0;
}

/* The first column of the rows. */
static int read_numbers(struct matr_store *store, sqlite3_stmt *rows, struct number_list *out,
			struct matr_error *err)
{
	int more;

	while ((more = matr_step(store, rows, err)) > 0)
		if (put_number(out, sqlite3_column_int64(rows, 0), err) != 0) {
			more = -1;
			break;
		}
	sqlite3_reset(rows);
	return more < 0 ? -1 : 0;
}

/* The blob with the object's symbols (codec/object.h). 1 and *contents (free()); 0: there is none; -1. */
static int read_symbols(struct search *search, int64_t object, uint8_t **contents, size_t *size,
			struct matr_error *err)
{
	sqlite3_stmt *row = matr_statement(
		search->store, "SELECT blob_id FROM object_blobs WHERE object_id = ?1 AND part = 1",
		err);

	if (!row)
		return -1;
	matr_bind(row, 1, object);
	int found = matr_step(search->store, row, err);
	int64_t blob = found > 0 ? sqlite3_column_int64(row, 0) : 0;
	sqlite3_reset(row);
	if (found <= 0)
		return found;
	return matr_blob_get(search->store, blob, contents, size, err) == 0 ? 1 : -1;
}

/* 1: the name is somewhere among the object's symbols. */
static int has_name(struct search *search, int64_t object, struct matr_error *err)
{
	const char *name = search->symbol->name;
	uint8_t *contents;
	size_t size;

	int found = read_symbols(search, object, &contents, &size, err);
	if (found <= 0)
		return found;
	found = memmem(contents, size, name, strlen(name) + 1) != NULL;
	free(contents);
	return found;
}

/* Offer what the object binds or could be bound to. */
static int offer_symbols(struct search *search, int64_t id, struct matr_nearest *nearest,
			 struct matr_error *err)
{
	struct matr_object object = {.path = NULL};
	uint8_t *contents;
	size_t size;

	int found = read_symbols(search, id, &contents, &size, err);
	if (found <= 0)
		return found;
	struct matr_cursor cursor = {.at = contents, .end = contents + size};
	int result = 0;
	if (matr_decode_part(&object, MATR_PART_SYMBOLS, &cursor) != 0)
		result = cursor.damaged
				 ? matr_store_damaged(search->store, err, "part of an object")
				 : matr_fail_memory(err);
	for (size_t i = 1; i < object.n_symbols && !result; i++)
		if (matr_symbol_is_looked_up(&object.symbols[i]))
			matr_nearest_offer(nearest, object.symbols[i].name, NULL);
	free(object.symbols);
	free(contents);
	return result;
}

static const char select_object_ids[] =
	"SELECT l.object_id FROM epoch_applications e"
	" JOIN scope_entries s ON s.application_id = e.application_id"
	" JOIN locations l ON l.id = s.location_id WHERE e.epoch_id = ?1"
	" UNION SELECT l.object_id FROM epoch_applications e"
	" JOIN closures c ON c.application_id = e.application_id"
	" JOIN closure_entries s ON s.closure_id = c.id"
	" JOIN locations l ON l.id = s.location_id WHERE e.epoch_id = ?1";

/* Nobody binds to the symbol. Where no object of the epoch has such a name, it is not one. */
static int check_name(struct search *search, struct matr_error *err)
{
	sqlite3_stmt *rows = matr_statement(search->store, select_object_ids, err);
	struct matr_nearest nearest = {.wanted = search->symbol->name};
	struct number_list objects = {.list = NULL};
	int there = 0;

	if (!rows)
		return -1;
	matr_bind(rows, 1, search->epoch);
	int result = read_numbers(search->store, rows, &objects, err);
	for (size_t i = 0; i < objects.n && !result && !there; i++) {
		there = has_name(search, objects.list[i], err);
		result = there < 0 ? -1 : 0;
	}
	for (size_t i = 0; i < objects.n && !result && !there; i++)
		result = offer_symbols(search, objects.list[i], &nearest, err);
	free(objects.list);
	if (!result && !there)
		return matr_nearest_fail(&nearest, err, "no object of epoch %lld has such a symbol",
					 (long long)search->epoch);
	matr_nearest_free(&nearest);
	return result;
}

/* Does a vector, whose mapping has the object at 0 and the providers after it, bind to the symbol? 1, 0, -1. */
static int binds(struct search *search, const struct matr_mapping *mapping, const int64_t *ids,
		 struct matr_error *err)
{
	const struct matr_object *object = mapping->scope[0].object;
	int found = 0;

	for (size_t i = 0; i < object->n_relocations; i++) {
		const struct matr_symbol *symbol = &object->symbols[object->relocations[i].symbol];
		struct matr_binding binding = mapping->objects[0].bindings[i];
		uint64_t ignored;
		if (binding.provider == 0 || binding.provider >= mapping->n_scope ||
		    strcmp(symbol->name, search->symbol->name) != 0)
			continue;
		const struct matr_object *provider = mapping->scope[binding.provider].object;
		uint64_t id = (uint64_t)ids[binding.provider];
		if (!matr_symbol_name_matches(search->symbol, object, symbol) &&
		    !matr_symbol_name_matches(search->symbol, provider,
					      &provider->symbols[binding.symbol]))
			continue;
		if (search->library && !matr_map_get(&search->libraries, id, &ignored))
			continue;
		if (matr_map_set(&search->libraries, id, 1) != 0)
			return matr_fail_memory(err);
		found = 1;
	}
	return found;
}

static int look_at_vector(struct search *search, int64_t object, int64_t vector,
			  struct matr_error *err)
{
	sqlite3_stmt *rows = matr_statement(
		search->store,
		"SELECT object_id FROM providers WHERE vector_id = ?1 ORDER BY position", err);
	struct number_list ids = {.list = NULL};
	struct matr_mapping mapping = {.n_scope = 0};

	if (!rows)
		return -1;
	matr_bind(rows, 1, vector);
	int result = put_number(&ids, object, err);
	if (!result)
		result = read_numbers(search->store, rows, &ids, err);
	mapping.n_scope = ids.n;
	mapping.scope = calloc(ids.n + 1, sizeof *mapping.scope);
	mapping.objects = calloc(ids.n + 1, sizeof *mapping.objects);
	if (!result && (!mapping.scope || !mapping.objects))
		result = matr_fail_memory(err);
	for (size_t i = 0; i < ids.n && !result; i++) {
		mapping.scope[i].object = matr_store_get_object(search->store, ids.list[i], err);
		result = mapping.scope[i].object ? 0 : -1;
	}
	if (!result) {
		size_t n = mapping.scope[0].object->n_relocations;
		mapping.objects[0].bindings = calloc(n + 1, sizeof(struct matr_binding));
		result = mapping.objects[0].bindings
				 ? matr_store_get_bindings(search->store, &mapping, 0, ids.list,
							   vector, err)
				 : matr_fail_memory(err);
	}
	if (!result)
		result = binds(search, &mapping, ids.list, err);
	if (result > 0)
		result = matr_map_set(&search->vectors, (uint64_t)vector, 1) ? matr_fail_memory(err)
									     : 0;
	if (mapping.objects)
		free(mapping.objects[0].bindings);
	free(mapping.objects);
	free(mapping.scope);
	free(ids.list);
	return result;
}

/* The epoch's vectors, those of an object after each other. What other epochs have besides is not looked at. */
static const char select_vectors[] =
	"SELECT v.id, v.object_id FROM vectors v JOIN ("
	" SELECT s.vector_id AS id FROM epoch_applications e"
	" JOIN scope_entries s ON s.application_id = e.application_id WHERE e.epoch_id = ?1"
	" UNION SELECT s.vector_id FROM epoch_applications e"
	" JOIN closures c ON c.application_id = e.application_id"
	" JOIN closure_entries s ON s.closure_id = c.id WHERE e.epoch_id = ?1) USING (id)"
	" ORDER BY v.object_id, v.id";

static int find_by_symbol(struct search *search, struct matr_error *err)
{
	struct number_list vectors = {.list = NULL}, objects = {.list = NULL};
	sqlite3_stmt *rows = matr_statement(search->store, select_vectors, err);
	int more = -1, there = 0, result = 0;

	if (!rows)
		return -1;
	matr_bind(rows, 1, search->epoch);
	while ((more = matr_step(search->store, rows, err)) > 0)
		if (put_number(&vectors, sqlite3_column_int64(rows, 0), err) != 0 ||
		    put_number(&objects, sqlite3_column_int64(rows, 1), err) != 0) {
			more = -1;
			break;
		}
	sqlite3_reset(rows);
	for (size_t i = 0; i < vectors.n && more >= 0 && !result; i++) {
		int64_t object = objects.list[i];
		if (i == 0 || object != objects.list[i - 1])
			there = has_name(search, object, err);
		result = there > 0 ? look_at_vector(search, object, vectors.list[i], err) : there;
	}
	free(objects.list);
	free(vectors.list);
	if (more >= 0 && !result && !search->vectors.used)
		result = check_name(search, err);
	return more < 0 ? -1 : result;
}

/* ---- the programs ---- */

static const char select_entries[] =
	"SELECT r.path, s.position, CASE s.position WHEN 0 THEN r.path ELSE o.path END, "
	"s.vector_id,"
	" o.id, NULL FROM epoch_applications e"
	" JOIN application_records r ON r.id = e.application_id"
	" JOIN scope_entries s ON s.application_id = r.id"
	" JOIN locations l ON l.id = s.location_id JOIN objects o ON o.id = l.object_id"
	" WHERE e.epoch_id = ?1"
	" UNION ALL SELECT r.path, s.position, o.path, s.vector_id, o.id, c.root"
	" FROM epoch_applications e JOIN application_records r ON r.id = e.application_id"
	" JOIN closures c ON c.application_id = r.id"
	" JOIN closure_entries s ON s.closure_id = c.id"
	" JOIN locations l ON l.id = s.location_id JOIN objects o ON o.id = l.object_id"
	" WHERE e.epoch_id = ?1 ORDER BY 1, 6, 2";

static int put_exposed(struct matr_exposure *out, sqlite3_stmt *row, struct matr_error *err)
{
	if ((out->n & (out->n + 1)) == 0) {
		struct matr_exposed *list = realloc(out->list, (2 * out->n + 1) * sizeof *list);
		if (!list)
			return matr_fail_memory(err);
		out->list = list;
	}
	struct matr_exposed *exposed = &out->list[out->n++];
	*exposed = (struct matr_exposed){.program = NULL};
	if (matr_column_text(row, 0, &exposed->program, err) != 0 ||
	    matr_column_text(row, 2, &exposed->requester, err) != 0)
		return -1;
	return matr_column_text(row, 5, &exposed->loaded, err);
}

static int put_loading(struct matr_exposure *out, const char *program, struct matr_error *err)
{
	char **list = realloc(out->loading, (out->n_loading + 1) * sizeof(char *));

	if (!list)
		return matr_fail_memory(err);
	out->loading = list;
	list[out->n_loading] = strdup(program);
	return list[out->n_loading++] ? 0 : matr_fail_memory(err);
}

/* The program's rows are all seen: it binds, or it only loads. */
static int end_program(struct matr_exposure *out, const char *program, bool loads, bool exposed,
		       struct matr_error *err)
{
	out->n_programs += exposed;
	return loads && !exposed ? put_loading(out, program, err) : 0;
}

static int list_programs(struct search *search, struct matr_exposure *out, struct matr_error *err)
{
	sqlite3_stmt *rows = matr_statement(search->store, select_entries, err);
	char *program = NULL;
	bool loads = false, exposed = false;
	uint64_t ignored;
	int more;

	if (!rows)
		return -1;
	matr_bind(rows, 1, search->epoch);
	while ((more = matr_step(search->store, rows, err)) > 0) {
		const char *path = (const char *)sqlite3_column_text(rows, 0);
		if (!program || strcmp(program, path) != 0) {
			if (program && (more = end_program(out, program, loads, exposed, err)) != 0)
				break;
			free(program);
			program = strdup(path);
			loads = exposed = false;
			if (!program) {
				more = matr_fail_memory(err);
				break;
			}
		}
		loads |= matr_map_get(&search->libraries, (uint64_t)sqlite3_column_int64(rows, 4),
				      &ignored);
		if (!matr_map_get(&search->vectors, (uint64_t)sqlite3_column_int64(rows, 3),
				  &ignored))
			continue;
		exposed = true;
		if ((more = put_exposed(out, rows, err)) != 0)
			break;
	}
	sqlite3_reset(rows);
	if (more >= 0 && program)
		more = end_program(out, program, loads, exposed, err);
	free(program);
	return more < 0 ? -1 : 0;
}

int matr_exposure(struct matr_store *store, int64_t epoch, const struct matr_symbol_name *symbol,
		  const char *library, struct matr_exposure *out, struct matr_error *err)
{
	struct search search = {
		.store = store, .epoch = epoch, .symbol = symbol, .library = library};
	int result = 0;

	*out = (struct matr_exposure){.list = NULL};
	if (library)
		result = find_libraries(&search, err);
	if (!result)
		result = symbol ? find_by_symbol(&search, err) : find_by_library(&search, err);
	if (!result)
		result = list_programs(&search, out, err);
	matr_map_free(&search.libraries);
	matr_map_free(&search.vectors);
	if (result)
		matr_exposure_free(out);
	return result;
}

void matr_exposure_free(struct matr_exposure *exposure)
{
	for (size_t i = 0; i < exposure->n; i++) {
		free(exposure->list[i].program);
		free(exposure->list[i].requester);
		free(exposure->list[i].loaded);
	}
	for (size_t i = 0; i < exposure->n_loading; i++)
		free(exposure->loading[i]);
	free(exposure->list);
	free(exposure->loading);
	*exposure = (struct matr_exposure){.list = NULL};
}
