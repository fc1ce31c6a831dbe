#include <time.h>
void inner(void)
{
	struct timespec t = {0, 100000000};
	nanosleep(&t, 0);
}
