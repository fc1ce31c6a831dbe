/* fuzz_image_reader.c - ld-stable's reader of epoch images, with any image.
 *
 * Two things are tried. An image as it comes, unchecked: ld-stable may refuse it or
 * not, but follows nothing out of it before the manifest's checksum is right. And one that
 * matr_image_check() has accepted, checksums set right: everything that ld-stable reads of it when
 * a program starts is inside. The programs are those of the image's entries. ld-stable maps the
 * file itself, and a read behind its end is a signal.
 */
#include "ld_stable.h"

#include "fuzz_file.h"
#include "fuzz_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <matr/image.h>

/* Defined by libmatr for a stamped ld-stable. */
const struct matr_loader_config config_stamped;

static char *no_environment[] = {NULL};

static struct start start_of_program(void)
{
	return (struct start){.envp = no_environment,
			      .euid = geteuid(),
			      .uid = getuid(),
			      .verify_fd = -1,
			      .cpu_fd = -1,
			      .trial_fd = -1};
}

/* Read what a start reads of the scope. */
static void read_objects(struct served *served)
{
	static const uint32_t types[] = {PT_LOAD, PT_DYNAMIC, PT_GNU_RELRO, PT_TLS, PT_INTERP};

	for (uint32_t i = 0; i < served->manifest->n_objects; i++) {
		const struct matr_image_object *object = &served->objects[i];
		const char *path = at_place(&served->bases, object->path);
		fuzz_use_string(path);
		(void)object_base(served, i);
		if (!object_has_library(object))
			continue;
		(void)object_find(served, path);
		for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
			const Elf64_Phdr *segment = object_segment(served, object, types[k]);
			if (segment)
				fuzz_use(segment, sizeof *segment);
		}
	}
}

static void start_program(const struct matr_loader_config *config, const struct program *program)
{
	struct served served = {.image_fd = -1, .next = 1, .verify_fd = -1, .cpu_fd = -1};
	struct start start = start_of_program();

	const char *reason = image_find(&served, config, &start, program);
	if (reason)
		fuzz_use_string(reason);
	else
		read_objects(&served);
	image_unmap(&served);
	if (served.header || served.image_fd >= 0)
		abort();
}

/* Slot i and its manifest, if both are within the image. */
static bool read_entry(const uint8_t *image, size_t size, const struct matr_image_header *header,
		       uint64_t i, struct matr_image_slot *slot,
		       struct matr_image_manifest *manifest)
{
	uint64_t at = header->hash + i * sizeof *slot;

	if (header->hash > size || at > size || size - at < sizeof *slot)
		return false;
	memcpy(slot, image + at, sizeof *slot);
	if (!slot->manifest || slot->manifest > size || size - slot->manifest < sizeof *manifest)
		return false;
	memcpy(manifest, image + slot->manifest, sizeof *manifest);
	return true;
}

/* Start the program of each entry, and one that has none. */
static void start_all(const struct matr_loader_config *config, const uint8_t *image, size_t size)
{
	const struct matr_image_header *header = (const void *)image;
	struct program program = {.by_name = true};
	struct matr_image_slot slot;
	struct matr_image_manifest manifest;

	start_program(config, &program);
	for (uint64_t i = 0; i < header->hash_size; i++) {
		if (!read_entry(image, size, header, i, &slot, &manifest))
			continue;
		program.file.file = manifest.file;
		start_program(config, &program);
	}
}

/* Entries are found by the program's file, whatever it is by now; and no program is in memory whose
 * content could be compared. */
static void make_findable(uint8_t *image, size_t size)
{
	struct matr_image_header header;
	struct matr_image_slot slot;
	struct matr_image_manifest manifest;

	memcpy(&header, image, sizeof header);
	for (uint64_t i = 0; i < header.hash_size; i++) {
		if (!read_entry(image, size, &header, i, &slot, &manifest))
			continue;
		uint64_t at = header.hash + i * sizeof slot;
		slot.key = manifest.key = matr_image_key(&manifest.file, sizeof manifest.file);
		manifest.content = 0;
		memcpy(image + slot.manifest, &manifest, sizeof manifest);
		memcpy(image + at, &slot, sizeof slot);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct matr_loader_config config = {.format = MATR_IMAGE_FORMAT};
	struct matr_image_header header;
	struct matr_image_info info;
	struct matr_error err;

	if (size < sizeof header)
		return 0;
	size_t whole = (size + MATR_IMAGE_PAGE - 1) / MATR_IMAGE_PAGE * MATR_IMAGE_PAGE;
	uint8_t *image = calloc(1, whole);
	if (!image)
		abort();
	memcpy(image, data, size);
	memcpy(&header, data, sizeof header);
	config.loader_hash = header.loader_hash;
	snprintf(config.image, sizeof config.image, "%s", fuzz_file(image, size));
	start_program(&config, &(struct program){.by_name = true});
	make_findable(image, whole);
	fuzz_image_fix(image, whole);
	const char *path = fuzz_file(image, whole);
	memcpy(&header, image, sizeof header);
	config.loader_hash = header.loader_hash;
	if (matr_image_check(path, &info, &err) == 0)
		start_all(&config, image, whole);
	free(image);
	return 0;
}
