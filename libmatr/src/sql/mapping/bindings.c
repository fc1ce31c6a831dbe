/* bindings.c - the tables `bindings` and `relocations`, and the same of closures: a row's
 * columns. How the rows are come by is in entries.c. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include <matr/mapping.h>

#include "sql/mapping/entries.h"
#include "sql/mapping/tables.h"
#include "sql/vtab/result.h"

#define BIT(column) (UINT64_C(1) << (column))

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
	    map_get(&mapping_store_of(&cursor->base)->own, (uint64_t)cursor->application_id, &own))
		is_application = (int64_t)own == object;
	if (is_application) {
		sqlite3_result_text(context, cursor->application, -1, SQLITE_TRANSIENT);
		return;
	}
	name = mapping_name(mapping_store_of(&cursor->base), object, &err);
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

/* Columns that need the provider's symbols. */
static void result_of_provider(struct entries_cursor *cursor, sqlite3_context *context,
			       const struct row *row, int column)
{
	struct mapping_store *store = mapping_store_of(&cursor->base);
	int64_t id = provider_of(cursor, row);
	struct matr_error err;

	if (id < 0)
		return;
	struct mapping_object *provider =
		mapping_object(store, id, 1U << CODEC_HEADERS | 1U << CODEC_SYMBOLS, &err);
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

static bool same_reference(const struct matr_object *object, uint32_t left, uint32_t right)
{
	const struct matr_symbol *a = &object->symbols[left], *b = &object->symbols[right];
	return left == right || (strcmp(a->name, b->name) == 0 && a->version == b->version);
}

/* The row's edit; NULL: none. Of a binding that stands for several relocations the first one's. */
static const struct mapping_edited_row *find_edited(const struct entries_cursor *cursor,
						    const struct row *row)
{
	const struct matr_object *object = &cursor->object->object;

	for (size_t i = 0; i < cursor->edited.n; i++) {
		const struct mapping_edited_row *edited = &cursor->edited.list[i];
		uint32_t at = edited->relocation;
		if (row->relocation
			    ? at == row->index
			    : row->bound && cursor->vector && at < object->n_relocations &&
				      cursor->vector->bindings[at].provider == row->provider &&
				      cursor->vector->bindings[at].symbol == row->provider_symbol &&
				      same_reference(object, row->symbol,
						     object->relocations[at].symbol))
			return edited;
	}
	return NULL;
}

static void edited_column(struct entries_cursor *cursor, sqlite3_context *context,
			  const struct row *row, bool original)
{
	struct matr_error err;

	if (mapping_edited_read(&cursor->edited, mapping_store_of(&cursor->base),
				cursor->application_id, cursor->position, &err) != 0) {
		sqlite3_result_error(context, err.message, -1);
		return;
	}
	const struct mapping_edited_row *edited = find_edited(cursor, row);
	if (edited && !original)
		sqlite3_result_int64(context, edited->edit);
	else if (edited && edited->original >= 0)
		result_path(cursor, context, edited->original, edited->position == 0);
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
	case BINDING_EDIT:
	case BINDING_ORIGINAL:
		edited_column(cursor, context, row, column == BINDING_ORIGINAL);
		break;
	default:
		result_of_provider(cursor, context, row, column);
		break;
	}
}

/* Value that is written, less the load address of the provider (of the object itself for
 * relative relocations). */
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
		mapping_object(mapping_store_of(&cursor->base), id, 1U << CODEC_SYMBOLS, &err);
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
	mapping_unpin(mapping_store_of(&cursor->base), provider);
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
	case RELOCATION_EDIT:
	case RELOCATION_ORIGINAL:
		edited_column(cursor, context, row, column == RELOCATION_ORIGINAL);
		break;
	default:
		if (mapping_applied_read(&cursor->applied, mapping_store_of(&cursor->base),
					 cursor->application_id, cursor->closure_id, &err) != 0) {
			sqlite3_result_error(context, err.message, -1);
			break;
		}
		text = mapping_applied_how(&cursor->applied, (size_t)cursor->position,
					   row->relative ? MAPPING_APPLIED_RELATIVE : row->index);
		sqlite3_result_text(context, text, -1, SQLITE_STATIC);
		break;
	}
}

static void get_column(struct mapping_cursor *base, sqlite3_context *context, int column)
{
	struct entries_cursor *cursor = (struct entries_cursor *)base;
	const struct matr_object *object = &cursor->object->object;
	struct row row = current(cursor);
	int64_t provider;

	switch (entries_plain_column(cursor->closures, column)) {
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
	case CLOSURE: /* the row of the query stays as long as the entry */
		sqlite3_result_text(context, (const char *)sqlite3_column_text(cursor->entries, 7),
				    -1, SQLITE_TRANSIENT);
		break;
	default:
		column = entries_plain_column(cursor->closures, column);
		if (cursor->relocations)
			relocation_column(cursor, context, &row, column);
		else
			binding_column(cursor, context, &row, column);
		break;
	}
}

/* Six bits of the epoch, 20 of the application or closure, 12 of the position, 25 of the
 * element: enough for any system, and the same however a query comes to the row. */
static int64_t number(const struct mapping_cursor *base)
{
	const struct entries_cursor *cursor = (const struct entries_cursor *)base;
	struct row row = current(cursor);
	int64_t whose = cursor->closures ? cursor->closure_id : cursor->application_id;

	return (cursor->epoch & 0x3f) << 57 | (whose & 0xfffff) << 37 |
	       (cursor->position & 0xfff) << 25 | (int64_t)(row.index & 0x1ffffff);
}

/* ---- the tables ---- */

static int start(struct mapping_cursor *base, struct matr_error *err)
{
	struct entries_cursor *cursor = (struct entries_cursor *)base;
	const struct mapping_schema *schema = mapping_table_of(base)->schema;

	cursor->relocations =
		schema == &mapping_relocations || schema == &mapping_closure_relocations;
	cursor->closures =
		schema == &mapping_closure_bindings || schema == &mapping_closure_relocations;
	return entries_start(base, err);
}

static const struct mapping_rows rows = {
	.cursor_size = sizeof(struct entries_cursor),
	.start = start,
	.next = entries_next,
	.column = get_column,
	.number = number,
	.finish = entries_finish,
};

/* A table of closures has the columns of that of scopes and one more. */

static const struct mapping_column first_columns[] = {
	{"epoch", 'i', '-', 1, 1, "epochs.id", NULL},
	{"application", 't', '=', 0.001, 0.001, "the program: applications.path", NULL},
	{0},
};

static const struct mapping_column closure_column[] = {
	{"closure", 't', '=', 0.1, 0.1, "the library that is loaded: closures.library", NULL},
	{0},
};

/* From `requester` on. */
static const struct mapping_column bindings_columns[] = {
	{"requester", 't', '=', 0.002, 0.002, "the object that refers to the symbol: objects.path",
	 NULL},
	{"symbol", 't', '=', 0.0005, 0.1, "its name", NULL},
	{"version", 't', '-', 0.1, 1, "the version asked for; NULL: none", NULL},
	{"provider", 't', '=', 0.02, 0.1,
	 "the object that provides it: objects.path; NULL: none does", NULL},
	{"binding", 't', '-', 0.5, 1,
	 "'bound'; 'null': weak and defined nowhere;\n"
	 "'undefined': defined nowhere, an error when it is used",
	 NULL},
	{"type", 't', '-', 0.5, 1, "of the provider's symbol: FUNC, OBJECT, GNU_IFUNC, TLS, NOTYPE",
	 NULL},
	{"weak", 'i', '-', 0.5, 1, "1: a weak reference", NULL},
	{"provider_version", 't', '-', 0.1, 1, "the version of the provider's symbol; NULL: none",
	 NULL},
	{"address", 'i', '-', 0.1, 1, "of the symbol in the provider: elf_symbols.value", NULL},
	{"relocations", 'i', '-', 0.5, 1, "how many of the requester's relocations this is", NULL},
	{0},
};

static const struct mapping_column relocations_columns[] = {
	{"requester", 't', '=', 0.002, 0.002, "the object that is relocated: objects.path", NULL},
	{"symbol", 't', '=', 0.0001, 0.1, "what it refers to; NULL: no symbol", NULL},
	{"version", 't', '-', 0.1, 1, "the version asked for; NULL: none", NULL},
	{"provider", 't', '=', 0.005, 0.1, "the object that provides the symbol; NULL: none", NULL},
	{"binding", 't', '-', 0.5, 1,
	 "'bound' (looked up in the scope), 'local' (its own symbol,\n"
	 "without a look-up), 'null' (weak, defined nowhere),\n"
	 "'undefined', 'relative', 'none' (another one without symbol)",
	 NULL},
	{"type", 't', '=', 0.3, 0.8, "GLOB_DAT, JUMP_SLOT, 64, COPY, RELATIVE, ...", NULL},
	{"offset", 'i', '-', 0.001, 1, "the word that is written: virtual address in the requester",
	 NULL},
	{"addend", 'i', '-', 0.1, 1, "of the relocation", NULL},
	{"value", 'i', '-', 0.01, 1,
	 "what is written beyond the provider's (relative: the requester's)\n"
	 "load address; NULL: not of that kind",
	 NULL},
	{"section", 't', '-', 0.5, 1, "the table it is in: RELA, JMPREL, RELR", NULL},
	{"applied", 't', '-', 0.5, 1,
	 "how in a mapped start: 'word', 'ifunc', 'copy', 'lazy',\n"
	 "'residual' (left to ld.so), 'nothing'",
	 NULL},
	{0},
};

/* Only of scopes: closures are never edited. */
static const struct mapping_column edit_columns[] = {
	{"edit", 'i', '-', 0.01, 1, "the edit (matr-rebind(1)) that it comes from; NULL: none",
	 NULL},
	{"original", 't', '-', 0.01, 1,
	 "the object that ld.so would bind to instead; NULL: not edited, or\n"
	 "none",
	 NULL},
	{0},
};

const struct mapping_schema mapping_bindings = {
	.name = "bindings",
	.about = "One row per symbol reference of an object in the scope of an application, and\n"
		 "what it came to: what LD_DEBUG=bindings prints, for every program.",
	.rows = 3e6,
	.work = 1e5,
	.parts = {first_columns, bindings_columns, edit_columns},
	.shared = ~(BIT(EPOCH) | BIT(APPLICATION) | BIT(BINDING_EDIT) | BIT(BINDING_ORIGINAL)),
	.rows_of = &rows,
};

const struct mapping_schema mapping_closure_bindings = {
	.name = "closure_bindings",
	.about = "One row per symbol reference of an object that a closure brings in, and what it "
		 "came to.",
	.rows = 3e4,
	.work = 1e4,
	.parts = {first_columns, closure_column, bindings_columns},
	.shared = ~(BIT(EPOCH) | BIT(APPLICATION) | BIT(CLOSURE_AT)),
	.rows_of = &rows,
};

const struct mapping_schema mapping_relocations = {
	.name = "relocations",
	.about = "One row per dynamic relocation of an object in the scope of an application.",
	.rows = 3e7,
	.work = 1e6,
	.parts = {first_columns, relocations_columns, edit_columns},
	.shared = ~(BIT(EPOCH) | BIT(APPLICATION) | BIT(APPLIED) | BIT(RELOCATION_EDIT) |
		    BIT(RELOCATION_ORIGINAL)),
	.rows_of = &rows,
};

const struct mapping_schema mapping_closure_relocations = {
	.name = "closure_relocations",
	.about = "One row per dynamic relocation of an object that a closure brings in.",
	.rows = 3e5,
	.work = 1e5,
	.parts = {first_columns, closure_column, relocations_columns},
	.shared = ~(BIT(EPOCH) | BIT(APPLICATION) | BIT(CLOSURE_AT) | BIT(APPLIED + 1)),
	.rows_of = &rows,
};
