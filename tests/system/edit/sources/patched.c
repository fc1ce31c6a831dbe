/* A security fix: the function with a check in front. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
char *patched_setlocale(int category, const char *locale)
{
	if (locale && strlen(locale) > 1000)
		return NULL;
	if (getenv("PATCHED"))
		(void)!write(2, "patched\n", 8);
	return setlocale(category, locale);
}
