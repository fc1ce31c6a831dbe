/* record.c - noting what the application loads with dlopen() (docs/closures.md, "Recording").
 *
 * ld.so opens the root of a load while its list of objects is consistent, reads the headers from
 * it, and maps it. Then it says that the list changes, and opens what the root depends on. Other
 * opens are not mapped (names that a search tries, libraries that are there already) or not read
 * from (ld.so's cache). The load is complete when the root's RELRO is protected, after all that it
 * depends on. Then a line is written, with one write().
 *
 * ld.so holds its lock during its file calls. Nothing that goes wrong here reaches the program:
 * then nothing more is noted.
 */
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "ld_stable.h"
#include "sites.h"

enum {
	PATH_SIZE = 4096,
	ENCODED = 3, /* bytes that a byte may take in a line */
	LINE_SIZE = 3 * ENCODED * PATH_SIZE + 64,
	FILE_SIZE_MAX = 16 << 20, /* bytes; then nothing more is noted */
	MODE_TYPE = 0170000,
	MODE_REGULAR = 0100000,
};

/* What the objects of a load show of its flags. */
enum binding { BINDING_UNKNOWN, BINDING_LAZY, BINDING_NOW };

struct room {
	char program[PATH_SIZE]; /* canonical */
	char file
		[PATH_SIZE]; /* a copy: programs write to their environment to change their title */
	char root[PATH_SIZE]; /* the file that was opened last and may be a root, or is one */
	char line[LINE_SIZE];
	size_t length; /* of the line */
};

static struct {
	struct room *room; /* NULL: nothing is recorded */
	const struct r_debug_public *debug;
	long fd;	/* of what was opened last and may be a root; -1: none */
	bool was_read;	/* from that */
	bool has_relro; /* it has RELRO that ld.so will protect */
	bool searched;	/* the name was searched for */
	bool cache_opened;
	uint32_t tried;	      /* hash of the file name that was last tried in vain */
	uint64_t start, size; /* mapping of the root that is being loaded; 0: none */
	enum binding binding;
} recorder;

/* ---- a line ---- */

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

/* A write beyond a limit of the size of files kills. */
static long open_to_note(void)
{
	struct file_status status;

	if (file_size_is_limited())
		return -1;
	long fd = system_call(CALL_OPENAT, AT_FDCWD, (long)recorder.room->file,
			      O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0, 0, 0);
	if (fd < 0)
		return -1;
	if (file_status_fd((int)fd, &status) && (status.mode & MODE_TYPE) == MODE_REGULAR &&
	    status.file.size <= FILE_SIZE_MAX)
		return fd;
	file_close(fd);
	return -1;
}

static void note(void)
{
	static const char names[][8] = {"-", "lazy", "now"};
	struct room *room = recorder.room;

	room->length = 0;
	put(room, room->program, ' ');
	put(room, room->root, ' ');
	put(room, names[recorder.binding], ' ');
	put(room, recorder.searched ? last_component(room->root) : "-", '\n');
	long fd = open_to_note();
	long written =
		fd < 0 ? fd
		       : system_call(CALL_WRITE, fd, (long)room->line, (long)room->length, 0, 0, 0);
	if (fd >= 0)
		file_close(fd);
	if (written != (long)room->length) /* a full disk, another root directory, another user */
		recorder.room = NULL;
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
	size_t length = string_length(path);
	/* What is loaded under a relative name is another file in another directory. */
	if (fd < 0 || path[0] != '/' || length >= PATH_SIZE)
		return;
	bytes_copy(recorder.room->root, path, length + 1);
	recorder.fd = fd;
	recorder.was_read = false;
}

/* Has it RELRO that ld.so will protect? If the program headers are further behind, no. */
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

static void mapped(uint64_t start, uint64_t size)
{
	recorder.fd = -1;
	recorder.binding = BINDING_UNKNOWN;
	if (recorder.has_relro) {
		recorder.start = start;
		recorder.size = size;
	} else if (!has_other_namespaces(recorder.debug)) {
		note(); /* there is no later call that tells of it */
	}
}

/* An object of the load is relocated. The root is the last. It is in another namespace if it is not
 * in the list. */
static void protect(uint64_t address)
{
	const struct link_map_public *map = object_at(address);

	if (map && recorder.binding == BINDING_UNKNOWN)
		recorder.binding = binding_of(map);
	if (address - recorder.start >= recorder.size)
		return;
	recorder.start = 0;
	if (map && string_equal(map->l_name, recorder.room->root))
		note();
}

/* The root is unmapped before it is relocated. Another time the load may succeed. */
static void failed(void)
{
	recorder.start = 0;
	recorder.binding = BINDING_UNKNOWN;
	if (!has_other_namespaces(recorder.debug))
		note();
}

static long real_call(const struct site_call *call)
{
	const long *a = call->arguments;

	return system_call(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

long record_call(const struct site_call *call)
{
	const long *a = call->arguments;
	bool consistent = recorder.debug->r_state == DEBUG_CONSISTENT;
	long result = SITE_REAL_CALL;

	switch (call->number) {
	case CALL_OPENAT:
		if (!consistent)
			break;
		result = real_call(call);
		opened((const char *)a[1], result);
		break;
	case CALL_READ:
		if (recorder.fd < 0 || (int)a[0] != (int)recorder.fd || recorder.was_read)
			break;
		result = real_call(call);
		recorder.was_read = result > 0;
		if (result > 0)
			recorder.has_relro = shows_relro((const char *)a[1], (uint64_t)result);
		break;
	case CALL_MMAP:
		if (recorder.fd < 0 || (int)a[4] != (int)recorder.fd || !recorder.was_read)
			break;
		result = real_call(call);
		if (!system_call_failed(result))
			mapped((uint64_t)result, (uint64_t)a[1]);
		break;
	case CALL_CLOSE:
		if ((int)a[0] == (int)recorder.fd)
			recorder.fd = -1;
		break;
	case CALL_MPROTECT:
		if (recorder.start && a[2] == PROT_READ)
			protect((uint64_t)a[0]);
		break;
	case CALL_MUNMAP:
		if (recorder.start && (uint64_t)a[0] == recorder.start)
			failed();
		break;
	default:
		break;
	}
	return result;
}

/* ---- the start ---- */

bool record_is_on(void)
{
	return recorder.room != NULL;
}

void record_prepare(const struct start *start, uint64_t loader, const char *program)
{
	if (!start->record || !config_stamped.debug)
		return;
	long at = system_call(CALL_MMAP, 0, (long)page_up(sizeof(struct room)),
			      PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (system_call_failed(at))
		return;
	struct room *room = (struct room *)at;
	long length = 0;
	if (program) {
		length = (long)string_length(program);
		if (length < PATH_SIZE)
			bytes_copy(room->program, program, (size_t)length);
	} else {
		length = system_call(CALL_READLINKAT, AT_FDCWD, (long)"/proc/self/exe",
				     (long)room->program, PATH_SIZE, 0, 0);
	}
	size_t file_length = string_length(start->record);
	if (file_length < PATH_SIZE)
		bytes_copy(room->file, start->record, file_length);
	if (length <= 0 || length >= PATH_SIZE || room->program[0] != '/' || room->file[0] != '/') {
		memory_unmap((uint64_t)at, page_up(sizeof *room));
		return;
	}
	recorder.room = room;
	recorder.debug = (const struct r_debug_public *)(loader + config_stamped.debug);
	recorder.fd = -1;
}
