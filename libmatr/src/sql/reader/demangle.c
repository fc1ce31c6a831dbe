/* demangle.c - libiberty's demanglers, those of nm, c++filt and gdb.
 *
 * They recurse, and what they print can be much longer than what they read. Names that nobody would
 * meet are left as they are.
 */
#include "sql/reader/demangle.h"

#include <string.h>

#include <libiberty/demangle.h>

enum { LONGEST = 16384 };

char *demangle(const char *name)
{
	if (name[0] != '_' || (name[1] != 'Z' && name[1] != 'R' && name[1] != '_'))
		return NULL;
	if (strnlen(name, LONGEST) >= LONGEST)
		return NULL;
	return cplus_demangle(name, DMGL_AUTO | DMGL_PARAMS | DMGL_ANSI);
}
