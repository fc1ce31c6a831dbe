#include <unistd.h>
extern char *getenv(const char *);
char *log_getenv(const char *name)
{
	(void)!write(2, "getenv\n", 7);
	return getenv(name);
}
