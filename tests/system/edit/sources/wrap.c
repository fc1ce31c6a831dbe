#include <stdlib.h>
#include <unistd.h>
static int counted;
extern void *memcpy(void *, const void *, unsigned long);
void *counting_memcpy(void *to, const void *from, unsigned long size)
{
	counted++;
	return memcpy(to, from, size);
}
__attribute__((destructor)) static void say(void)
{
	if (getenv("PATCHED") && counted)
		(void)!write(2, "counted\n", 8);
}
