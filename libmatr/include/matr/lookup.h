/* lookup.h - one step of the search for the definition that a symbol reference binds to. */
#ifndef MATR_LOOKUP_H
#define MATR_LOOKUP_H

#include <stdint.h>

/* Result of searching one object of the scope for one reference. */
enum matr_lookup_outcome {
	MATR_LOOKUP_MATCH,
	MATR_LOOKUP_ABSENT,   /* no symbol of that name */
	MATR_LOOKUP_REFERS,   /* undefined there too: it only refers to it */
	MATR_LOOKUP_UNHASHED, /* defined, but local: not in the hash table */
	MATR_LOOKUP_LOCAL,    /* STB_LOCAL, or a binding that ld.so does not implement */
	MATR_LOOKUP_HIDDEN,   /* STV_HIDDEN or STV_INTERNAL */
	MATR_LOOKUP_VERSION,  /* another version */
	MATR_LOOKUP_NO_VALUE, /* no value: neither SHN_ABS nor TLS */
	MATR_LOOKUP_TYPE,     /* of a type that provides nothing: a section, a file */
	/* The canonical address of a function in the executable, which is not for calls. */
	MATR_LOOKUP_CANONICAL,
	MATR_LOOKUP_PASSED_OVER, /* copy relocation: not the executable itself */
};

struct matr_search_step {
	uint32_t object; /* scope index */
	enum matr_lookup_outcome outcome;
	uint32_t symbol; /* index of the symbol in question; UINT32_MAX: none */
};

#endif
