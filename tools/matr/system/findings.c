/* findings.c - the list of what matr doctor finds. */
#include "matr/system/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/array.h"

void findings_add(struct findings *findings, const char *subject, enum finding_state state,
		  const char *advice, const char *format, ...)
{
	struct finding finding = {.subject = subject, .state = state, .advice = advice};
	va_list args;

	va_start(args, format);
	if (vasprintf(&finding.text, format, args) < 0)
		finding.text = NULL;
	va_end(args);
	struct matr_error ignored;
	if (!finding.text ||
	    array_grow(&findings->list, findings->n, sizeof *findings->list, &ignored) != 0) {
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
