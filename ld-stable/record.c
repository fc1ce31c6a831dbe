/* record.c - noting what the application loads with dlopen() (docs/closures.md, "Recording").
 *
 * ld.so opens the root of a load while its list of objects is consistent, reads the headers from
 * it, and maps it. Then it marks the list as changing, and opens what the root depends on. Other
 * opens are not mapped (names that a search tries, libraries that are there already) or not read
 * from (ld.so's cache). The load is complete when the root's RELRO is protected, after all that it
 * depends on. Then a line is written, with one write().
 *
 * ld.so holds its lock during its file calls. An error here does not reach the program: then
 * nothing more is noted.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "ld_stable.h"
#include "sites.h"

enum {
	PATH_SIZE = 4096,
	ENCODED = 3, /* bytes that a byte may take in a line */
	LINE_SIZE = 3 * ENCODED * PATH_SIZE + 64,
	RUN_SIZE_MAX = 16 << 20, /* bytes of a file; then nothing more is noted */
	N_NOTED = 512,
	MODE_TYPE = 0170000,
	MODE_REGULAR = 0100000,
};

/* Evidence of a load's flags, from its objects. */
enum binding { BINDING_UNKNOWN, BINDING_LAZY, BINDING_NOW };

struct room {
	uint64_t noted[N_NOTED]; /* hashes of roots and flags, open addressing; 0: free */
	char program[PATH_SIZE]; /* canonical */
	char file
		[PATH_SIZE]; /* a copy: programs write to their environment to change their title */
	char root[PATH_SIZE]; /* the file that was opened last and may be a root, or is one */
	char line[LINE_SIZE];
	size_t length; /* of the line */
};

/* The request to record. */
enum mode {
	RECORD_OFF,
	RECORD_RUN,    /* `matr record` */
	RECORD_ALWAYS, /* the manifest: record = always */
};

static struct {
	enum mode mode;
	struct room *room; /* RECORD_ALWAYS: NULL until something is loaded */
	const struct r_debug_public *debug;
	long fd;	/* of what was opened last and may be a root; -1: none */
	bool was_read;	/* from that */
	bool has_relro; /* it has RELRO that ld.so will protect */
	bool searched;	/* the name was searched for */
	bool cache_opened;
	uint32_t tried;	      /* hash of the last file name that was tried without success */
	uint64_t start, size; /* mapping of the root that is being loaded; 0: none */
	enum binding binding;
	bool created; /* RECORD_ALWAYS: the file, which is this one */
	uint64_t device, inode;
} recorder;

static bool make_room(void)
{
	long at = system_call(CALL_MMAP, 0, (long)page_up(sizeof(struct room)),
			      PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!system_call_failed(at))
		recorder.room = (struct room *)at;
	return recorder.room != NULL;
}

/* ---- a line ---- */

static bool copy_path(char to[PATH_SIZE], const char *path)
{
	size_t length = string_length(path);

	if (length >= PATH_SIZE || path[0] != '/')
		return false;
	bytes_copy(to, path, length + 1);
	return true;
}

static void put(struct room *room, const char *text, char end)
{
	static const char digits[] = "0123456789abcdef";

	for (; *text && room->length < LINE_SIZE - 2 * ENCODED; text++) {
		unsigned char c = (unsigned char)*text;
		if (c > ' ' && c != '%' && c != 0x7f) {
			room->line[room->length++] = *text;
			continue;
		}
		room->line[room->length++] = '%';
		room->line[room->length++] = digits[c >> 4];
		room->line[room->length++] = digits[c & 15];
	}
	room->line[room->length++] = end;
}

/* A file that is to be written, and whose size leaves room. */
static bool suits(long fd, uint64_t size_max, struct file_status *status)
{
	return file_status_fd((int)fd, status) && (status->mode & MODE_TYPE) == MODE_REGULAR &&
	       status->file.size <= size_max;
}

static long open_run(void)
{
	struct file_status status;
	long fd = system_call(CALL_OPENAT, AT_FDCWD, (long)recorder.room->file,
			      O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0, 0, 0);

	if (fd < 0 || suits(fd, RUN_SIZE_MAX, &status))
		return fd;
	file_close(fd);
	return -1;
}

/* A filter may kill for opening a file to write. */
static bool is_filtered(void)
{
	static const char key[] = "\nSeccomp:\t0\n";
	struct room *room = recorder.room;
	long fd = file_open("/proc/thread-self/status");

	if (fd < 0)
		return true;
	long size = system_call(CALL_PREAD, fd, (long)room->line, LINE_SIZE - 1, 0, 0, 0);
	file_close(fd);
	if (size <= 0)
		return true;
	room->line[size] = 0;
	for (const char *at = room->line; *at; at++) {
		if (string_starts(at, key))
			return false;
	}
	return true;
}

/* PREFIX/noted/KEY.N */
static void name_file(const struct served *served, uint32_t n)
{
	size_t length = string_length(config_stamped.prefix); /* below MATR_CONFIG_PATH */
	struct line line = {.length = 0};

	line_text(&line, "/" MATR_NOTED_DIRECTORY "/");
	line_hex(&line, served->manifest->key);
	line_text(&line, ".");
	line_number(&line, n);
	bytes_copy(recorder.room->file, config_stamped.prefix, length);
	bytes_copy(recorder.room->file + length, line.text, line.length);
	recorder.room->file[length + line.length] = 0;
}

/* Under the first free name, there being few for a program. */
static long create_file(const struct served *served, int flags)
{
	long fd = -EEXIST;

	for (uint32_t n = 0; n < MATR_NOTED_FILES && fd == -EEXIST; n++) {
		name_file(served, n);
		fd = system_call(CALL_OPENAT, AT_FDCWD, (long)recorder.room->file,
				 flags | O_CREAT | O_EXCL, 0600, 0, 0);
	}
	return fd;
}

/* Others may write to the directory: only a file that this process has created, or that it was
 * forked with, is written to. */
static long open_always(const struct served *served)
{
	enum { FLAGS = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK };
	struct room *room = recorder.room;
	struct file_status status;
	long fd = -ENOENT;

	if (is_filtered() ||
	    !copy_path(room->program, at_place(&served->bases, served->manifest->path)))
		return -1;
	if (recorder.created)
		fd = system_call(CALL_OPENAT, AT_FDCWD, (long)room->file, FLAGS, 0, 0, 0);
	bool create = fd == -ENOENT; /* not yet, or it was collected */
	if (create)
		fd = create_file(served, FLAGS);
	if (fd < 0)
		return fd;
	if (!suits(fd, MATR_NOTED_SIZE, &status) ||
	    (!create &&
	     (status.file.device != recorder.device || status.file.inode != recorder.inode))) {
		file_close(fd);
		return -1;
	}
	recorder.created = true;
	recorder.device = status.file.device;
	recorder.inode = status.file.inode;
	return fd;
}

/* Test whether the load has been noted. If not, it counts as noted from now on. */
static bool was_noted(void)
{
	struct room *room = recorder.room;
	uint64_t key = matr_image_key(room->root, string_length(room->root)) + recorder.binding;

	key += !key;
	for (uint64_t n = 0; n < N_NOTED; n++) {
		uint64_t *slot = &room->noted[(key + n) % N_NOTED];
		if (*slot == key)
			return true;
		if (!*slot) {
			*slot = key;
			return false;
		}
	}
	return false;
}

static void note(const struct served *served)
{
	static const char names[][8] = {"-", "lazy", "now"};
	struct room *room = recorder.room;
	bool always = recorder.mode == RECORD_ALWAYS;

	if ((always && closure_is_recorded(served, room->root)) || was_noted())
		return;
	/* A write beyond a limit of the size of files kills. */
	long fd = file_size_is_limited() ? -1 : always ? open_always(served) : open_run();
	room->length = 0;
	put(room, room->program, ' ');
	put(room, room->root, ' ');
	put(room, names[recorder.binding], ' ');
	put(room, recorder.searched ? last_component(room->root) : "-", '\n');
	long written =
		fd < 0 ? fd
		       : system_call(CALL_WRITE, fd, (long)room->line, (long)room->length, 0, 0, 0);
	if (fd >= 0)
		file_close(fd);
	/* A full disk, another root directory, another user. */
	if (written != (long)room->length)
		recorder.mode = RECORD_OFF;
}

/* ---- the flags ---- */

/* For lazy binding ld.so writes a word of the table behind DT_PLTGOT, if the object has a PLT and
 * does not itself want to be bound at once. */
static enum binding binding_of(const struct link_map_public *map)
{
	uint64_t table = 0, size = 0;

	for (const Elf64_Dyn *dyn = map->l_ld; dyn && dyn->d_tag != DT_NULL; dyn++) {
		switch (dyn->d_tag) {
		case DT_PLTGOT:
			table = dyn->d_un.d_ptr;
			break;
		case DT_PLTRELSZ:
			size = dyn->d_un.d_val;
			break;
		case DT_BIND_NOW:
			return BINDING_UNKNOWN;
		case DT_FLAGS:
			if (dyn->d_un.d_val & DF_BIND_NOW)
				return BINDING_UNKNOWN;
			break;
		case DT_FLAGS_1:
			if (dyn->d_un.d_val & DF_1_NOW)
				return BINDING_UNKNOWN;
			break;
		default:
			break;
		}
	}
	if (!table || !size)
		return BINDING_UNKNOWN;
	if (table < map->l_addr) /* where the section is read-only ld.so does not add it */
		table += map->l_addr;
	return ((const uint64_t *)table)[MACHINE_LAZY_SLOT] ? BINDING_LAZY : BINDING_NOW;
}

/* The object that has the address. */
static const struct link_map_public *object_at(uint64_t address)
{
	const struct link_map_public *found = NULL;

	for (const struct link_map_public *map = recorder.debug->r_map; map; map = map->l_next) {
		if (map->l_addr <= address && (!found || map->l_addr > found->l_addr))
			found = map;
	}
	return found;
}

/* ---- ld.so's calls ---- */

/* After the call: a name that is tried, a library, or ld.so's cache. */
static void opened(const char *path, long fd)
{
	static const char cache[] = "/etc/ld.so.cache";

	recorder.fd = -1;
	recorder.start = 0; /* of a load that failed */
	if (string_equal(path, cache)) {
		recorder.cache_opened = true;
		return;
	}
	uint32_t name = matr_image_name_hash(last_component(path));
	recorder.searched = recorder.cache_opened || recorder.tried == name;
	recorder.cache_opened = false;
	recorder.tried = fd < 0 ? name : 0;
	if (!recorder.room && !make_room()) {
		recorder.mode = RECORD_OFF;
		return;
	}
	/* A relative name means another file in another directory. */
	if (fd < 0 || !copy_path(recorder.room->root, path))
		return;
	recorder.fd = fd;
	recorder.was_read = false;
}

/* Test whether the headers show RELRO that ld.so will protect. Returns false if the program headers
 * lie beyond the first `size` bytes. */
static bool shows_relro(const char *headers, uint64_t size)
{
	const Elf64_Ehdr *ehdr = (const Elf64_Ehdr *)headers;

	if (size < sizeof *ehdr || ehdr->e_phentsize != sizeof(Elf64_Phdr) ||
	    ehdr->e_phoff % sizeof(uint64_t) || ehdr->e_phoff > size ||
	    ehdr->e_phnum > (size - ehdr->e_phoff) / sizeof(Elf64_Phdr))
		return false;
	const Elf64_Phdr *segment = (const Elf64_Phdr *)(headers + ehdr->e_phoff);
	for (size_t i = 0; i < ehdr->e_phnum; i++, segment++) {
		if (segment->p_type == PT_GNU_RELRO)
			return page_down(segment->p_vaddr) !=
			       page_down(segment->p_vaddr + segment->p_memsz);
	}
	return false;
}

static void mapped(const struct served *served, uint64_t start, uint64_t size)
{
	recorder.fd = -1;
	recorder.binding = BINDING_UNKNOWN;
	if (recorder.has_relro) {
		recorder.start = start;
		recorder.size = size;
	} else if (!has_other_namespaces(recorder.debug)) {
		note(served); /* no later call shows it */
	}
}

/* An object of the load is relocated. The root is the last. It is in another namespace if it is not
 * in the list. */
static void protect(const struct served *served, uint64_t address)
{
	const struct link_map_public *map = object_at(address);

	if (map && recorder.binding == BINDING_UNKNOWN)
		recorder.binding = binding_of(map);
	if (address - recorder.start >= recorder.size)
		return;
	recorder.start = 0;
	if (map && string_equal(map->l_name, recorder.room->root))
		note(served);
}

/* The root is unmapped before it is relocated. Another time the load may succeed. */
static void failed(const struct served *served)
{
	recorder.start = 0;
	recorder.binding = BINDING_UNKNOWN;
	if (!has_other_namespaces(recorder.debug))
		note(served);
}

long record_call(const struct served *served, const struct site_call *call, long result)
{
	const long *a = call->arguments;
	bool consistent = recorder.debug->r_state == DEBUG_CONSISTENT;

	if (result != SITE_REAL_CALL &&
	    (call->number != CALL_OPENAT || result >= SERVED_DESCRIPTOR))
		return result;
	switch (call->number) {
	case CALL_OPENAT:
		if (!consistent)
			break;
		if (result == SITE_REAL_CALL)
			result = site_real_call(call);
		opened((const char *)a[1], result);
		break;
	case CALL_READ:
		if (recorder.fd < 0 || (int)a[0] != (int)recorder.fd || recorder.was_read)
			break;
		result = site_real_call(call);
		recorder.was_read = result > 0;
		if (result > 0)
			recorder.has_relro = shows_relro((const char *)a[1], (uint64_t)result);
		break;
	case CALL_MMAP:
		if (recorder.fd < 0 || (int)a[4] != (int)recorder.fd || !recorder.was_read)
			break;
		result = site_real_call(call);
		if (!system_call_failed(result))
			mapped(served, (uint64_t)result, (uint64_t)a[1]);
		break;
	case CALL_CLOSE:
		if ((int)a[0] == (int)recorder.fd)
			recorder.fd = -1;
		break;
	case CALL_MPROTECT:
		if (recorder.start && a[2] == PROT_READ)
			protect(served, (uint64_t)a[0]);
		break;
	case CALL_MUNMAP:
		if (recorder.start && (uint64_t)a[0] == recorder.start)
			failed(served);
		break;
	default:
		break;
	}
	return result;
}

/* ---- the start ---- */

bool record_is_on(void)
{
	return recorder.mode != RECORD_OFF;
}

bool record_is_wanted(void)
{
	return recorder.mode == RECORD_RUN;
}

void record_prepare(const struct served *served, const char *program)
{
	const char *file = served->start.record;

	if (!config_stamped.debug)
		return;
	recorder.debug =
		(const struct r_debug_public *)(served->bases.loader + config_stamped.debug);
	recorder.fd = -1;
	if (!file) {
		if (served->manifest && (served->manifest->flags & MATR_MANIFEST_RECORD))
			recorder.mode = RECORD_ALWAYS;
		return;
	}
	if (!make_room())
		return;
	struct room *room = recorder.room;
	bool known = program ? copy_path(room->program, program)
			     : system_call(CALL_READLINKAT, AT_FDCWD, (long)"/proc/self/exe",
					   (long)room->program, PATH_SIZE - 1, 0, 0) > 0;
	if (known && room->program[0] == '/' && copy_path(room->file, file))
		recorder.mode = RECORD_RUN;
}
