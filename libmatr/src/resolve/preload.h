/* preload.h - the libraries that LD_PRELOAD and /etc/ld.so.preload add to every program. */
#ifndef MATR_PRELOAD_H
#define MATR_PRELOAD_H

#include <stddef.h>

#include <matr/object.h>

struct preload { /* all zero: none */
	char **names;
	size_t n;
	struct matr_file_id file; /* all zero: the file is empty or not there */
};

/* Read the file.
 * environment: LD_PRELOAD, whose libraries come first; NULL: unset.
 * *out is to be freed, also after an error. */
int preload_read(const char *environment, struct preload *out, struct matr_error *err);
void preload_free(struct preload *preload);

#endif
