/* place.h - what is at the loader path, and beside it. */
#ifndef MATR_LOADER_PLACE_H
#define MATR_LOADER_PLACE_H

#include <limits.h>
#include <stdbool.h>

#include <matr/image_format.h>
#include <matr/loader.h>
#include <matr/loader_format.h>

/* Names that exist only while something is being replaced. */
#define LOADER_NEW	    MATR_LOADER_FILE ".new" /* being tested */
#define LOADER_ORIGINAL_NEW MATR_LOADER_ORIGINAL ".new"
#define LOADER_SWITCH	    "matr-switch" /* the symbolic link that becomes the loader path */

struct loader_place {
	char directory[PATH_MAX]; /* canonical */
	char path[PATH_MAX];	  /* the loader path in it */
	/* The loader path as programs name it: its directory may be a symbolic link. */
	char given[PATH_MAX];
	char interpreter[PATH_MAX]; /* matr-ld.so */
	char original[PATH_MAX];    /* matr-original.so */
	bool exists;		    /* there is something at the path, be it a dangling link */
	bool is_link;
	bool ours;   /* it leads to an ld-stable, not that of a `matr run`, or is to lead there */
	bool works;  /* it leads to a file that is a loader, real or ours */
	bool in_run; /* this is a namespace of `matr run` */
	bool has_interpreter, has_original;
	bool original_is_link;
	struct matr_loader_config
		config; /* of the ld-stable at the path, else of matr-ld.so; else zero */
};

/* Look. path NULL: the system's. */
int loader_place_look(const char *path, struct loader_place *place, struct matr_error *err);

/* The real dynamic linker, canonical, wherever it is now. */
int loader_place_real(const struct loader_place *place, char real[PATH_MAX],
		      struct matr_error *err);

/* The real dynamic linker behind an interpreter's path: the path itself, canonical, or if an
 * ld-stable is there, the one that this starts. NOT_FOUND, SYSTEM; STATE: it is the ld-stable of a
 * namespace of `matr run`. */
int loader_real(const char *interpreter, char real[PATH_MAX], struct matr_error *err);

#endif
