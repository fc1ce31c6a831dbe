/* image.c - the application's entry in the epoch image.
 *
 * An exec checks what costs nothing: owner, header, size, the manifest's own checksum. Bulk data
 * was checked by `matr` when the epoch began; ownership (trust.c) keeps it as it was.
 */
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "ld_stable.h"

enum { PATH_SIZE = 4096 };

static const char no_entry[] = "no entry for this program";

/* The place is relative to the region's window, so the sums cannot overflow. */
static const char *header_reason(const struct matr_image_header *header,
				 const struct matr_loader_config *config, uint64_t size)
{
	struct matr_image_header copy = *header;

	if (copy.magic != MATR_IMAGE_MAGIC)
		return "epoch image has no header";
	if (copy.format != MATR_IMAGE_FORMAT || copy.endian != MATR_IMAGE_ENDIAN)
		return "epoch image is of another format version";
	copy.checksum = 0;
	if (matr_image_checksum(&copy, sizeof copy) != header->checksum)
		return "epoch image's header does not match its checksum";
	if (copy.file_size != size)
		return "epoch image is truncated";
	uint64_t table = (uint64_t)copy.hash_size * sizeof(struct matr_image_slot);
	if (!copy.hash_size || (copy.hash_size & (copy.hash_size - 1)) ||
	    copy.metadata_size > size || copy.metadata_size % MATR_IMAGE_PAGE ||
	    copy.hash > copy.metadata_size || table > copy.metadata_size - copy.hash)
		return "epoch image's hash table is outside of it";
	if (copy.region % MATR_IMAGE_PAGE || copy.region < MATR_REGION_LOW ||
	    copy.region >= MATR_REGION_HIGH || copy.region_size > MATR_REGION_HIGH - copy.region ||
	    copy.metadata_size > copy.region_size)
		return "epoch image's region is not in its window";
	if (copy.loader_hash != config->loader_hash)
		return "the epoch is for another ld.so";
	return NULL;
}

/* Draw an address for a region of that size. 0: it cannot be drawn. */
static uint64_t draw_place(uint64_t size)
{
	uint64_t random;

	if (size > MATR_REGION_HIGH - MATR_REGION_LOW - MATR_REGION_TABLE ||
	    system_call(CALL_GETRANDOM, (long)&random, sizeof random, 0, 0, 0, 0) !=
		    (long)sizeof random)
		return 0;
	return matr_region_place(random, size);
}

static bool map_metadata(uint64_t place, uint64_t size, long fd)
{
	return memory_map(place, size, PROT_READ, MAP_SHARED, fd, 0);
}

static void use_place(struct served *served, uint64_t place)
{
	served->bases.place = place;
	served->header = (const struct matr_image_header *)place;
}

static bool read_image(long fd, void *to, size_t size, uint64_t offset)
{
	return system_call(CALL_PREAD, fd, (long)to, (long)size, (long)offset, 0, 0) == (long)size;
}

static const char *open_image(struct served *served, const struct matr_loader_config *config,
			      const struct start *start, struct matr_image_header *header)
{
	struct file_status status;

	served->image_fd = file_open(config->image);
	if (served->image_fd < 0)
		return "no epoch image";
	if (!file_status_fd((int)served->image_fd, &status))
		return "epoch image cannot be read";
	const char *reason = trust_reason(config->image, &status, start->euid);
	if (reason)
		return reason;
	if (!read_image(served->image_fd, header, sizeof *header, 0))
		return "epoch image is truncated";
	reason = header_reason(header, config, status.file.size);
	if (!reason)
		served->cpu = header->cpu;
	return reason;
}

/* The slots where the search for a key begins. */
struct first_slots {
	struct matr_image_slot list[4];
	uint32_t n; /* 0: they could not be read */
};

/* Look for a slot with this key in the file, before anything is mapped: that is enough for most
 * programs without an entry, and the others need not touch the table's page. Returns true if there
 * is one, or the read did not reach an empty slot. */
static bool may_have(const struct matr_image_header *header, long fd, uint64_t key,
		     struct first_slots *slots)
{
	const uint32_t n = sizeof slots->list / sizeof *slots->list;
	uint64_t first = key & (header->hash_size - 1);

	slots->n = 0;
	if (header->hash_size < n || first > header->hash_size - n ||
	    !read_image(fd, slots->list, sizeof slots->list,
			header->hash + first * sizeof *slots->list))
		return true;
	slots->n = n;
	for (uint32_t i = 0; i < n && slots->list[i].manifest; i++) {
		if (slots->list[i].key == key || i == n - 1)
			return true;
	}
	return false;
}

/* The place is in the manifest, so the metadata is mapped at a drawn place first. */
static const char *map_at_drawn_place(struct served *served, const struct matr_image_header *header)
{
	uint64_t place = draw_place(header->region_size);

	if (!place || !map_metadata(place, header->metadata_size, served->image_fd))
		return "epoch image cannot be mapped";
	use_place(served, place);
	return NULL;
}

void image_unmap(struct served *served)
{
	if (served->header)
		memory_unmap((uint64_t)served->header, served->header->metadata_size);
	if (served->image_fd >= 0)
		file_close(served->image_fd);
	served->header = NULL;
	served->image_fd = -1;
}

/* The old place may overlap the new one, so it goes first. */
static const char *move_to(struct served *served, uint64_t place)
{
	const struct matr_image_header *old = served->header;
	uint64_t size = old->metadata_size;
	uint64_t manifest = (uint64_t)served->manifest - (uint64_t)old;

	if (place == (uint64_t)old)
		return NULL;
	memory_unmap((uint64_t)old, size);
	served->header = NULL;
	if (!map_metadata(place, size, served->image_fd))
		return "the epoch's address range is taken";
	use_place(served, place);
	served->manifest = at_place(&served->bases, manifest);
	return NULL;
}

/* Test whether the stack has its place without randomness (setarch -R, randomize_va_space=0). At
 * the top of such a stack is the executed file's name, followed by a word of zeros. One stack in
 * four million is there by chance. personality() would be exact, but ld.so does not make that call.
 * A seccomp filter may kill the process for it. */
static bool has_no_randomness(const struct start *start)
{
	enum { STACK_TOP_GAP = 8 };

	if (!start->execfn)
		return false;
	uint64_t name = start->execfn->a_un.a_val;
	return name + string_length((const char *)name) + 1 + STACK_TOP_GAP == MACHINE_STACK_TOP;
}

/* Under verify page data is compared as it is. */
static uint64_t choose_place(const struct served *served, const struct start *start)
{
	uint64_t region = served->header->region, place = served->bases.place;
	uint64_t mask = served->manifest->alignment - 1;

	if (!(served->manifest->flags & MATR_MANIFEST_RANDOM) || start->verify_fd >= 0 ||
	    start->verify_loads || has_no_randomness(start))
		return region;
	/* Towards the region, so the window is not left. */
	return place > region ? region + ((place - region) & ~mask)
			      : region - ((region - place) & ~mask);
}

static bool manifest_is_whole(const struct served *served, uint64_t offset)
{
	uint64_t size = served->header->metadata_size;

	if ((offset & 7) || offset > size - sizeof(struct matr_image_manifest))
		return false;
	return matr_image_piece_is_whole(at_place(&served->bases, offset), size - offset,
					 sizeof(struct matr_image_manifest));
}

/* The path that ld.so would derive $ORIGIN from. Not inlined: the buffer is a page of stack that
 * most programs need not touch. Returns the length, 0: unknown. */
__attribute__((noinline)) static bool path_is(const char *recorded)
{
	char path[PATH_SIZE];
	long length = system_call(CALL_READLINKAT, AT_FDCWD, (long)"/proc/self/exe", (long)path,
				  PATH_SIZE - 1, 0, 0);

	if (length <= 0)
		return false;
	path[length] = 0;
	return string_equal(path, recorded);
}

/* Test whether this manifest is for the program as it was started. Returns NULL if so, or the
 * reason. *other receives whether the manifest of another slot may still be. */
static const char *manifest_reason(const struct served *served, const struct start *start,
				   const struct program *program, const struct file_status *file,
				   bool *other)
{
	const struct matr_image_manifest *manifest = served->manifest;
	const struct bases *bases = &served->bases;

	*other = true;
	if (!file_is_recorded(file, &manifest->file, served->header->flags) ||
	    (manifest->content && !content_is_program(served, program, manifest->content)))
		return no_entry;
	if ((manifest->flags & MATR_MANIFEST_PATH) && !program->by_name &&
	    !path_is(at_place(bases, manifest->path)))
		return "no entry for this program at this path";
	const char *reason = library_path_reason(
		start, manifest->library_path ? at_place(bases, manifest->library_path) : NULL);
	if (reason)
		return reason;
	*other = false;
	if (program->by_name && (manifest->flags & (MATR_MANIFEST_ORIGIN | MATR_MANIFEST_PATH)))
		return "the program uses $ORIGIN and was started by name";
	if ((manifest->flags & MATR_MANIFEST_FIXED) && program->base)
		return "the program is not at its link address";
	if ((manifest->flags & MATR_MANIFEST_CPU) && cpu_level() != served->header->cpu_level)
		return "the epoch is for another CPU";
	return NULL;
}

/* ld.so preloads on its own, by what the file holds now. */
static const char *preload_reason(const struct served *served)
{
	const struct matr_image_file *recorded = &served->header->preload;
	struct file_status status;

	if (!file_status("/etc/ld.so.preload", &status) || !status.file.size)
		return recorded->size ? "/etc/ld.so.preload has changed" : NULL;
	return file_is_recorded(&status, recorded, served->header->flags)
		       ? NULL
		       : "/etc/ld.so.preload has changed";
}

/* Get the status of the file that was mapped as the program. The kernel mapped it; in a start by
 * name, ld-stable did. Returns false if the file cannot be looked at. */
static bool program_file(const struct program *program, struct file_status *status)
{
	if (program->by_name) {
		*status = program->file;
		return true;
	}
	return file_status("/proc/self/exe", status);
}

static bool program_key(const struct matr_image_header *header, const struct program *program,
			const struct file_status *status, uint64_t *key)
{
	if (!(header->flags & MATR_IMAGE_PORTABLE)) {
		*key = matr_image_key(&status->file, sizeof status->file);
		return true;
	}
	*key = matr_image_key(program->build_id, program->build_id_size);
	return program->build_id_size;
}

static const char *find_manifest(struct served *served, const struct start *start,
				 const struct program *program, const struct file_status *file,
				 uint64_t key, const struct first_slots *first)
{
	const struct matr_image_header *header = served->header;
	const struct matr_image_slot *slots = at_place(&served->bases, header->hash);
	const char *reason = no_entry;

	for (uint32_t n = 0; n < header->hash_size; n++) {
		const struct matr_image_slot *slot =
			n < first->n ? &first->list[n]
				     : &slots[(key + n) & (header->hash_size - 1)];
		bool other;
		if (!slot->manifest)
			return reason;
		if (slot->key != key)
			continue;
		if (!manifest_is_whole(served, slot->manifest))
			return "the entry does not match its checksum";
		served->manifest = at_place(&served->bases, slot->manifest);
		reason = manifest_reason(served, start, program, file, &other);
		if (!reason || !other)
			return reason;
	}
	return reason;
}

const char *image_find(struct served *served, const struct matr_loader_config *config,
		       const struct start *start, const struct program *program)
{
	struct matr_image_header header;
	struct first_slots slots;
	struct file_status file;
	uint64_t key;

	if (config->format != MATR_IMAGE_FORMAT || !config->image[0])
		return "this ld-stable belongs to no prefix";
	const char *reason = open_image(served, config, start, &header);
	if (reason)
		return reason;
	if (!program_file(program, &file))
		return "/proc is not there, so nothing tells which file the program is";
	if (!program_key(&header, program, &file, &key) ||
	    !may_have(&header, served->image_fd, key, &slots))
		return no_entry;
	/* The image's metadata takes room that the program has without MatR. */
	if (memory_is_limited())
		return "the size of the address space is limited";
	reason = map_at_drawn_place(served, &header);
	if (!reason)
		reason = find_manifest(served, start, program, &file, key, &slots);
	if (!reason)
		reason = preload_reason(served);
	if (!reason)
		reason = move_to(served, choose_place(served, start));
	if (!reason)
		served->objects = at_place(&served->bases, served->manifest->objects);
	return reason;
}
