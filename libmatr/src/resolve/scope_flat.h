/* scope_flat.h - check that a scope survives being flattened. */
#ifndef MATR_SCOPE_FLAT_H
#define MATR_SCOPE_FLAT_H

#include "resolve/scope.h"

/* Check that ld.so would find the same scope, and the same dependencies, if the application needed
 * the whole scope by path. That is how ld-stable has it load the scope (docs/start.md, "Hand
 * over"). Fails with UNSUPPORTED if not. */
int scope_check_flat(struct matr_session *session, const struct scope *scope,
		     struct matr_error *err);

#endif
