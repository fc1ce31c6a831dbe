/* daemon.h - the state of matrd, and its parts.
 *
 *	matrd.c       the command line, watching, the loop
 *	start.c       the preparations: the prefix, the socket, matr
 *	requests.c    the clients and their requests
 */
#ifndef MATR_TOOLS_MATRD_DAEMON_H
#define MATR_TOOLS_MATRD_DAEMON_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <matr/error.h>
#include <matr/watch.h>

#include "matrd/client.h"
#include "matrd/job.h"

enum {
	MAX_CLIENTS = 64,
	MAX_PER_USER = 8, /* of those who may only ask */
	MAX_OWNER = 128,
};

struct daemon {
	char prefix[PATH_MAX], socket_path[PATH_MAX], matr[PATH_MAX];
	const char *config;	 /* NULL: the usual one */
	bool strict, by_inotify; /* options of the command line, on whatever the file has */
	uid_t owner;		 /* of the prefix */
	int listening, signals, lock;
	bool bound; /* the socket is ours to remove */
	struct matr_watch *watch;
	struct matr_error trouble; /* of the last look; code MATR_OK: none */
	struct client *clients;
	struct job job;
	struct client *customer; /* whose job it is; NULL: gone */
	bool quit;
};

/* ---- start.c: returns -1 after reporting the error ---- */

/* One matrd for a prefix: take it, and note its owner. */
int matrd_take_prefix(struct daemon *daemon);
int matrd_bind(struct daemon *daemon);
int matrd_find_matr(char out[PATH_MAX]);
int matrd_take_signals(struct daemon *daemon);

/* ---- requests.c ---- */

void matrd_admit(struct daemon *daemon);
/* Handle the poll(2) events of the client's socket. Returns -1 if the client is to be dropped. */
int matrd_serve(struct daemon *daemon, struct client *client, short events);
void matrd_drop(struct daemon *daemon, struct client *client);
void matrd_drop_idle(struct daemon *daemon);
void matrd_finish_readers(struct daemon *daemon);

/* Pass the job's output to its client; handle its progress and its end, and start the next one. */
void matrd_relay(struct daemon *daemon, int *fd, const char *stream);
void matrd_tell_progress(struct daemon *daemon);
void matrd_finish_job(struct daemon *daemon);

#endif
