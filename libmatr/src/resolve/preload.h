/* preload.h - the libraries that /etc/ld.so.preload adds to every program. */
#ifndef MATR_PRELOAD_H
#define MATR_PRELOAD_H

#include <stddef.h>

#include <matr/object.h>

struct preload { /* all zero: none */
	char **names;
	size_t n;
	struct matr_file_id file; /* all zero: the file is empty or not there */
};

/* Read the file. *out is to be freed, also after an error. */
int preload_read(struct preload *out, struct matr_error *err);
void preload_free(struct preload *preload);

#endif
