/* symbols.c - the table `symbols`: dynamic symbols of the objects of an epoch, as the store has
 * them. Objects in which a name that the query wants does not occur are not decoded. */
#include "sql/mapping/tables.h"
#include "sql/vtab/result.h"

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
	struct mapping_cursor base;
	sqlite3_stmt *objects;
	struct mapping_object *object; /* pinned; NULL: the current one has nothing */
	int64_t epoch;
	size_t at; /* index of the symbol */
};

static void release(struct symbols_cursor *cursor)
{
	mapping_unpin(mapping_store_of(&cursor->base), cursor->object);
	cursor->object = NULL;
}

/* ---- going through the symbols ---- */

/* The next object of an epoch. 1 there is one, 0 none, -1 error. */
static int next_object(struct symbols_cursor *cursor, struct matr_error *err)
{
	struct mapping_store *store = mapping_store_of(&cursor->base);
	const char *name = mapping_equals(&cursor->base.terms, NAME);
	int more = mapping_step(store, cursor->objects, err);

	if (more <= 0)
		return more;
	int64_t id = sqlite3_column_int64(cursor->objects, 1);
	const char *path = (const char *)sqlite3_column_text(cursor->objects, 2);
	cursor->epoch = sqlite3_column_int64(cursor->objects, 0);
	cursor->at = 0;
	release(cursor);
	if (!mapping_admits(&cursor->base.terms, OBJECT, path))
		return 1;
	if (name) {
		int mentioned = mapping_object_mentions(store, id, name, err);
		if (mentioned <= 0)
			return mentioned < 0 ? -1 : 1;
	}
	cursor->object = mapping_object(store, id, 1U << CODEC_HEADERS | 1U << CODEC_SYMBOLS, err);
	return cursor->object ? 1 : -1;
}

/* From the symbol after cursor->at to the next one that can be wanted; index 0 is none. */
static int next(struct mapping_cursor *base, struct matr_error *err)
{
	struct symbols_cursor *cursor = (struct symbols_cursor *)base;
	unsigned passed = 0;

	for (;;) {
		const struct matr_object *object = cursor->object ? &cursor->object->object : NULL;
		while (object && ++cursor->at < object->n_symbols)
			if (mapping_admits(&base->terms, NAME, object->symbols[cursor->at].name))
				return 1;
		int more = next_object(cursor, err);
		if (more <= 0)
			return more;
		if (++passed % 64 == 0 && mapping_interrupted(base))
			return MAPPING_INTERRUPTED;
	}
}

static int start(struct mapping_cursor *base, struct matr_error *err)
{
	static const char all[] = "SELECT e.id, o.id, o.path FROM objects o CROSS JOIN epochs e"
				  " WHERE e.id BETWEEN ?1 AND ?2"
				  " AND " MAPPING_IN_EPOCH;
	static const char one[] = "SELECT e.id, o.id, o.path FROM objects o CROSS JOIN epochs e"
				  " WHERE o.path = ?3 AND e.id BETWEEN ?1 AND ?2"
				  " AND " MAPPING_IN_EPOCH;
	struct symbols_cursor *cursor = (struct symbols_cursor *)base;
	struct mapping_store *store = mapping_store_of(base);
	const char *object = mapping_equals(&base->terms, OBJECT);

	release(cursor);
	sqlite3_finalize(cursor->objects);
	cursor->objects = mapping_prepare(store, object ? one : all, err);
	if (!cursor->objects)
		return -1;
	sqlite3_bind_int64(cursor->objects, 1, store->first);
	sqlite3_bind_int64(cursor->objects, 2, store->last);
	if (object)
		sqlite3_bind_text(cursor->objects, 3, object, -1, SQLITE_TRANSIENT);
	return 0;
}

static void finish(struct mapping_cursor *base)
{
	struct symbols_cursor *cursor = (struct symbols_cursor *)base;

	release(cursor);
	sqlite3_finalize(cursor->objects);
}

/* ---- a row ---- */

static void result_version(sqlite3_context *context, const struct matr_object *object,
			   const struct matr_symbol *symbol)
{
	const struct matr_version *version = matr_object_symbol_version(object, symbol);
	if (version)
		sqlite3_result_text(context, version->name, -1, SQLITE_TRANSIENT);
}

/* Test whether a lookup in a scope can find the symbol. */
static bool is_exported(const struct matr_symbol *symbol)
{
	return symbol->section != SHN_UNDEF && symbol->hashed && symbol->binding != STB_LOCAL &&
	       symbol->visibility != STV_HIDDEN && symbol->visibility != STV_INTERNAL;
}

static void get_column(struct mapping_cursor *base, sqlite3_context *context, int column)
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
}

static int64_t number(const struct mapping_cursor *base)
{
	const struct symbols_cursor *cursor = (const struct symbols_cursor *)base;

	return (cursor->epoch & 0x3f) << 56 | (cursor->object->id & 0xffffff) << 32 |
	       (int64_t)(uint32_t)cursor->at;
}

static const struct mapping_rows rows = {
	.cursor_size = sizeof(struct symbols_cursor),
	.start = start,
	.next = next,
	.column = get_column,
	.number = number,
	.finish = finish,
};

static const struct mapping_column symbols[] = {
	{"epoch", 'i', '-', 1, 1, "epochs.id", NULL},
	{"object", 't', '=', 0.0007, 0.0007, "objects.path", NULL},
	{"name", 't', '=', 0.00001, 0.3, "as the linker has it", NULL},
	{"version", 't', '-', 0.1, 1, "NULL: none", NULL},
	{"default_version", 'i', '-', 0.5, 1,
	 "1: defined, and references without a version may get it", NULL},
	{"type", 't', '-', 0.5, 1, "FUNC, OBJECT, GNU_IFUNC, TLS, NOTYPE, ...", NULL},
	{"binding", 't', '-', 0.5, 1, "GLOBAL, WEAK, LOCAL, GNU_UNIQUE", NULL},
	{"visibility", 't', '-', 0.5, 1, "DEFAULT, PROTECTED, HIDDEN, INTERNAL", NULL},
	{"imported", 'i', '-', 0.5, 1, "1: a reference", NULL},
	{"exported", 'i', '-', 0.5, 1, "1: a definition that look-ups find", NULL},
	{"value", 'i', '-', 0.01, 1, "virtual address (TLS: offset)", NULL},
	{"size", 'i', '-', 0.01, 1, "bytes", NULL},
	{"section", 'i', '-', 0.1, 1, "number of its section; 0: imported, 65521: absolute", NULL},
	{"number", 'i', '-', 0.001, 1, "its index in the dynamic symbol table", NULL},
	{0},
};

const struct mapping_schema mapping_symbols = {
	.name = "symbols",
	.about = "One row per dynamic symbol of an object of the epoch, as it was recorded.",
	.rows = 8e5,
	.work = 2e4,
	.parts = {symbols},
	.rows_of = &rows,
};
