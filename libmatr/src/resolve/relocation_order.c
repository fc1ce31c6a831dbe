/* relocation_order.c - in which order ld.so relocates the objects of a scope.
 *
 * Dependencies come before what depends on them, in the order that glibc 2.35 and later find by
 * depth-first search (NEWS for 2.35, glibc.rtld.dynamic_sort=2): from the last object of the scope
 * to the first, each after its dependencies; the application last. The order decides one thing for
 * bindings: which definition of a STB_GNU_UNIQUE symbol is met first and counts for all
 * (resolution.c).
 */
#include "resolve/relocation_order.h"

#include <stdlib.h>

struct visit { /* an object whose dependencies are being visited */
	uint32_t object, next;
};

static bool visit_first(bool *visited, uint32_t object)
{
	bool first = !visited[object];

	visited[object] = true;
	return first;
}

/* Depth-first from `start`, with a stack of our own: a chain of dependencies may be long. */
static void visit_from(const struct scope *scope, const uint32_t *first, uint32_t start,
		       bool *visited, struct visit *stack, uint32_t *order, size_t *n)
{
	size_t depth = 0;

	if (!visit_first(visited, start))
		return;
	stack[depth++] = (struct visit){start, first[start]};
	while (depth) {
		struct visit *top = &stack[depth - 1];
		if (top->next == first[top->object + 1]) {
			order[(*n)++] = top->object;
			depth--;
			continue;
		}
		uint32_t dependency = scope->dependencies[top->next++].object;
		if (dependency != NO_INDEX && visit_first(visited, dependency))
			stack[depth++] = (struct visit){dependency, first[dependency]};
	}
}

/* Index of each object's first dependency; one element more. */
static uint32_t *first_dependencies(const struct scope *scope)
{
	uint32_t *first = calloc(scope->n + 1, sizeof *first);

	if (!first)
		return NULL;
	for (size_t i = 0; i < scope->n_dependencies; i++)
		first[scope->dependencies[i].requester + 1]++;
	for (size_t i = 0; i < scope->n; i++)
		first[i + 1] += first[i];
	return first;
}

uint32_t *scope_relocation_order(const struct scope *scope, struct matr_error *err)
{
	uint32_t *order = calloc(scope->n, sizeof *order);
	bool *visited = calloc(scope->n, sizeof *visited);
	struct visit *stack = calloc(scope->n, sizeof *stack);
	uint32_t *first = first_dependencies(scope);
	size_t n = 0;

	if (!order || !visited || !stack || !first) {
		free(order);
		order = NULL;
		matr_fail_memory(err);
	} else {
		visited[0] = true; /* the application stays where it is: last */
		for (uint32_t i = (uint32_t)scope->n; i-- > 1;)
			visit_from(scope, first, i, visited, stack, order, &n);
		order[n] = 0;
	}
	free(visited);
	free(stack);
	free(first);
	return order;
}
