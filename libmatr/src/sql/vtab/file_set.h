/* file_set.h - the files that a query is about, and those of them that are open.
 *
 * A set is what the user named: files, and directories, which are walked only as far as a query
 * gets. Open files are kept in a pool that all sets of a connection share.
 */
#ifndef MATR_SQL_FILE_SET_H
#define MATR_SQL_FILE_SET_H

#include "sql/reader/elf_file.h"
#include "sql/vtab/connection.h"

/* Strings are copied. NULL with an error. */
struct file_set *file_set_new(struct matr_sql *sql, const char *const *roots, size_t n,
			      bool recursive, struct matr_error *err);
void file_set_free(struct file_set *set);

/* A set of one file or directory that shares the pool of another, which remembers the last few. */
struct file_set *file_set_of(struct file_set *parent, const char *root, bool recursive,
			     struct matr_error *err);

/* name_index.c's part of a set. */
struct file_set_names {
	struct name_index *index; /* NULL: not made */
	void (*free)(struct name_index *index);
	uint64_t checked; /* generation in which the index was last seen to be right */
	unsigned lookups; /* of names, so far */
};
struct file_set_names *file_set_names(struct file_set *set);

/* Number of times that no cursor of the connection was open: files may have changed between
 * generations. */
uint64_t file_set_generation(const struct file_set *set);
/* Number of files known so far. */
size_t file_set_count(const struct file_set *set);

/* Test whether the user named nothing at all. */
bool file_set_is_empty(const struct file_set *set);
/* About how many files there are, with hardly a look at the disk. */
double file_set_guess(const struct file_set *set);

/* The path of file number i, in *path, valid as long as the set; NULL after the last one. */
int file_set_get(struct file_set *set, size_t i, const char **path, struct matr_error *err);
/* Test whether the path is one of the set's. Returns 1 if so, 0 if not, -1 on error. */
int file_set_has(struct file_set *set, const char *path, struct matr_error *err);

/* Open a file, or take it from the pool where it has not changed since. *out: file_set_close().
 * 0, or -1 with an error; where the path was not named but found in a directory and is no ELF
 * file, the error has code MATR_OK: nothing to speak of. */
int file_set_open(struct file_set *set, const char *path, struct elf_file **out,
		  struct matr_error *err);
void file_set_close(struct file_set *set, struct elf_file *file);

#endif
