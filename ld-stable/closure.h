/* closure.h - the state of loads with dlopen(), shared by closure.c and closure_lists.c. */
#ifndef LD_STABLE_CLOSURE_H
#define LD_STABLE_CLOSURE_H

#include <matr/image_format.h>

#include "ld_stable.h"

#pragma GCC visibility push(hidden)

enum { MOST_ENTRIES = 128 }; /* of a dynamic section, without DT_NEEDED */

enum loaded_state {
	ABSENT,
	PLACED, /* mapped by us, and not yet asked for */
	TAKEN,	/* ld.so has been given its address */
	THERE,	/* loaded, now or before */
};

struct closures {
	const struct matr_image_closures *image;
	const struct matr_image_loaded *loaded;
	const struct matr_image_object *objects;
	const struct matr_image_closure *current; /* whose members are being loaded */
	uint32_t n_waiting;			  /* of its members: not THERE yet */
	uint32_t n_placed;			  /* objects that are PLACED */
	uint32_t last_protected;		  /* member of `current` */
	uint64_t words, differences;		  /* compared, under verify */
	bool whole;				  /* the checksum was compared */
	uint32_t n_shortened;			  /* lists */
	bool given_back;			  /* the dynamic sections of `current` */
	struct link_map_public *last;		  /* object of the start */
	struct link_map_public *walked;		  /* objects up to here are known; NULL: none is */
	/* By number, or id: scope index, or the number behind these. */
	uint32_t *as;		       /* which object it is in the closure it came with; number */
	uint8_t *states;	       /* enum loaded_state; number */
	struct link_map_public **maps; /* of what is THERE, and of the start; id */
	uint32_t *queue;	       /* ids; of the lists that are short, when these are known */
	Elf64_Dyn *section, *section_end; /* room for closure_lists.c */
	uint32_t *skipped;		  /* entries that they are shorter by; by id */
	uint8_t *found;			  /* by id */
};

/* Shorten the lists of needed names that ld.so walks through for this closure, where that is worth
 * it. The process has been compared with the closure; closure_restore_lists() undoes it. */
void closure_shorten_lists(struct served *served, const struct matr_image_closure *closure);
void closure_restore_lists(struct served *served);

#pragma GCC visibility pop

#endif
