/* textrel.c - a program with text relocations in a library. */
#include <stdio.h>

extern int textrel_value(void);

int main(void)
{
	printf("%d\n", textrel_value());
	return 0;
}
