/* process.c - what a process sees of itself: auxiliary vector, arguments, environment, the link
 * map. Addresses differ from run to run, so relations are printed. */
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

extern const Elf64_Ehdr __ehdr_start;
extern void _start(void);
extern const char *where(void);
extern ElfW(Dyn) _DYNAMIC[];

static unsigned long dynamic_value(int64_t tag)
{
	for (ElfW(Dyn) *entry = _DYNAMIC; entry->d_tag != DT_NULL; entry++)
		if (entry->d_tag == tag)
			return entry->d_un.d_val;
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long phdr = (unsigned long)&__ehdr_start + __ehdr_start.e_phoff;
	printf("where %s\n", where());
	printf("AT_PHDR %d\n", getauxval(AT_PHDR) == phdr);
	printf("AT_PHNUM %d\n", getauxval(AT_PHNUM) == __ehdr_start.e_phnum);
	printf("AT_PHENT %lu\n", getauxval(AT_PHENT));
	printf("AT_ENTRY %d\n", getauxval(AT_ENTRY) == (unsigned long)_start);
	const Elf64_Ehdr *base = (const Elf64_Ehdr *)getauxval(AT_BASE);
	printf("AT_BASE %d\n", base != NULL && memcmp(base->e_ident, ELFMAG, SELFMAG) == 0);
	printf("AT_BASE is ld.so's %d\n", (unsigned long)base == _r_debug.r_ldbase);
	printf("AT_SECURE %lu\n", getauxval(AT_SECURE));
	printf("AT_EXECFN %s\n", (const char *)getauxval(AT_EXECFN));
	printf("AT_RANDOM %d\n", getauxval(AT_RANDOM) != 0);
	printf("uid %d\n", getauxval(AT_UID) == getuid() && getauxval(AT_EUID) == geteuid());
	const struct r_debug *debug = (const struct r_debug *)dynamic_value(DT_DEBUG);
	printf("DT_DEBUG %d\n", debug != NULL && debug->r_map == _r_debug.r_map);
	printf("needed %lu\n", dynamic_value(DT_NEEDED));
	printf("stack aligned %d\n", ((unsigned long)argv - 8) % 16 == 0);

	struct link_map *map = _r_debug.r_map;
	printf("first map \"%s\" %d %d\n", map->l_name, map->l_ld == _DYNAMIC, map->l_prev == NULL);
	for (map = map->l_next; map != NULL; map = map->l_next)
		if (strstr(map->l_name, "/ld-stable") == NULL)
			printf("map %s\n", map->l_name);
	char exe[4096];
	ssize_t size = readlink("/proc/self/exe", exe, sizeof exe - 1);
	printf("exe %.*s\n", (int)size, exe);
	for (int i = 0; i < argc; i++)
		printf("argument %d %s\n", i, argv[i]);
	printf("end of arguments %d\n", argv[argc] == NULL);
	int n = 0;
	for (char **at = environ; *at != NULL; at++)
		n += strncmp(*at, "MATR_", 5) != 0 && strncmp(*at, "LD_STABLE_", 10) != 0;
	printf("environment %d\n", n);
	const char *home = getenv("HOME");
	printf("HOME %s\n", home != NULL ? home : "-");
	return 0;
}
