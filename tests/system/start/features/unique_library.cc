// unique_library.cc - linked at start, and again as a plugin under another name.
#include "unique.h"

extern "C" int *unique_next()
{
	return Unique<int>::next();
}
