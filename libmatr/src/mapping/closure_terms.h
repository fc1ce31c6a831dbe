/* closure_terms.h - the conditions under which a closure's bindings hold, whatever else is in the
 * process. */
#ifndef MATR_CLOSURE_TERMS_H
#define MATR_CLOSURE_TERMS_H

#include <matr/mapping.h>

struct closure_terms {
	uint32_t n_start; /* scope indices of the closure's mapping from here on are members */
	size_t n_members;
	bool **unsettled; /* by member, then relocation: left to ld.so */
	bool *keep_plt;	  /* by member: so is every relocation of DT_JMPREL */
	/* GNU hashes, sorted, each once: what an object that was not recorded must not have
	 * (matr/image_format.h). */
	uint32_t *names, *files;
	size_t n_names, n_files;
	const char *reason; /* why the closure is not mapped at all; NULL: it is */
};

/* Make the terms of each of an application's closures. The closures together are everything that
 * may be loaded. *out: n_closures elements, to be freed also after an error. */
int closure_terms_make(const struct matr_closure *closures, size_t n_closures,
		       struct closure_terms **out, struct matr_error *err);
void closure_terms_free(struct closure_terms *terms, size_t n_closures);

#endif
