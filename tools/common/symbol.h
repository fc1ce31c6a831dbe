/* symbol.h - symbols in tables for people: C++ and Rust names as people write them. */
#ifndef MATR_TOOLS_COMMON_SYMBOL_H
#define MATR_TOOLS_COMMON_SYMBOL_H

#include <stdbool.h>

#include "common/output.h"

/* Put a symbol's name in a cell: demangled in a table, unless `raw`; as it is for programs. NULL:
 * an empty cell. */
void output_symbol(struct output *output, const char *name, bool raw);

/* The name to show in a sentence: demangled unless `raw`. free(); NULL: out of memory. */
char *symbol_shown(const char *name, bool raw);

#endif
