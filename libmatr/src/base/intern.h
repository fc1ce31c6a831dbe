/* intern.h - strings to small numbers: equal strings get the same one.
 *
 * Symbol lookup compares names millions of times; after interning it compares numbers.
 */
#ifndef MATR_INTERN_H
#define MATR_INTERN_H

#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

struct intern { /* all zero: empty */
	struct intern_entry {
		const char *text; /* not owned; NULL: free */
		uint64_t hash;
		uint32_t id;
	} * entries;
	size_t n_slots;
	uint32_t n; /* ids are 0 .. n - 1 */
};

void intern_free(struct intern *intern);

/* The id of text, which must stay where it is as long as the table. */
int intern_add(struct intern *intern, const char *text, uint32_t *id, struct matr_error *err);

/* The id of text if it was added; UINT32_MAX if not. */
uint32_t intern_find(const struct intern *intern, const char *text);

#endif
