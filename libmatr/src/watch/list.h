/* list.h - the files that an epoch follows from, and the places at which a change to them would
 * show. */
#ifndef MATR_WATCH_LIST_H
#define MATR_WATCH_LIST_H

#include <matr/store.h>

#include "base/intern.h"
#include "watch/notify.h"

enum watched_kind {
	WATCHED_OBJECT,	     /* an object under a name by which it was found */
	WATCHED_INTERPRETER, /* a PT_INTERP: what counts is the real dynamic linker behind it */
	WATCHED_PROBE,	     /* what a search asked for: that there is nothing, or nothing of use */
};

struct culprit { /* who did it, as far as it is known */
	pid_t pid;
	int64_t uid;
	char *command;
};

struct watched_file {
	char *path;
	struct matr_file_id id;	  /* as recorded; all zero: nothing was there */
	struct matr_file_id seen; /* as last reported */
	enum watched_kind kind;
	int64_t recorded; /* when a violation of it was written into the store before; 0: none */
	bool reported, dirty;
	struct culprit culprit;
};

struct watch_list {
	struct watched_file *files;
	size_t n, room;
	struct intern paths; /* of the files */
	bool ignore_devices; /* numbers are reassigned at boot */

	/* Of one round of watching: */
	struct notify *notify;
	struct intern names; /* "PLACE/NAME" */
	struct watched_name {
		char *key;
		uint32_t first; /* index into links + 1 */
		bool structure; /* a directory or link on the way: other places are to be watched */
	} * watched;
	size_t watched_room;
	struct watched_link {
		uint32_t file, next;
	} * links;
	size_t n_links, links_room;
	struct intern directory_names;
	struct watched_directory {
		char *text, *canonical;
		uint32_t place;
		bool there;
	} * directories;
	size_t directories_room;
	bool *open_places; /* by place: every new name in it counts */
	size_t n_open_places;
	struct culprit culprit; /* of a change that made all files dirty */
};

/* Collect what the epoch depends on. The list is to be freed, also after an error. */
int watch_list_read(struct watch_list *list, struct matr_store *store, int64_t epoch,
		    struct matr_error *err);
void watch_list_free(struct watch_list *list);

/* Watch all places, and make all files dirty. The former notify, if any, is closed; the new one
 * belongs to the list. */
int watch_list_rebuild(struct watch_list *list, bool by_inotify, struct matr_error *err);

enum { WATCH_NOTHING, WATCH_DIRTY, WATCH_REBUILD };

/* Take an event: nothing of interest, some files are dirty, or the places have to be found
 * again. */
int watch_list_event(struct watch_list *list, const struct notify_event *event);

/* Compare the file with what is recorded. Returns its kind of change (a violation's), or NULL if
 * there is none. *now receives what is there. */
const char *watched_change(const struct watch_list *list, const struct watched_file *file,
			   struct matr_file_id *now);

void watch_culprit_free(struct culprit *culprit);

#endif
