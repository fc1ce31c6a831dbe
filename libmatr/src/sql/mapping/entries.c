/* entries.c - the way of the tables of bindings and relocations through the store. */
#include "sql/mapping/entries.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include <matr/mapping.h>

#include "sql/reader/elf_names.h"

/* Let go of what belongs to the last entry. */
static void release(struct entries_cursor *cursor)
{
	struct mapping_store *store = mapping_store_of(&cursor->base);

	mapping_unpin(store, cursor->vector);
	mapping_unpin(store, cursor->object);
	cursor->vector = NULL;
	cursor->object = NULL;
	free(cursor->elements);
	cursor->elements = NULL;
	cursor->n_elements = 0;
	cursor->selected_vector = cursor->selected_object = -1;
}

static void reset(struct entries_cursor *cursor)
{
	release(cursor);
	mapping_applied_clear(&cursor->applied);
	mapping_edited_clear(&cursor->edited);
	free(cursor->application);
	cursor->application = NULL;
	cursor->application_id = -1;
	cursor->at = 0;
	cursor->before = true;
}

/* ---- choice of entries ---- */

/* Objects of a path: by their own, or as an application that was recorded under it. */
#define NAMED(parameter)                                                                           \
	"(SELECT id FROM objects WHERE path = " parameter " UNION SELECT l0.object_id"             \
	" FROM application_records a0 JOIN scope_entries s0 ON s0.application_id = a0.id"          \
	" AND s0.position = 0 JOIN locations l0 ON l0.id = s0.location_id"                         \
	" WHERE a0.path = " parameter ")"

/* From an entry s to the application a; its order in a query that begins with the application. */
struct entries_source {
	const char *behind_application, *before_application, *alone, *condition, *closure, *order;
};

static const struct entries_source of_scopes = {
	.behind_application = " CROSS JOIN scope_entries s",
	.before_application = " CROSS JOIN scope_entries s",
	.alone = "scope_entries s",
	.condition = " AND s.application_id = a.id",
	.closure = "0, NULL",
	.order = "s.position",
};

static const struct entries_source of_closures = {
	.behind_application = " CROSS JOIN closures k CROSS JOIN closure_entries s",
	.before_application = " CROSS JOIN closure_entries s CROSS JOIN closures k",
	.alone = "closure_entries s CROSS JOIN closures k",
	.condition = " AND s.closure_id = k.id AND k.application_id = a.id",
	.closure = "k.id, k.root",
	.order = "k.id, s.position",
};

/* ?1 and ?2 are the epochs, ?3 the application, ?4 the requester, ?5 the provider, ?6 the
 * closure. The order of the tables is the order in which SQLite is to go through them. */
static char *entries_query(const struct entries_cursor *cursor)
{
	const struct mapping_terms *terms = &cursor->base.terms;
	const struct entries_source *source = cursor->closures ? &of_closures : &of_scopes;
	bool provider = mapping_equals(terms, PROVIDER);
	sqlite3_str *text = sqlite3_str_new(NULL);

	sqlite3_str_appendf(
		text,
		"SELECT s.vector_id, l.object_id, s.position, a.id, e.epoch_id, a.path, %s FROM ",
		source->closure);
	if (mapping_equals(terms, APPLICATION)) {
		sqlite3_str_appendf(text,
				    "application_records a CROSS JOIN epoch_applications e"
				    "%s CROSS JOIN locations l WHERE a.path = ?3",
				    source->behind_application);
	} else if (mapping_equals(terms, REQUESTER) || !provider) {
		sqlite3_str_appendf(text,
				    "locations l%s CROSS JOIN application_records a CROSS JOIN"
				    " epoch_applications e WHERE true",
				    source->before_application);
	} else {
		sqlite3_str_appendf(
			text,
			"%s CROSS JOIN locations l CROSS JOIN application_records a"
			" CROSS JOIN epoch_applications e"
			" WHERE s.vector_id IN (SELECT vector_id FROM providers WHERE"
			" object_id IN " NAMED("?5") " UNION SELECT id FROM vectors"
						     " WHERE object_id IN " NAMED("?5") ")",
			source->alone);
		provider = false;
	}
	sqlite3_str_appendf(text,
			    "%s AND l.id = s.location_id"
			    " AND e.application_id = a.id AND e.epoch_id BETWEEN ?1 AND ?2",
			    source->condition);
	if (mapping_equals(terms, REQUESTER))
		sqlite3_str_appendall(text, " AND l.object_id IN " NAMED("?4"));
	if (provider)
		sqlite3_str_appendall(text,
				      " AND (l.object_id IN " NAMED(
					      "?5") " OR EXISTS (SELECT 1 FROM"
						    " providers p WHERE p.vector_id = s.vector_id "
						    "AND p.object_id IN " NAMED("?5") "))");
	if (mapping_equals(terms, CLOSURE))
		sqlite3_str_appendall(text, " AND k.root = ?6");
	if (!cursor->relocations)
		sqlite3_str_appendall(text, " AND s.vector_id IS NOT NULL");
	if (cursor->by_application)
		sqlite3_str_appendf(text, " ORDER BY e.epoch_id, a.id, %s", source->order);
	else
		sqlite3_str_appendall(text, " ORDER BY l.object_id, s.vector_id");
	return sqlite3_str_finish(text);
}

static int prepare_entries(struct entries_cursor *cursor, struct matr_error *err)
{
	static const int columns[] = {APPLICATION, REQUESTER, PROVIDER, CLOSURE};
	struct mapping_store *store = mapping_store_of(&cursor->base);
	char *text = entries_query(cursor);

	if (!text)
		return matr_fail_memory(err);
	if (cursor->entries && strcmp(sqlite3_sql(cursor->entries), text) == 0) {
		sqlite3_reset(cursor->entries);
		sqlite3_clear_bindings(cursor->entries);
	} else {
		sqlite3_finalize(cursor->entries);
		cursor->entries = mapping_prepare(store, text, err);
	}
	sqlite3_free(text);
	if (!cursor->entries)
		return -1;
	sqlite3_bind_int64(cursor->entries, 1, store->first);
	sqlite3_bind_int64(cursor->entries, 2, store->last);
	for (int i = 0; i < 4; i++) {
		const char *value = mapping_equals(&cursor->base.terms, columns[i]);
		if (value && i + 3 <= sqlite3_bind_parameter_count(cursor->entries))
			sqlite3_bind_text(cursor->entries, i + 3, value, -1, SQLITE_TRANSIENT);
	}
	return 0;
}

/* ---- choice of an entry's elements ---- */

/* Objects that are an application's own under another name cannot be recognised by their path. */
static bool admits_object(struct entries_cursor *cursor, int column, int64_t object,
			  const char *path)
{
	uint64_t one;
	return mapping_admits(&cursor->base.terms, column, path) ||
	       map_get(&mapping_store_of(&cursor->base)->aliased, (uint64_t)object, &one);
}

/* Bit i: provider i of the vector can be wanted (0 the object itself, 63 all from there on). */
static int admitted_providers(struct entries_cursor *cursor, uint64_t *out, struct matr_error *err)
{
	const struct mapping_vector *vector = cursor->vector;

	*out = UINT64_C(1) << 63;
	if (admits_object(cursor, PROVIDER, cursor->object_id, cursor->object->object.path))
		*out |= 1;
	for (size_t i = 0; i < vector->n_providers && i + 1 < 63; i++) {
		const struct mapping_name *name =
			mapping_name(mapping_store_of(&cursor->base), vector->providers[i], err);
		if (!name)
			return -1;
		if (admits_object(cursor, PROVIDER, vector->providers[i], name->path))
			*out |= UINT64_C(1) << (i + 1);
	}
	return 0;
}

static bool provider_admitted(uint64_t admitted, uint32_t provider, bool constrained)
{
	if (provider >= MATR_PROVIDER_UNDEFINED)
		return !constrained;
	return admitted >> (provider < 63 ? provider : 63) & 1;
}

static bool constrains(const struct entries_cursor *cursor, int column)
{
	for (int i = 0; i < cursor->base.terms.n; i++)
		if (cursor->base.terms.list[i].column == column)
			return true;
	return false;
}

/* Work out the elements of the entry's vector that may be wanted. */
static int select_elements(struct entries_cursor *cursor, struct matr_error *err)
{
	const struct matr_object *object = &cursor->object->object;
	const struct mapping_vector *vector = cursor->vector;
	bool by_provider = constrains(cursor, PROVIDER), by_symbol = constrains(cursor, SYMBOL);
	bool by_type = cursor->relocations && constrains(cursor, TYPE);
	size_t n = object->n_relocations;
	uint64_t admitted = ~UINT64_C(0);

	if (!cursor->relocations) /* entries without a vector are not among those of bindings */
		n = vector ? vector->n_bounds : 0;
	cursor->selected_vector = cursor->vector_id;
	cursor->selected_object = cursor->object_id;
	cursor->n_elements = 0;
	free(cursor->elements);
	cursor->elements = malloc((n + 1) * sizeof *cursor->elements);
	if (!cursor->elements)
		return matr_fail_memory(err);
	if (by_provider && vector && admitted_providers(cursor, &admitted, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		uint32_t symbol, provider;
		if (cursor->relocations) {
			symbol = object->relocations[i].symbol;
			provider = vector ? vector->bindings[i].provider : MATR_PROVIDER_NONE;
		} else {
			symbol = vector->bounds[i].symbol;
			provider = vector->bounds[i].provider;
		}
		if (by_provider && !provider_admitted(admitted, provider, true))
			continue;
		if (by_symbol && !mapping_admits(&cursor->base.terms, SYMBOL,
						 symbol ? object->symbols[symbol].name : NULL))
			continue;
		const char *type =
			by_type ? elf_name(NAMES_R, object->relocations[i].type, EM_X86_64) : NULL;
		if (type && !mapping_admits(&cursor->base.terms, TYPE, type))
			continue;
		cursor->elements[cursor->n_elements++] = (uint32_t)i;
	}
	cursor->whole = cursor->relocations && !by_provider && !by_symbol &&
			(mapping_admits(&cursor->base.terms, TYPE, "RELATIVE"));
	return 0;
}

/* Number of elements of the entry, relative relocations included. */
static size_t n_elements(const struct entries_cursor *cursor)
{
	const struct matr_object *object = &cursor->object->object;
	return cursor->n_elements + (cursor->whole ? object->n_relatives + object->n_relr : 0);
}

/* Find out whether the object can have anything that is wanted. Returns 1 if so, 0 if not, -1 on
 * error. */
static int worth_decoding(struct entries_cursor *cursor, const char *path, struct matr_error *err)
{
	const char *symbol = mapping_equals(&cursor->base.terms, SYMBOL);

	if (constrains(cursor, REQUESTER) && cursor->position != 0 &&
	    !mapping_admits(&cursor->base.terms, REQUESTER, path))
		return 0;
	return symbol ? mapping_object_mentions(mapping_store_of(&cursor->base), cursor->object_id,
						symbol, err)
		      : 1;
}

/* Prepare what the entry has to give: nothing where it cannot be wanted. */
static int take_entry(struct entries_cursor *cursor, struct matr_error *err)
{
	struct mapping_store *store = mapping_store_of(&cursor->base);
	unsigned parts = 1U << CODEC_HEADERS | 1U << CODEC_SYMBOLS | 1U << CODEC_RELOCATIONS;

	cursor->at = 0;
	if (cursor->object && cursor->selected_object == cursor->object_id &&
	    cursor->selected_vector == cursor->vector_id) {
		/* As for the application before. */
		if (cursor->base.terms.distinct && !cursor->renamed)
			cursor->at = n_elements(cursor);
		return 0;
	}
	release(cursor);
	const struct mapping_name *name = mapping_name(store, cursor->object_id, err);
	if (!name)
		return -1;
	int worth = worth_decoding(cursor, name->path, err);
	if (worth <= 0)
		return worth;
	if (cursor->relocations)
		parts |= 1U << CODEC_RELATIVES;
	cursor->object = mapping_object(store, cursor->object_id, parts, err);
	if (!cursor->object)
		return -1;
	if (cursor->vector_id >= 0) {
		cursor->vector = mapping_vector(store, cursor->object, cursor->vector_id, err);
		if (!cursor->vector)
			return -1;
	}
	return select_elements(cursor, err);
}

/* The next entry. 1 there is one, 0 none, -1 error. */
static int next_entry(struct entries_cursor *cursor, struct matr_error *err)
{
	sqlite3_stmt *row = cursor->entries;
	uint64_t own;
	int more = mapping_step(mapping_store_of(&cursor->base), row, err);

	if (more <= 0)
		return more;
	bool has_vector = sqlite3_column_type(row, 0) != SQLITE_NULL;
	cursor->vector_id = has_vector ? sqlite3_column_int64(row, 0) : -1;
	cursor->object_id = sqlite3_column_int64(row, 1);
	cursor->position = sqlite3_column_int64(row, 2);
	cursor->epoch = sqlite3_column_int64(row, 4);
	cursor->closure_id = sqlite3_column_int64(row, 6);
	if (cursor->application_id != sqlite3_column_int64(row, 3)) {
		cursor->application_id = sqlite3_column_int64(row, 3);
		const char *path = (const char *)sqlite3_column_text(row, 5);
		free(cursor->application);
		cursor->application = path ? strdup(path) : NULL;
		if (!cursor->application)
			return matr_fail_memory(err);
	}
	cursor->renamed = map_get(&mapping_store_of(&cursor->base)->own,
				  (uint64_t)cursor->application_id, &own);
	const char *closure = cursor->closures ? (const char *)sqlite3_column_text(row, 7) : NULL;
	if (!mapping_admits(&cursor->base.terms, APPLICATION, cursor->application) ||
	    !mapping_admits(&cursor->base.terms, CLOSURE, closure)) {
		cursor->at = 0;
		release(cursor);
		return 1;
	}
	return take_entry(cursor, err) < 0 ? -1 : 1;
}

/* ---- going through them ---- */

int entries_next(struct mapping_cursor *base, struct matr_error *err)
{
	struct entries_cursor *cursor = (struct entries_cursor *)base;
	unsigned passed = 0;

	if (!cursor->before)
		cursor->at++;
	cursor->before = false;
	while (!cursor->object || cursor->at >= n_elements(cursor)) {
		int more = next_entry(cursor, err);
		if (more <= 0)
			return more;
		if (++passed % 256 == 0 && mapping_interrupted(base))
			return MAPPING_INTERRUPTED;
	}
	return 1;
}

static void use_plain_columns(struct mapping_terms *terms)
{
	uint64_t first = (UINT64_C(1) << CLOSURE_AT) - 1;
	uint64_t closure = terms->columns >> CLOSURE_AT & 1;

	for (int i = 0; i < terms->n; i++)
		terms->list[i].column = entries_plain_column(true, terms->list[i].column);
	terms->columns =
		(terms->columns & first) | (terms->columns >> 1 & ~first) | closure << CLOSURE;
}

int entries_start(struct mapping_cursor *base, struct matr_error *err)
{
	struct entries_cursor *cursor = (struct entries_cursor *)base;

	reset(cursor);
	if (cursor->closures)
		use_plain_columns(&base->terms);
	bool applied = cursor->relocations && (base->terms.columns & UINT64_C(1) << APPLIED);
	cursor->by_application = applied || mapping_equals(&base->terms, APPLICATION);
	return prepare_entries(cursor, err);
}

void entries_finish(struct mapping_cursor *base)
{
	struct entries_cursor *cursor = (struct entries_cursor *)base;

	reset(cursor);
	sqlite3_finalize(cursor->entries);
	mapping_edited_free(&cursor->edited);
}
