/* ifunc_library.c - IFUNCs whose resolvers count how often they are called, use relocated data and
 * call into another library: all relocations must be in place before the first resolver runs. */
#include <stddef.h>

extern int dl_exported(int n);
extern int dl_data;
int ifunc_count(int which);

static int count_first, count_second;
static int *const relocated = &dl_data;

static int plus(int n)
{
	return n + 1;
}
static int minus(int n)
{
	return n - 1;
}

typedef int function(int);

static function *first_resolver(void)
{
	count_first++;
	return *relocated > 0 ? plus : minus;
}
int ifunc_first(int n) __attribute__((ifunc("first_resolver")));

static function *second_resolver(void)
{
	count_second++;
	return dl_exported(1) > 1 ? minus : plus;
}
int ifunc_second(int n) __attribute__((ifunc("second_resolver")));

int ifunc_count(int which)
{
	return which == 0 ? count_first : count_second;
}
