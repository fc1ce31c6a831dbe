/* many.c - counts its libraries, and adds up what a pointer of each leads to. */
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	int n = 0, sum = 0;

	for (struct link_map *map = _r_debug.r_map; map; map = map->l_next) {
		if (!strstr(map->l_name, "/libm0"))
			continue;
		void *handle = dlopen(map->l_name, RTLD_NOW | RTLD_NOLOAD);
		int **pointer = handle ? dlsym(handle, "pointer") : NULL;
		sum += pointer ? **pointer : 0;
		n++;
	}
	printf("%d libraries, sum %d\n", n, sum);
	return n == 0;
}
