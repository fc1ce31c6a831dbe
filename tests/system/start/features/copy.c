/* copy.c - built as PIE and as non-PIE: copy relocations, canonical function addresses, weak
 * undefined references. What the program writes, the library must see. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern int copied_number;
extern const char *copied_text;
extern char copied_block[1000];
extern int *number_in_library;
extern int copy_function(int n);
extern int (*function_in_library)(int);
extern int copy_read(void);
extern int copy_weak(void);
extern int weak_nowhere(void) __attribute__((weak));
extern char **environ;

static int (*const function_in_program)(int) = copy_function;
static int *const number_in_program = &copied_number;

int main(void)
{
	printf("%d %s %s\n", copied_number, copied_text, copied_block);
	printf("same number %d\n", number_in_library == number_in_program);
	printf("same function %d\n", function_in_library == function_in_program);
	copied_number = 1000;
	copied_block[0] = 1;
	printf("written %d %d\n", copy_function(1), copy_read());
	printf("weak %d %d\n", weak_nowhere != NULL, copy_weak());
	fprintf(stderr, "environment %d\n", environ != NULL && getpid() > 0);
	return 0;
}
