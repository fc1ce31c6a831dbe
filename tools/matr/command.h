/* command.h - what all commands of matr share. */
#ifndef MATR_COMMAND_H
#define MATR_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include <matr/error.h>

enum exit_status { /* documented in every --help and in matr(1) */
		   STATUS_OK = 0,
		   STATUS_FAILURE = 1,	/* an error, or something is not as it should be */
		   STATUS_USAGE = 2,	/* the command line is off */
		   STATUS_DECLINED = 3, /* epoch begin: done, but some programs were declined */
		   STATUS_RUN = 125,	/* run: its own failure, as with env(1) */
		   STATUS_CANNOT_EXECUTE = 126,
		   STATUS_NOT_FOUND = 127,
};

struct context { /* the options before the command */
	const char *prefix;
	bool verbose;
};

/* Each gets the arguments from its own name on and returns the exit status. */
int command_baseline(const struct context *context, int argc, char **argv);
int command_check_upgrade(const struct context *context, int argc, char **argv);
int command_diff(const struct context *context, int argc, char **argv);
int command_disable(const struct context *context, int argc, char **argv);
int command_doctor(const struct context *context, int argc, char **argv);
int command_enable(const struct context *context, int argc, char **argv);
int command_epoch(const struct context *context, int argc, char **argv);
int command_epoch_begin(const struct context *context, int argc, char **argv);
int command_epoch_apply(const struct context *context, int argc, char **argv);
int command_epoch_list(const struct context *context, int argc, char **argv);
int command_epoch_prune(const struct context *context, int argc, char **argv);
int command_epoch_show(const struct context *context, int argc, char **argv);
int command_epoch_status(const struct context *context, int argc, char **argv);
/* verb: wrap, suspend or resume */
int command_epoch_wrap(const struct context *context, int argc, char **argv, const char *verb);
int command_exposed(const struct context *context, int argc, char **argv);
int command_hooks(const struct context *context, int argc, char **argv);
int command_inspect(const struct context *context, int argc, char **argv);
int command_loader(const struct context *context, int argc, char **argv);
int command_rebind(const struct context *context, int argc, char **argv);
int command_record(const struct context *context, int argc, char **argv);
int command_run(const struct context *context, int argc, char **argv);
int command_shadowed(const struct context *context, int argc, char **argv);
int command_sql(const struct context *context, int argc, char **argv);
int command_trace(const struct context *context, int argc, char **argv);
int command_tree(const struct context *context, int argc, char **argv);
int command_verify(const struct context *context, int argc, char **argv);
int command_why(const struct context *context, int argc, char **argv);

/* `matr enable --refresh`: programs that a package has replaced are enabled again. */
int enable_refresh(const struct context *context);

/* Say which edits (matr/edit.h) the epoch could not apply everywhere; `quiet`: nothing is said. Returns how many. */
struct matr_epoch;
size_t report_edits(const struct matr_epoch *epoch, bool quiet);

/* How many package managers of this system lack their hook, and which ("apt, dpkg"). */
size_t hooks_missing(char *names, size_t size);
/* The file that installed hooks call and cannot be executed, so that they do nothing; NULL: there is none such. */
const char *hooks_idle(void);

/* "matr: FILE: MESSAGE" on stderr. */
void print_error(const struct matr_error *err);
void print_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* After getopt_long() met something it does not know (it has said what): STATUS_USAGE, with a pointer
 * to --help. `command` is e.g. "epoch begin". */
int usage_error(const char *command);
/* The same with a reason of our own. */
int usage_error_because(const char *command, const char *reason, const char *argument);

#endif
