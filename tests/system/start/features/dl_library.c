/* dl_library.c - a library linked at start: what dlsym() finds, and what it wraps (RTLD_NEXT). */
#include <dlfcn.h>
#include <stddef.h>

const char *where(void);
int dl_exported(int n);
int dl_wrapped(int n);
void *dl_default(const char *name);

int dl_data = 42;

const char *where(void)
{
	return WHERE;
}

int dl_exported(int n)
{
	return n + dl_data;
}

/* Also in the library after this one in the scope. */
int dl_wrapped(int n)
{
	int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "dl_wrapped");
	return next != NULL ? 100 + next(n) : n;
}

void *dl_default(const char *name)
{
	return dlsym(RTLD_DEFAULT, name);
}
