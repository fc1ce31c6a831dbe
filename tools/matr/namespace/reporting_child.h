/* reporting_child.h - a program that is started to find something out, and reports on a pipe. */
#ifndef MATR_TOOLS_NAMESPACE_REPORTING_CHILD_H
#define MATR_TOOLS_NAMESPACE_REPORTING_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/text.h"
#include "matr/namespace/namespace.h"

struct reporting_child {
	int report; /* the parent's end to read from; the child's to write to, which exec keeps */
	int errors; /* the parent's end of the child's standard error */
};

/* Fork as fork() does. The child has /dev/null as standard input and output. The parent is to
 * close both descriptors (reporting_child_close()). path: the program, for the error's text. -1:
 * error. */
pid_t reporting_child_fork(const char *path, struct reporting_child *out, struct matr_error *err);

/* In the child: execute the program, by ld-stable's name if there is no namespace. Returns only
 * after an error. */
void reporting_child_execute(const char *prefix, const char *path, enum placement placement,
			     struct matr_error *err);

/* Read what there is. What is beyond `most` bytes of text is dropped. Returns false at the end. */
bool reporting_child_read(int fd, struct text *text, size_t most);

void reporting_child_close(struct reporting_child *child);

#endif
