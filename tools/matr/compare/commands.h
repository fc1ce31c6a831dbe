/* commands.h - the commands of this folder (common/command.h). */
#ifndef MATR_TOOLS_COMPARE_COMMANDS_H
#define MATR_TOOLS_COMPARE_COMMANDS_H

#include "common/command.h"

int command_baseline(const struct context *context, int argc, char **argv);
int command_diff(const struct context *context, int argc, char **argv);

#endif
