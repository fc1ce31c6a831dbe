/* commands.h - the commands of this folder (common/command.h). */
#ifndef MATR_TOOLS_SYSTEM_COMMANDS_H
#define MATR_TOOLS_SYSTEM_COMMANDS_H

#include "common/command.h"

int command_disable(const struct context *context, int argc, char **argv);
int command_doctor(const struct context *context, int argc, char **argv);
int command_enable(const struct context *context, int argc, char **argv);
int command_hooks(const struct context *context, int argc, char **argv);
int command_loader(const struct context *context, int argc, char **argv);
int command_running(const struct context *context, int argc, char **argv);

#endif
