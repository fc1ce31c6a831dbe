/* bindings_list.h - bindings as lines, of the resolver and of ld.so, in the referee's format.
 *
 * The referee is shared/oracle/ld-bindings: requester, symbol, version, provider, tab-separated,
 * sorted and distinct; paths are canonical, the version is empty where a reference has none, the
 * vDSO's own lookups are left out.
 */
#ifndef MATR_ORACLE_BINDINGS_LIST_H
#define MATR_ORACLE_BINDINGS_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include <matr/mapping.h>

struct binding_line {
	const char *requester, *symbol, *version, *provider;
};

struct bindings_list {
	struct binding_line *lines;
	size_t n, room;
	char *text; /* what the lines of ld.so point to */
};

void bindings_list_free(struct bindings_list *list);

/* Sort, and drop what is there twice. */
void bindings_list_settle(struct bindings_list *list);
int binding_line_compare(const struct binding_line *a, const struct binding_line *b);

/* List the bindings of the mapping. The lines point into it. Returns false without memory. */
bool bindings_of_mapping(const struct matr_mapping *mapping, struct bindings_list *out);

/* List the bindings of ld.so when it traces the program; nothing of the program itself runs.
 * Returns false if ld.so refuses it or cannot be asked; `why` has the reason. */
bool bindings_of_ld_so(const char *program, struct bindings_list *out, char *why, size_t size);

#endif
