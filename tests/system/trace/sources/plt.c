extern int compare(const void *, const void *), taker(const int *, const int *);
int (*volatile own)(const void *, const void *);
int main(void)
{
	int a = 1, b = 2;
	own = compare;
	return compare(&a, &b) + own(&b, &a) + taker(&a, &b);
}
