/* names.h - comparing a symbol with the name that a user gave. */
#ifndef MATR_QUERY_NAMES_H
#define MATR_QUERY_NAMES_H

#include <matr/names.h>

/* Is the symbol called so, whatever its version? */
bool query_symbol_name_alone_is(const struct matr_symbol_name *wanted, const char *name);

/* Is it this symbol? version NULL: it has none. */
bool query_symbol_name_is(const struct matr_symbol_name *wanted, const char *name,
			  const char *version);

#endif
