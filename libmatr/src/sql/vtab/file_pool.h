/* file_pool.h - open ELF files, shared by all sets of a connection. Unused ones stay open for a
 * while. */
#ifndef MATR_SQL_FILE_POOL_H
#define MATR_SQL_FILE_POOL_H

#include "base/intern.h"
#include "sql/reader/elf_file.h"
#include "sql/vtab/connection.h"

struct file_pool { /* all open files of a connection */
	unsigned references;
	struct matr_sql *sql;	 /* not held: the sets of sql are freed before it */
	struct intern numbers;	 /* path -> number */
	struct elf_file **files; /* by number; NULL: not open */
	char **names;		 /* by number */
	size_t capacity;
	struct elf_file *newest, *oldest; /* unused ones */
	unsigned n_idle;
	uint64_t loaded;	      /* by those */
	struct matr_session *session; /* for libraries_find(); NULL: not open */
};

/* With one reference. NULL with an error. */
struct file_pool *file_pool_new(struct matr_sql *sql, struct matr_error *err);
void file_pool_release(struct file_pool *pool); /* NULL is allowed */

/* The file, taken from the pool where it has not changed since; file_pool_close(). 0 or -1. */
int file_pool_open(struct file_pool *pool, const char *path, struct elf_file **out,
		   struct matr_error *err);
void file_pool_close(struct file_pool *pool, struct elf_file *file);

#endif
