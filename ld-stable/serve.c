/* serve.c - the file calls of ld.so, answered from memory.
 *
 * ld.so's system-call sites lead here while something is served (docs/loader.md). A library of the
 * application gets a descriptor that no kernel gives out. ld.so's requests for it are answered from
 * the image; every other call is made unchanged.
 */
#include <asm/stat.h>
#include <linux/errno.h>
#include <linux/mman.h>

#include "ld_stable.h"
#include "sites.h"

static long serve_read(const struct served *served, const struct matr_image_object *object,
		       void *to, uint64_t size, uint64_t at)
{
	if (at >= object->headers_size)
		return 0;
	if (size > object->headers_size - at)
		size = object->headers_size - at;
	memory_copy(to, (const char *)at_place(&served->bases, object->headers) + at, size);
	return (long)size;
}

static long serve_status(const struct served *served, const struct matr_image_object *object,
			 struct stat *status)
{
	const struct matr_image_library *library = object_library(served, object);

	/* ld.so compares files by device and inode. In a portable image they are an invalid device
	 * and the library's index. */
	bool portable = served->header->flags & MATR_IMAGE_PORTABLE;
	*status = (struct stat){
		.st_dev = portable ? ~0UL : library->file.device,
		.st_ino = portable ? object->library + 1UL : library->file.inode,
		.st_mode = 0100644,
		.st_nlink = 1,
		.st_size = (long)library->file.size,
		.st_blksize = MATR_IMAGE_PAGE,
	};
	return 0;
}

/* ld.so maps the whole range with one call, as the headers it was shown have one segment. */
static long serve_map(const struct served *served, const struct matr_image_object *object)
{
	const struct matr_image_library *library = object_library(served, object);

	return (long)(served->bases.place + library->base + library->first);
}

long serve_object(const struct served *served, const struct matr_image_object *object,
		  const struct site_call *call)
{
	const long *a = call->arguments;

	switch (call->number) {
	case CALL_READ:
		return serve_read(served, object, (void *)a[1], (uint64_t)a[2], 0);
	case CALL_PREAD:
		return serve_read(served, object, (void *)a[1], (uint64_t)a[2], (uint64_t)a[3]);
	case CALL_FSTAT:
		return serve_status(served, object, (struct stat *)a[1]);
	case CALL_NEWFSTATAT: /* glibc's fstat before 2.41: an empty path, AT_EMPTY_PATH */
		return serve_status(served, object, (struct stat *)a[2]);
	case CALL_MMAP:
		return serve_map(served, object);
	case CALL_CLOSE:
		return 0;
	default:
		return SITE_REAL_CALL;
	}
}

uint32_t serve_descriptor(const struct site_call *call)
{
	/* The upper half of the register may hold anything. */
	int fd = (int)call->arguments[call->number == CALL_MMAP ? 4 : 0];

	return fd < SERVED_DESCRIPTOR || fd > SERVED_DESCRIPTOR + (int)UINT16_MAX
		       ? UINT32_MAX
		       : (uint32_t)(fd - SERVED_DESCRIPTOR);
}

static bool is_preload_file(const char *path)
{
	return string_equal(path, "/etc/ld.so.preload");
}

long serve_call(struct served *served, const struct site_call *call)
{
	uint32_t index;

	switch (call->number) {
	case CALL_OPENAT:
		index = object_find(served, (const char *)call->arguments[1]);
		if (index)
			chain_open(served, index);
		else
			chain_restore(served);
		return index ? SERVED_DESCRIPTOR + (long)index : SITE_REAL_CALL;
	case CALL_ACCESS:
		/* Its libraries are part of the scope, and it was compared with the recorded
		 * file. */
		return is_preload_file((const char *)call->arguments[0]) ? -ENOENT : SITE_REAL_CALL;
	case CALL_MUNMAP:
	case CALL_MPROTECT:
		return SITE_REAL_CALL;
	default:
		index = serve_descriptor(call);
		return index == UINT32_MAX ? SITE_REAL_CALL
					   : serve_object(served, &served->objects[index], call);
	}
}
