/* image.c - the application's entry in the epoch image.
 *
 * One open, one mmap, whatever the size. What is checked here is what costs nothing: header, size, the
 * manifest's own checksum. Bulk data was checked by `matr` when the epoch began; ownership (trust.c)
 * keeps it as it was.
 */
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "ld_stable.h"

enum { PATH_SIZE = 4096 };

static const char *header_reason(const struct matr_image_header *header, uint64_t size)
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
	if (!copy.hash_size || (copy.hash_size & (copy.hash_size - 1)) || copy.hash > size ||
	    table > size - copy.hash)
		return "epoch image's hash table is outside of it";
	return NULL;
}

const char *image_open(struct image *image, const struct matr_loader_config *config,
		       const struct start *start)
{
	if (config->format != MATR_IMAGE_FORMAT || !config->image[0])
		return "this ld-stable belongs to no prefix";
	long fd = file_open(config->image);
	if (fd < 0)
		return "no epoch image";
	struct file_status status;
	const char *reason = "epoch image cannot be read";
	if (file_status_fd((int)fd, &status))
		reason = trust_reason(config->image, &status, start->euid);
	if (!reason && status.size < sizeof(struct matr_image_header))
		reason = "epoch image is truncated";
	if (!reason) {
		long at =
			system_call(CALL_MMAP, 0, (long)status.size, PROT_READ, MAP_SHARED, fd, 0);
		image->header = (const struct matr_image_header *)at;
		reason = system_call_failed(at) ? "epoch image cannot be mapped"
						: header_reason(image->header, status.size);
		if (reason && !system_call_failed(at))
			system_call(CALL_MUNMAP, at, (long)status.size, 0, 0, 0, 0);
	}
	system_call(CALL_CLOSE, fd, 0, 0, 0, 0, 0);
	return reason;
}

static bool manifest_is_whole(const struct image *image, uint64_t offset)
{
	uint64_t size = image->header->file_size;

	if ((offset & 7) || offset > size - sizeof(struct matr_image_manifest))
		return false;
	const struct matr_image_manifest *manifest = image_at(image, offset);
	if (manifest->size < sizeof *manifest || manifest->size > size - offset)
		return false;
	return matr_image_checksum((const char *)manifest + 8, manifest->size - 8) ==
	       manifest->checksum;
}

/* The path ld.so would derive $ORIGIN from; its length, 0: unknown. */
static size_t own_path(char path[PATH_SIZE])
{
	long length = system_call(CALL_READLINKAT, AT_FDCWD, (long)"/proc/self/exe", (long)path,
				  PATH_SIZE - 1, 0, 0);
	if (length <= 0)
		return 0;
	path[length] = 0;
	return (size_t)length;
}

/* Not inlined, for the buffer is a page of stack that most programs need not touch. */
__attribute__((noinline)) static bool path_is(const char *recorded)
{
	char path[PATH_SIZE];

	return own_path(path) && string_equal(path, recorded);
}

__attribute__((noinline)) static bool path_key(uint64_t *key)
{
	char path[PATH_SIZE];
	size_t length = own_path(path);

	*key = matr_image_key(path, length);
	return length;
}

/* Is this manifest the program's? NULL: yes. `other` says that another slot may still be. */
static const char *manifest_reason(const struct image *image, const struct start *start,
				   const struct program *program, bool *other)
{
	const struct matr_image_manifest *manifest = image->manifest;
	const struct matr_image_object *object = image_objects(image);

	*other = true;
	if (object->build_id_size != program->build_id_size ||
	    !bytes_equal(object->build_id, program->build_id, program->build_id_size))
		return "no entry for this program";
	if ((manifest->flags & MATR_MANIFEST_PATH) && !program->by_name &&
	    !path_is(image_at(image, manifest->path)))
		return "no entry for this program at this path";
	/* A copy of the program may have been recorded for this one. */
	const char *reason = library_path_reason(
		start, manifest->library_path ? image_at(image, manifest->library_path) : NULL);
	if (reason)
		return reason;
	*other = false;
	if (program->by_name && (manifest->flags & (MATR_MANIFEST_ORIGIN | MATR_MANIFEST_PATH)))
		return "the program uses $ORIGIN and was started by name";
	if ((manifest->flags & MATR_MANIFEST_CPU) && cpu_level() != image->header->cpu_level)
		return "the epoch is for another CPU";
	uint32_t fingerprint = 0;
	for (const Elf64_Dyn *dyn = program->dynamic; dyn->d_tag != DT_NULL; dyn++)
		fingerprint = matr_image_fingerprint(fingerprint, dyn->d_tag, dyn->d_un.d_val);
	if (fingerprint != object->fingerprint ||
	    (uint64_t)program->dynamic - program->base != object->dynamic_vaddr)
		return "the program is not the recorded one";
	return NULL;
}

/* A recorded library that has vanished or changed must be noticed before ld.so is told to load it. While
 * no directory of the scope has changed, no name in it has; else each file is looked at. */
static const char *files_reason(const struct image *image, const char **object)
{
	const struct matr_image_manifest *manifest = image->manifest;
	const struct matr_image_directory *directories = image_at(image, manifest->directories);
	const struct matr_image_object *objects = image_objects(image);
	struct file_status status;
	bool portable = manifest->flags & MATR_MANIFEST_PORTABLE, changed = portable;

	for (uint32_t i = 0; i < manifest->n_directories && !changed; i++) {
		changed = !file_status(image_at(image, directories[i].path), &status) ||
			  status.mtime != directories[i].mtime;
	}
	if (!changed)
		return NULL;
	for (uint32_t i = 1; i < manifest->n_objects; i++) {
		const char *path = image_at(image, objects[i].path);
		if (objects[i].flags & MATR_OBJECT_ENTRY_INTERPRETER)
			continue; /* the hook checks its build-id */
		if (!file_status(path, &status) || status.size != objects[i].file_size ||
		    (!portable && status.mtime != objects[i].file_mtime)) {
			*object = path;
			return "a library has changed or is gone";
		}
	}
	return NULL;
}

/* ld.so preloads on its own, by what the file says now. */
static const char *preload_reason(const struct image *image)
{
	struct file_status status;

	if (!file_status("/etc/ld.so.preload", &status) || !status.size)
		return image->header->preload_size ? "/etc/ld.so.preload has changed" : NULL;
	int64_t mtime = image->header->preload_mtime;
	return status.size == image->header->preload_size &&
			       (status.mtime == mtime || mtime == MATR_IMAGE_ANY_TIME)
		       ? NULL
		       : "/etc/ld.so.preload has changed";
}

/* Can this process read every library? ld.so would pass over one that it cannot, where it is not told to load it. */
static const char *access_reason(const struct image *image, const char **object)
{
	const struct matr_image_manifest *manifest = image->manifest;
	const struct matr_image_object *objects = image_objects(image);

	for (uint32_t i = 1; i < manifest->n_objects; i++) {
		if (objects[i].flags & MATR_OBJECT_ENTRY_INTERPRETER)
			continue;
		const char *path = image_at(image, objects[i].path);
		long fd = file_open(path);
		if (fd < 0) {
			*object = path;
			return "a library cannot be read";
		}
		system_call(CALL_CLOSE, fd, 0, 0, 0, 0, 0);
	}
	return NULL;
}

const char *image_find(struct image *image, const struct start *start,
		       const struct program *program, const char **object)
{
	const struct matr_image_header *header = image->header;
	const struct matr_image_slot *slots = image_at(image, header->hash);
	const char *reason = "no entry for this program";
	uint64_t key;

	if (program->build_id_size)
		key = matr_image_key(program->build_id, program->build_id_size);
	else if (program->by_name || !path_key(&key))
		return reason;
	for (uint32_t n = 0; n < header->hash_size; n++) {
		const struct matr_image_slot *slot = &slots[(key + n) & (header->hash_size - 1)];
		bool other;
		if (!slot->manifest)
			return reason;
		if (slot->key != key)
			continue;
		if (!manifest_is_whole(image, slot->manifest))
			return "the entry does not match its checksum";
		image->manifest = image_at(image, slot->manifest);
		reason = manifest_reason(image, start, program, &other);
		if (!reason)
			reason = preload_reason(image);
		else if (other)
			continue;
		if (!reason)
			reason = files_reason(image, object);
		if (!reason && image->manifest->flags & MATR_MANIFEST_PRIVATE)
			reason = access_reason(image, object);
		return reason;
	}
	return reason;
}
