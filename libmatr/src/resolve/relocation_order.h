/* relocation_order.h - the order in which ld.so relocates the objects of a scope. */
#ifndef MATR_RELOCATION_ORDER_H
#define MATR_RELOCATION_ORDER_H

#include "resolve/scope.h"

/* Get the order in which ld.so relocates (and initialises) the objects, as scope indices. NULL on
 * error. free(). */
uint32_t *scope_relocation_order(const struct scope *scope, struct matr_error *err);

#endif
