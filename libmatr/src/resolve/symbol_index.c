#include "resolve/symbol_index.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

void symbol_index_free(struct symbol_index *index)
{
	for (size_t i = 0; i < index->n_objects; i++)
		free(index->objects[i].names);
	free(index->objects);
	intern_free(&index->names);
	free(index->first);
	free(index->last);
	free(index->definitions);
	*index = (struct symbol_index){.objects = NULL};
}

static int make_room(struct symbol_index *index, uint32_t number, struct matr_error *err)
{
	size_t before = index->object_capacity;

	if (array_reserve(&index->objects, &index->object_capacity, (size_t)number + 1,
			  sizeof *index->objects, err) != 0)
		return -1;
	memset(index->objects + before, 0,
	       (index->object_capacity - before) * sizeof *index->objects);
	if (number >= index->n_objects)
		index->n_objects = (size_t)number + 1;
	return 0;
}

static int index_name(struct symbol_index *index, const char *name, uint32_t *id,
		      struct matr_error *err)
{
	if (intern_add(&index->names, name, id, err) < 0)
		return -1;
	if (*id < index->name_capacity)
		return 0;
	size_t before = index->name_capacity, first = before, last = before;
	if (array_reserve(&index->first, &first, (size_t)*id + 1, sizeof *index->first, err) != 0 ||
	    array_reserve(&index->last, &last, (size_t)*id + 1, sizeof *index->last, err) != 0)
		return -1;
	memset(index->first + before, 0, (first - before) * sizeof *index->first);
	memset(index->last + before, 0, (last - before) * sizeof *index->last);
	index->name_capacity = last;
	return 0;
}

static int add_definition(struct symbol_index *index, uint32_t name, struct definition definition,
			  struct matr_error *err)
{
	if (array_reserve(&index->definitions, &index->definition_capacity,
			  index->n_definitions + 1, sizeof *index->definitions, err) != 0)
		return -1;
	index->definitions[index->n_definitions++] = definition;
	uint32_t at = (uint32_t)index->n_definitions;
	if (index->last[name])
		index->definitions[index->last[name] - 1].next = at;
	else
		index->first[name] = at;
	index->last[name] = at;
	return 0;
}

/* An undefined symbol with a value is the canonical address of a function in a non-PIE
 * executable, and is found too (psABI, "Function Addresses"). */
int symbol_index_add(struct symbol_index *index, uint32_t number, const struct matr_object *object,
		     struct matr_error *err)
{
	if (make_room(index, number, err) < 0)
		return -1;
	struct indexed_object *entry = &index->objects[number];
	entry->object = object;
	entry->names = calloc(object->n_symbols + 1, sizeof *entry->names);
	if (!entry->names)
		return matr_fail_memory(err);
	/* In the order in which the hash table leads to symbols of one name: a chain of DT_GNU_HASH
	 * goes up, one of DT_HASH down (else MATR_OBJECT_ODD_CHAINS, which lookup.c declines). */
	bool up = object->flags & MATR_OBJECT_GNU_HASH;
	for (size_t n = 0; n < object->n_symbols; n++) {
		size_t i = up ? n : object->n_symbols - 1 - n;
		const struct matr_symbol *symbol = &object->symbols[i];
		if (index_name(index, symbol->name, &entry->names[i], err) < 0)
			return -1;
		if (!symbol->hashed || (symbol->section == SHN_UNDEF && !symbol->value))
			continue;
		struct definition definition = {.object = number, .symbol = (uint32_t)i};
		if (add_definition(index, entry->names[i], definition, err) < 0)
			return -1;
	}
	return 0;
}

bool symbol_index_has(const struct symbol_index *index, uint32_t number)
{
	return number < index->n_objects && index->objects[number].names;
}

bool symbol_index_is_ambiguous(const struct symbol_index *index, uint32_t number, uint32_t symbol)
{
	uint32_t at = index->first[index->objects[number].names[symbol]];

	return at && index->definitions[at - 1].next;
}
