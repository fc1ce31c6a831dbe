extern int compare(const void *, const void *);
int (*pointer)(const void *, const void *) = compare;
int taker(const int *a, const int *b)
{
	return compare(a, b) + pointer(b, a);
}
