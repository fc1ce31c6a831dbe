#include "matr/namespace/reporting_child.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <matr/prefix.h>

static void close_pipe(const int ends[2])
{
	for (int i = 0; i < 2; i++) {
		if (ends[i] >= 0)
			close(ends[i]);
	}
}

static void redirect(int report, int errors)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(errors, STDERR_FILENO) < 0 || fcntl(report, F_SETFD, 0) != 0)
		_exit(1);
}

pid_t reporting_child_fork(const char *path, struct reporting_child *out, struct matr_error *err)
{
	int report[2] = {-1, -1}, errors[2] = {-1, -1};
	pid_t child = -1;

	if (pipe2(report, O_CLOEXEC) != 0 || pipe2(errors, O_CLOEXEC) != 0)
		matr_fail_errno(err, path, "no pipe");
	else if ((child = fork()) < 0)
		matr_fail_errno(err, path, "cannot fork");
	if (child < 0) {
		close_pipe(report);
		close_pipe(errors);
		return -1;
	}
	if (child == 0) {
		redirect(report[1], errors[1]);
		*out = (struct reporting_child){report[1], -1};
		return 0;
	}
	close(report[1]);
	close(errors[1]);
	*out = (struct reporting_child){report[0], errors[0]};
	return child;
}

void reporting_child_execute(const char *prefix, const char *path, enum placement placement,
			     struct matr_error *err)
{
	char loader[PATH_MAX];

	if (placement != NO_NAMESPACE)
		execl(path, path, (char *)NULL);
	else if (path_join(prefix, MATR_LD_STABLE_FILE, loader, err) != 0)
		return;
	else
		execl(loader, loader, path, (char *)NULL);
	matr_fail_errno(err, path, "cannot be executed");
}

bool reporting_child_read(int fd, struct text *text, size_t most)
{
	char bytes[4096];
	ssize_t n = read(fd, bytes, sizeof bytes);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (text->size < most)
		text_add(text, bytes, (size_t)n);
	return n > 0;
}

void reporting_child_close(struct reporting_child *child)
{
	close(child->report);
	close(child->errors);
}
