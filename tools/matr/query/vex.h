/* vex.h - matr exposed as a VEX document: of each program that has a library, whether a
 * vulnerability of the library concerns it. */
#ifndef MATR_TOOLS_QUERY_VEX_H
#define MATR_TOOLS_QUERY_VEX_H

#include "common/options.h"
#include "common/purl.h"

#include <stdbool.h>

#include <matr/store.h>

enum vex_format { VEX_NONE, VEX_OPENVEX, VEX_CYCLONEDX };

enum vex_status { VEX_NOT_AFFECTED, VEX_UNDER_INVESTIGATION, VEX_AFFECTED }; /* worse and worse */

struct vex_request {
	enum vex_format format;
	const char *vulnerability; /* its id */
	const char *library;
	struct option_list symbols;  /* none: anything of the library */
	bool all_entries;	     /* no other function of the library leads to the code */
	const char *product;	     /* all programs are this product; NULL: each is one */
	const char *author, *action; /* NULL: the usual ones */
};

/* One program, or the product that all are. */
struct vex_subject {
	char *path; /* of the program */
	enum vex_status status;
	char *library; /* canonical path */
	char *notes;   /* the evidence */
};

struct vex_subjects {
	struct vex_subject *list; /* by path */
	size_t n;
};

/* Judge every program of the epoch that has the library in its scope (vex_evidence.c).
 * *out belongs to the caller: vex_subjects_free(), also after an error. */
int vex_judge(struct matr_store *store, int64_t epoch, const struct vex_request *request,
	      struct vex_subjects *out, struct matr_error *err);
void vex_subjects_free(struct vex_subjects *subjects);

/* Print the document. */
int vex_show(struct matr_store *store, int64_t epoch, const struct vex_request *request,
	     struct matr_error *err);

#endif
