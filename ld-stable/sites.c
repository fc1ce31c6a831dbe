/* sites.c - answering the system calls of ld.so (sites.h). Nothing is armed yet. */
#include "sites.h"

long site_call(const struct site_call *call)
{
	(void)call;
	return SITE_REAL_CALL;
}
