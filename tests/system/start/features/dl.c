/* dl.c - the dl*() functions on a program whose libraries ld-stable has mapped and relocated. What
 * they report must be what they report without it. ld-stable itself is one more object in
 * the process and is left out of lists. */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

extern const char *where(void);
extern int dl_exported(int n);
extern int dl_wrapped(int n);
extern void *dl_default(const char *name);
extern int dl_data;
int from_program(int n);

int from_program(int n)
{
	return n * n;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash != NULL ? slash + 1 : path;
}

static void address(const char *what, const void *pointer)
{
	Dl_info info;
	if (dladdr(pointer, &info) == 0)
		printf("%s: unknown\n", what);
	else
		printf("%s: %s %s %d\n", what, base_name(info.dli_fname),
		       info.dli_sname != NULL ? info.dli_sname : "-", info.dli_saddr == pointer);
}

static int object(struct dl_phdr_info *info, size_t size, void *data)
{
	(void)size;
	int *position = data;
	if (strcmp(base_name(info->dlpi_name), "ld-stable") == 0)
		return 0;
	unsigned interpreters = 0, dynamics = 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		interpreters += info->dlpi_phdr[i].p_type == PT_INTERP;
		dynamics += info->dlpi_phdr[i].p_type == PT_DYNAMIC;
	}
	if (*position == 0) /* the program: its own headers, not a copy */
		printf("program headers: %d %u\n",
		       (unsigned long)info->dlpi_phdr == getauxval(AT_PHDR), interpreters);
	printf("object %d: %s %u\n", (*position)++, info->dlpi_name, dynamics);
	return 0;
}

int main(int argc, char **argv)
{
	(void)argc;
	printf("%s %d %d\n", where(), dl_exported(1), dl_wrapped(1));
	int (*found)(int) = (int (*)(int))dlsym(RTLD_DEFAULT, "dl_exported");
	printf("default: %d %d\n", found == dl_exported, dl_default("dl_data") == &dl_data);
	printf("from program: %d\n", dl_default("from_program") == (void *)from_program);
	printf("missing: %d\n", dl_default("no_such_symbol") == NULL);
	printf("version: %d\n", dlvsym(RTLD_DEFAULT, "memcpy", "GLIBC_2.14") != NULL);
	address("program", (void *)main);
	address("library", (void *)dl_exported);
	address("data", &dl_data);
	address("libc", (void *)dlsym(RTLD_DEFAULT, "qsort"));

	int position = 0;
	dl_iterate_phdr(object, &position);
	printf("objects: %d\n", position);

	void *loaded = dlopen("libdl1.so.1", RTLD_NOW | RTLD_NOLOAD);
	printf("loaded already: %d\n", loaded != NULL);
	void *self = dlopen(NULL, RTLD_NOW);
	struct link_map *map;
	if (self != NULL && dlinfo(self, RTLD_DI_LINKMAP, &map) == 0)
		printf("self: \"%s\" %d\n", map->l_name, map->l_prev == NULL);
	char origin[4096];
	if (loaded != NULL && dlinfo(loaded, RTLD_DI_ORIGIN, origin) == 0)
		printf("origin: %s\n", origin);

	void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (plugin == NULL) {
		printf("plugin: %s\n", dlerror());
		return 1;
	}
	int (*run)(int) = (int (*)(int))dlsym(plugin, "plugin_run");
	printf("plugin: %d, data %d\n", run(3), dl_data);
	printf("not global: %d\n", dlsym(RTLD_DEFAULT, "plugin_run") == NULL);
	address("plugin", (void *)run);
	printf("closed: %d %d\n", dlclose(plugin), dlclose(loaded));

	void *other = dlmopen(LM_ID_NEWLM, "libdl2.so.1", RTLD_NOW);
	const char *(*other_where)(void) =
		other != NULL ? (const char *(*)(void))dlsym(other, "dl2_where") : NULL;
	printf("other namespace: %s %d\n", other_where != NULL ? other_where() : dlerror(),
	       other_where != (const char *(*)(void))dlsym(RTLD_DEFAULT, "dl2_where"));
	printf("no such: %d\n", dlopen("libno-such-library.so", RTLD_NOW) == NULL);
	return 0;
}
