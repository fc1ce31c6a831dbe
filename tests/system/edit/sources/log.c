#include <stdlib.h>
#include <string.h>
#include <unistd.h>
extern int inflate(void *, int);
int log_inflate(void *stream, int flush)
{
	int result = inflate(stream, flush);
	if (getenv("LOG"))
		(void)!write(2, "inflate\n", 8);
	return result;
}
extern void *pcre2_match_data_create_8(unsigned, void *);
extern int puts(const char *);
int log_puts(const char *text)
{
	(void)!write(2, "puts\n", 5);
	return puts(text);
}
