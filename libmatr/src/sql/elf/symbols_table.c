/* symbols_table.c - the table elf_symbols: a symbol by its name, those in a range of addresses, or
 * all of them. */
#include <stdlib.h>
#include <string.h>

#include "base/demangle.h"
#include "sql/elf/tables.h"
#include "sql/reader/elf_names.h"
#include "sql/reader/elf_symbols.h"
#include "sql/vtab/name_index.h"
#include "sql/vtab/result.h"

enum { /* columns */
       NAME = 1,
       DEMANGLED_NAME,
       IMPORTED,
       EXPORTED,
       SECTION,
       SIZE,
       VERSION,
       TYPE,
       VALUE,
       N_COLUMNS,
       BINDING = N_COLUMNS + 2,
       VISIBILITY,
       TABLE,
       IS_DEFAULT,
};

struct state {
	struct row_state base;
	struct elf_file *file;
	const struct filter *filter;
	enum { ALL, BY_NAME, BY_VALUE } way;
	size_t at; /* ALL: the next row; BY_VALUE: the next in that order */
	uint32_t chain;
	struct range values, imported, exported;
	struct elf_symbol symbol;
};

/* The first in order of value that is not less. */
static size_t lower_bound(struct elf_file *file, int64_t value)
{
	size_t low = 0, high = file->symbols->n;
	struct elf_symbol symbol;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		elf_symbol_get(file, file->symbols->by_value[middle], &symbol);
		if ((int64_t)symbol.symbol.st_value < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int start(void *state, struct elf_file *file, const struct filter *filter,
		 struct matr_error *err)
{
	struct state *self = state;
	const char *name = filter_text(filter, NAME);

	self->file = file;
	self->filter = filter;
	self->values = filter_range(filter, VALUE);
	self->imported = filter_range(filter, IMPORTED);
	self->exported = filter_range(filter, EXPORTED);
	if (!elf_symbols_of(file, err))
		return -1;
	if (name) {
		self->way = BY_NAME;
		return elf_symbols_find(file, name, &self->chain, err);
	}
	if (filter_is_bounded(self->values)) {
		self->way = BY_VALUE;
		if (elf_symbols_sort(file, err) < 0)
			return -1;
		self->at = lower_bound(file, self->values.low);
	}
	return 0;
}

/* The next candidate's row; UINT32_MAX: none. */
static uint32_t next_candidate(struct state *self)
{
	const struct elf_symbols *symbols = self->file->symbols;
	uint32_t row = UINT32_MAX;

	switch (self->way) {
	case ALL:
		return self->at < symbols->n ? (uint32_t)self->at++ : UINT32_MAX;
	case BY_VALUE:
		return self->at < symbols->n ? symbols->by_value[self->at++] : UINT32_MAX;
	case BY_NAME:
		row = self->chain;
		if (row != UINT32_MAX)
			self->chain = elf_symbols_next(self->file, row);
		break;
	}
	return row;
}

static int next(void *state, struct matr_error *err)
{
	struct state *self = state;
	uint32_t row;

	(void)err;
	while ((row = next_candidate(self)) != UINT32_MAX) {
		elf_symbol_get(self->file, row, &self->symbol);
		if (!in_range(self->values, self->symbol.symbol.st_value)) {
			if (self->way == BY_VALUE)
				return 0;
			continue;
		}
		const char *section = elf_symbol_section(self->file, &self->symbol);
		if (filter_excludes(self->filter, SECTION, section ? section : ""))
			continue;
		if (!in_range(self->imported, elf_symbol_is_imported(&self->symbol)) ||
		    !in_range(self->exported, elf_symbol_is_exported(&self->symbol)))
			continue;
		self->base.row = row;
		return 1;
	}
	return 0;
}

static void result_demangled(sqlite3_context *context, const char *name)
{
	char *text = demangle(name);

	if (text)
		sqlite3_result_text(context, text, -1, free);
	else
		sqlite3_result_text(context, name, -1, SQLITE_TRANSIENT);
}

/* Set the result: 1 if a reference without a version gets this version, else 0. */
static void result_default(sqlite3_context *context, const struct state *self)
{
	const struct elf_symbols *symbols = self->file->symbols;
	GElf_Versym version;

	if (self->symbol.dynamic && symbols->versions && elf_symbol_is_exported(&self->symbol) &&
	    gelf_getversym(symbols->versions, (int)self->symbol.index, &version))
		sqlite3_result_int(context, !(version & 0x8000));
}

static void column(void *state, sqlite3_context *context, int i)
{
	struct state *self = state;
	const struct elf_symbol *symbol = &self->symbol;
	unsigned machine = self->file->header.e_machine;

	switch (i) {
	case NAME:
		result_text(context, symbol->name);
		break;
	case DEMANGLED_NAME:
		result_demangled(context, symbol->name);
		break;
	case IMPORTED:
		sqlite3_result_int(context, elf_symbol_is_imported(symbol));
		break;
	case EXPORTED:
		sqlite3_result_int(context, elf_symbol_is_exported(symbol));
		break;
	case SECTION:
		if (symbol->section < SHN_LORESERVE || symbol->symbol.st_shndx == SHN_XINDEX)
			result_text(context, elf_symbol_section(self->file, symbol));
		else
			result_name(context, NAMES_SHN, symbol->section, machine);
		break;
	case SIZE:
		sqlite3_result_int64(context, (sqlite3_int64)symbol->symbol.st_size);
		break;
	case VERSION:
		result_text(context, elf_symbol_version(self->file, symbol));
		break;
	case TYPE:
		result_name(context, NAMES_STT, GELF_ST_TYPE(symbol->symbol.st_info), machine);
		break;
	case VALUE:
		sqlite3_result_int64(context, (sqlite3_int64)symbol->symbol.st_value);
		break;
	case BINDING:
		result_name(context, NAMES_STB, GELF_ST_BIND(symbol->symbol.st_info), machine);
		break;
	case VISIBILITY:
		result_name(context, NAMES_STV, GELF_ST_VISIBILITY(symbol->symbol.st_other),
			    machine);
		break;
	case TABLE:
		result_text(context, symbol->dynamic ? "DYNSYM" : "SYMTAB");
		break;
	case IS_DEFAULT:
		result_default(context, self);
		break;
	default:
		break;
	}
}

/* Select the symbols with the name. */
static bool choose_files(const struct filter *filter, const char **name, unsigned *kinds)
{
	struct range imported = filter_range(filter, IMPORTED),
		     exported = filter_range(filter, EXPORTED);

	*name = filter_text(filter, NAME);
	*kinds = 0;
	if (in_range(imported, 1) && in_range(exported, 0))
		*kinds |= HAS_IMPORT;
	if (in_range(imported, 0) && in_range(exported, 1))
		*kinds |= HAS_EXPORT;
	if (in_range(imported, 0) && in_range(exported, 0))
		*kinds |= HAS_OTHER;
	return *name != NULL;
}

const struct row_source elf_symbols_rows = {
	.name = "elf_symbols",
	.columns = "  path TEXT, -- the file, as it was named\n"
		   "  name TEXT, -- as the linker has it\n"
		   "  demangled_name TEXT, -- C++ and Rust names as people write them\n"
		   "  imported INTEGER, -- 1: undefined here, other objects have to define it\n"
		   "  exported INTEGER, -- 1: defined here, other objects can use it\n"
		   "  section TEXT, -- where it is defined; UNDEF, ABS, COMMON\n"
		   "  size INTEGER, -- bytes\n"
		   "  version TEXT, -- GLIBC_2.34; NULL: none\n"
		   "  type TEXT, -- FUNC, OBJECT, NOTYPE, TLS, GNU_IFUNC, SECTION, FILE, ...\n"
		   "  value INTEGER, -- its address\n",
	.more = "  binding TEXT HIDDEN, -- GLOBAL, WEAK, LOCAL, GNU_UNIQUE\n"
		"  visibility TEXT HIDDEN, -- DEFAULT, PROTECTED, HIDDEN, INTERNAL\n"
		"  symbol_table TEXT HIDDEN, -- DYNSYM or SYMTAB\n"
		"  is_default INTEGER HIDDEN -- 1: the version that new programs get "
		"(name@@version)\n",
	.n_columns = N_COLUMNS,
	.n_more = 4,
	.rows = 2000,
	.work = 2000,
	.keys = {{.column = NAME, .rows = 1, .work = 3},
		 {.column = VALUE, .ordered = true, .rows = 2, .work = 12},
		 {.column = SECTION, .rows = 500, .work = 2000},
		 {.column = IMPORTED, .rows = 400, .work = 2000},
		 {.column = EXPORTED, .rows = 1000, .work = 2000}},
	.choose_files = choose_files,
	.state_size = sizeof(struct state),
	.start = start,
	.next = next,
	.column = column,
};
