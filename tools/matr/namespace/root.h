/* root.h - working on the file tree of another system: an image that is being built. */
#ifndef MATR_TOOLS_NAMESPACE_ROOT_H
#define MATR_TOOLS_NAMESPACE_ROOT_H

#include <limits.h>

#include <matr/error.h>

/* Make the tree in `directory` this process's root, for good. The file ld_stable is copied into it:
 * *copy is its name in the tree, to be removed when it is no longer needed (both may be NULL). A
 * user other than root becomes root of a user namespace. */
int root_enter(const char *directory, const char *ld_stable, char copy[PATH_MAX],
	       struct matr_error *err);

/* The same for a command that only reads: nothing of the host's is looked at from then on, and
 * names of files mean those of the tree. directory: NULL to stay where we are. */
int root_of(const char *directory, struct matr_error *err);

#endif
