/* mapping_bindings.c - the tables `bindings` and `relocations`.
 *
 * How an object binds is a vector that many applications share (docs/store.md). A cursor goes through
 * the scope entries of the selected applications ordered by vector, so that each is decoded once, and
 * works out once which of its elements the query can want; then it gives those for every application.
 * Where the query names the application, or wants to know what applies a relocation, which depends on
 * the whole application, the order is that of the application's scope.
 */
#include "elf_names.h"
#include "mapping_applied.h"
#include "mapping_table.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum { /* columns; the first ones are the same in both tables */
       EPOCH,
       APPLICATION,
       REQUESTER,
       SYMBOL,
       VERSION,
       PROVIDER,
       BINDING,
       TYPE,
       /* bindings */
       WEAK,
       PROVIDER_VERSION,
       ADDRESS,
       RELOCATIONS,
       N_BINDINGS_COLUMNS,
       /* relocations */
       OFFSET = WEAK,
       ADDEND,
       VALUE,
       SECTION,
       APPLIED,
       N_RELOCATIONS_COLUMNS,
};

#define BIT(column) (UINT64_C(1) << (column))

struct entries_cursor {
	sqlite3_vtab_cursor base;
	bool relocations; /* which table */
	struct mapping_terms terms;
	bool entered, done, by_application;

	/* The scope entry. */
	sqlite3_stmt *entries;
	int64_t vector_id, object_id, position, application_id, epoch;
	char *application; /* path */
	bool renamed; /* the application has another name than its object, or an object may be one */

	/* What it has to give. */
	struct mapping_object *object;
	struct mapping_vector *vector; /* NULL: no relocations with symbols */
	uint32_t *elements;	       /* indices of bounds or relocations that may be wanted */
	size_t n_elements, at;
	int64_t selected_vector, selected_object; /* whose elements these are; -1: nobody's */
	bool whole; /* relocations: relative ones count as elements from n_relocations on */

	struct mapping_applied applied; /* of the application, as far as it is asked for */
};

static struct mapping_table *table_of(struct entries_cursor *cursor)
{
	return (struct mapping_table *)cursor->base.pVtab;
}

static struct mapping_store *store_of(struct entries_cursor *cursor)
{
	return table_of(cursor)->store;
}

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
	struct entries_cursor *cursor = calloc(1, sizeof *cursor);

	if (!cursor)
		return SQLITE_NOMEM;
	cursor->relocations = ((struct mapping_table *)table)->schema == &mapping_relocations;
	cursor->selected_vector = cursor->selected_object = -1;
	*out = &cursor->base;
	return SQLITE_OK;
}

/* Let go of what belongs to the last scope entry. */
static void release(struct entries_cursor *cursor)
{
	mapping_unpin(store_of(cursor), cursor->vector);
	mapping_unpin(store_of(cursor), cursor->object);
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
	mapping_terms_free(&cursor->terms);
	free(cursor->application);
	cursor->application = NULL;
	cursor->application_id = -1;
	cursor->at = 0;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
	struct entries_cursor *cursor = (struct entries_cursor *)base;

	if (cursor->entered) {
		reset(cursor);
		sqlite3_finalize(cursor->entries);
		mapping_store_leave(store_of(cursor));
	}
	free(cursor);
	return SQLITE_OK;
}

/* ---- which scope entries ---- */

/* Objects of a path: by their own, or as an application that was recorded under it. */
#define NAMED(parameter)                                                                           \
	"(SELECT id FROM objects WHERE path = " parameter " UNION SELECT l0.object_id"             \
	" FROM application_records a0 JOIN scope_entries s0 ON s0.application_id = a0.id"          \
	" AND s0.position = 0 JOIN locations l0 ON l0.id = s0.location_id"                         \
	" WHERE a0.path = " parameter ")"

/* ?1 and ?2 are the epochs, ?3 the application, ?4 the requester, ?5 the provider. The order of the
 * tables is the order in which SQLite is to go through them. */
static char *entries_query(const struct entries_cursor *cursor)
{
	const struct mapping_terms *terms = &cursor->terms;
	bool provider = mapping_equals(terms, PROVIDER);
	sqlite3_str *text = sqlite3_str_new(NULL);

	sqlite3_str_appendall(
		text,
		"SELECT s.vector_id, l.object_id, s.position, a.id, e.epoch_id, a.path FROM ");
	if (mapping_equals(terms, APPLICATION)) {
		sqlite3_str_appendall(text, "application_records a CROSS JOIN epoch_applications e"
					    " CROSS JOIN scope_entries s CROSS JOIN locations l"
					    " WHERE a.path = ?3");
	} else if (mapping_equals(terms, REQUESTER) || !provider) {
		sqlite3_str_appendall(text, "locations l CROSS JOIN scope_entries s CROSS JOIN"
					    " application_records a CROSS JOIN"
					    " epoch_applications e WHERE true");
	} else {
		sqlite3_str_appendall(
			text, "scope_entries s CROSS JOIN locations l CROSS JOIN"
			      " application_records a CROSS JOIN epoch_applications e"
			      " WHERE s.vector_id IN (SELECT vector_id FROM providers WHERE"
			      " object_id IN " NAMED("?5") " UNION SELECT id FROM vectors"
							   " WHERE object_id IN " NAMED("?5") ")");
		provider = false;
	}
	sqlite3_str_appendall(text,
			      " AND s.application_id = a.id AND l.id = s.location_id"
			      " AND e.application_id = a.id AND e.epoch_id BETWEEN ?1 AND ?2");
	if (mapping_equals(terms, REQUESTER))
		sqlite3_str_appendall(text, " AND l.object_id IN " NAMED("?4"));
	if (provider)
		sqlite3_str_appendall(text,
				      " AND (l.object_id IN " NAMED(
					      "?5") " OR EXISTS (SELECT 1 FROM"
						    " providers p WHERE p.vector_id = s.vector_id "
						    "AND p.object_id IN " NAMED("?5") "))");
	if (!cursor->relocations)
		sqlite3_str_appendall(text, " AND s.vector_id IS NOT NULL");
	sqlite3_str_appendall(text, cursor->by_application
					    ? " ORDER BY e.epoch_id, a.id, s.position"
					    : " ORDER BY l.object_id, s.vector_id");
	return sqlite3_str_finish(text);
}

static int prepare_entries(struct entries_cursor *cursor, struct matr_error *err)
{
	static const int columns[] = {APPLICATION, REQUESTER, PROVIDER};
	struct mapping_store *store = store_of(cursor);
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
	for (int i = 0; i < 3; i++) {
		const char *value = mapping_equals(&cursor->terms, columns[i]);
		if (value && i + 3 <= sqlite3_bind_parameter_count(cursor->entries))
			sqlite3_bind_text(cursor->entries, i + 3, value, -1, SQLITE_TRANSIENT);
	}
	return 0;
}

/* ---- which elements of an entry ---- */

/* Objects that are some application's own under another name are not told by their path. */
static bool admits_object(struct entries_cursor *cursor, int column, int64_t object,
			  const char *path)
{
	uint64_t one;
	return mapping_admits(&cursor->terms, column, path) ||
	       matr_map_get(&store_of(cursor)->aliased, (uint64_t)object, &one);
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
			mapping_name(store_of(cursor), vector->providers[i], err);
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
	for (int i = 0; i < cursor->terms.n; i++)
		if (cursor->terms.list[i].column == column)
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
		if (by_symbol && !mapping_admits(&cursor->terms, SYMBOL,
						 symbol ? object->symbols[symbol].name : NULL))
			continue;
		const char *type =
			by_type ? elf_name(NAMES_R, object->relocations[i].type, EM_X86_64) : NULL;
		if (type && !mapping_admits(&cursor->terms, TYPE, type))
			continue;
		cursor->elements[cursor->n_elements++] = (uint32_t)i;
	}
	cursor->whole = cursor->relocations && !by_provider && !by_symbol &&
			(mapping_admits(&cursor->terms, TYPE, "RELATIVE"));
	return 0;
}

/* How many elements the entry has, relative relocations included. */
static size_t n_elements(const struct entries_cursor *cursor)
{
	const struct matr_object *object = &cursor->object->object;
	return cursor->n_elements + (cursor->whole ? object->n_relatives + object->n_relr : 0);
}

/* Can the object have anything that is wanted? 1 yes, 0 no, -1 error. */
static int worth_decoding(struct entries_cursor *cursor, const char *path, struct matr_error *err)
{
	const char *symbol = mapping_equals(&cursor->terms, SYMBOL);

	if (constrains(cursor, REQUESTER) && cursor->position != 0 &&
	    !mapping_admits(&cursor->terms, REQUESTER, path))
		return 0;
	return symbol ? mapping_object_mentions(store_of(cursor), cursor->object_id, symbol, err)
		      : 1;
}

/* Prepare what the scope entry has to give: nothing where it cannot be wanted. */
static int take_entry(struct entries_cursor *cursor, struct matr_error *err)
{
	struct mapping_store *store = store_of(cursor);
	unsigned parts =
		1U << MATR_PART_HEADERS | 1U << MATR_PART_SYMBOLS | 1U << MATR_PART_RELOCATIONS;

	cursor->at = 0;
	if (cursor->object && cursor->selected_object == cursor->object_id &&
	    cursor->selected_vector == cursor->vector_id) {
		/* As for the application before. */
		if (cursor->terms.distinct && !cursor->renamed)
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
		parts |= 1U << MATR_PART_RELATIVES;
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

/* The next scope entry. 1 there is one, 0 none, -1 error. */
static int next_entry(struct entries_cursor *cursor, struct matr_error *err)
{
	sqlite3_stmt *row = cursor->entries;
	uint64_t own;
	int more = mapping_step(store_of(cursor), row, err);

	if (more <= 0)
		return more;
	bool has_vector = sqlite3_column_type(row, 0) != SQLITE_NULL;
	cursor->vector_id = has_vector ? sqlite3_column_int64(row, 0) : -1;
	cursor->object_id = sqlite3_column_int64(row, 1);
	cursor->position = sqlite3_column_int64(row, 2);
	cursor->epoch = sqlite3_column_int64(row, 4);
	if (cursor->application_id != sqlite3_column_int64(row, 3)) {
		cursor->application_id = sqlite3_column_int64(row, 3);
		const char *path = (const char *)sqlite3_column_text(row, 5);
		free(cursor->application);
		cursor->application = path ? strdup(path) : NULL;
		if (!cursor->application)
			return matr_fail_memory(err);
	}
	cursor->renamed =
		matr_map_get(&store_of(cursor)->own, (uint64_t)cursor->application_id, &own);
	if (!mapping_admits(&cursor->terms, APPLICATION, cursor->application)) {
		cursor->at = 0;
		release(cursor);
		return 1;
	}
	return take_entry(cursor, err) < 0 ? -1 : 1;
}

static int settle(struct entries_cursor *cursor)
{
	struct matr_error err;
	unsigned passed = 0;

	while (!cursor->object || cursor->at >= n_elements(cursor)) {
		int more = next_entry(cursor, &err);
		if (more < 0)
			return mapping_report(cursor->base.pVtab, &err);
		if (more == 0) {
			cursor->done = true;
			return SQLITE_OK;
		}
		if (++passed % 256 == 0 && mapping_interrupted(table_of(cursor)))
			return SQLITE_INTERRUPT;
	}
	return SQLITE_OK;
}

static int next_row(sqlite3_vtab_cursor *base)
{
	struct entries_cursor *cursor = (struct entries_cursor *)base;

	cursor->at++;
	return settle(cursor);
}

static int filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc,
		  sqlite3_value **argv)
{
	struct entries_cursor *cursor = (struct entries_cursor *)base;
	struct mapping_table *table = (struct mapping_table *)base->pVtab;
	struct matr_error err;

	(void)number;
	if (!cursor->entered) {
		if (mapping_store_enter(table->store, &err) != 0)
			return mapping_report(base->pVtab, &err);
		cursor->entered = true;
	}
	reset(cursor);
	if (mapping_terms(table->schema, plan, argc, argv, &cursor->terms) != 0)
		return SQLITE_NOMEM;
	bool applied = cursor->relocations && (cursor->terms.columns & BIT(APPLIED));
	cursor->by_application = applied || mapping_equals(&cursor->terms, APPLICATION);
	cursor->done = false;
	if (prepare_entries(cursor, &err) != 0)
		return mapping_report(base->pVtab, &err);
	return settle(cursor);
}

static int at_end(sqlite3_vtab_cursor *base)
{
	return ((struct entries_cursor *)base)->done;
}

/* ---- a row ---- */

struct row {
	const struct matr_relocation *relocation; /* relocations with a symbol or without */
	const struct matr_relative *relative;	  /* else */
	bool packed;				  /* of DT_RELR */
	const struct mapping_bound *bound;	  /* bindings */
	uint32_t symbol, provider, provider_symbol;
	size_t index;
};

static struct row current(const struct entries_cursor *cursor)
{
	const struct matr_object *object = &cursor->object->object;
	struct row row = {.provider = MATR_PROVIDER_NONE};

	if (cursor->at >= cursor->n_elements) {
		row.index = cursor->at - cursor->n_elements;
		row.packed = row.index >= object->n_relatives;
		row.relative = row.packed ? &object->relr[row.index - object->n_relatives]
					  : &object->relatives[row.index];
		row.index += object->n_relocations;
		return row;
	}
	row.index = cursor->elements[cursor->at];
	if (cursor->relocations) {
		row.relocation = &object->relocations[row.index];
		row.symbol = row.relocation->symbol;
		if (cursor->vector) {
			row.provider = cursor->vector->bindings[row.index].provider;
			row.provider_symbol = cursor->vector->bindings[row.index].symbol;
		}
	} else {
		row.bound = &cursor->vector->bounds[row.index];
		row.symbol = row.bound->symbol;
		row.provider = row.bound->provider;
		row.provider_symbol = row.bound->provider_symbol;
	}
	return row;
}

static void result_path(struct entries_cursor *cursor, sqlite3_context *context, int64_t object,
			bool is_application)
{
	struct matr_error err;
	const struct mapping_name *name;
	uint64_t own;

	if (!is_application && cursor->renamed &&
	    matr_map_get(&store_of(cursor)->own, (uint64_t)cursor->application_id, &own))
		is_application = (int64_t)own == object;
	if (is_application) {
		sqlite3_result_text(context, cursor->application, -1, SQLITE_TRANSIENT);
		return;
	}
	name = mapping_name(store_of(cursor), object, &err);
	if (name) /* the snapshot keeps it */
		sqlite3_result_text(context, name->path, -1, SQLITE_STATIC);
	else
		sqlite3_result_error(context, err.message, -1);
}

/* The provider's object id; -1: the row has none. */
static int64_t provider_of(const struct entries_cursor *cursor, const struct row *row)
{
	if (row->provider >= MATR_PROVIDER_UNDEFINED)
		return -1;
	return row->provider == 0 ? cursor->object_id
				  : cursor->vector->providers[row->provider - 1];
}

static void result_version(sqlite3_context *context, const struct matr_object *object,
			   uint32_t symbol)
{
	const struct matr_version *version =
		matr_object_symbol_version(object, &object->symbols[symbol]);
	if (version)
		sqlite3_result_text(context, version->name, -1, SQLITE_TRANSIENT);
}

static const char *kind_of(const struct entries_cursor *cursor, const struct row *row)
{
	switch (row->provider) {
	case MATR_PROVIDER_NONE:
		return row->relative ? "relative" : "none";
	case MATR_PROVIDER_WEAK_NULL:
		return "null";
	case MATR_PROVIDER_UNDEFINED:
		return "undefined";
	default:
		break;
	}
	const struct matr_symbol *symbols = cursor->object->object.symbols;
	return row->symbol && matr_symbol_is_looked_up(&symbols[row->symbol]) ? "bound" : "local";
}

/* What only the provider's symbols tell. */
static void result_of_provider(struct entries_cursor *cursor, sqlite3_context *context,
			       const struct row *row, int column)
{
	struct mapping_store *store = store_of(cursor);
	int64_t id = provider_of(cursor, row);
	struct matr_error err;

	if (id < 0)
		return;
	struct mapping_object *provider =
		mapping_object(store, id, 1U << MATR_PART_HEADERS | 1U << MATR_PART_SYMBOLS, &err);
	if (!provider) {
		sqlite3_result_error(context, err.message, -1);
		return;
	}
	const struct matr_object *object = &provider->object;
	const struct matr_symbol *symbol = &object->symbols[row->provider_symbol];
	if (row->provider_symbol >= object->n_symbols)
		sqlite3_result_error(context, "damaged store: symbol missing", -1);
	else if (column == PROVIDER_VERSION)
		result_version(context, object, row->provider_symbol);
	else if (column == TYPE)
		result_name(context, NAMES_STT, symbol->type, EM_X86_64);
	else
		sqlite3_result_int64(context, (int64_t)symbol->value);
	mapping_unpin(store, provider);
}

static void binding_column(struct entries_cursor *cursor, sqlite3_context *context,
			   const struct row *row, int column)
{
	const struct matr_object *object = &cursor->object->object;

	switch (column) {
	case WEAK:
		sqlite3_result_int(context, object->symbols[row->symbol].binding == STB_WEAK);
		break;
	case RELOCATIONS:
		sqlite3_result_int64(context, row->bound->relocations);
		break;
	default:
		result_of_provider(cursor, context, row, column);
		break;
	}
}

/* What is written, beyond the address at which the provider (the object itself where the relocation
 * is relative) was loaded. */
static void result_value(struct entries_cursor *cursor, sqlite3_context *context,
			 const struct row *row)
{
	struct matr_error err;
	int64_t id = provider_of(cursor, row);

	if (row->relative) {
		sqlite3_result_int64(context, row->relative->addend);
		return;
	}
	switch (row->relocation->type) {
	case R_X86_64_64:
	case R_X86_64_GLOB_DAT:
	case R_X86_64_JUMP_SLOT:
		break;
	default:
		return;
	}
	if (id < 0) {
		if (row->provider == MATR_PROVIDER_WEAK_NULL)
			sqlite3_result_int64(context, row->relocation->type == R_X86_64_64
							      ? row->relocation->addend
							      : 0);
		return;
	}
	struct mapping_object *provider =
		mapping_object(store_of(cursor), id, 1U << MATR_PART_SYMBOLS, &err);
	if (!provider) {
		sqlite3_result_error(context, err.message, -1);
		return;
	}
	if (row->provider_symbol < provider->object.n_symbols) {
		uint64_t value = provider->object.symbols[row->provider_symbol].value;
		if (row->relocation->type == R_X86_64_64)
			value += (uint64_t)row->relocation->addend;
		sqlite3_result_int64(context, (int64_t)value);
	}
	mapping_unpin(store_of(cursor), provider);
}

static void relocation_column(struct entries_cursor *cursor, sqlite3_context *context,
			      const struct row *row, int column)
{
	struct matr_error err;
	const char *text;

	switch (column) {
	case TYPE:
		result_name(context, NAMES_R,
			    row->relative ? R_X86_64_RELATIVE : row->relocation->type, EM_X86_64);
		break;
	case OFFSET:
		sqlite3_result_int64(context, (int64_t)(row->relative ? row->relative->offset
								      : row->relocation->offset));
		break;
	case ADDEND:
		sqlite3_result_int64(context, row->relative ? row->relative->addend
							    : row->relocation->addend);
		break;
	case VALUE:
		result_value(cursor, context, row);
		break;
	case SECTION:
		text = row->packed						    ? "RELR"
		       : row->relative || row->relocation->table == MATR_TABLE_RELA ? "RELA"
										    : "JMPREL";
		sqlite3_result_text(context, text, -1, SQLITE_STATIC);
		break;
	default:
		if (mapping_applied_read(&cursor->applied, store_of(cursor), cursor->application_id,
					 &err) != 0) {
			sqlite3_result_error(context, err.message, -1);
			break;
		}
		text = mapping_applied_how(&cursor->applied, (size_t)cursor->position,
					   row->relative ? MAPPING_APPLIED_RELATIVE : row->index);
		sqlite3_result_text(context, text, -1, SQLITE_STATIC);
		break;
	}
}

static int get_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
	struct entries_cursor *cursor = (struct entries_cursor *)base;
	const struct matr_object *object = &cursor->object->object;
	struct row row = current(cursor);
	int64_t provider;

	switch (column) {
	case EPOCH:
		sqlite3_result_int64(context, cursor->epoch);
		break;
	case APPLICATION:
		sqlite3_result_text(context, cursor->application, -1, SQLITE_TRANSIENT);
		break;
	case REQUESTER:
		result_path(cursor, context, cursor->object_id, cursor->position == 0);
		break;
	case SYMBOL:
		if (row.symbol)
			sqlite3_result_text(context, object->symbols[row.symbol].name, -1,
					    SQLITE_TRANSIENT);
		break;
	case VERSION:
		if (row.symbol)
			result_version(context, object, row.symbol);
		break;
	case PROVIDER:
		provider = provider_of(cursor, &row);
		if (provider >= 0)
			result_path(cursor, context, provider,
				    row.provider == 0 && cursor->position == 0);
		break;
	case BINDING:
		sqlite3_result_text(context, kind_of(cursor, &row), -1, SQLITE_STATIC);
		break;
	default:
		if (cursor->relocations)
			relocation_column(cursor, context, &row, column);
		else
			binding_column(cursor, context, &row, column);
		break;
	}
	return SQLITE_OK;
}

/* Four bits of the epoch, 22 of the application, 12 of the position, 25 of the element: enough for
 * any system, and the same however a query comes to the row. */
static int row_id(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
	const struct entries_cursor *cursor = (const struct entries_cursor *)base;
	struct row row = current(cursor);

	*out = (cursor->epoch & 0xf) << 59 | (cursor->application_id & 0x3fffff) << 37 |
	       (cursor->position & 0xfff) << 25 | (int64_t)(row.index & 0x1ffffff);
	return SQLITE_OK;
}

static const sqlite3_module module = {
	.iVersion = 1,
	.xCreate = mapping_connect,
	.xConnect = mapping_connect,
	.xBestIndex = mapping_best_index,
	.xDisconnect = mapping_disconnect,
	.xDestroy = mapping_disconnect,
	.xOpen = open_cursor,
	.xClose = close_cursor,
	.xFilter = filter,
	.xNext = next_row,
	.xEof = at_end,
	.xColumn = get_column,
	.xRowid = row_id,
};

static const struct mapping_column bindings_columns[N_BINDINGS_COLUMNS] = {
	[EPOCH] = {'i', '-', 1, 1},
	[APPLICATION] = {'t', '=', 0.001, 0.001},
	[REQUESTER] = {'t', '=', 0.002, 0.002},
	[SYMBOL] = {'t', '=', 0.0005, 0.1},
	[VERSION] = {'t', '-', 0.1, 1},
	[PROVIDER] = {'t', '=', 0.02, 0.1},
	[BINDING] = {'t', '-', 0.5, 1},
	[TYPE] = {'t', '-', 0.5, 1},
	[WEAK] = {'i', '-', 0.5, 1},
	[PROVIDER_VERSION] = {'t', '-', 0.1, 1},
	[ADDRESS] = {'i', '-', 0.1, 1},
	[RELOCATIONS] = {'i', '-', 0.5, 1},
};

const struct mapping_schema mapping_bindings = {
	.name = "bindings",
	.create = "CREATE TABLE bindings (\n"
		  "  -- One row per symbol reference of an object in the scope of an application, "
		  "and\n"
		  "  -- what it came to: what LD_DEBUG=bindings prints, for every program.\n"
		  "  epoch INTEGER,         -- epochs.id\n"
		  "  application TEXT,      -- the program: applications.path\n"
		  "  requester TEXT,        -- the object that refers to the symbol: objects.path\n"
		  "  symbol TEXT,           -- its name\n"
		  "  version TEXT,          -- the version asked for; NULL: none\n"
		  "  provider TEXT,         -- the object that provides it: objects.path; NULL: "
		  "none does\n"
		  "  binding TEXT,          -- 'bound'; 'null': weak and defined nowhere;\n"
		  "                         -- 'undefined': defined nowhere, an error when it is "
		  "used\n"
		  "  type TEXT,             -- of the provider's symbol: FUNC, OBJECT, GNU_IFUNC, "
		  "TLS, NOTYPE\n"
		  "  weak INTEGER,          -- 1: a weak reference\n"
		  "  provider_version TEXT, -- the version of the provider's symbol; NULL: none\n"
		  "  address INTEGER,       -- of the symbol in the provider: elf_symbols.value\n"
		  "  relocations INTEGER    -- how many of the requester's relocations this is\n"
		  ")",
	.rows = 3e6,
	.work = 1e5,
	.columns = bindings_columns,
	.n_columns = N_BINDINGS_COLUMNS,
	.shared = ~(BIT(EPOCH) | BIT(APPLICATION)),
	.module = &module,
};

static const struct mapping_column relocations_columns[N_RELOCATIONS_COLUMNS] = {
	[EPOCH] = {'i', '-', 1, 1},
	[APPLICATION] = {'t', '=', 0.001, 0.001},
	[REQUESTER] = {'t', '=', 0.002, 0.002},
	[SYMBOL] = {'t', '=', 0.0001, 0.1},
	[VERSION] = {'t', '-', 0.1, 1},
	[PROVIDER] = {'t', '=', 0.005, 0.1},
	[BINDING] = {'t', '-', 0.5, 1},
	[TYPE] = {'t', '=', 0.3, 0.8},
	[OFFSET] = {'i', '-', 0.001, 1},
	[ADDEND] = {'i', '-', 0.1, 1},
	[VALUE] = {'i', '-', 0.01, 1},
	[SECTION] = {'t', '-', 0.5, 1},
	[APPLIED] = {'t', '-', 0.5, 1},
};

const struct mapping_schema mapping_relocations = {
	.name = "relocations",
	.create =
		"CREATE TABLE relocations (\n"
		"  -- One row per dynamic relocation of an object in the scope of an application.\n"
		"  epoch INTEGER,         -- epochs.id\n"
		"  application TEXT,      -- the program: applications.path\n"
		"  requester TEXT,        -- the object that is relocated: objects.path\n"
		"  symbol TEXT,           -- what it refers to; NULL: no symbol\n"
		"  version TEXT,          -- the version asked for; NULL: none\n"
		"  provider TEXT,         -- the object that provides the symbol; NULL: none\n"
		"  binding TEXT,          -- 'bound' (looked up in the scope), 'local' (its own "
		"symbol,\n"
		"                         -- without a look-up), 'null' (weak, defined nowhere),\n"
		"                         -- 'undefined', 'relative', 'none' (another one without "
		"symbol)\n"
		"  type TEXT,             -- GLOB_DAT, JUMP_SLOT, 64, COPY, RELATIVE, ...\n"
		"  offset INTEGER,        -- the word that is written: virtual address in the "
		"requester\n"
		"  addend INTEGER,        -- of the relocation\n"
		"  value INTEGER,         -- what is written beyond the provider's (relative: the "
		"requester's)\n"
		"                         -- load address; NULL: not of that kind\n"
		"  section TEXT,          -- the table it is in: RELA, JMPREL, RELR\n"
		"  applied TEXT           -- how in a mapped start: 'word', 'ifunc', 'copy', "
		"'lazy',\n"
		"                         -- 'residual' (left to ld.so), 'nothing'\n"
		")",
	.rows = 3e7,
	.work = 1e6,
	.columns = relocations_columns,
	.n_columns = N_RELOCATIONS_COLUMNS,
	.shared = ~(BIT(EPOCH) | BIT(APPLICATION) | BIT(APPLIED)),
	.module = &module,
};
