/* record.c - matr-record.so: an auditor (rtld-audit(7)) that notes what a program loads with
 * dlopen().
 *
 * `matr record` puts it into LD_AUDIT. ld.so tells an auditor of every object that it maps and of
 * every name that it searches for: the first object after the program's own start, or after the
 * last dlopen(), is the root of what is being loaded. The flags are seen only where dlopen() is
 * called through a PLT, which ld.so lets an auditor redirect.
 *
 * Every load becomes one line of the file that MATR_RECORD_FILE names, in the format of
 * PREFIX/recordings (matr-record(1)), with one write(), so that processes can share the file. What
 * goes wrong here must not disturb the program: then nothing is noted.
 */
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 4 * 3 * PATH_MAX };

/* ld.so holds its lock whenever it calls an auditor, and a process has one of each. */
static struct {
	char program[PATH_MAX]; /* canonical; "": not known */
	const char *file;
	char asked[PATH_MAX]; /* the last name that was searched for */
	bool started;	      /* the objects of the start are all there */
	bool loading;	      /* the root is there: what follows is what it needs */
} state;

/* Used by the stub below. */
__attribute__((visibility("hidden"))) uint64_t real_dlopen;
__attribute__((visibility("hidden"))) int dlopen_flags = -1;
void dlopen_stub(void);

/* dlopen() looks at its return address to know who calls, so this must not be a call. */
__asm__(".text\n"
	".hidden dlopen_stub\n"
	".globl dlopen_stub\n"
	".type dlopen_stub, @function\n"
	"dlopen_stub:\n"
	"	movl %esi, dlopen_flags(%rip)\n"
	"	jmp *real_dlopen(%rip)\n"
	".size dlopen_stub, . - dlopen_stub\n");

/* ---- a line ---- */

static size_t put(char *line, size_t at, const char *text, char end)
{
	static const char digits[] = "0123456789abcdef";

	for (; *text && at < LINE_SIZE - 4; text++) {
		unsigned char c = (unsigned char)*text;
		if (c <= ' ' || c == '%' || c == 0x7f) {
			line[at++] = '%';
			line[at++] = digits[c >> 4];
			line[at++] = digits[c & 15];
		} else {
			line[at++] = *text;
		}
	}
	line[at++] = end;
	return at;
}

static void describe_flags(int flags, char out[64])
{
	out[0] = 0;
	if (flags == -1) {
		strcpy(out, "-");
		return;
	}
	strcpy(out, flags & RTLD_NOW ? "now" : "lazy");
	if (flags & RTLD_GLOBAL)
		strcat(out, ",global");
	if (flags & RTLD_NODELETE)
		strcat(out, ",nodelete");
	if (flags & RTLD_DEEPBIND)
		strcat(out, ",deepbind");
}

static void note(const char *root)
{
	char flags[64];
	char *line = malloc(LINE_SIZE);

	/* What was loaded under a relative name is another file in another directory. */
	if (!line || root[0] != '/' || !state.program[0] || !state.file) {
		free(line);
		return;
	}
	describe_flags(dlopen_flags, flags);
	size_t size = put(line, 0, state.program, ' ');
	size = put(line, size, root, ' ');
	size = put(line, size, flags, ' ');
	size = put(line, size, state.asked[0] ? state.asked : "-", '\n');
	int fd = open(state.file, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t written = write(fd, line, size);
		(void)written; /* nobody is there to be told */
		close(fd);
	}
	free(line);
}

/* ---- what ld.so calls ---- */

unsigned int la_version(unsigned int version)
{
	ssize_t length = readlink("/proc/self/exe", state.program, sizeof state.program - 1);

	if (length < 0)
		length = 0;
	state.program[length] = 0;
	state.file = getenv("MATR_RECORD_FILE");
	return version < LAV_CURRENT ? version : LAV_CURRENT;
}

char *la_objsearch(const char *name, uintptr_t *cookie, unsigned int flag)
{
	(void)cookie;
	if (flag == LA_SER_ORIG && state.started && !state.loading) {
		strncpy(state.asked, name, sizeof state.asked - 1);
		state.asked[sizeof state.asked - 1] = 0;
	}
	return (char *)name;
}

void la_activity(uintptr_t *cookie, unsigned int flag)
{
	(void)cookie;
	if (flag != LA_ACT_CONSISTENT)
		return;
	state.started = true;
	state.loading = false;
	dlopen_flags = -1;
}

unsigned int la_objopen(struct link_map *map, Lmid_t namespace, uintptr_t *cookie)
{
	(void)cookie;
	if (namespace != LM_ID_BASE)
		return 0;
	if (state.started && !state.loading) {
		state.loading = true;
		note(map->l_name);
	}
	return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

uintptr_t la_symbind64(Elf64_Sym *symbol, unsigned int index, uintptr_t *by, uintptr_t *to,
		       unsigned int *flags, const char *name)
{
	(void)index;
	(void)by;
	(void)to;
	*flags |= LA_SYMB_NOPLTENTER | LA_SYMB_NOPLTEXIT;
	if (strcmp(name, "dlopen") != 0 || symbol->st_value == (uint64_t)dlopen_stub)
		return symbol->st_value;
	real_dlopen = symbol->st_value;
	return (uintptr_t)dlopen_stub;
}
