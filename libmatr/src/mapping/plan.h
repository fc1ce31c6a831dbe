/* plan.h - what happens to each relocation of an application, before it is encoded. */
#ifndef MATR_RELOCATION_PLAN_H
#define MATR_RELOCATION_PLAN_H

#include <elf.h>

#include <matr/image_format.h>
#include <matr/mapping.h>

#include "mapping/closure_terms.h"
#include "mapping/program.h"

struct object_plan {
	bool untouched;	 /* ld.so relocates this object itself */
	bool keep_plt;	 /* ld.so relocates its PLT itself */
	bool ifunc_safe; /* its resolvers may be called before ld.so applied its residual */
	struct words relative, symbolic, lazy;
	uint32_t *providers; /* scope indices that symbolic's providers stand for */
	size_t n_providers;
	Elf64_Rela *residual;
	size_t n_residual, residual_capacity;
	uint64_t populate_vaddr, populate_size;
};

struct ifunc_plan { /* one slot; sorted by (object, vaddr) these become the image's lists */
	uint32_t object;
	uint64_t vaddr;
	uint64_t slot; /* MATR_SLOT() */
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

/* Sort every relocation of every object of the mapping into the plan; for a closure, whose terms are given, of every
 * member. The plan must be zeroed, and is to be freed also after an error. */
int relocation_plan_make(struct relocation_plan *plan, const struct matr_mapping *mapping,
			 const struct closure_terms *terms, struct matr_error *err);
void relocation_plan_free(struct relocation_plan *plan);

/* Returns why ld-stable cannot handle the object at this scope index, NULL if it can. The reason is a printf format
 * whose one argument is the object's path. */
const char *mapping_object_reason(const struct matr_mapping *mapping, size_t index);

#endif
