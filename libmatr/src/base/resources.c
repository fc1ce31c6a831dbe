/* resources.c - telling exhaustion from errors of a file. */
#include "base/resources.h"

#include <errno.h>

bool resources_ran_out(int error)
{
	return error == ENOMEM || error == EMFILE || error == ENFILE;
}
