/* resources.c - telling exhaustion from errors of a file. */
#include "base/resources.h"

#include <errno.h>

bool resources_ran_out(int error)
{
	return error == ENOMEM || error == EMFILE || error == ENFILE;
}

int resources_glob_error(const char *directory, int error)
{
	(void)directory;
	if (!resources_ran_out(error))
		return 0;
	errno = error;
	return -1;
}
