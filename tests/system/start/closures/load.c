/* load.c - a program that loads what its arguments say, for tests/system/start/closures.sh.
 *
 * Every argument is a step; what comes of it is printed. A step that fails does not end the
 * program.
 *
 *	open NAME PATH FLAGS   dlopen(); FLAGS: lazy, now, global, deepbind, o: noload, N: nodelete
 *	private NAME PATH      dlmopen(LM_ID_NEWLM)
 *	call NAME FUNCTION     int function(void); NAME "-": RTLD_DEFAULT
 *	child NAME FUNCTION    the same in a forked child, and how that ended
 *	close NAME             dlclose()
 *	loaded FILE            whether an object of that file name is in the process
 *	list                   the objects in ld.so's order; a wrong l_ld is marked
 *	same SYMBOL A B        whether the symbol has one address in A and B
 *	thread ... end         the steps in between in a thread of its own
 *	small ... end          the same with a stack of 64 KiB
 *	fork ... end           in a child, whose end is waited for
 *	link FROM TO           make FROM name what TO names: rename() of a symbolic link
 */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_OPEN = 1024, SMALL_STACK = 64 << 10 };

static struct {
	const char *name;
	void *handle;
} opened[MAX_OPEN];
static int n_opened;

static char **steps(char **at);

static int flags_of(const char *text)
{
	int flags = 0;

	for (; *text; text++) {
		switch (*text) {
		case 'l':
			flags |= RTLD_LAZY;
			break;
		case 'n':
			flags |= RTLD_NOW;
			break;
		case 'g':
			flags |= RTLD_GLOBAL;
			break;
		case 'd':
			flags |= RTLD_DEEPBIND;
			break;
		case 'o':
			flags |= RTLD_NOLOAD;
			break;
		case 'N':
			flags |= RTLD_NODELETE;
			break;
		}
	}
	return flags;
}

static void *handle_of(const char *name)
{
	for (int i = n_opened; i-- > 0;) {
		if (!strcmp(opened[i].name, name))
			return opened[i].handle;
	}
	return RTLD_DEFAULT;
}

static void keep(const char *name, void *handle)
{
	if (!handle) {
		printf("%s: %s\n", name, dlerror());
		return;
	}
	printf("%s: open\n", name);
	if (n_opened == MAX_OPEN)
		abort();
	opened[n_opened].name = name;
	opened[n_opened++].handle = handle;
}

static void call(const char *name, const char *function)
{
	int (*address)(void) = (int (*)(void))(uintptr_t)dlsym(handle_of(name), function);

	if (!address)
		printf("%s.%s: %s\n", name, function, dlerror());
	else
		printf("%s.%s() = %d\n", name, function, address());
}

static void report_child(pid_t child)
{
	int status = 0;

	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		printf("child: signal %d\n", WTERMSIG(status));
	else
		printf("child: status %d\n", WEXITSTATUS(status));
}

static int find_file(struct dl_phdr_info *info, size_t size, void *wanted)
{
	const char *slash = strrchr(info->dlpi_name, '/');

	(void)size;
	return !strcmp(slash ? slash + 1 : info->dlpi_name, wanted);
}

/* Test whether the object that dl_iterate_phdr() shows at the map's address has its dynamic section
 * at l_ld. */
static int has_dynamic(struct dl_phdr_info *info, size_t size, void *wanted)
{
	const struct link_map *map = wanted;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC && info->dlpi_addr == map->l_addr &&
		    info->dlpi_addr + info->dlpi_phdr[i].p_vaddr == (uintptr_t)map->l_ld)
			return 1;
	}
	return 0;
}

static void list(void)
{
	for (struct link_map *map = _r_debug.r_map; map; map = map->l_next) {
		const char *slash = strrchr(map->l_name, '/');
		printf("%s%s ", slash ? slash + 1 : map->l_name,
		       dl_iterate_phdr(has_dynamic, map) ? "" : " (l_ld is wrong)");
	}
	puts("");
}

static void *run_thread(void *at)
{
	return steps(at);
}

static char **thread(char **at, size_t stack)
{
	pthread_attr_t attributes;
	pthread_t id;
	void *end = NULL;

	pthread_attr_init(&attributes);
	if (stack)
		pthread_attr_setstacksize(&attributes, stack);
	if (pthread_create(&id, &attributes, run_thread, at) || pthread_join(id, &end))
		abort();
	return end;
}

static char **forked(char **at)
{
	fflush(NULL);
	pid_t child = fork();
	char **end = at;

	if (child == 0) {
		steps(at);
		fflush(NULL);
		_exit(0);
	}
	report_child(child);
	for (int depth = 1; *end && depth; end++)
		depth += !strcmp(*end, "thread") || !strcmp(*end, "small") || !strcmp(*end, "fork")
				 ? 1
				 : -!strcmp(*end, "end");
	return end;
}

static void replace_link(const char *from, const char *to)
{
	char made[4096];

	snprintf(made, sizeof made, "%s.new", from);
	if (symlink(to, made) || rename(made, from))
		abort();
}

static char **step(char **at)
{
	const char *what = *at++;

	if (!strcmp(what, "open")) {
		keep(at[0], dlopen(at[1], flags_of(at[2])));
		return at + 3;
	}
	if (!strcmp(what, "private")) {
		keep(at[0], dlmopen(LM_ID_NEWLM, at[1], RTLD_NOW));
		return at + 2;
	}
	if (!strcmp(what, "call")) {
		call(at[0], at[1]);
		return at + 2;
	}
	if (!strcmp(what, "child")) {
		fflush(NULL);
		pid_t child = fork();
		if (child == 0) {
			freopen("/dev/null", "w", stderr); /* what ld.so says has paths in it */
			call(at[0], at[1]);
			fflush(NULL);
			_exit(0);
		}
		report_child(child);
		return at + 2;
	}
	if (!strcmp(what, "close")) {
		printf("%s: close %d\n", at[0], dlclose(handle_of(at[0])));
		return at + 1;
	}
	if (!strcmp(what, "loaded")) {
		printf("%s is %sloaded\n", at[0], dl_iterate_phdr(find_file, at[0]) ? "" : "not ");
		return at + 1;
	}
	if (!strcmp(what, "list")) {
		list();
		return at;
	}
	if (!strcmp(what, "same")) {
		printf("%s is %s\n", at[0],
		       dlsym(handle_of(at[1]), at[0]) == dlsym(handle_of(at[2]), at[0]) ? "one"
											: "two");
		return at + 3;
	}
	if (!strcmp(what, "link")) {
		replace_link(at[0], at[1]);
		return at + 2;
	}
	if (!strcmp(what, "thread"))
		return thread(at, 0);
	if (!strcmp(what, "small"))
		return thread(at, SMALL_STACK);
	if (!strcmp(what, "fork"))
		return forked(at);
	fprintf(stderr, "%s: no such step\n", what);
	exit(2);
}

static char **steps(char **at)
{
	while (*at && strcmp(*at, "end") != 0)
		at = step(at);
	return *at ? at + 1 : at;
}

int main(int argc, char **argv)
{
	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 0); /* constructors print too */
	steps(argv + 1);
	return 0;
}
