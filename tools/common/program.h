/* program.h - from what the user calls a program to its file. */
#ifndef MATR_TOOLS_COMMON_PROGRAM_H
#define MATR_TOOLS_COMMON_PROGRAM_H

#include <limits.h>
#include <stdbool.h>

#include <matr/error.h>

/* The file of a program: the path as it is where the name has a slash, else the first executable
 * file of that name on PATH, as the shell finds it. NOT_FOUND: there is none. */
int program_find(const char *name, char path[PATH_MAX], struct matr_error *err);

/* The same, canonical: without symbolic links. */
int program_canonical(const char *name, char path[PATH_MAX], struct matr_error *err);

/* Directories in which programs are looked for: PATH, or the shells' default. */
const char *program_search_path(void);

/* Add to an error's message ("NAME: not found") what comes near to the name: files of its
 * directory, or what is on PATH. */
void program_add_nearest(const char *name, bool executable, struct matr_error *err);

/* The ld-stable that belongs to this matr, relative to its own executable: in the build tree or
 * installed. */
int program_ld_stable(char path[PATH_MAX], struct matr_error *err);

/* The library of thunks of `matr trace`. */
int program_trace_module(char path[PATH_MAX], struct matr_error *err);

/* The program that `matr sql` executes. */
int program_sql(char path[PATH_MAX], struct matr_error *err);

#endif
