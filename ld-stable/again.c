/* again.c - executing the program again, for a plain start.
 *
 * When ld.so has not loaded what it was to load, it is too late to relocate anything by its own
 * means. Nothing of the program has run yet, so it can start from the beginning. A variable asks
 * for a plain start and has the reason; the next start removes it from the environment.
 */
#include "ld_stable.h"

enum {
	MAX_STRINGS = 1 << 16
}; /* arguments or variables; more than a stack of 8 MB can hold twice */

static size_t count(char **list)
{
	size_t n = 0;
	while (list[n])
		n++;
	return n;
}

static _Noreturn void execute(char **arguments, char **environment)
{
	static const char self[] = "/proc/self/exe";

	system_call(CALL_EXECVE, (long)self, (long)arguments, (long)environment, 0, 0, 0);
	report_fatal("a mapped start could not be completed, nor the program started again", NULL);
}

_Noreturn void start_again(const struct served *served, const char *reason, const char *culprit)
{
	static char debug[] = "LD_STABLE_DEBUG=plain";
	const struct start *start = &served->start;
	size_t n_arguments = count(start->argv), n_variables = count(start->envp);
	struct line plain = {.length = 0};

	if (start->trial_fd >= 0)
		report_plain(false, start->trial_fd, reason, culprit);
	line_text(&plain, "LD_STABLE_PLAIN=");
	line_reason(&plain, reason, culprit);
	plain.text[plain.length] = 0;
	if (n_arguments > MAX_STRINGS || n_variables > MAX_STRINGS)
		report_fatal(reason, culprit);
	char *arguments[n_arguments + 2], *variables[n_variables + 3];
	size_t first = 0, added = 0;
	if (served->by_name) /* /proc/self/exe is ld-stable */
		arguments[first++] = (char *)config_stamped.self;
	for (size_t i = 0; i <= n_arguments; i++)
		arguments[first + i] = start->argv[i];
	variables[added++] = plain.text;
	if (start->debug_plain)
		variables[added++] = debug;
	for (size_t i = 0; i <= n_variables; i++)
		variables[added + i] = start->envp[i];
	execute(arguments, variables);
}
