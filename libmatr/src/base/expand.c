/* expand.c - the paths that a pattern of glob(7) matches. */
#include "base/expand.h"

#include <errno.h>

#include "base/resources.h"

/* Stop glob() where resources ran out, with errno. */
static int stop(const char *directory, int error)
{
	(void)directory;
	if (!resources_ran_out(error))
		return 0;
	errno = error;
	return -1;
}

int expand_pattern(const char *pattern, int flags, glob_t *out, struct matr_error *err)
{
	*out = (glob_t){.gl_pathc = 0};
	int result = glob(pattern, flags, stop, out);
	if (result == GLOB_NOSPACE)
		return matr_fail_memory(err);
	if (result == GLOB_ABORTED)
		return matr_fail_errno(err, pattern, "cannot be expanded");
	return 0;
}
