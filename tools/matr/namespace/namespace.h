/* namespace.h - a private mount namespace in which ld-stable is the system's loader.
 *
 * The program's own file stays as it is and so does everything it can see of itself:
 * /proc/self/exe, $ORIGIN, its argv, its children. Only what the kernel finds at the loader's path
 * differs.
 */
#ifndef MATR_TOOLS_NAMESPACE_NAMESPACE_H
#define MATR_TOOLS_NAMESPACE_NAMESPACE_H

#include <matr/error.h>

enum placement {
	PLACED,	      /* ld-stable is the loader of programs started from here on */
	NOT_PLACED,   /* nothing has changed that a program could notice; the reason is in *err */
	NO_NAMESPACE, /* the system gives us no namespace; the reason is in *err */
};

/* Move the calling process into such a namespace. interpreter: the program's PT_INTERP, "" for a
 * program that has none (then the system's usual one: its children may be dynamic programs). */
enum placement namespace_enter(const char *prefix, const char *interpreter, struct matr_error *err);

/* Move the calling process into a namespace in which programs start without ld-stable: where the
 * interpreter's file is an ld-stable, the real dynamic linker is mounted over it. PLACED: so it is;
 * NOT_PLACED: ld-stable may be the loader still. */
enum placement namespace_enter_plain(const char *interpreter, struct matr_error *err);

/* The same with a directory that has a prefix's loaders, and need not have an image. */
enum placement namespace_enter_without_image(const char *directory, const char *interpreter,
					     struct matr_error *err);

#endif
