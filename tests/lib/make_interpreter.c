/* make_interpreter.c - the interpreter file of any ld.so, for tests that start programs by it.
 *
 * usage: make-interpreter LD_SO LD_STABLE OUT [auto|page|place|segment] [armed]
 *
 * The file belongs to no prefix, so that every start is plain, and uses the ld.so that it carries.
 * "armed": every site asks ld-stable's handler. Prints "served", or why not.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/loader_format.h>

#include "base/file.h"
#include "loader/elf_image.h"
#include "loader/interpreter_file.h"

enum { MAX_FILE = 64 << 20 };

static _Noreturn void die(const struct matr_error *err)
{
	fprintf(stderr, "make-interpreter: %s: %s\n", err->file, err->message);
	exit(1);
}

static struct interpreter_source load(const char *path)
{
	struct interpreter_source source = {.path = path};
	struct matr_error err;
	void *bytes;

	if (file_read(path, MAX_FILE, &bytes, &source.size, &err) != 0)
		die(&err);
	source.bytes = bytes;
	return source;
}

/* As loader/stamp.c does it for a prefix. */
static void stamp(const struct interpreter_file *file)
{
	const uint64_t magic = MATR_CONFIG_MAGIC;
	struct matr_loader_config *config = file->bytes;

	while (config->magic != magic)
		config = (void *)((char *)config + 8);
	config->embedded = -(int64_t)file->base;
	config->loader_entry = file->entry;
	config->debug = file->debug;
	snprintf(config->loader, sizeof config->loader, "/nonexistent/ld.so");
	memcpy(config->unserved, file->unserved, sizeof config->unserved);
}

/* Set ld-stable's sites_armed, a byte of its data. */
static void arm(const struct interpreter_file *file, const struct interpreter_source *ld_stable)
{
	struct matr_error err;
	struct elf_image image;

	if (elf_image_open(&image, ld_stable->path, ld_stable->bytes, ld_stable->size, &err) != 0)
		die(&err);
	const Elf64_Shdr *table = elf_image_section(&image, ".symtab");
	const Elf64_Shdr *names = elf_image_section(&image, ".strtab");
	for (size_t i = 0; table && names && i < table->sh_size / sizeof(Elf64_Sym); i++) {
		const Elf64_Sym *symbol = (const Elf64_Sym *)(image.bytes + table->sh_offset) + i;
		const char *name = (const char *)image.bytes + names->sh_offset + symbol->st_name;
		if (strcmp(name, "sites_armed") == 0) {
			((char *)file->bytes)[file->base + symbol->st_value] = 1;
			return;
		}
	}
	matr_fail(&err, MATR_ERROR_NOT_FOUND, ld_stable->path, "has no symbol sites_armed");
	die(&err);
}

int main(int argc, char **argv)
{
	static const char *const places[] = {"auto", "page", "place", "segment"};
	struct interpreter_file file;
	struct matr_error err;
	unsigned place = 0;

	if (argc < 4)
		return 2;
	while (argc > 4 && strcmp(argv[4], places[place]) != 0)
		place = (place + 1) % 4;
	struct interpreter_source ld_so = load(argv[1]), ld_stable = load(argv[2]);
	if (interpreter_file_make(&ld_so, &ld_stable, (enum interpreter_table)place, &file, &err) !=
	    0)
		die(&err);
	stamp(&file);
	if (argc > 5 && strcmp(argv[5], "armed") == 0)
		arm(&file, &ld_stable);
	if (file_write(argv[3], file.bytes, file.size, 0755, &err) != 0)
		die(&err);
	puts(*file.unserved ? file.unserved : "served");
	free(file.bytes);
	free((void *)ld_so.bytes);
	free((void *)ld_stable.bytes);
	return 0;
}
