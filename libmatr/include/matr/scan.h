/* scan.h - every dynamically linked program of a system.
 *
 * Walks the configured directories, looks at every file that may be executed, and says which of them ld.so
 * would start. What it passes over is counted by kind. Nothing but regular files is ever opened, and these
 * without blocking.
 */
#ifndef MATR_SCAN_H
#define MATR_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>
#include <matr/file_id.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_config;

enum matr_scan_kind {
	MATR_SCAN_PROGRAM, /* has a PT_INTERP; or should be looked at by the resolver, which has a reason for declining
	                      it: cannot be read, or damaged so that nobody can tell */
	MATR_SCAN_SCRIPT,	 /* starts with "#!" */
	MATR_SCAN_STATIC,	 /* an executable without PT_INTERP */
	MATR_SCAN_LIBRARY,	 /* a shared library without PT_INTERP */
	MATR_SCAN_MACHINE,	 /* ELF, but not for this machine */
	MATR_SCAN_OTHER,	 /* something else that has permission to be executed */
	MATR_SCAN_NO_PERMISSION, /* regular files that nobody may execute: not looked into */
	MATR_SCAN_SPECIAL,	 /* fifos, sockets, devices: never opened */
	MATR_SCAN_EXCLUDED,	 /* programs that the configuration excludes */
	MATR_SCAN_KINDS,
};

/* "script", "static", ...: as the store and `matr epoch status` have it. */
MATR_API const char *matr_scan_kind_name(enum matr_scan_kind kind);

struct matr_scan_directory { /* that was read */
	char *path;
	struct matr_file_id id; /* from before it was read */
};

struct matr_scan_file {
	char *path;   /* in its directory's canonical path; may be a symbolic link */
	char *target; /* canonical path of what it links to; NULL: it is no link */
	struct matr_file_id id;
	enum matr_scan_kind kind;
};

struct matr_scan {
	char **programs; /* canonical paths, sorted, each once */
	size_t n_programs;
	size_t skipped[MATR_SCAN_KINDS]; /* how many files of each kind; [MATR_SCAN_PROGRAM] is 0 */
	size_t n_unreadable;		 /* directories that cannot be read */
	/* What the above follows from: while none of these changes, another scan gives the same. Of directories
	 * without programs only the files that may be executed are listed. (So a file there that becomes
	 * executable with no change to its directory is found when the directory changes.) */
	struct matr_scan_directory *directories;
	size_t n_directories;
	struct matr_scan_file *files;
	size_t n_files;
	size_t n_starts;   /* the first so many directories are the configuration's */
	size_t n_included; /* the last so many files are, by `include` */
};

/* Look. A file that `before` (may be NULL) knows, and that has not changed since, is not opened; times from
 * `trusted` (nanoseconds since 1970) on say nothing, for a change may have followed within the clock's tick.
 * *out belongs to the caller: matr_scan_free(). A directory that does not exist or cannot be read is no error; nor
 * are files that vanish. Errors: MEMORY. */
MATR_API int matr_scan(const struct matr_config *config, const struct matr_scan *before,
		       int64_t trusted, struct matr_scan **out, struct matr_error *err);
MATR_API void matr_scan_free(struct matr_scan *scan);

#ifdef __cplusplus
}
#endif

#endif
