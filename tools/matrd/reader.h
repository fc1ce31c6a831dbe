/* reader.h - requests that any user may make and that take a while: the store, and the report of
 * `matr epoch status`. */
#ifndef MATR_TOOLS_MATRD_READER_H
#define MATR_TOOLS_MATRD_READER_H

#include <sys/types.h>

enum {
	READER_SECONDS = 20, /* until all is read by who asked */
	READERS = 4,	     /* at once: each of the store's has a copy of it in memory */
	READERS_OF_USER = 2,
};

/* Start a process that answers on the socket `client` (docs/protocol.md) and exits with 0. Where
 * it exits otherwise, the answer may have stopped anywhere. -1: it could not be started (errno).
 *
 * The store. */
pid_t reader_start_store(const char *prefix, int client);

/* Print what `matr --prefix PREFIX epoch status --format FORMAT` prints. */
pid_t reader_start_report(const char *matr, const char *prefix, const char *format, int client);

#endif
