/* subprocess.c - running a tool of the system.
 *
 * The tool's output goes to files in memory: it may write to both of them in any order, and nothing
 * has to read meanwhile.
 */
#include "common/subprocess.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NO_SUCH_TOOL = 127 };

static void start(char *const argv[], const char *temporary, const int files[2], pid_t parent)
{
	int null = open("/dev/null", O_RDONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (null < 0 || getppid() != parent || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(files[0], STDOUT_FILENO) < 0 || dup2(files[1], STDERR_FILENO) < 0 ||
	    setenv("TMPDIR", temporary, 1) != 0 || setenv("LC_ALL", "C", 1) != 0)
		_exit(1);
	execvp(argv[0], argv);
	_exit(errno == ENOENT ? NO_SUCH_TOOL : 1);
}

static void read_string(int file, char *out, size_t size)
{
	ssize_t length = pread(file, out, size - 1, 0);
	out[length > 0 ? length : 0] = 0;
}

/* Drop the tool's name from its message ("dpkg-deb: error: 'x' is not a Debian format archive"):
 * ours has it already. */
static const char *complaint_of(char *text, const char *tool)
{
	static const char error[] = "error: ";
	size_t length = strlen(tool);

	char *end = text + strcspn(text, "\n");

	if (end > text && end[-1] == ':' && *end) /* the reason follows in the next line */
		end += 1 + strcspn(end + 1, "\n");
	*end = 0;
	for (char *c = text; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = *c == '\n' ? ' ' : '?';
	if (strncmp(text, tool, length) == 0 && strstr(text, ": "))
		text = strstr(text, ": ") + 2;
	return strncmp(text, error, sizeof error - 1) == 0 ? text + sizeof error - 1 : text;
}

static int judge(int status, const char *tool, const char *file, int complaints,
		 struct matr_error *err)
{
	char text[256];

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_SUCH_TOOL)
		return matr_fail(err, MATR_ERROR_NOT_FOUND, tool, "is not installed");
	read_string(complaints, text, sizeof text);
	const char *complaint = complaint_of(text, tool);
	if (WIFSIGNALED(status))
		return matr_fail(err, MATR_ERROR_SYSTEM, file, "%s was killed by signal %d", tool,
				 WTERMSIG(status));
	return matr_fail(err, MATR_ERROR_MALFORMED, file, "%s failed%s%s", tool,
			 *complaint ? ": " : "", complaint);
}

int subprocess_run(char *const argv[], const char *temporary, const char *file, char *out,
		   size_t size, struct matr_error *err)
{
	int files[2] = {memfd_create("output", MFD_CLOEXEC),
			memfd_create("complaints", MFD_CLOEXEC)};
	int status, result = 0;
	pid_t parent = getpid(), child = -1;

	if (files[0] < 0 || files[1] < 0)
		result = matr_fail_errno(err, NULL, "no file in memory");
	if (result == 0 && (child = fork()) < 0)
		result = matr_fail_errno(err, NULL, "no process for %s", argv[0]);
	if (child == 0)
		start(argv, temporary, files, parent);
	while (result == 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			result = matr_fail_errno(err, argv[0], "cannot be waited for");
	if (result == 0)
		result = judge(status, argv[0], file, files[1], err);
	if (result == 0 && out)
		read_string(files[0], out, size);
	for (int i = 0; i < 2; i++)
		if (files[i] >= 0)
			close(files[i]);
	return result;
}
