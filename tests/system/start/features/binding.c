/* binding.c - the function that each object takes, of several with the same name. */
#include <stdio.h>

extern int report_1(int which), report_2(int which), report_3(int which);
extern int shared_function(void), weak_function(void);
extern int shared_data;

int main(void)
{
	int (*const reports[])(int) = {report_1, report_2, report_3};
	for (int i = 0; i < 3; i++) {
		printf("library %d:", i + 1);
		for (int which = 0; which < 9; which++)
			printf(" %d", reports[i](which));
		printf("\n");
	}
	printf("program: %d %d %d\n", shared_function(), weak_function(), shared_data);
	return 0;
}
