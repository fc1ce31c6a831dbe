int number(void)
{
	return 1;
}
int small = 4;
int other_small = 5;
long large = 6;
__thread int local = 7;
static int chosen_1(void)
{
	return 8;
}
static void *choose(void)
{
	return chosen_1;
}
int chosen(void) __attribute__((ifunc("choose")));
int twice(void)
{
	return 2 * number();
}
int (*number_address(void))(void)
{
	return number;
}
