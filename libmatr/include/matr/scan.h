/* scan.h - every dynamically linked program of a system.
 *
 * A scan walks the configured directories, examines every file that may be executed, and lists
 * those that ld.so would start. Other files are counted by kind. Only regular files are opened,
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
	/* Has a PT_INTERP; or cannot be read, or is damaged, and the resolver declines it for
	 * that. */
	MATR_SCAN_PROGRAM,
	MATR_SCAN_SCRIPT,	 /* starts with "#!" */
	MATR_SCAN_STATIC,	 /* an executable without PT_INTERP */
	MATR_SCAN_LIBRARY,	 /* a shared library without PT_INTERP */
	MATR_SCAN_MACHINE,	 /* ELF, but not for this machine */
	MATR_SCAN_OTHER,	 /* something else that has permission to be executed */
	MATR_SCAN_NO_PERMISSION, /* regular files without an execute bit: not opened */
	MATR_SCAN_SPECIAL,	 /* fifos, sockets, devices: never opened */
	MATR_SCAN_EXCLUDED,	 /* programs that the configuration excludes */
	MATR_SCAN_KINDS,
};

/* Get the name: "script", "static", ..., as in the store and in `matr epoch status`. */
MATR_API const char *matr_scan_kind_name(enum matr_scan_kind kind);

/* A directory that was read. */
struct matr_scan_directory {
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
	size_t skipped[MATR_SCAN_KINDS]; /* files of each kind; [MATR_SCAN_PROGRAM] is 0 */
	size_t n_unreadable;		 /* directories that cannot be read */
	/* While none of these changes, another scan gives the same. Of directories without
	 * programs only the files that may be executed are listed. A file there that becomes
	 * executable without a change to its directory is found when the directory changes. */
	struct matr_scan_directory *directories;
	size_t n_directories;
	struct matr_scan_file *files;
	size_t n_files;
	size_t n_starts;   /* directories that the configuration names; the first of the list */
	size_t n_included; /* files that it names by `include`; the last of the list */
};

/* Scan a system. A directory that does not exist or cannot be read is no error, nor is a file that
 * vanishes.
 * before: an earlier scan, or NULL. A file that it has and that has not changed since is not
 * opened. trusted: nanoseconds since 1970. A file with a later time is opened again: it may have
 * changed within the same tick of the clock.
 * *out belongs to the caller: matr_scan_free().
 * Errors: RESOURCES. */
MATR_API int matr_scan(const struct matr_config *config, const struct matr_scan *before,
		       int64_t trusted, struct matr_scan **out, struct matr_error *err);
MATR_API void matr_scan_free(struct matr_scan *scan);

#ifdef __cplusplus
}
#endif

#endif
