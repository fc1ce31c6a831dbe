extern int also(void);
int number(void)
{
	return also() + 1;
}
