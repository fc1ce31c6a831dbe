/* private_mounts.h - a mount namespace of its own, for root and for other users. */
#ifndef MATR_TOOLS_NAMESPACE_PRIVATE_MOUNTS_H
#define MATR_TOOLS_NAMESPACE_PRIVATE_MOUNTS_H

#include <stdbool.h>

#include <matr/error.h>

enum private_mounts {
	PRIVATE_MOUNTS,	       /* the process is in a mount namespace of its own */
	PRIVATE_MOUNTS_DENIED, /* nothing has changed; *err has the reason */
	PRIVATE_MOUNTS_FAILED, /* the process must not go on; *err has the reason */
};

/* Move the calling process, which has one thread, into a mount namespace. DENIED: it has not got
 * the right. */
enum private_mounts private_mounts_enter(struct matr_error *err);

/* The same with a user namespace around it, in which only the caller's own user and group exist,
 * under their own numbers. DENIED: the system gives none. */
enum private_mounts private_mounts_enter_as_user(struct matr_error *err);

/* Test whether there is such a namespace, and something can be mounted in it. A child process
 * tries.
 * as_user: with a user namespace around it. */
bool private_mounts_work(bool as_user);

/* In a user namespace that was just made: the user and group that the process had outside are
 * `uid` and `gid` in it. */
int private_maps(unsigned uid, unsigned gid, unsigned uid_outside, unsigned gid_outside,
		 struct matr_error *err);

#endif
