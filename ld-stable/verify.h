/* verify.h - comparing what the mapping would have written with what ld.so has written: verify.c. */
#ifndef LD_STABLE_VERIFY_H
#define LD_STABLE_VERIFY_H

#include "ld_stable.h"

struct comparison {
	int fd;
	bool bound_now; /* ld.so has bound lazily bound functions too */
	bool loads;	/* name objects by path instead of number */
	uint64_t slots, differences;
};

/* The words of one object, whose place among the bases is `index`. */
void compare_object(struct comparison *comparison, const struct handover *handover,
		    const struct matr_image_object *object, uint32_t index);

/* The words with the results of IFUNC resolvers; of a closure's, those in objects just loaded. */
void compare_ifunc(struct comparison *comparison, const struct handover *handover,
		   const struct matr_image_ifunc *ifunc, const uint64_t *slots);

#endif
