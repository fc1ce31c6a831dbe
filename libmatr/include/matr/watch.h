/* watch.h - watching an epoch for changes to the files that it depends on.
 *
 * During an epoch the installed files do not change. If one does, the applications that depend on
 * it are withdrawn: their entries go out of the image, they start plainly, and the epoch goes on
 * for the others. The change is recorded in the store as a violation. A watch is for one thread,
 * with a loop that polls:
 *
 *	poll matr_watch_descriptor() for POLLIN, for at most matr_watch_timeout();
 *	matr_watch_run();
 *
 * It notices by the image if an epoch begins or ends, in whatever process.
 */
#ifndef MATR_WATCH_H
#define MATR_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_violation;

struct matr_watch;

struct matr_watch_options {
	const char *prefix; /* created if it does not exist */
	bool strict;	    /* a violation ends the epoch */
	bool by_inotify;    /* do not try fanotify */
};

/* Open a watch. The first matr_watch_run() checks everything, and can be called at once.
 * *out belongs to the caller: matr_watch_close().
 * Errors: UNTRUSTED, SYSTEM, RESOURCES. */
MATR_API int matr_watch_open(const struct matr_watch_options *options, struct matr_watch **out,
			     struct matr_error *err);
MATR_API void matr_watch_close(struct matr_watch *watch);

/* Get the descriptor to poll. It belongs to the watch. */
MATR_API int matr_watch_descriptor(const struct matr_watch *watch);
/* Get the milliseconds until matr_watch_run() has work without an event; -1: it has none. */
MATR_API int matr_watch_timeout(const struct matr_watch *watch);

/* Check all files at the next run, as after a change of settings. */
MATR_API void matr_watch_check(struct matr_watch *watch);
/* Change the options of these names. They apply from the next run on, which checks all files. */
MATR_API void matr_watch_set(struct matr_watch *watch, bool strict, bool by_inotify);

struct matr_watch_report {
	struct matr_violation *violations; /* of this run; without the names of applications */
	size_t n_violations;
	bool changed; /* another epoch, or none, is watched now */
};

/* Take events, and handle changes after a quiet time. After an error (a file could not be watched,
 * an application not withdrawn) it tries again at the next event, or after a while. *out belongs to
 * the caller: matr_watch_report_free(). After an error too: it has the changes handled before. */
MATR_API int matr_watch_run(struct matr_watch *watch, struct matr_watch_report *out,
			    struct matr_error *err);
MATR_API void matr_watch_report_free(struct matr_watch_report *report);

struct matr_watch_status {
	int64_t epoch;	    /* that is watched; 0: none */
	const char *method; /* "fanotify", "inotify" */
	size_t files, places;
	size_t violations; /* since the watch was opened */
	size_t checks;	   /* of everything */
};
MATR_API struct matr_watch_status matr_watch_status(const struct matr_watch *watch);

#ifdef __cplusplus
}
#endif

#endif
