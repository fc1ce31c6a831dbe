/* scope_names.c - the names of the objects of a scope, as ld.so compares them. */
#include "resolve/scope_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

void scope_names_free(struct scope_names *names)
{
	intern_free(&names->intern);
	free(names->index);
	for (size_t i = 0; i < names->n_copies; i++)
		free(names->copies[i]);
	free(names->copies);
	*names = (struct scope_names){0};
}

int scope_names_add(struct scope_names *names, const char *name, uint32_t index,
		    struct matr_error *err)
{
	uint32_t before = names->intern.n, id;

	if (intern_add(&names->intern, name, &id, err) < 0)
		return -1;
	if (array_reserve(&names->index, &names->capacity, (size_t)id + 1, sizeof *names->index,
			  err) != 0)
		return -1;
	if (id == before || index < names->index[id])
		names->index[id] = index;
	return 0;
}

int scope_names_add_copy(struct scope_names *names, const char *name, uint32_t index,
			 struct matr_error *err)
{
	if (array_grow(&names->copies, names->n_copies, sizeof *names->copies, err) != 0)
		return -1;
	char *copy = strdup(name);
	if (!copy)
		return matr_fail_memory(err);
	names->copies[names->n_copies++] = copy;
	return scope_names_add(names, copy, index, err);
}

uint32_t scope_names_find(const struct scope_names *names, const char *name)
{
	uint32_t id = intern_find(&names->intern, name);

	return id == UINT32_MAX ? UINT32_MAX : names->index[id];
}
