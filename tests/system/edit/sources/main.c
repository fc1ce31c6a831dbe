#include <stdio.h>
extern int number(void), twice(void), chosen(void), call_number(void);
extern int small;
extern long large;
extern __thread int local;
extern int (*number_address(void))(void);
extern int weak(void) __attribute__((weak));
int main(void)
{
	printf("%d %d %d %d %d %ld %d %d\n", number(), twice(), call_number(), chosen(), small,
	       large, local, number_address()());
	return 0;
}
