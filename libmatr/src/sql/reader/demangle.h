/* demangle.h - C++ and Rust symbol names as people write them. */
#ifndef MATR_SQL_DEMANGLE_H
#define MATR_SQL_DEMANGLE_H

/* free(); NULL where the name is not mangled. */
char *demangle(const char *name);

#endif
