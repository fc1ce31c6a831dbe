/* dot.h - the commands that begin with a dot. */
#ifndef MATR_TOOLS_SQL_DOT_H
#define MATR_TOOLS_SQL_DOT_H

#include "sql/session.h"

/* Run a line that begins with a dot. -1: an error, reported. */
int dot_command(struct session *session, const char *line, const char *source, int number);

/* The name of the command with this number; NULL: there are no more. */
const char *dot_command_name(size_t i);

#endif
