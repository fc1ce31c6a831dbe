#include "resolve/symbol_index.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

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
	if (number >= index->object_capacity) {
		size_t capacity = index->object_capacity ? index->object_capacity * 2 : 64;
		if (capacity <= number)
			capacity = (size_t)number + 1;
		struct indexed_object *objects =
			realloc(index->objects, capacity * sizeof *objects);
		if (!objects)
			return matr_fail_memory(err);
		memset(objects + index->object_capacity, 0,
		       (capacity - index->object_capacity) * sizeof *objects);
		index->objects = objects;
		index->object_capacity = capacity;
	}
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
	size_t capacity = index->name_capacity ? index->name_capacity * 2 : 4096;
	uint32_t *first = realloc(index->first, capacity * sizeof *first);
	if (first)
		index->first = first;
	uint32_t *last = realloc(index->last, capacity * sizeof *last);
	if (last)
		index->last = last;
	if (!first || !last)
		return matr_fail_memory(err);
	memset(first + index->name_capacity, 0, (capacity - index->name_capacity) * sizeof *first);
	memset(last + index->name_capacity, 0, (capacity - index->name_capacity) * sizeof *last);
	index->name_capacity = capacity;
	return 0;
}

static int add_definition(struct symbol_index *index, uint32_t name, struct definition definition,
			  struct matr_error *err)
{
	if (index->n_definitions == index->definition_capacity) {
		size_t capacity =
			index->definition_capacity ? index->definition_capacity * 2 : 16384;
		struct definition *list = realloc(index->definitions, capacity * sizeof *list);
		if (!list)
			return matr_fail_memory(err);
		index->definitions = list;
		index->definition_capacity = capacity;
	}
	index->definitions[index->n_definitions++] = definition;
	uint32_t at = (uint32_t)index->n_definitions;
	if (index->last[name])
		index->definitions[index->last[name] - 1].next = at;
	else
		index->first[name] = at;
	index->last[name] = at;
	return 0;
}

/* An undefined symbol with a value is the canonical address of a function in a non-PIE executable, and is
 * found too (psABI, "Function Addresses"). */
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
	/* In the order in which the hash table leads to symbols of one name: a chain of DT_GNU_HASH goes up, one of
	 * DT_HASH down (or the object is not taken, lookup.c). */
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
