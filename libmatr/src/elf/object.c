/* object.c - reading an ELF file into a struct matr_object, and freeing it.
 *
 * The parts are read in the order in which they need each other; each has a file of its own. The
 * reader, with the open file and libelf's buffers, is gone when matr_object_open() returns.
 */
#include "elf/reader.h"

#include <stdlib.h>

void matr_object_free(struct matr_object *object)
{
	if (!object)
		return;
	free(object->path);
	free(object->needed);
	free(object->segments);
	free(object->dynamic);
	free(object->symbols);
	free(object->versions);
	free(object->relocations);
	free(object->relatives);
	free(object->relr);
	free(object->private_data);
	free(object);
}

static int read_object(struct elf_reader *reader, bool headers_only)
{
	struct matr_object *object = reader->object;
	uint64_t n_symbols = 0;

	if (elf_reader_open(reader) != 0)
		return -1;
	object->path = realpath(reader->path, NULL);
	if (!object->path)
		return matr_fail_errno(reader->err, reader->path, "has no canonical path");
	object->machine = reader->header.e_machine;
	if (elf_read_program_headers(reader) != 0 || elf_read_build_id(reader) != 0 ||
	    elf_read_dynamic_section(reader) != 0)
		return -1;
	if (headers_only)
		return 0;
	if (elf_read_relocations(reader, &n_symbols) != 0 || elf_read_relr(reader) != 0 ||
	    elf_read_symbols(reader, n_symbols) != 0 || elf_read_versions(reader) != 0 ||
	    elf_read_properties(reader) != 0 || elf_check_refused(reader) != 0 ||
	    elf_reader_check_unchanged(reader) != 0)
		return -1;
	return 0;
}

static int open_object(const char *path, bool headers_only, struct matr_object **out,
		       struct matr_error *err)
{
	struct matr_object *object = calloc(1, sizeof *object);
	struct elf_reader reader = {.object = object, .path = path, .err = err, .fd = -1};
	int result;

	if (!object)
		return matr_fail_memory(err);
	result = read_object(&reader, headers_only);
	elf_reader_close(&reader);
	if (result != 0) {
		matr_object_free(object);
		return -1;
	}
	*out = object;
	return 0;
}

int matr_object_open(const char *path, struct matr_object **out, struct matr_error *err)
{
	return open_object(path, false, out, err);
}

int elf_object_open_headers(const char *path, struct matr_object **out, struct matr_error *err)
{
	return open_object(path, true, out, err);
}
