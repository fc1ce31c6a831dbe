/* trial_child.h - starting one program up to its main(). */
#ifndef MATR_TOOLS_EDIT_TRIAL_CHILD_H
#define MATR_TOOLS_EDIT_TRIAL_CHILD_H

#include <stdbool.h>

#include <matr/error.h>

enum trial_outcome {
	TRIAL_REACHED, /* main(), or the entry point of a program that has none */
	TRIAL_UNTRIED, /* it would not have started with the mapping; `how` has the reason */
	TRIAL_DIED,    /* before main(); `how`: "is killed by signal 6 (Aborted)" */
};

struct trial_result {
	enum trial_outcome outcome;
	char how[400];
};

/* Start the program at `path` with the epoch of the prefix, or without (plain).
 * library_path: LD_LIBRARY_PATH; NULL: none. */
int trial_start(const char *prefix, const char *path, const char *library_path, bool plain,
		struct trial_result *out, struct matr_error *err);

#endif
