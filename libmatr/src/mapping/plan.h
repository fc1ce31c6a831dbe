/* plan.h - what happens to each relocation of an application, before it is encoded. */
#ifndef MATR_RELOCATION_PLAN_H
#define MATR_RELOCATION_PLAN_H

#include <elf.h>

#include <matr/image_format.h>
#include <matr/mapping.h>

#include "mapping/closure_terms.h"
#include "mapping/program.h"

struct object_plan {
	bool interpreter; /* relocates itself */
	bool untouched;	  /* ld.so relocates it whole; so does the interpreter itself */
	bool keep_plt;	  /* ld.so relocates its PLT itself */
	bool ifunc_safe;  /* its resolvers may be called before ld.so applied its residual */
	struct words words;
	size_t n_relative; /* of these words */
	size_t n_kept;	   /* of these words: slots that ld.so relocates (keep_plt) */
	uint64_t *lazy;	   /* offsets of these words that are slots left for lazy binding */
	size_t n_lazy, lazy_capacity;
	Elf64_Rela *residual;
	size_t n_residual, residual_capacity;
};

struct ifunc_plan {	 /* one slot; sorted by (object, vaddr) these become the image's lists */
	uint32_t object; /* that has the resolver */
	uint64_t vaddr;	 /* of the resolver */
	uint64_t slot;	 /* MATR_SLOT() */
};

struct relocation_plan {
	bool of_closure;	     /* of what is loaded later */
	struct object_plan *objects; /* parallel to the scope */
	size_t n_objects;
	struct ifunc_plan *ifuncs;
	size_t n_ifuncs, ifunc_capacity;
	struct matr_image_copy *copies;
	size_t n_copies, copy_capacity;
};

/* Sort every relocation of every object of the mapping into the plan; for a closure, whose terms
 * are given, of every member. The plan must be zeroed, and is to be freed also after an error.
 * MATR_ERROR_UNSUPPORTED: an object has relocations that only ld.so can apply. */
int relocation_plan_make(struct relocation_plan *plan, const struct matr_mapping *mapping,
			 const struct closure_terms *terms, struct matr_error *err);
void relocation_plan_free(struct relocation_plan *plan);

/* Returns why ld-stable cannot handle the object at this scope index, NULL if it can. The reason is
 * a printf format whose one argument is the object's path. */
const char *mapping_object_reason(const struct matr_mapping *mapping, size_t index);

#endif
