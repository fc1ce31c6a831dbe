/* mapping_symbols.c - the table `symbols`: dynamic symbols of the objects of an epoch, as the store has
 * them. Objects in which a name that the query wants does not occur are not decoded. */
#include "elf_names.h"
#include "mapping_table.h"

#include <elf.h>
#include <stdlib.h>

enum {
	EPOCH,
	OBJECT,
	NAME,
	VERSION,
	DEFAULT_VERSION,
	TYPE,
	BINDING,
	VISIBILITY,
	IMPORTED,
	EXPORTED,
	VALUE,
	SIZE,
	SECTION,
	NUMBER,
	N_COLUMNS
};

struct symbols_cursor {
	sqlite3_vtab_cursor base;
	struct mapping_terms terms;
	sqlite3_stmt *objects;
	struct mapping_object *object; /* pinned; NULL: the current one has nothing */
	int64_t epoch;
	size_t at; /* index of the symbol */
	bool entered, done;
};

static struct mapping_store *store_of(struct symbols_cursor *cursor)
{
	return ((struct mapping_table *)cursor->base.pVtab)->store;
}

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
	struct symbols_cursor *cursor = calloc(1, sizeof *cursor);

	(void)table;
	if (!cursor)
		return SQLITE_NOMEM;
	*out = &cursor->base;
	return SQLITE_OK;
}

static void reset(struct symbols_cursor *cursor)
{
	mapping_unpin(store_of(cursor), cursor->object);
	cursor->object = NULL;
	mapping_terms_free(&cursor->terms);
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
	struct symbols_cursor *cursor = (struct symbols_cursor *)base;

	if (cursor->entered) {
		reset(cursor);
		sqlite3_finalize(cursor->objects);
		mapping_store_leave(store_of(cursor));
	}
	free(cursor);
	return SQLITE_OK;
}

/* ---- going through the symbols ---- */

/* The next object of an epoch. 1 there is one, 0 none, -1 error. */
static int next_object(struct symbols_cursor *cursor, struct matr_error *err)
{
	struct mapping_store *store = store_of(cursor);
	const char *name = mapping_equals(&cursor->terms, NAME);
	int more = mapping_step(store, cursor->objects, err);

	if (more <= 0)
		return more;
	int64_t id = sqlite3_column_int64(cursor->objects, 1);
	const char *path = (const char *)sqlite3_column_text(cursor->objects, 2);
	cursor->epoch = sqlite3_column_int64(cursor->objects, 0);
	cursor->at = 0;
	mapping_unpin(store, cursor->object);
	cursor->object = NULL;
	if (!mapping_admits(&cursor->terms, OBJECT, path))
		return 1;
	if (name) {
		int mentioned = mapping_object_mentions(store, id, name, err);
		if (mentioned <= 0)
			return mentioned < 0 ? -1 : 1;
	}
	cursor->object =
		mapping_object(store, id, 1U << MATR_PART_HEADERS | 1U << MATR_PART_SYMBOLS, err);
	return cursor->object ? 1 : -1;
}

/* From the symbol after cursor->at to the next one that can be wanted; index 0 is none. */
static int next_row(sqlite3_vtab_cursor *base)
{
	struct symbols_cursor *cursor = (struct symbols_cursor *)base;
	struct matr_error err;
	unsigned passed = 0;

	for (;;) {
		const struct matr_object *object = cursor->object ? &cursor->object->object : NULL;
		while (object && ++cursor->at < object->n_symbols)
			if (mapping_admits(&cursor->terms, NAME, object->symbols[cursor->at].name))
				return SQLITE_OK;
		int more = next_object(cursor, &err);
		if (more < 0)
			return mapping_report(base->pVtab, &err);
		cursor->done = more == 0;
		if (cursor->done)
			return SQLITE_OK;
		if (++passed % 64 == 0 && mapping_interrupted((struct mapping_table *)base->pVtab))
			return SQLITE_INTERRUPT;
	}
}

static int filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc,
		  sqlite3_value **argv)
{
	static const char all[] = "SELECT e.id, o.id, o.path FROM objects o CROSS JOIN epochs e"
				  " WHERE e.id BETWEEN ?1 AND ?2"
				  " AND " MAPPING_IN_EPOCH;
	static const char one[] = "SELECT e.id, o.id, o.path FROM objects o CROSS JOIN epochs e"
				  " WHERE o.path = ?3 AND e.id BETWEEN ?1 AND ?2"
				  " AND " MAPPING_IN_EPOCH;
	struct symbols_cursor *cursor = (struct symbols_cursor *)base;
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
	const char *object = mapping_equals(&cursor->terms, OBJECT);
	sqlite3_finalize(cursor->objects);
	cursor->objects = mapping_prepare(table->store, object ? one : all, &err);
	if (!cursor->objects)
		return mapping_report(base->pVtab, &err);
	sqlite3_bind_int64(cursor->objects, 1, table->store->first);
	sqlite3_bind_int64(cursor->objects, 2, table->store->last);
	if (object)
		sqlite3_bind_text(cursor->objects, 3, object, -1, SQLITE_TRANSIENT);
	return next_row(base);
}

static int at_end(sqlite3_vtab_cursor *base)
{
	return ((struct symbols_cursor *)base)->done;
}

/* ---- a row ---- */

static void result_version(sqlite3_context *context, const struct matr_object *object,
			   const struct matr_symbol *symbol)
{
	const struct matr_version *version = matr_object_symbol_version(object, symbol);
	if (version)
		sqlite3_result_text(context, version->name, -1, SQLITE_TRANSIENT);
}

/* Can a look-up in a scope find it? */
static bool is_exported(const struct matr_symbol *symbol)
{
	return symbol->section != SHN_UNDEF && symbol->hashed && symbol->binding != STB_LOCAL &&
	       symbol->visibility != STV_HIDDEN && symbol->visibility != STV_INTERNAL;
}

static int get_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
	const struct symbols_cursor *cursor = (const struct symbols_cursor *)base;
	const struct matr_object *object = &cursor->object->object;
	const struct matr_symbol *symbol = &object->symbols[cursor->at];

	switch (column) {
	case EPOCH:
		sqlite3_result_int64(context, cursor->epoch);
		break;
	case OBJECT: /* the snapshot keeps it */
		sqlite3_result_text(context, object->path, -1, SQLITE_STATIC);
		break;
	case NAME:
		sqlite3_result_text(context, symbol->name, -1, SQLITE_TRANSIENT);
		break;
	case VERSION:
		result_version(context, object, symbol);
		break;
	case DEFAULT_VERSION:
		sqlite3_result_int(context,
				   symbol->section != SHN_UNDEF && !(symbol->version & 0x8000));
		break;
	case TYPE:
		result_name(context, NAMES_STT, symbol->type, EM_X86_64);
		break;
	case BINDING:
		result_name(context, NAMES_STB, symbol->binding, EM_X86_64);
		break;
	case VISIBILITY:
		result_name(context, NAMES_STV, symbol->visibility, EM_X86_64);
		break;
	case IMPORTED:
		sqlite3_result_int(context, symbol->section == SHN_UNDEF);
		break;
	case EXPORTED:
		sqlite3_result_int(context, is_exported(symbol));
		break;
	case VALUE:
		sqlite3_result_int64(context, (int64_t)symbol->value);
		break;
	case SIZE:
		sqlite3_result_int64(context, (int64_t)symbol->size);
		break;
	case SECTION:
		sqlite3_result_int(context, symbol->section);
		break;
	default:
		sqlite3_result_int64(context, (int64_t)cursor->at);
		break;
	}
	return SQLITE_OK;
}

static int row_id(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
	const struct symbols_cursor *cursor = (const struct symbols_cursor *)base;

	*out = (cursor->epoch & 0xf) << 58 | (cursor->object->id & 0x3ffffff) << 32 |
	       (int64_t)(uint32_t)cursor->at;
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

static const struct mapping_column columns[N_COLUMNS] = {
	[EPOCH] = {'i', '-', 1, 1},
	[OBJECT] = {'t', '=', 0.0007, 0.0007},
	[NAME] = {'t', '=', 0.00001, 0.3},
	[VERSION] = {'t', '-', 0.1, 1},
	[DEFAULT_VERSION] = {'i', '-', 0.5, 1},
	[TYPE] = {'t', '-', 0.5, 1},
	[BINDING] = {'t', '-', 0.5, 1},
	[VISIBILITY] = {'t', '-', 0.5, 1},
	[IMPORTED] = {'i', '-', 0.5, 1},
	[EXPORTED] = {'i', '-', 0.5, 1},
	[VALUE] = {'i', '-', 0.01, 1},
	[SIZE] = {'i', '-', 0.01, 1},
	[SECTION] = {'i', '-', 0.1, 1},
	[NUMBER] = {'i', '-', 0.001, 1},
};

const struct mapping_schema mapping_symbols = {
	.name = "symbols",
	.create = "CREATE TABLE symbols (\n"
		  "  -- One row per dynamic symbol of an object of the epoch, as it was recorded.\n"
		  "  epoch INTEGER,           -- epochs.id\n"
		  "  object TEXT,             -- objects.path\n"
		  "  name TEXT,               -- as the linker has it\n"
		  "  version TEXT,            -- NULL: none\n"
		  "  default_version INTEGER, -- 1: defined, and references without a version may "
		  "get it\n"
		  "  type TEXT,               -- FUNC, OBJECT, GNU_IFUNC, TLS, NOTYPE, ...\n"
		  "  binding TEXT,            -- GLOBAL, WEAK, LOCAL, GNU_UNIQUE\n"
		  "  visibility TEXT,         -- DEFAULT, PROTECTED, HIDDEN, INTERNAL\n"
		  "  imported INTEGER,        -- 1: a reference\n"
		  "  exported INTEGER,        -- 1: a definition that look-ups find\n"
		  "  value INTEGER,           -- virtual address (TLS: offset)\n"
		  "  size INTEGER,            -- bytes\n"
		  "  section INTEGER,         -- number of its section; 0: imported, 65521: "
		  "absolute\n"
		  "  number INTEGER           -- its index in the dynamic symbol table\n"
		  ")",
	.rows = 8e5,
	.work = 2e4,
	.columns = columns,
	.n_columns = N_COLUMNS,
	.module = &module,
};
