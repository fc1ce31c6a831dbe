/* refused.h - for what ld.so refuses to start a program after it has found all libraries.
 *
 * What it refuses in one object alone is the ELF reader's (elf/refused.c). docs/resolver.md has the
 * whole list.
 */
#ifndef MATR_RESOLVE_REFUSED_H
#define MATR_RESOLVE_REFUSED_H

#include "resolve/scope.h"

enum version_state {
	VERSION_THERE, /* or ld.so only warns, or it is not needed of another object */
	VERSION_MISSING,
	VERSION_OF_NOTHING, /* no object has the name of the library that should have it */
};

/* The state of a version that an object of the scope needs. */
enum version_state refused_version(const struct scope *scope, const struct matr_version *wanted);

/* Test whether ld.so binds the relocation at the first call of its function. */
bool refused_when_called(const struct matr_object *object,
			 const struct matr_relocation *relocation);

/* Check the versions that the objects of the scope need of each other, the CPU level, and which of
 * them dlopen() loads.
 * first: the first that it does; 0: none.
 * Errors: UNSUPPORTED. */
int refused_scope(const struct matr_session *session, const struct scope *scope, uint32_t first,
		  struct matr_error *err);

/* The state of a scope while its objects are gone through in ld.so's order of relocation. */
struct relocating {
	const struct scope *scope;
	const bool *relocated; /* by scope index */
	/* By dlopen(): a library that is loaded before may define what is undefined here; ld.so
	 * looks. Or the session is incomplete. */
	bool undefined_passes;
};

/* Check what one relocation of the object at scope index `index` is bound to.
 * Errors: UNSUPPORTED. */
int refused_binding(const struct relocating *relocating, uint32_t index,
		    const struct matr_relocation *relocation, const struct matr_binding *binding,
		    struct matr_error *err);

#endif
