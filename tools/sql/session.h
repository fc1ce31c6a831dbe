/* session.h - what `matr sql` works with: a connection that has all tables, and how results are
 * shown. */
#ifndef MATR_TOOLS_SQL_SESSION_H
#define MATR_TOOLS_SQL_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include <matr/error.h>
#include <matr/store.h>

#include "common/render.h"

struct session_options {
	const char *prefix;
	const char *const *files; /* ELF files and directories */
	size_t n_files;
	int64_t epoch; /* an id or MATR_SQL_EPOCH_* */
	const char *cache;
	bool recursive, write;
};

struct session {
	sqlite3 *db;
	struct matr_store *store; /* what db reads, where that is a copy; NULL: the store's files */
	struct render render;
	char *output; /* name of the file that results go to; NULL: standard output */
	bool timer, interactive, write, quit;
	int depth; /* of .read */
	/* The caller's, and whether one of them could not be read; what is below a directory does
	 * not count. */
	const char *const *files;
	size_t n_files;
	bool unread;
	/* Runs a line that begins with a dot. -1: an error, reported. */
	int (*command)(struct session *, const char *line, const char *source, int number);
};

/* Open a connection: the mapping's tables and those of the ELF files, and the store itself as
 * the database `store`. Without `write` nothing can be changed, in no database. To be closed
 * also after an error. The options' files are used until it is closed. */
int session_open(struct session *session, const struct session_options *options,
		 struct matr_error *err);
void session_close(struct session *session);

/* Send results to a file; NULL or "": to standard output. -1: an error, reported. */
int session_output(struct session *session, const char *path);

/* Run statements. Errors have been reported with where in the text they are; `source` is the
 * file that the text is from (NULL: none) and `line` the number of its first line. -1: there was
 * one. */
int session_run(struct session *session, const char *sql, const char *source, int line);

/* A query, or lines of them and commands, as with --sql. */
int session_text(struct session *session, const char *text);

/* Statements and commands from a file, to its end or the first error. */
int session_read(struct session *session, FILE *file, const char *name);

/* Ask, run, show, until the end of the input. */
void session_shell(struct session *session);

/* A line on standard error that is safe to show. */
void session_complain(const char *source, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Test whether the text has nothing but blanks, comments and semicolons. */
bool session_is_blank(const char *sql);

#endif
