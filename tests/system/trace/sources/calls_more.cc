extern "C" int deep(int);
extern "C" int tail_target(int);
extern "C" int recurse(int n)
{
	return deep(n);
}
extern "C" __attribute__((optimize("O2"))) int tail(int n)
{
	return tail_target(n);
}
