extern int number(void);
int call_number(void)
{
	return number();
}
