/* dl_plugin.c - dlopen()ed: uses a library loaded at start, and one that comes with the plugin. */
#include <dlfcn.h>
#include <stddef.h>

extern int dl_exported(int n);
extern int dl_data;
extern int from_program(int n);
int plugin_run(int n);

int (*volatile plugin_pointer)(int) = dl_exported;

int plugin_run(int n)
{
	dl_data++;
	return plugin_pointer(n) * 10 + from_program(n);
}
