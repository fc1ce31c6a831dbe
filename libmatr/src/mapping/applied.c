/* applied.c - the image compiler's plan, seen from the relocations.
 *
 * The plan has lists of offsets per kind. They are sorted, and each relocation looked up in them.
 */
#include <matr/applied.h>

#include "mapping/plan.h"

#include <stdlib.h>

struct offsets {
	uint64_t *list;
	size_t n;
};

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
	return a < b ? -1 : a > b;
}

static bool contains(const struct offsets *offsets, uint64_t offset)
{
	return offsets->n &&
	       bsearch(&offset, offsets->list, offsets->n, sizeof offset, compare) != NULL;
}

static int allocate(struct offsets *offsets, size_t n, struct matr_error *err)
{
	offsets->list = malloc((n + 1) * sizeof *offsets->list);
	return offsets->list ? 0 : matr_fail_memory(err);
}

static int residual_offsets(const struct object_plan *plan, struct offsets *out,
			    struct matr_error *err)
{
	if (allocate(out, plan->n_residual, err) != 0)
		return -1;
	for (size_t i = 0; i < plan->n_residual; i++)
		out->list[out->n++] = plan->residual[i].r_offset;
	qsort(out->list, out->n, sizeof *out->list, compare);
	return 0;
}

static int ifunc_offsets(const struct relocation_plan *plan, uint32_t object, struct offsets *out,
			 struct matr_error *err)
{
	if (allocate(out, plan->n_ifuncs, err) != 0)
		return -1;
	for (size_t i = 0; i < plan->n_ifuncs; i++)
		if (MATR_SLOT_OBJECT(plan->ifuncs[i].slot) == object)
			out->list[out->n++] = MATR_SLOT_VADDR(plan->ifuncs[i].slot);
	qsort(out->list, out->n, sizeof *out->list, compare);
	return 0;
}

static int lazy_offsets(const struct object_plan *plan, struct offsets *out, struct matr_error *err)
{
	if (allocate(out, plan->n_lazy, err) != 0)
		return -1;
	for (size_t i = 0; i < plan->n_lazy; i++)
		out->list[out->n++] = plan->lazy[i];
	qsort(out->list, out->n, sizeof *out->list, compare);
	return 0;
}

static int apply_object(const struct matr_mapping *mapping, const struct relocation_plan *plan,
			uint32_t index, struct matr_applied_object *out, struct matr_error *err)
{
	const struct matr_object *object = mapping->scope[index].object;
	const struct object_plan *object_plan = &plan->objects[index];
	struct offsets residual = {0}, ifunc = {0}, lazy = {0};
	int result = -1;

	out->untouched = object_plan->untouched;
	out->residual = out->untouched
				? object->n_relocations + object->n_relatives + object->n_relr
				: object_plan->n_residual;
	out->relocations = calloc(object->n_relocations + 1, 1);
	if (!out->relocations)
		return matr_fail_memory(err);
	if (residual_offsets(object_plan, &residual, err) != 0 ||
	    ifunc_offsets(plan, index, &ifunc, err) != 0 ||
	    lazy_offsets(object_plan, &lazy, err) != 0)
		goto done;
	for (size_t i = 0; i < object->n_relocations; i++) {
		const struct matr_relocation *relocation = &object->relocations[i];
		enum matr_applied applied = MATR_APPLIED_WORD;
		if (relocation->type == R_X86_64_NONE)
			applied = MATR_APPLIED_NOTHING;
		else if (out->untouched || contains(&residual, relocation->offset) ||
			 (object_plan->keep_plt && relocation->table == MATR_TABLE_JMPREL))
			applied = MATR_APPLIED_RESIDUAL;
		else if (relocation->type == R_X86_64_COPY)
			applied = mapping->objects[index].bindings[i].provider < mapping->n_scope
					  ? MATR_APPLIED_COPY
					  : MATR_APPLIED_NOTHING;
		else if (contains(&ifunc, relocation->offset))
			applied = MATR_APPLIED_IFUNC;
		else if (contains(&lazy, relocation->offset))
			applied = MATR_APPLIED_LAZY;
		out->relocations[i] = (uint8_t)applied;
	}
	result = 0;
done:
	free(residual.list);
	free(ifunc.list);
	free(lazy.list);
	return result;
}

static int apply(const struct matr_mapping *mapping, const struct closure_terms *terms,
		 struct matr_applied_mapping **out, struct matr_error *err)
{
	struct relocation_plan plan = {0};
	struct matr_applied_mapping *applied = calloc(1, sizeof *applied);
	int result = -1;

	if (!applied)
		return matr_fail_memory(err);
	applied->objects = calloc(mapping->n_scope, sizeof *applied->objects);
	if (!applied->objects) {
		matr_fail_memory(err);
		goto done;
	}
	applied->n_objects = mapping->n_scope;
	if (relocation_plan_make(&plan, mapping, terms, err) != 0)
		goto done;
	for (uint32_t i = terms ? terms->n_start : 0; i < mapping->n_scope; i++)
		if (apply_object(mapping, &plan, i, &applied->objects[i], err) != 0)
			goto done;
	*out = applied;
	applied = NULL;
	result = 0;
done:
	relocation_plan_free(&plan);
	matr_applied_free(applied);
	return result;
}

int matr_applied(const struct matr_mapping *mapping, struct matr_applied_mapping **out,
		 struct matr_error *err)
{
	return apply(mapping, NULL, out, err);
}

int matr_applied_closure(const struct matr_closure *closures, size_t n_closures, size_t which,
			 struct matr_applied_mapping **out, struct matr_error *err)
{
	struct closure_terms *terms;

	int result = closure_terms_make(closures, n_closures, &terms, err);
	if (result == 0)
		result = apply(closures[which].mapping, &terms[which], out, err);
	closure_terms_free(terms, n_closures);
	return result;
}

void matr_applied_free(struct matr_applied_mapping *applied)
{
	if (!applied)
		return;
	for (size_t i = 0; applied->objects && i < applied->n_objects; i++)
		free(applied->objects[i].relocations);
	free(applied->objects);
	free(applied);
}

const char *matr_applied_name(enum matr_applied applied)
{
	static const char *const names[] = {"word", "ifunc", "copy", "lazy", "residual", "nothing"};
	return names[applied];
}
