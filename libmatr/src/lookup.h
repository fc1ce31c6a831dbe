/* lookup.h - which definition a symbol reference binds to. */
#ifndef MATR_LOOKUP_H
#define MATR_LOOKUP_H

#include "scope.h"

/* What a reference may bind to depends on what its relocation is for (glibc: ELF_RTYPE_CLASS_*). */
enum lookup_class {
	LOOKUP_DATA, /* anything */
	LOOKUP_PLT,  /* calls and TLS: not the canonical address of a function in the executable */
	LOOKUP_COPY, /* copy relocations: not in the executable */
	LOOKUP_CLASSES,
};

struct lookup {
	const struct matr_session *session;
	const struct scope *scope;
	uint32_t *rank; /* by session object index: place in the scope, NO_INDEX: not in it */
	struct matr_map
		unique; /* interned name -> binding that all references to this STB_GNU_UNIQUE
				   symbol get */
};

int lookup_open(struct lookup *lookup, const struct matr_session *session,
		const struct scope *scope, struct matr_error *err);
void lookup_close(struct lookup *lookup);

/* Look up symbol number `reference` of the object at scope index `requester`. Objects are to be asked
 * for in the order of relocation, for the sake of unique symbols. */
int lookup_symbol(struct lookup *lookup, uint32_t requester, uint32_t reference,
		  enum lookup_class class, struct matr_binding *out, struct matr_error *err);

#endif
