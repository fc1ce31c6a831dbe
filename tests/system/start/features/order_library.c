/* order_library.c - constructors and destructors that print when they run. */
#include <stdio.h>
#include <unistd.h>

int ORDER_NAME(void);

static void say(const char *what)
{
	fprintf(stderr, "%s %s\n", what, ORDER_TEXT);
}

__attribute__((constructor)) static void begin(int argc, char **argv, char **environment)
{
	say(argc > 0 && argv != NULL && environment == environ ? "begin" : "begin (arguments?)");
}
__attribute__((constructor(101))) static void begin_early(void)
{
	say("begin early");
}
__attribute__((destructor)) static void end(void)
{
	say("end");
}
int ORDER_NAME(void)
{
	return 1;
}
