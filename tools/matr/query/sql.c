/* sql.c - matr sql: executes matr-sql (tools/sql), which links libraries that matr does without. */
#include "common/options.h"
#include "common/program.h"
#include "common/terminal.h"
#include "matr/query/commands.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int command_sql(const struct context *context, int argc, char **argv)
{
	char path[PATH_MAX];
	struct matr_error err;
	const char **arguments = calloc((size_t)argc + 3, sizeof *arguments);

	if (!arguments)
		matr_fail_memory(&err);
	else if (program_sql(path, &err) == 0) {
		bool describes = argc > 1 && strcmp(argv[1], OPTIONS_DESCRIBE) == 0;
		arguments[0] = "matr"; /* for its messages */
		arguments[1] = describes ? OPTIONS_DESCRIBE : "--prefix";
		arguments[2] = context->prefix;
		for (int i = 1; i < argc; i++)
			arguments[i + 2] = argv[i];
		terminal_export_color();
		if (context->no_pager)
			setenv("MATR_PAGER", "cat", 1);
		execv(path, (char *const *)(uintptr_t)arguments);
		matr_fail_errno(&err, path, "cannot be executed");
	}
	free(arguments);
	print_error(&err);
	return STATUS_FAILURE;
}
