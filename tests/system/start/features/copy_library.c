/* copy_library.c - data that a non-PIE program copies, and addresses to compare. */
int copied_number = 5;
const char *copied_text = "text";
char copied_block[1000] = "block";
int *number_in_library = &copied_number;
extern int weak_nowhere(void) __attribute__((weak));

int copy_function(int n);
int (*function_in_library)(int) = copy_function;
int copy_read(void);
int copy_weak(void);

int copy_function(int n)
{
	return n + copied_number;
}

int copy_read(void)
{
	return copied_number + copied_block[0];
}

int copy_weak(void)
{
	return weak_nowhere != 0;
}
