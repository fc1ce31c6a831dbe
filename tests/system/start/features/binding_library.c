/* binding_library.c - the same names in several libraries: interposition, protected and hidden
 * visibility, -Bsymbolic, versions. WHO tells the copies apart. */
#define NAME_(prefix, who) prefix##who
#define NAME(prefix, who)  NAME_(prefix, who)

int shared_function(void);
int shared_data = WHO;
__attribute__((visibility("protected"))) int protected_function(void);
__attribute__((visibility("protected"))) int protected_data = WHO;
__attribute__((visibility("hidden"))) int hidden_function(void);
__attribute__((weak)) int weak_function(void);
int NAME(report_, WHO)(int which);

int shared_function(void)
{
	return WHO;
}
int protected_function(void)
{
	return WHO;
}
int hidden_function(void)
{
	return WHO;
}
int weak_function(void)
{
	return WHO;
}

static int (*const pointers[])(void) = {shared_function, protected_function, hidden_function,
					weak_function};
static int *const data[] = {&shared_data, &protected_data};

int NAME(report_, WHO)(int which)
{
	if (which < 4)
		return pointers[which]();
	if (which < 6)
		return *data[which - 4];
	return which == 6 ? shared_function() : which == 7 ? protected_function() : weak_function();
}
