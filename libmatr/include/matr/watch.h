/* watch.h - watching in an epoch for changes to what it follows from.
 *
 * An epoch is a time in which the installed files do not change. Where one does, the applications that it concerns are
 * withdrawn: their entries go out of the image, they start plainly, and the epoch goes on for the rest. What happened
 * is recorded in the store as a violation. It is for one thread, and a loop that polls:
 *
 *	poll matr_watch_descriptor() for POLLIN, for at most matr_watch_timeout(); then matr_watch_run()
 *
 * Epochs that begin and end meanwhile, whoever begins them, are noticed by their image.
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
	const char *prefix; /* made where it does not exist */
	bool strict;	    /* a violation ends the epoch */
	bool by_inotify;    /* do not try fanotify */
};

/* *out belongs to the caller: matr_watch_close(). All is checked in the first matr_watch_run(), to which there is no
 * need to wait. Errors: UNTRUSTED, SYSTEM, MEMORY. */
MATR_API int matr_watch_open(const struct matr_watch_options *options, struct matr_watch **out,
			     struct matr_error *err);
MATR_API void matr_watch_close(struct matr_watch *watch);

MATR_API int matr_watch_descriptor(const struct matr_watch *watch);
/* Milliseconds until matr_watch_run() has something to do without an event; -1: nothing. */
MATR_API int matr_watch_timeout(const struct matr_watch *watch);

/* Look at everything at the next run, as after a change of settings. */
MATR_API void matr_watch_check(struct matr_watch *watch);
/* Other settings, as in the options of these names, from the next look on, at which all files are checked. */
MATR_API void matr_watch_set(struct matr_watch *watch, bool strict, bool by_inotify);

struct matr_watch_report {
	struct matr_violation *
		violations; /* that were dealt with in this run; without the names of applications */
	size_t n_violations;
	bool changed; /* another epoch, or none, is watched now */
};

/* Take what has happened, and deal with it once it has been quiet for a moment. *out: matr_watch_report_free(), also
 * after an error. An error means that something could not be watched or withdrawn; it is tried again with the next event or
 * in a while. */
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
