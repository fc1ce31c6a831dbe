/* commands.h - the commands of this folder (common/command.h). */
#ifndef MATR_TOOLS_EXPORT_COMMANDS_H
#define MATR_TOOLS_EXPORT_COMMANDS_H

#include "common/command.h"

int command_export(const struct context *context, int argc, char **argv);

#endif
