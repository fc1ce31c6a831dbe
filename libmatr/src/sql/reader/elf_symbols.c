/* elf_symbols.c - the symbols of a file. What a query does not need is not made: the index of
 * names serves look-ups by name (and finds the static symbols to leave out), the order of values
 * look-ups by address.
 */
#include "sql/reader/elf_symbols.h"

#include <stdlib.h>
#include <string.h>

#include "sql/reader/elf_versions.h"

enum { NO_ROW = UINT32_MAX };

static int open_table(struct elf_file *file, uint32_t type, struct symbol_table *table,
		      struct matr_error *err)
{
	size_t section = elf_file_section(file, type), size;

	if (!section || file->sections[section].header.sh_type == SHT_NOBITS)
		return 0;
	table->data = elf_file_data(file, section, ELF_T_SYM, err);
	if (!table->data)
		return -1;
	table->section = section;
	table->strings = file->sections[section].header.sh_link;
	table->n = table->data->d_size / gelf_fsize(file->elf, ELF_T_SYM, 1, EV_CURRENT);
	if (table->n == 0)
		return 0;
	if (table->n > NO_ROW / 4)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, file->path, "too many symbols");
	if (table->strings >= file->n_sections ||
	    file->sections[table->strings].header.sh_type != SHT_STRTAB)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
				 "section %zu (%s) has no string table", section,
				 file->sections[section].name);
	if (!elf_file_bytes(file, table->strings, &size, err))
		return -1;
	for (size_t i = 1; i < file->n_sections; i++)
		if (file->sections[i].header.sh_type == SHT_SYMTAB_SHNDX &&
		    file->sections[i].header.sh_link == section) {
			table->indices = elf_file_data(file, i, ELF_T_WORD, err);
			if (!table->indices)
				return -1;
		}
	for (size_t i = 0; i < table->n; i++) {
		GElf_Sym symbol;
		if (!gelf_getsym(table->data, (int)i, &symbol) ||
		    (symbol.st_name >= size && symbol.st_name != 0))
			return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
					 "the name of symbol %zu of section %zu (%s) does not lie "
					 "within the string table",
					 i, section, file->sections[section].name);
	}
	return 0;
}

static void get(const struct elf_file *file, const struct symbol_table *table, size_t index,
		struct elf_symbol *out)
{
	Elf32_Word extended = 0;

	out->index = index;
	if (table->indices)
		gelf_getsymshndx(table->data, table->indices, (int)index, &out->symbol, &extended);
	else
		gelf_getsym(table->data, (int)index, &out->symbol);
	out->section = out->symbol.st_shndx == SHN_XINDEX ? extended : out->symbol.st_shndx;
	out->name = (const char *)file->sections[table->strings].bytes + out->symbol.st_name;
	if (out->symbol.st_name >= file->sections[table->strings].header.sh_size)
		out->name = "";
}

void elf_symbol_get(const struct elf_file *file, size_t row, struct elf_symbol *out)
{
	const struct elf_symbols *symbols = file->symbols;

	out->dynamic = row < symbols->dynamic.n;
	if (out->dynamic)
		get(file, &symbols->dynamic, row, out);
	else
		get(file, &symbols->fixed, symbols->chosen[row - symbols->dynamic.n], out);
	/* ld leaves sections' own symbols unnamed: they have the name of the section (as in
	 * readelf). */
	if (GELF_ST_TYPE(out->symbol.st_info) == STT_SECTION && !out->name[0]) {
		const char *name = elf_file_section_name(file, out->section);
		out->name = name ? name : "";
	}
}

/* ---- by name ---- */

uint64_t elf_symbol_hash(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 29;
}

/* Find the name's index, or the index at which to insert it. */
static size_t slot_of(const struct elf_file *file, const struct symbol_index *index,
		      const char *name)
{
	struct elf_symbol symbol;
	size_t slot = elf_symbol_hash(name) & (index->n_slots - 1);

	for (; index->slots[slot]; slot = (slot + 1) & (index->n_slots - 1)) {
		elf_symbol_get(file, index->slots[slot] - 1, &symbol);
		if (strcmp(symbol.name, name) == 0)
			break;
	}
	return slot;
}

static int make_index(struct elf_file *file, size_t n, struct symbol_index *index,
		      struct matr_error *err)
{
	struct elf_symbol symbol;

	index->n_slots = 16;
	while (index->n_slots < 2 * n)
		index->n_slots *= 2;
	index->slots = calloc(index->n_slots, sizeof *index->slots);
	index->next = malloc((n + 1) * sizeof *index->next);
	if (!index->slots || !index->next)
		return matr_fail_memory(err);
	for (size_t row = n; row-- > 0;) { /* backwards, so that chains go forwards */
		elf_symbol_get(file, row, &symbol);
		size_t slot = slot_of(file, index, symbol.name);
		index->next[row] = index->slots[slot] ? index->slots[slot] - 1 : NO_ROW;
		index->slots[slot] = (uint32_t)row + 1;
	}
	return 0;
}

static void free_index(struct symbol_index *index)
{
	free(index->slots);
	free(index->next);
	*index = (struct symbol_index){0};
}

int elf_symbols_find(struct elf_file *file, const char *name, uint32_t *row, struct matr_error *err)
{
	struct elf_symbols *symbols = file->symbols;

	if (!symbols->names.slots && make_index(file, symbols->n, &symbols->names, err) < 0) {
		free_index(&symbols->names);
		return -1;
	}
	uint32_t found = symbols->names.slots[slot_of(file, &symbols->names, name)];
	*row = found ? found - 1 : NO_ROW;
	return 0;
}

uint32_t elf_symbols_next(const struct elf_file *file, uint32_t row)
{
	return file->symbols->names.next[row];
}

/* ---- by value ---- */

static int by_value(const void *a, const void *b, void *context)
{
	const struct elf_file *file = context;
	uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
	struct elf_symbol one, two;

	elf_symbol_get(file, first, &one);
	elf_symbol_get(file, second, &two);
	int64_t x = (int64_t)one.symbol.st_value, y = (int64_t)two.symbol.st_value;
	if (x != y)
		return x < y ? -1 : 1;
	return first < second ? -1 : first > second;
}

int elf_symbols_sort(struct elf_file *file, struct matr_error *err)
{
	struct elf_symbols *symbols = file->symbols;

	if (symbols->by_value)
		return 0;
	symbols->by_value = malloc((symbols->n + 1) * sizeof *symbols->by_value);
	if (!symbols->by_value)
		return matr_fail_memory(err);
	for (size_t i = 0; i < symbols->n; i++)
		symbols->by_value[i] = (uint32_t)i;
	qsort_r(symbols->by_value, symbols->n, sizeof *symbols->by_value, by_value, file);
	return 0;
}

/* ---- reading ---- */

static int choose_static(struct elf_file *file, struct matr_error *err)
{
	struct elf_symbols *symbols = file->symbols;
	struct symbol_index dynamic = {0};
	struct elf_symbol symbol;

	symbols->n = symbols->dynamic.n;
	if (symbols->fixed.n == 0)
		return 0;
	symbols->chosen = malloc(symbols->fixed.n * sizeof *symbols->chosen);
	if (!symbols->chosen)
		return matr_fail_memory(err);
	if (make_index(file, symbols->dynamic.n, &dynamic, err) < 0) {
		free_index(&dynamic);
		return -1;
	}
	size_t n = 0;
	for (size_t i = 0; i < symbols->fixed.n; i++) {
		get(file, &symbols->fixed, i, &symbol);
		if (!symbols->dynamic.n || !dynamic.slots[slot_of(file, &dynamic, symbol.name)])
			symbols->chosen[n++] = (uint32_t)i;
	}
	symbols->n += n;
	free_index(&dynamic);
	return 0;
}

static int read_versions(struct elf_file *file, struct matr_error *err)
{
	struct elf_symbols *symbols = file->symbols;
	size_t section = elf_file_section(file, SHT_GNU_versym), n;
	struct elf_version *versions;

	if (!section)
		return 0;
	symbols->versions = elf_file_data(file, section, ELF_T_HALF, err);
	if (!symbols->versions || elf_versions_read(file, &versions, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (versions[i].index >= symbols->n_version_names)
			symbols->n_version_names = versions[i].index + (size_t)1;
	symbols->version_names =
		calloc(symbols->n_version_names + 1, sizeof *symbols->version_names);
	for (size_t i = 0; i < n && symbols->version_names; i++)
		symbols->version_names[versions[i].index] = versions[i].name;
	free(versions);
	return symbols->version_names ? 0 : matr_fail_memory(err);
}

static void free_symbols(struct elf_part *part)
{
	struct elf_symbols *symbols = (struct elf_symbols *)part;

	free(symbols->chosen);
	free(symbols->version_names);
	free_index(&symbols->names);
	free(symbols->by_value);
	free(symbols);
}

struct elf_symbols *elf_symbols_of(struct elf_file *file, struct matr_error *err)
{
	if (file->symbols)
		return file->symbols;
	struct elf_symbols *symbols = calloc(1, sizeof *symbols);
	if (!symbols) {
		matr_fail_memory(err);
		return NULL;
	}
	file->symbols = symbols;
	if (open_table(file, SHT_DYNSYM, &symbols->dynamic, err) < 0 ||
	    open_table(file, SHT_SYMTAB, &symbols->fixed, err) < 0 ||
	    choose_static(file, err) < 0 || read_versions(file, err) < 0) {
		file->symbols = NULL;
		free_symbols(&symbols->part);
		return NULL;
	}
	elf_file_keep(file, &symbols->part, free_symbols);
	return symbols;
}

const char *elf_symbol_section(const struct elf_file *file, const struct elf_symbol *symbol)
{
	switch (symbol->symbol.st_shndx) {
	case SHN_UNDEF:
		return "UNDEF";
	case SHN_ABS:
		return "ABS";
	case SHN_COMMON:
		return "COMMON";
	default:
		return elf_file_section_name(file, symbol->section);
	}
}

const char *elf_symbol_version(const struct elf_file *file, const struct elf_symbol *symbol)
{
	const struct elf_symbols *symbols = file->symbols;
	GElf_Versym version;

	if (!symbol->dynamic || !symbols->versions ||
	    !gelf_getversym(symbols->versions, (int)symbol->index, &version))
		return NULL;
	version &= 0x7fff;
	if (version < 2 || version >= symbols->n_version_names)
		return NULL;
	return symbols->version_names[version];
}

static bool is_global(const GElf_Sym *symbol)
{
	unsigned binding = GELF_ST_BIND(symbol->st_info);
	return binding == STB_GLOBAL || binding == STB_WEAK || binding == STB_GNU_UNIQUE;
}

bool elf_symbol_is_imported(const struct elf_symbol *symbol)
{
	return symbol->symbol.st_shndx == SHN_UNDEF && is_global(&symbol->symbol) &&
	       symbol->name[0];
}

/* The symbols that stand for versions are absolute, without value or size. */
bool elf_symbol_is_exported(const struct elf_symbol *symbol)
{
	unsigned visibility = GELF_ST_VISIBILITY(symbol->symbol.st_other);

	return symbol->symbol.st_shndx != SHN_UNDEF && is_global(&symbol->symbol) &&
	       (visibility == STV_DEFAULT || visibility == STV_PROTECTED) &&
	       !(symbol->symbol.st_shndx == SHN_ABS && symbol->symbol.st_value == 0 &&
		 symbol->symbol.st_size == 0);
}
