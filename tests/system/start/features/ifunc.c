/* ifunc.c - uses the IFUNCs of the library by call, by pointer in data and by dlsym(). With "count"
 * it prints how often the resolvers ran before main. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef int function(int);
extern function ifunc_first, ifunc_second, ifunc_through_local;
extern function *ifunc_pointers[];
extern int ifunc_count(int which);

static function *const table[] = {ifunc_first, ifunc_second, ifunc_first, ifunc_second};
static function *ours[] = {ifunc_second};

static function *choose(void)
{
	return ifunc_through_local;
}
static int program_ifunc(int n) __attribute__((ifunc("choose_resolver")));
static int ten_times(int n)
{
	return 10 * n;
}
__attribute__((used)) static function *choose_resolver(void)
{
	return ten_times;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "count") == 0) {
		printf("%d %d\n", ifunc_count(0), ifunc_count(1));
		return 0;
	}
	printf("calls %d %d %d\n", ifunc_first(1), ifunc_second(1), ifunc_through_local(1));
	for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++)
		printf("table %u: %d\n", i, table[i](10));
	printf("pointers %d %d %d %d\n", ifunc_pointers[0](1), ifunc_pointers[1](1),
	       ifunc_pointers[2](1), ours[0](1));
	printf("same address %d %d\n", table[0] == ifunc_pointers[0], table[1] == ours[0]);
	printf("program's own %d %d\n", program_ifunc(2), choose()(2));
	function *found = (function *)dlsym(RTLD_DEFAULT, "ifunc_first");
	printf("dlsym %d\n", found != NULL ? found(1) : -1);
	printf("resolved %d %d\n", ifunc_count(0) > 0, ifunc_count(1) > 0);
	return 0;
}
