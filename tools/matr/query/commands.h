/* commands.h - the commands of this folder (common/command.h). */
#ifndef MATR_TOOLS_QUERY_COMMANDS_H
#define MATR_TOOLS_QUERY_COMMANDS_H

#include "common/command.h"

int command_check(const struct context *context, int argc, char **argv);
int command_exposed(const struct context *context, int argc, char **argv);
int command_inspect(const struct context *context, int argc, char **argv);
int command_shadowed(const struct context *context, int argc, char **argv);
int command_sql(const struct context *context, int argc, char **argv);
int command_tree(const struct context *context, int argc, char **argv);
int command_why(const struct context *context, int argc, char **argv);

#endif
