/* order.c - the order of constructors and destructors of a program and its libraries. */
#include <stdio.h>
#include <stdlib.h>

extern int order_a(void), order_b(void), order_c(void);

static void preinit(void)
{
	fputs("preinit\n", stderr);
}
__attribute__((section(".preinit_array"), used)) static void (*const first)(void) = preinit;

__attribute__((constructor)) static void begin(void)
{
	fputs("begin program\n", stderr);
}
__attribute__((destructor)) static void end(void)
{
	fputs("end program\n", stderr);
}
static void at_exit(void)
{
	fputs("atexit\n", stderr);
}

int main(void)
{
	atexit(at_exit);
	return order_a() + order_b() + order_c();
}
