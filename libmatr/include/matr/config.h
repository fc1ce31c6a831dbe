/* config.h - the administrator's choice of programs that an epoch covers.
 *
 * The file is matr.conf(5). It is policy, not data, and lies in /etc, not in the prefix: it
 * outlives a prefix that is removed and made again, and is kept with the rest of the system's
 * configuration.
 */
#ifndef MATR_CONFIG_H
#define MATR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include <matr/error.h>
#include <matr/image.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MATR_CONFIG_FILE "/etc/matr.conf"

#define MATR_KEEP_EPOCHS     20	   /* epochs that are kept by default */
#define MATR_KEEP_EPOCHS_MAX 10000 /* the most that a configuration can ask for */

struct matr_config_list {
	char **items;
	size_t n;
};

/* A section [program LABEL]. */
struct matr_config_program {
	char *label;
	struct matr_config_list paths;	  /* patterns for canonical paths, fnmatch(3) */
	struct matr_config_list load;	  /* what they load with dlopen(), glob(7) */
	struct matr_config_list load_now; /* the same, with RTLD_NOW */
	enum matr_layout layout;
	bool record;	    /* note what they load and is not recorded */
	char *library_path; /* the LD_LIBRARY_PATH its wrapper sets; NULL: none */
};

struct matr_config {
	char *file; /* the file that was read; NULL: there is no configuration */
	struct matr_config_list directories; /* searched for programs, with all below them */
	struct matr_config_list include;     /* programs elsewhere, glob(7) */
	/* Patterns for canonical paths, fnmatch(3): `*` matches slashes too. */
	struct matr_config_list exclude;
	struct matr_config_program *programs;
	size_t n_programs;
	size_t keep_epochs;	 /* newest epochs that a begin leaves in the store, with its own */
	enum matr_layout layout; /* for programs without a setting of their own; never DEFAULT */
	bool strict, inotify;	 /* matrd's options of these names */
};

/* Read the configuration.
 * file: NULL for MATR_CONFIG_FILE, or the defaults if there is none.
 * *out belongs to the caller: matr_config_free().
 * Errors: SYSTEM (it cannot be read), MALFORMED (the message names the line), UNTRUSTED (it
 * belongs to neither root nor the caller, or others may write to it), RESOURCES. */
MATR_API int matr_config_load(const char *file, struct matr_config **out, struct matr_error *err);
MATR_API void matr_config_free(struct matr_config *config);

/* Test whether the configuration excludes the program (canonical path). */
MATR_API bool matr_config_excludes(const struct matr_config *config, const char *path);

/* Find the first section whose patterns match the program's canonical path. Returns NULL if
 * there is none. */
MATR_API const struct matr_config_program *matr_config_program(const struct matr_config *config,
							       const char *path);

/* Test whether the loads of the program (canonical path) are noted in daily life. path NULL: test
 * whether those of any program are. */
MATR_API bool matr_config_records(const struct matr_config *config, const char *path);

/* The layout of the program (canonical path); never DEFAULT. */
MATR_API enum matr_layout matr_config_layout(const struct matr_config *config, const char *path);

#ifdef __cplusplus
}
#endif

#endif
