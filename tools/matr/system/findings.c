/* findings.c - the list of what matr doctor finds. */
#include "matr/system/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void findings_add(struct findings *findings, const char *subject, enum finding_state state,
		  const char *advice, const char *format, ...)
{
	struct finding finding = {.subject = subject, .state = state, .advice = advice};
	va_list args;

	va_start(args, format);
	if (vasprintf(&finding.text, format, args) < 0)
		finding.text = NULL;
	va_end(args);
	if (findings->n == findings->capacity) {
		size_t capacity = findings->capacity ? 2 * findings->capacity : 16;
		struct finding *list = realloc(findings->list, capacity * sizeof *list);
		if (list) {
			findings->list = list;
			findings->capacity = capacity;
		}
	}
	if (!finding.text || findings->n == findings->capacity) {
		free(finding.text);
		findings->failed = true;
		return;
	}
	findings->list[findings->n++] = finding;
}

void findings_free(struct findings *findings)
{
	for (size_t i = 0; i < findings->n; i++)
		free(findings->list[i].text);
	free(findings->list);
	*findings = (struct findings){.list = NULL};
}
