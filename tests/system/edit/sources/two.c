int number(void)
{
	return 2;
}
int small = 40;
long large = 60;
long wide_small = 41;
__thread int local = 70;
static int chosen_1(void)
{
	return 80;
}
static void *choose(void)
{
	return chosen_1;
}
int chosen(void) __attribute__((ifunc("choose")));
int also(void)
{
	return 22;
}
