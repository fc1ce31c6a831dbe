/* outward.h - programs that deal with input from elsewhere: an attacker may try addresses on
 * them again and again. */
#ifndef MATR_INPUTS_OUTWARD_H
#define MATR_INPUTS_OUTWARD_H

#include <stddef.h>

#include <matr/error.h>

enum outward_kind {
	OUTWARD_NOT,
	OUTWARD_UNIT,	 /* a systemd unit starts it */
	OUTWARD_BROWSER, /* it opens addresses of the web */
};

struct outward { /* all zero: empty */
	struct outward_program {
		char *path; /* canonical */
		enum outward_kind kind;
	} * list;
	size_t n, room;
};

/* Find them in the system's units and desktop files. Files that cannot be read are passed over.
 * *out: outward_free(), also after an error. */
int outward_read(struct outward *out, struct matr_error *err);
void outward_free(struct outward *outward);

enum outward_kind outward_find(const struct outward *outward, const char *path);

#endif
