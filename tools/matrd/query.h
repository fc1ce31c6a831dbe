/* query.h - a read-only query of the store for somebody who may not be trusted, in a process of its own. */
#ifndef MATRD_QUERY_H
#define MATRD_QUERY_H

#include <sys/types.h>

enum {
	QUERY_SECONDS = 5,	  /* until the rows are found; twice that until they are read */
	QUERY_ROWS = 10000,	  /* more are cut off */
	QUERY_BYTES = 8 << 20,	  /* of the answer; more is cut off */
	QUERY_VALUE = 1 << 20,	  /* bytes of one value */
	QUERY_HEAP = 64 << 20,	  /* bytes that SQLite may use */
	QUERY_MEMORY = 512 << 20, /* bytes of address space */
	QUERY_AT_ONCE = 4,
};

/* Start the process, which answers on the socket `client` (docs/protocol.md) as the user uid, gid, and exits with 0. Where
 * it does not, the answer may have stopped anywhere. -1: it could not be started (errno). */
pid_t query_start(const char *prefix, const char *sql, int client, uid_t uid, gid_t gid);

#endif
