/* glibc_rules.h - in what versions of ld.so differ, as far as it decides what is loaded and what is
 * bound.
 *
 * The version is that of the ld.so that will start the programs, by its own word (system_paths.h);
 * in an epoch of a tree (--root) that is the tree's.
 */
#ifndef MATR_GLIBC_RULES_H
#define MATR_GLIBC_RULES_H

#include <stdbool.h>

enum glibc_rule {
	GLIBC_LEGACY_HWCAPS,	       /* tls/, x86_64/ ... are searched in every directory */
	GLIBC_STOPS_AT_LOST_VERSIONS,  /* a reference names a version of a library that has none */
	GLIBC_RELR_NEEDS_VERSION,      /* DT_RELR without GLIBC_ABI_DT_RELR is refused */
	GLIBC_RELOCATES_LIBC_FIRST,    /* before what libc does not depend on */
	GLIBC_DLOPEN_EXECUTABLE_STACK, /* dlopen() makes the stack executable where asked to */
};

/* The minor number in "2.MINOR"; 0: the text is NULL or something else. */
unsigned glibc_minor(const char *version);

/* Test whether the rule holds in glibc 2.MINOR. 0 stands for versions before 2.33, whose ld.so does
 * not print its version. */
bool glibc_has(unsigned minor, enum glibc_rule rule);

#endif
