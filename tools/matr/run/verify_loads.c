/* verify_loads.c - matr verify --loads: compare closures with what ld.so would have made of them.
 *
 * The program runs as under `matr run`, with LD_STABLE_VERIFY_LOADS set to the name of a temporary
 * file. ld-stable appends what it finds (ld-stable/report.c has the format), in every
 * process that the program starts too. The report is made from it when the program has ended.
 */
#include "common/message.h"
#include "common/path.h"
#include "common/program.h"
#include "common/safe.h"
#include "matr/namespace/namespace.h"
#include "matr/run/verify_child.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <matr/epoch.h>
#include <matr/object.h>
#include <matr/prefix.h>

struct sum {
	size_t compared, left, slots, differences;
};

/* In the child: does not return. */
static _Noreturn void start(const char *prefix, int argc, char **argv, bool bind_now,
			    const char *file)
{
	char path[PATH_MAX], interpreter[PATH_MAX], loader[PATH_MAX];
	struct matr_error err = {0};
	char **arguments = calloc((size_t)argc + 2, sizeof *arguments);

	if (!arguments || program_find(argv[0], path, &err) != 0 ||
	    matr_program_interpreter(path, interpreter, &err) < 0)
		goto fail;
	enum placement placement = namespace_enter(prefix, interpreter, &err);
	if (placement == NOT_PLACED)
		goto fail;
	if (setenv("LD_STABLE_VERIFY_LOADS", file, 1) != 0 ||
	    (bind_now && setenv("LD_BIND_NOW", "1", 1) != 0)) {
		matr_fail_memory(&err);
		goto fail;
	}
	if (placement == NO_NAMESPACE) {
		if (path_join(prefix, MATR_LD_STABLE_FILE, loader, &err) != 0)
			goto fail;
		arguments[0] = loader;
		arguments[1] = path;
		memcpy(arguments + 2, argv + 1, (size_t)argc * sizeof *argv);
		execv(loader, arguments);
	} else {
		execv(path, argv);
	}
	matr_fail_errno(&err, path, "cannot be executed");
fail:
	print_error(&err);
	_exit(STATUS_RUN);
}

static void show_difference(const char *line)
{
	uint64_t offset, expected, found;
	int at = 0;

	if (sscanf(line, "diff %" SCNx64 " %" SCNx64 " %" SCNx64 " %n", &offset, &expected, &found,
		   &at) == 3 &&
	    at)
		safe_fprintf(stderr,
			     "  %s offset 0x%" PRIx64 ": expected 0x%" PRIx64 ", found 0x%" PRIx64
			     "\n",
			     line + at, offset, expected, found);
}

static void show_line(struct sum *sum, const char *line)
{
	size_t slots, differences, residual;
	int at = 0;

	if (sscanf(line, "compared %zu %zu %zu %n", &slots, &differences, &residual, &at) == 3 &&
	    at) {
		safe_fprintf(stderr,
			     "%s: %zu differences in %zu slots, %zu relocations left to ld.so\n",
			     line + at, differences, slots, residual);
		sum->compared++;
		sum->slots += slots;
		sum->differences += differences;
	} else if (strncmp(line, "left ", 5) == 0) {
		safe_fprintf(stderr, "%s (left to ld.so)\n", line + 5);
		sum->left++;
	} else {
		show_difference(line);
	}
}

static int show(const char *file, struct sum *sum, struct matr_error *err)
{
	FILE *report = fopen(file, "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	if (!report)
		return matr_fail_errno(err, file, "cannot be read");
	while ((length = getline(&line, &room, report)) > 0) {
		line[length - 1] = 0;
		show_line(sum, line);
	}
	int result = ferror(report) ? matr_fail_errno(err, file, "cannot be read") : 0;
	free(line);
	fclose(report);
	fprintf(stderr, "loads compared: %zu, left to ld.so: %zu, slots: %zu, differences: %zu\n",
		sum->compared, sum->left, sum->slots, sum->differences);
	return result;
}

int verify_loads(const char *prefix, int argc, char **argv, bool bind_now, struct matr_error *err)
{
	char file[] = "/tmp/matr-verify.XXXXXX";
	struct sum sum = {0};
	int status = 0;

	int fd = mkstemp(file);
	if (fd < 0)
		return matr_fail_errno(err, file, "cannot be made");
	close(fd);
	fflush(NULL);
	pid_t child = fork();
	if (child == 0)
		start(prefix, argc, argv, bind_now, file);
	int result = child < 0 ? matr_fail_errno(err, argv[0], "cannot be started") : 0;
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	if (result == 0 && WIFSIGNALED(status))
		print_warning("%s: killed by signal %d", argv[0], WTERMSIG(status));
	else if (result == 0 && status)
		print_warning("%s: exit status %d", argv[0], WEXITSTATUS(status));
	if (result == 0)
		result = show(file, &sum, err);
	unlink(file);
	return result == 0 ? sum.compared && !sum.differences : -1;
}
