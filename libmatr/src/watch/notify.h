/* notify.h - events in directories, and the processes that caused them.
 *
 * fanotify reports the process, but is for root only; inotify is for every user. On a file system
 * one may work where the other does not, so both are behind one descriptor.
 */
#ifndef MATR_NOTIFY_H
#define MATR_NOTIFY_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <matr/error.h>

struct notify;

enum notify_depth {
	NOTIFY_NAMES,	 /* names that come and go in a directory */
	NOTIFY_CONTENTS, /* and changes to the files in it */
	NOTIFY_FILE,	 /* changes to a file under whatever name */
};

struct notify_event {
	uint32_t place;		 /* what notify_add() gave */
	char name[NAME_MAX + 1]; /* in the directory; "": the place itself */
	bool gone;		 /* the place itself was removed or moved */
	bool overflow;		 /* events were lost: anything may have happened anywhere */
	pid_t pid;		 /* 0: not known */
};

/* by_inotify: do not try fanotify. */
int notify_open(bool by_inotify, struct notify **out, struct matr_error *err);
void notify_close(struct notify *notify);

/* Watch the path. *place: its number, the same for a directory that is there already under another
 * path. Returns 1 if done, 0 if there is nothing there or its file system cannot be watched, -1 on
 * error (too many watches). */
int notify_add(struct notify *notify, const char *path, enum notify_depth depth, uint32_t *place,
	       struct matr_error *err);

/* To be polled for POLLIN. */
int notify_descriptor(const struct notify *notify);

/* Read the next event. Returns 1 if there is one, 0 if not, -1 on error. */
int notify_read(struct notify *notify, struct notify_event *out, struct matr_error *err);

/* "fanotify", "inotify", or both. */
const char *notify_method(const struct notify *notify);

#endif
