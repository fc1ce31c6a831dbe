/* findings.h - the list of what matr doctor finds. */
#ifndef MATR_TOOLS_SYSTEM_FINDINGS_H
#define MATR_TOOLS_SYSTEM_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

enum finding_state { STATE_OK, STATE_NOTE, STATE_WARNING, STATE_ERROR };

struct finding {
	const char *subject;
	enum finding_state state;
	char *text;
	const char *advice; /* NULL: none */
};

struct findings {
	struct finding *list;
	size_t n;
	bool failed; /* out of memory: a finding is missing */
};

/* Add a finding; the text is formatted, subject and advice are not copied. */
void findings_add(struct findings *findings, const char *subject, enum finding_state state,
		  const char *advice, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

void findings_free(struct findings *findings);

#endif
