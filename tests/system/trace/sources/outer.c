extern long now(void), inside_outer;
extern void inner(long);
long around_inner;
void outer(long ns)
{
	long start = now(), before, after, end;
	while ((before = now()) - start < ns)
		continue;
	inner(2 * ns);
	after = now();
	while ((end = now()) - after < ns)
		continue;
	__atomic_add_fetch(&around_inner, after - before, __ATOMIC_RELAXED);
	__atomic_add_fetch(&inside_outer, end - start, __ATOMIC_RELAXED);
}
