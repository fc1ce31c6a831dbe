/* loader.h - ld-stable in the place of the system's dynamic linker.
 *
 * Every dynamic program names its interpreter, /lib64/ld-linux-x86-64.so.2, and the kernel starts
 * that. On Debian it is a symbolic link to the real ld.so; on other systems it is the real ld.so
 * itself. To install is to put another symbolic link there. Three names in the same directory are
 * all there is to it:
 *
 *	ld-linux-x86-64.so.2	the loader path. Installed: a symbolic link to matr-ld.so
 *	matr-ld.so		the interpreter file: the real ld.so with ld-stable behind it
 *	matr-original.so	a hard link to what was at the loader path: the very inode
 *
 * The directory is the loader path's own, so that ld-stable is there whenever the path can be
 * followed: on the same file system, in the same chroot, before /var is mounted, and independent of
 * the prefix. docs/loader.md has the reasons in full.
 *
 * The file at the loader path decides everything; no other state is recorded. Each step is one
 * rename: a process killed between any two system calls leaves a loader that works, and install or
 * uninstall again completes the work. matr-original.so shows that ld-stable is wanted: if a package
 * has put its own ld.so back (an upgrade of libc6), matr_loader_install() with `refresh` takes the
 * place again.
 */
#ifndef MATR_LOADER_H
#define MATR_LOADER_H

#include <linux/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_loader_config; /* matr/image_format.h */

#define MATR_SYSTEM_LOADER   "/lib64/ld-linux-x86-64.so.2"
#define MATR_LOADER_FILE     "matr-ld.so" /* these are beside it */
#define MATR_LOADER_ORIGINAL "matr-original.so"
#define MATR_LOADER_ENABLED                                                                        \
	"matr-enabled" /* programs that name matr-ld.so themselves, one a line (matr/enable.h) */

enum matr_loader_state {
	MATR_LOADER_REAL,      /* the real dynamic linker is there, and ld-stable is not wanted */
	MATR_LOADER_INSTALLED, /* ld-stable is at the loader path */
	MATR_LOADER_DISPLACED, /* ld-stable is wanted, but another file has taken its place */
	MATR_LOADER_BROKEN,    /* the file at the loader path cannot start a program */
};

struct matr_loader_status {
	enum matr_loader_state state;
	char path[PATH_MAX];	    /* the loader path, its directory canonical */
	char interpreter[PATH_MAX]; /* matr-ld.so; "": it is not there */
	char prefix[PATH_MAX];	    /* for which it was made; "": it is not there */
	char real[PATH_MAX];	    /* the real dynamic linker; "": not found */
	bool has_original;	    /* matr-original.so is there */
	bool carries_real;	    /* the copy of ld.so in matr-ld.so is the file at `real` */
	bool image_format_matches;  /* it reads the images that this libmatr writes */
	char unserved[256];	    /* why ld.so's file calls cannot be served; "": they can */
	char problem[512];	    /* why BROKEN, or what else is wrong; "": nothing */
};

/* Find out what is at the loader path and beside it.
 * path: the loader path; NULL: MATR_SYSTEM_LOADER.
 * Errors: SYSTEM (its directory cannot be read). */
MATR_API int matr_loader_status(const char *path, struct matr_loader_status *out,
				struct matr_error *err);

/* Load the library that stamping an ld-stable needs from this system (capstone). To be called
 * before chroot(2) into a tree, which need not have it, and whose code the process must not run.
 * Without it, stamping says so. */
MATR_API void matr_loader_prepare(void);

struct matr_loader_options {
	const char *path;      /* the loader path; NULL: MATR_SYSTEM_LOADER */
	const char *prefix;    /* whose image is used; created where it does not exist */
	const char *ld_stable; /* the ld-stable to install */
	bool refresh;	       /* only where it is wanted already; else nothing is done */
	bool place_only;       /* make matr-ld.so ready, and leave the loader path alone */
};

enum matr_loader_change {
	MATR_LOADER_UNCHANGED, /* everything was as it should be */
	MATR_LOADER_CHANGED,
};

/* Put ld-stable in the loader's place, after a self-test: programs of this system are started by
 * the new file, and have to do the same as by the real one.
 * Returns an enum matr_loader_change, or -1, and nothing has changed.
 * Errors: UNTRUSTED (others may write to a directory or file), UNSUPPORTED (not a loader path
 * that can be handled; the message has the reason), STATE (the self-test failed), BUSY, SYSTEM,
 * MALFORMED, RESOURCES. */
MATR_API int matr_loader_install(const struct matr_loader_options *options, struct matr_error *err);

/* Put the real dynamic linker back, and remove what install has made. matr-ld.so stays while
 * programs name it. path: the loader path; NULL: MATR_SYSTEM_LOADER. Returns an enum
 * matr_loader_change, or -1. Errors: those of matr_loader_install(). */
MATR_API int matr_loader_uninstall(const char *path, struct matr_error *err);

/* Find out whether a file is an ld-stable that was installed, in a prefix or in the loader's place.
 * path: the file. config (may be NULL): receives what was stamped into it. Returns 1 if it is one,
 * 0 if not, -1 if it cannot be read. */
MATR_API int matr_loader_identify(const char *path, struct matr_loader_config *config,
				  struct matr_error *err);

#ifdef __cplusplus
}
#endif

#endif
