/* closure.c - loads of the application with dlopen(), served like a start.
 *
 * ld.so opens the root of a closure. Before it has read a byte of it, the process is compared with
 * what the closure was bound for. All members that are not there are mapped at their bases,
 * relocated; and ld.so's calls for them are answered. Its last call for an object protects RELRO;
 * then the object's own dynamic section is given back. In any doubt nothing is mapped, and ld.so
 * loads everything by itself.
 *
 * ld.so holds its lock during all of these calls except munmap and mprotect, whose ranges identify
 * the object.
 *
 * The states of recorded objects are kept from load to load: ld.so appends to its list, and unmaps
 * what it takes out.
 */
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "closure.h"
#include "ld_stable.h"
#include "sites.h"

#define NOT_RECORDED UINT32_MAX

static struct closures closures_of_process;

void closures_prepare(struct served *served)
{
	struct closures *closures = &closures_of_process;
	uint64_t offset = served->manifest->closures;

	if (!offset)
		return;
	closures->image = at_place(&served->bases, offset);
	closures->loaded = at_place(&served->bases, closures->image->loaded);
	closures->objects = at_place(&served->bases, closures->image->objects);
	closures->last = served->link->r_map;
	while (closures->last->l_next)
		closures->last = closures->last->l_next;
	served->closures = closures;
}

/* Objects of the start are in ld.so's list in the order of the scope, except ld.so and the vDSO. */
static void find_maps(struct served *served)
{
	struct link_map_public *map = served->link->r_map;
	uint32_t n = served->manifest->n_objects;

	for (uint32_t index = 1, tried = 0; map && map != served->closures->last->l_next;
	     map = map->l_next) {
		for (tried = 0; tried < n; tried++, index = index + 1 < n ? index + 1 : 1) {
			if (index < n && object_base(served, index) == map->l_addr) {
				served->closures->maps[index] = map;
				break;
			}
		}
	}
}

/* Room for what is kept for each loaded object, when something is first loaded. */
static const char *first_use(struct served *served)
{
	struct closures *closures = served->closures;
	const struct matr_image_closures *image = closures->image;
	uint64_t offset = served->manifest->closures, room = served->header->metadata_size;

	if (closures->whole)
		return NULL;
	if ((offset & 7) || offset > room - sizeof *image ||
	    !matr_image_piece_is_whole(image, room - offset, sizeof *image))
		return "the closures do not match their checksum";
	uint64_t n_ids = (uint64_t)served->manifest->n_objects + image->n_loaded;
	uint64_t size = n_ids * 24, n_section = n_ids + MOST_ENTRIES;
	long at = system_call(CALL_MMAP, 0, (long)page_up(size + n_section * sizeof(Elf64_Dyn)),
			      PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (system_call_failed(at))
		return "no memory";
	closures->maps = (struct link_map_public **)at;
	closures->as = (uint32_t *)(closures->maps + n_ids);
	closures->queue = closures->as + n_ids;
	closures->skipped = closures->queue + n_ids;
	closures->states = (uint8_t *)(closures->skipped + n_ids);
	closures->found = closures->states + n_ids;
	closures->section = (Elf64_Dyn *)(at + (long)size);
	closures->section_end = closures->section + n_section;
	find_maps(served);
	closures->whole = true;
	return NULL;
}

static uint32_t find_loaded(const struct served *served, const char *path)
{
	const struct closures *closures = served->closures;
	const uint32_t *hash = at_place(&served->bases, closures->image->hash);
	uint32_t mask = closures->image->hash_size - 1;
	uint64_t key = matr_image_key(path, string_length(path));

	for (uint32_t n = 0; n <= mask; n++) {
		uint32_t number = hash[(key + n) & mask];
		if (!number)
			break;
		if (string_equal(at_place(&served->bases, closures->loaded[number - 1].path), path))
			return number - 1;
	}
	return NOT_RECORDED;
}

bool closure_is_recorded(const struct served *served, const char *path)
{
	if (!served->closures)
		return false;
	uint32_t number = find_loaded(served, path);
	return number != NOT_RECORDED && served->closures->loaded[number].closure;
}

static uint64_t loaded_base(const struct served *served, uint32_t number)
{
	return served->bases.place + served->closures->loaded[number].base;
}

/* The members of a closure, the root first. */
static uint32_t member_number(const struct served *served, const struct matr_image_closure *closure,
			      uint32_t member)
{
	const uint32_t *numbers = at_place(&served->bases, closure->numbers);

	return member ? numbers[member - 1] : closure->root;
}

static uint32_t member_object(const struct served *served, const struct matr_image_closure *closure,
			      uint32_t member)
{
	const uint32_t *members = at_place(&served->bases, closure->members);

	return member ? members[member - 1] : closure->root_object;
}

/* ---- objects that are not recorded ---- */

struct foreign { /* what is asked of such an object */
	const char *strings, *soname;
	const uint32_t *hash; /* DT_GNU_HASH */
};

static struct foreign foreign_read(const struct link_map_public *map)
{
	struct foreign foreign = {.strings = NULL};
	uint64_t soname = 0;

	for (const Elf64_Dyn *dyn = map->l_ld; dyn->d_tag != DT_NULL; dyn++) {
		/* ld.so has added the load address, unless the section is not writable. */
		uint64_t address = dyn->d_un.d_ptr;
		if (address < map->l_addr)
			address += map->l_addr;
		if (dyn->d_tag == DT_STRTAB)
			foreign.strings = (const char *)address;
		else if (dyn->d_tag == DT_GNU_HASH)
			foreign.hash = (const uint32_t *)address;
		else if (dyn->d_tag == DT_SONAME)
			soname = dyn->d_un.d_val;
	}
	if (foreign.strings && soname)
		foreign.soname = foreign.strings + soname;
	return foreign;
}

static bool foreign_defines(const uint32_t *table, uint32_t hash)
{
	uint32_t n_buckets = table[0], first = table[1], words = table[2], shift = table[3];
	const uint64_t *bloom = (const uint64_t *)(table + 4);
	const uint32_t *buckets = (const uint32_t *)(bloom + words);
	const uint32_t *chain = buckets + n_buckets;
	uint64_t mask = UINT64_C(1) << (hash & 63) | UINT64_C(1) << (hash >> shift & 63);

	if (!words || !n_buckets || (bloom[hash / 64 & (words - 1)] & mask) != mask)
		return false;
	uint32_t symbol = buckets[hash % n_buckets];
	if (symbol < first)
		return false;
	for (;; symbol++) {
		if ((chain[symbol - first] | 1) == (hash | 1))
			return true;
		if (chain[symbol - first] & 1)
			return false;
	}
}

static const char *foreign_reason(const struct served *served,
				  const struct matr_image_closure *closure,
				  const struct link_map_public *map)
{
	const uint32_t *names = at_place(&served->bases, closure->names);
	const uint32_t *files = at_place(&served->bases, closure->files);
	struct foreign foreign = foreign_read(map);

	if (!foreign.hash)
		return "in the process is an object that was not recorded, without DT_GNU_HASH";
	uint32_t file = matr_image_name_hash(last_component(map->l_name));
	uint32_t soname = foreign.soname ? matr_image_name_hash(foreign.soname) : file;
	for (uint32_t i = 0; i < closure->n_files; i++) {
		if (files[i] == file || files[i] == soname)
			return "in the process is another library of a name that is needed";
	}
	for (uint32_t i = 0; i < closure->n_names; i++) {
		if (foreign_defines(foreign.hash, names[i]))
			return "in the process is an object with a symbol that is bound, and that "
			       "was not recorded";
	}
	return NULL;
}

/* ---- comparing the process with the one that the closure was bound for ---- */

/* Unmap what was placed for a load that failed. */
static void clear_placed(const struct served *served)
{
	struct closures *closures = served->closures;

	for (uint32_t i = 0; closures->n_placed && i < closures->image->n_loaded; i++) {
		if (closures->states[i] != PLACED)
			continue;
		place_unmap_library(served, &closures->objects[closures->as[i]]);
		closures->states[i] = ABSENT;
		closures->n_placed--;
	}
}

/* Forget which recorded objects are there. */
static void clear_states(const struct served *served)
{
	struct closures *closures = served->closures;

	clear_placed(served);
	for (uint32_t i = 0; i < closures->image->n_loaded; i++)
		closures->states[i] = ABSENT;
	closures->walked = NULL;
}

/* Test whether a debugger is notified of loads. It would read l_ld before l_ld is restored. */
static bool debugger_follows(const struct served *served)
{
	static const unsigned char landing[] = {0xf3, 0x0f, 0x1e, 0xfa}; /* endbr64 */
	const unsigned char *function = (const unsigned char *)served->link->r_brk;

	if (bytes_equal(function, landing, sizeof landing))
		function += sizeof landing;
	return *function != MACHINE_RETURN;
}

/* Test whether there is another namespace, or a debugger. Returns the reason, or NULL. */
static const char *namespace_or_debugger_reason(const struct served *served)
{
	if (has_other_namespaces(served->link))
		return "there are other namespaces";
	if (debugger_follows(served))
		return "a debugger follows what is loaded";
	return NULL;
}

/* Find the recorded objects that are there. Any other must not matter to the closure, and is looked
 * at for each. */
static const char *process_reason(const struct served *served,
				  const struct matr_image_closure *closure, const char **culprit)
{
	struct closures *closures = served->closures;
	const char *reason = namespace_or_debugger_reason(served);
	bool all_recorded = true;

	clear_placed(served);
	if (!closures->walked) {
		clear_states(served);
		closures->walked = closures->last;
	}
	for (struct link_map_public *map = closures->walked->l_next; map && !reason;
	     map = map->l_next) {
		uint32_t number = find_loaded(served, map->l_name);
		if (number == NOT_RECORDED)
			reason = foreign_reason(served, closure, map);
		else if (loaded_base(served, number) != map->l_addr)
			reason = "it is in the process at another address";
		if (reason)
			*culprit = map->l_name;
		if (reason || number == NOT_RECORDED) {
			all_recorded = false;
			continue;
		}
		closures->states[number] = THERE;
		closures->maps[served->manifest->n_objects + number] = map;
		if (all_recorded)
			closures->walked = map;
	}
	if (!all_recorded)
		closures->walked = NULL;
	return reason;
}

/* ---- mapping the members ---- */

/* Open the image that is mapped again, for its page data. */
static long open_image(const struct served *served)
{
	struct matr_image_header header;
	long fd = file_open(config_stamped.image);

	if (fd < 0)
		return fd;
	if (system_call(CALL_PREAD, fd, (long)&header, sizeof header, 0, 0, 0) ==
		    (long)sizeof header &&
	    bytes_equal(&header, served->header, sizeof header))
		return fd;
	file_close(fd);
	return -1;
}

/* The resolvers belong to objects of the start, which are relocated. */
static bool bind_ifuncs(const struct served *served, const struct matr_image_closure *closure)
{
	const struct closures *closures = served->closures;
	const struct matr_image_ifunc *ifunc = at_place(&served->bases, closure->ifuncs);
	const uint64_t *slots = at_place(&served->bases, closure->ifunc_slots);

	for (uint32_t i = 0; i < closure->n_ifuncs; i++, ifunc++) {
		uint64_t result;
		if (!ifunc_changed(served, ifunc, &result))
			continue;
		for (uint32_t n = 0; n < ifunc->n_slots; n++) {
			uint64_t slot = slots[ifunc->first_slot + n];
			uint32_t number = member_number(served, closure, MATR_SLOT_OBJECT(slot));
			if (closures->states[number] == PLACED &&
			    !relocate_slot(served, &closures->objects[closures->as[number]],
					   loaded_base(served, number), MATR_SLOT_VADDR(slot),
					   result))
				return false;
		}
	}
	return true;
}

struct binding {
	const struct served *served;
	const struct matr_image_closure *closure;
	bool done;
};

static void bind_with_vectors_saved(void *argument)
{
	struct binding *binding = argument;

	binding->done = bind_ifuncs(binding->served, binding->closure);
}

static const char *place_member(const struct served *served,
				const struct matr_image_closure *closure, uint32_t member,
				const char **culprit)
{
	struct closures *closures = served->closures;
	uint32_t number = member_number(served, closure, member);
	const struct matr_image_object *object =
		&closures->objects[member_object(served, closure, member)];

	if (closures->states[number] == THERE)
		return NULL;
	closures->as[number] = member_object(served, closure, member);
	const char *reason = place_library(served, object);
	if (reason) {
		*culprit = at_place(&served->bases, object->path);
		return reason;
	}
	closures->states[number] = PLACED;
	closures->n_placed++;
	closures->n_waiting++;
	return NULL;
}

static const char *place_members(struct served *served, const struct matr_image_closure *closure,
				 const char **culprit)
{
	struct binding binding = {served, closure, false};
	const char *reason = NULL;

	served->image_fd = open_image(served);
	if (served->image_fd < 0)
		return "the epoch's image is gone";
	for (uint32_t i = 0; i < closure->n_members && !reason; i++)
		reason = place_member(served, closure, i, culprit);
	file_close(served->image_fd);
	served->image_fd = -1;
	if (!reason && closure->n_ifuncs) {
		with_vectors_saved(bind_with_vectors_saved, &binding);
		reason = binding.done ? NULL : "a library cannot be protected";
	}
	if (reason)
		clear_placed(served);
	return reason;
}

/* Under verify ld.so maps the members itself. */
static const char *expect_members(struct served *served, const struct matr_image_closure *closure,
				  const char **culprit)
{
	struct closures *closures = served->closures;

	for (uint32_t i = 0; i < closure->n_members; i++) {
		uint32_t number = member_number(served, closure, i);
		uint32_t member = member_object(served, closure, i);
		if (closures->states[number] == THERE)
			continue;
		const char *reason = place_check(served, &closures->objects[member]);
		if (reason) {
			*culprit = at_place(&served->bases, closures->objects[member].path);
			return reason;
		}
		closures->as[number] = member;
		closures->n_waiting++;
	}
	closures->words = closures->differences = 0;
	return NULL;
}

static void give_back(const struct served *served, uint32_t number, struct link_map_public *map)
{
	const struct closures *closures = served->closures;
	const struct matr_image_object *object = &closures->objects[closures->as[number]];

	map->l_ld = (Elf64_Dyn *)(map->l_addr + object_library(served, object)->dynamic);
}

/* ---- ld.so's calls ---- */

static void report_current(const struct served *served)
{
	const struct closures *closures = served->closures;
	struct closure_report report = {
		.root = at_place(&served->bases, closures->loaded[closures->current->root].path),
		.closure = closures->current,
		.words = closures->words,
		.differences = closures->differences,
	};

	report_closure(served, &report);
}

/* The root of a load. NULL: its members are placed, or under verify expected. */
static const char *root_reason(struct served *served, uint32_t number, const char **culprit)
{
	struct closures *closures = served->closures;
	uint64_t offset = number == NOT_RECORDED ? 0 : closures->loaded[number].closure;

	if (!offset)
		return "no closure of this root was recorded";
	const struct matr_image_closure *closure = at_place(&served->bases, offset);
	const char *reason = process_reason(served, closure, culprit);
	closures->n_waiting = 0;
	if (!reason && served->verify_loads)
		reason = expect_members(served, closure, culprit);
	else if (!reason)
		reason = place_members(served, closure, culprit);
	if (reason)
		return reason;
	closures->current = closure;
	closures->last_protected = 0;
	closures->given_back = false;
	if (!served->verify_loads) {
		closure_shorten_lists(served, closure);
		report_current(served);
	}
	return NULL;
}

static long open_descriptor(struct served *served, const struct site_call *call, uint32_t number)
{
	struct closures *closures = served->closures;

	if (closures->states && closures->current && number != NOT_RECORDED &&
	    closures->states[number] == PLACED)
		return SERVED_DESCRIPTOR + (long)number;
	if (!served->verify_loads)
		return SITE_REAL_CALL;
	served->open_fd = site_real_call(call);
	served->open_object = number;
	return served->open_fd;
}

static bool is_loaded_file(const struct served *served, long fd)
{
	struct file_status file, other;

	if (!file_status_fd((int)fd, &file))
		return false;
	for (const struct link_map_public *map = served->link->r_map; map; map = map->l_next) {
		if (map->l_name[0] && file_status(map->l_name, &other) &&
		    other.file.device == file.file.device && other.file.inode == file.file.inode)
			return true;
	}
	return false;
}

static long open_later(struct served *served, const struct site_call *call)
{
	const long *a = call->arguments;
	const char *path = (const char *)a[1], *culprit = NULL;
	uint32_t number = find_loaded(served, path);
	/* It is inconsistent while what a root needs is loaded. */
	bool root = served->link->r_state == DEBUG_CONSISTENT;

	if (!root)
		return open_descriptor(served, call, number);
	const char *reason = first_use(served);
	closure_restore_lists(served); /* of a load that failed */
	if (!reason)
		reason = root_reason(served, number, &culprit);
	if (!reason)
		return open_descriptor(served, call, number);
	served->closures->current = NULL;
	if (!served->debug && !served->verify_loads)
		return SITE_REAL_CALL;
	/* ld.so asks for its cache too, where libraries are not, and for what it has by another
	 * name. */
	long fd = site_real_call(call);
	struct closure_report report = {.root = path, .reason = reason, .culprit = culprit};
	if (fd >= 0 && !string_equal(path, "/etc/ld.so.cache") && !is_loaded_file(served, fd))
		report_closure(served, &report);
	return fd;
}

static long map_later(struct served *served, const struct site_call *call)
{
	struct closures *closures = served->closures;
	uint32_t number = serve_descriptor(call);

	if (number < closures->image->n_loaded) {
		if (closures->states[number] == PLACED)
			closures->n_placed--;
		closures->states[number] = TAKEN;
		return serve_object(served, &closures->objects[closures->as[number]], call);
	}
	number = served->open_object;
	if (!served->verify_loads || served->open_fd < 0 || !closures->current ||
	    number == NOT_RECORDED)
		return SITE_REAL_CALL;
	const struct matr_image_object *object = &closures->objects[closures->as[number]];
	long result = verify_map(served, object_library(served, object), served->open_fd, call);
	if (result != SITE_REAL_CALL) {
		closures->states[number] = TAKEN;
		served->open_fd = -1;
	}
	return result;
}

/* Start of PT_GNU_RELRO in the headers that ld.so was shown, relative to the load address. */
static uint64_t relro_of(const struct served *served, const struct matr_image_object *object)
{
	const Elf64_Phdr *segment = object_segment(served, object, PT_GNU_RELRO);

	return segment ? page_down(segment->p_vaddr) : UINT64_MAX;
}

/* Find the member whose RELRO ld.so protects by this call. Returns NOT_RECORDED if it is none's:
 * for text relocations ld.so changes the protection of other segments before. ld.so goes through
 * the members forward or backward, so the neighbours of the last one are tried first. */
static uint32_t member_protected(const struct served *served, const long *a)
{
	const struct closures *closures = served->closures;
	const struct matr_image_closure *closure = closures->current;

	for (uint32_t i = 0; closure && a[2] == PROT_READ && i < closure->n_members; i++) {
		uint32_t step = i & 1 ? closure->n_members - (i + 1) / 2 : i / 2;
		uint32_t member = (closures->last_protected + step) % closure->n_members;
		uint32_t number = member_number(served, closure, member);
		if (closures->states[number] == TAKEN &&
		    (uint64_t)a[0] - loaded_base(served, number) ==
			    relro_of(served, &closures->objects[closures->as[number]]))
			return member;
	}
	return NOT_RECORDED;
}

static void compare_loaded(struct served *served, uint32_t member)
{
	struct closures *closures = served->closures;
	const struct matr_image_closure *closure = closures->current;
	const struct ifunc_list ifuncs = {
		at_place(&served->bases, closure->ifuncs),
		at_place(&served->bases, closure->ifunc_slots),
		closure->n_ifuncs,
	};
	long image_fd = open_image(served);
	long fd = report_open_loads(served);
	struct comparison comparison = {.served = served, .fd = (int)fd, .loads = true};
	uint32_t object = closures->as[member_number(served, closure, member)];

	if (image_fd >= 0 && fd >= 0) {
		compare_library(&comparison, &closures->objects[object], member, &ifuncs, image_fd);
		closures->words += comparison.words;
		closures->differences += comparison.differences;
	}
	file_close(image_fd);
	file_close(fd);
}

/* ld.so has mapped the closure's objects and begins to relocate: it is through with their lists.
 * They are the last that it has. */
static void give_back_sections(struct served *served)
{
	struct closures *closures = served->closures;
	struct link_map_public *map = closures->walked ? closures->walked : closures->last;

	for (map = map->l_next; map && !closures->given_back; map = map->l_next) {
		uint32_t number = find_loaded(served, map->l_name);
		if (number != NOT_RECORDED && closures->states[number] == TAKEN)
			give_back(served, number, map);
	}
	closures->given_back = true;
	closure_restore_lists(served);
}

/* ld.so has relocated an object and protects it: all of it is done. */
static long protect_later(struct served *served, const struct site_call *call)
{
	struct closures *closures = served->closures;
	uint32_t member = member_protected(served, call->arguments);

	if (member == NOT_RECORDED)
		return SITE_REAL_CALL;
	uint32_t number = member_number(served, closures->current, member);
	const struct matr_image_object *object = &closures->objects[closures->as[number]];
	long result = 0;
	if (served->verify_loads) {
		compare_loaded(served, member);
		result = SITE_REAL_CALL;
	} else {
		give_back_sections(served);
		if ((object->flags & (MATR_OBJECT_ENTRY_RESIDUAL | MATR_OBJECT_ENTRY_LATE_RELRO)) &&
		    !place_protect(served, object))
			result = -1; /* EPERM; ld.so gives up the load */
	}
	closures->states[number] = THERE;
	closures->last_protected = member;
	if (--closures->n_waiting == 0) {
		if (served->verify_loads)
			report_current(served);
		closures->current = NULL;
	}
	return result;
}

/* ld.so unmaps what it takes out of its list, be it after dlclose() or because a load has
 * failed. */
static void unmap_later(struct served *served, const struct site_call *call)
{
	struct closures *closures = served->closures;
	uint64_t address = (uint64_t)call->arguments[0];

	if (!closures->states || address - served->bases.place >= served->header->region_size)
		return;
	closure_restore_lists(served);
	closures->walked = NULL;
}

long closure_call(struct served *served, const struct site_call *call)
{
	struct closures *closures = served->closures;
	uint32_t number;

	if (!closures)
		return SITE_REAL_CALL;
	switch (call->number) {
	case CALL_OPENAT:
		return open_later(served, call);
	case CALL_MMAP:
		return map_later(served, call);
	case CALL_MPROTECT:
		return protect_later(served, call);
	case CALL_MUNMAP:
		unmap_later(served, call);
		return SITE_REAL_CALL;
	case CALL_CLOSE:
		if ((int)call->arguments[0] == served->open_fd)
			served->open_fd = -1;
		/* fallthrough */
	case CALL_READ:
	case CALL_PREAD:
	case CALL_FSTAT:
	case CALL_NEWFSTATAT:
		number = serve_descriptor(call);
		return number < closures->image->n_loaded
			       ? serve_object(served, &closures->objects[closures->as[number]],
					      call)
			       : SITE_REAL_CALL;
	default:
		return SITE_REAL_CALL;
	}
}
