__asm__(".symver number_old, number@OLD");
__asm__(".symver number_new, number@@NEW");
int number_old(void)
{
	return 10;
}
int number_new(void)
{
	return 11;
}
