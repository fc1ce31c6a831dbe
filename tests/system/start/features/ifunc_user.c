/* ifunc_user.c - a library that uses another library's IFUNCs, by call and by pointer, and one of
 * its own that no other object sees (IRELATIVE). */
typedef int function(int);
extern function ifunc_first, ifunc_second;
int ifunc_through_local(int n);

static int plus(int n)
{
	return n + 1;
}
static function *local_resolver(void)
{
	return plus;
}
static int ifunc_local(int n) __attribute__((ifunc("local_resolver")));

function *ifunc_pointers[] = {ifunc_first, ifunc_second, ifunc_first};
static function *volatile own_pointer = ifunc_local;

int ifunc_through_local(int n)
{
	return ifunc_local(own_pointer(ifunc_first(n))) - 1;
}
