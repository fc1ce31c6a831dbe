#include <stdio.h>
extern int number(void), small;
int main(void)
{
	printf("%d %d\n", number(), small);
	return 0;
}
