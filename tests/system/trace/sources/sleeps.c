#include <time.h>
extern void inner(void);
static void pause_for(long ms)
{
	struct timespec t = {0, ms * 1000000};
	nanosleep(&t, 0);
}
void outer(void)
{
	pause_for(50);
	inner();
}
