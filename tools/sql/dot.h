/* dot.h - the names of the commands that begin with a dot, for completion. */
#ifndef MATR_SQL_DOT_H
#define MATR_SQL_DOT_H

#include "sql/session.h"

/* NULL: no more. */
const char *dot_command_name(size_t i);

#endif
