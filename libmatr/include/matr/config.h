/* config.h - which programs of a system an epoch covers: the administrator's choice, in a small file.
 *
 * The file is matr.conf(5). It is policy, not data, so that it lies in /etc and not in the prefix: it outlives
 * a prefix that is removed and made again, and is kept with the rest of the system's configuration.
 */
#ifndef MATR_CONFIG_H
#define MATR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include <matr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MATR_CONFIG_FILE "/etc/matr.conf"

/* Epochs that are kept unless the configuration says otherwise, and the most that it may say. */
#define MATR_KEEP_EPOCHS     20
#define MATR_KEEP_EPOCHS_MAX 10000

struct matr_config_list {
	char **items;
	size_t n;
};

struct matr_config_program { /* a section [program LABEL] */
	char *label;
	struct matr_config_list paths;	  /* patterns for canonical paths, fnmatch(3) */
	struct matr_config_list load;	  /* what they load with dlopen(), glob(7) */
	struct matr_config_list load_now; /* the same, with RTLD_NOW */
	char *library_path;		  /* the LD_LIBRARY_PATH its wrapper sets; NULL: none */
};

struct matr_config {
	char *file;			     /* what was read; NULL: there is no configuration */
	struct matr_config_list directories; /* to look for programs in, with all below them */
	struct matr_config_list include;     /* programs elsewhere, glob(7) */
	struct matr_config_list
		exclude; /* patterns for canonical paths, fnmatch(3): `*` matches slashes too */
	struct matr_config_program *programs;
	size_t n_programs;
	size_t keep_epochs; /* how many of the newest epochs a begin leaves in the store, its own included */
	bool strict, inotify; /* of matrd: the options of these names */
};

/* Read the configuration. file NULL: MATR_CONFIG_FILE, or the defaults where there is none. *out belongs to
 * the caller: matr_config_free(). Errors: SYSTEM (cannot be read), MALFORMED (the message names the line),
 * UNTRUSTED (it belongs to neither root nor the caller, or others may write to it), MEMORY. */
MATR_API int matr_config_load(const char *file, struct matr_config **out, struct matr_error *err);
MATR_API void matr_config_free(struct matr_config *config);

/* Is the program (canonical path) one that `exclude` names? */
MATR_API bool matr_config_excludes(const struct matr_config *config, const char *path);

/* The first section whose patterns match the program's canonical path; NULL: none. */
MATR_API const struct matr_config_program *matr_config_program(const struct matr_config *config,
							       const char *path);

#ifdef __cplusplus
}
#endif

#endif
