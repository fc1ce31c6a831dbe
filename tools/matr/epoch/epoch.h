/* epoch.h - the commands of `matr epoch`. */
#ifndef MATR_TOOLS_EPOCH_EPOCH_H
#define MATR_TOOLS_EPOCH_EPOCH_H

#include "common/command.h"

int command_epoch_apply(const struct context *context, int argc, char **argv);
int command_epoch_begin(const struct context *context, int argc, char **argv);
int command_epoch_list(const struct context *context, int argc, char **argv);
int command_epoch_prune(const struct context *context, int argc, char **argv);
int command_epoch_rebase(const struct context *context, int argc, char **argv);
int command_epoch_resume(const struct context *context, int argc, char **argv);
int command_epoch_show(const struct context *context, int argc, char **argv);
int command_epoch_status(const struct context *context, int argc, char **argv);
int command_epoch_suspend(const struct context *context, int argc, char **argv);
int command_epoch_wrap(const struct context *context, int argc, char **argv);

#endif
