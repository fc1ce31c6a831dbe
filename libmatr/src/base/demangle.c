/* demangle.c - libiberty's demanglers, those of nm, c++filt and gdb.
 *
 * They recurse, and what they print can be much longer than what they read. Names far longer than
 * usual are left as they are.
 */
#include "base/demangle.h"

#include <string.h>

#include <libiberty/demangle.h>

enum { LONGEST = 16384 };

bool is_mangled(const char *name)
{
	return name[0] == '_' && (name[1] == 'Z' || name[1] == 'R' || name[1] == '_');
}

static char *demangle_as(const char *name, int options)
{
	if (!is_mangled(name) || strnlen(name, LONGEST) >= LONGEST)
		return NULL;
	return cplus_demangle(name, DMGL_AUTO | options);
}

char *demangle(const char *name)
{
	return demangle_as(name, DMGL_PARAMS | DMGL_ANSI);
}

char *demangle_plain(const char *name)
{
	return demangle_as(name, DMGL_ANSI | DMGL_RET_DROP);
}
