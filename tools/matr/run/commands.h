/* commands.h - the commands of this folder (common/command.h). */
#ifndef MATR_TOOLS_RUN_COMMANDS_H
#define MATR_TOOLS_RUN_COMMANDS_H

#include "common/command.h"

int command_record(const struct context *context, int argc, char **argv);
int command_run(const struct context *context, int argc, char **argv);
int command_verify(const struct context *context, int argc, char **argv);

#endif
