/* names.h - comparing a symbol with the name that a user gave. */
#ifndef MATR_QUERY_NAMES_H
#define MATR_QUERY_NAMES_H

#include <matr/names.h>

/* Test whether the symbol has the wanted name, whatever its version. */
bool query_symbol_name_alone_is(const struct matr_symbol_name *wanted, const char *name);

/* Test whether the symbol is the wanted one.
 * version: NULL if the symbol has none. */
bool query_symbol_name_is(const struct matr_symbol_name *wanted, const char *name,
			  const char *version);

#endif
