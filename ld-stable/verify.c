/* verify.c - `matr verify`: a comparison of the image with what ld.so writes.
 *
 * ld.so maps and relocates everything by itself, but at the bases of the shared layout. Its first
 * initialiser (DT_PREINIT_ARRAY of the application's copy) is verify_and_exit(): by then all is
 * relocated and no code of any object has run; then everything is compared (compare.c). Each
 * difference is a line on the descriptor that `matr` gave, "diff OBJECT OFFSET EXPECTED FOUND"; the
 * last line is "done OBJECTS WORDS DIFFERENCES RESIDUAL". The program itself never runs.
 */
#include <linux/mman.h>

#include "ld_stable.h"
#include "sites.h"

/* ---- ld.so's calls: libraries go to their bases ---- */

static struct served *verified; /* for verify_and_exit(), which ld.so calls */

/* ld.so maps the whole of a library first: the file, or where it wants more than page alignment, an
 * inaccessible range to find a place in. No more is mapped than the library takes: beside it are
 * others. */
long verify_map(struct served *served, const struct matr_image_library *library, long open_fd,
		const struct site_call *call)
{
	const long *a = call->arguments;

	if (open_fd < 0 || a[0] || ((int)a[4] != open_fd && a[2] != PROT_NONE))
		return SITE_REAL_CALL;
	long size = a[1] > (long)library->span ? (long)library->span : a[1];
	return system_call(CALL_MMAP, (long)(served->bases.place + library->base + library->first),
			   size, a[2], a[3] | MAP_FIXED, a[4], a[5]);
}

/* Test whether the address is in the inaccessible range in which ld.so has found a place. */
static bool is_beside(const struct served *served, uint64_t address)
{
	return address - served->bases.place < served->header->region_size;
}

long verify_call(struct served *served, const struct site_call *call)
{
	const long *a = call->arguments;
	uint32_t index;
	long result;

	verified = served;
	switch (call->number) {
	case CALL_OPENAT:
		index = object_find(served, (const char *)a[1]);
		if (!index)
			return SITE_REAL_CALL;
		served->open_fd = site_real_call(call);
		served->open_object = index;
		return served->open_fd;
	case CALL_MMAP:
		result = verify_map(served,
				    object_library(served, &served->objects[served->open_object]),
				    served->open_fd, call);
		if (result != SITE_REAL_CALL)
			served->open_fd = -1;
		return result;
	case CALL_MUNMAP:
		return is_beside(served, (uint64_t)a[0]) ? 0 : SITE_REAL_CALL;
	case CALL_CLOSE:
		if ((int)a[0] == served->open_fd)
			served->open_fd = -1;
		return SITE_REAL_CALL;
	default:
		return SITE_REAL_CALL;
	}
}

static void stop(const struct served *served, const char *reason, const char *object)
{
	report_plain(false, served->verify_fd, reason, object);
}

/* In a portable epoch the size alone was compared before. */
static const char *content_reason(const struct served *served,
				  const struct matr_image_object *object)
{
	const struct matr_image_library *library = object_library(served, object);

	if (!library->content)
		return NULL;
	long fd = file_open(at_place(&served->bases, object->path));
	bool same = content_is_recorded(served, served->bases.place + library->base, fd,
					library->content);
	file_close(fd);
	return same ? NULL : "a library has other content than the recorded one";
}

static _Noreturn void verify_and_exit(void)
{
	const struct served *served = verified;
	const struct matr_image_manifest *manifest = served->manifest;
	struct comparison comparison = {.served = served, .fd = served->verify_fd};
	const struct ifunc_list ifuncs = {
		at_place(&served->bases, manifest->ifuncs),
		at_place(&served->bases, manifest->ifunc_slots),
		manifest->n_ifuncs,
	};
	struct line line = {.length = 0};

	long image_fd = file_open(config_stamped.image);
	if (image_fd < 0)
		stop(served, "epoch image is gone", NULL);
	for (uint32_t i = 1; i < manifest->n_objects; i++) {
		const struct matr_image_object *object = &served->objects[i];
		if (!object_has_library(object))
			continue;
		const char *reason = content_reason(served, object);
		if (!reason)
			reason = compare_library(&comparison, object, i, &ifuncs, image_fd);
		if (reason)
			stop(served, reason, at_place(&served->bases, object->path));
	}
	compare_application(&comparison);
	compare_copies(&comparison);
	compare_ifuncs(&comparison);
	line_text(&line, "done ");
	line_number(&line, manifest->n_objects);
	line_text(&line, " ");
	line_number(&line, comparison.words);
	line_text(&line, " ");
	line_number(&line, comparison.differences);
	line_text(&line, " ");
	line_number(&line, manifest->n_residual_total);
	line_write(&line, served->verify_fd);
	process_exit(0);
}

void verify_prepare(struct served *served, Elf64_Dyn *preinit, Elf64_Dyn *preinit_size)
{
	static uint64_t initialisers[1];

	initialisers[0] = (uint64_t)verify_and_exit;
	preinit->d_tag = DT_PREINIT_ARRAY;
	preinit->d_un.d_ptr = (uint64_t)initialisers - served->bases.application;
	preinit_size->d_tag = DT_PREINIT_ARRAYSZ;
	preinit_size->d_un.d_val = sizeof initialisers;
}
