/* demangle.h - C++ and Rust symbol names as people write them. */
#ifndef MATR_BASE_DEMANGLE_H
#define MATR_BASE_DEMANGLE_H

#include <stdbool.h>

/* Demangle a name, with the types of its parameters. The result is the caller's: free(). NULL: the
 * name is not mangled. */
char *demangle(const char *name);

/* The same without parameters and return type: "std::locale::name". */
char *demangle_plain(const char *name);

/* Test whether the name looks mangled. The test is cheap, and true for every name that demangle()
 * changes. */
bool is_mangled(const char *name);

#endif
