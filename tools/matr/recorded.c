/* recorded.c - what the store has on one program; see recorded.h. */
#include "recorded.h"
#include "program.h"

#include <elf.h>
#include <stdio.h>

#include <matr/epoch.h>

int recorded_open(const char *prefix, const char *program, struct recorded *out,
		  struct matr_error *err)
{
	char path[PATH_MAX];
	int64_t application;

	*out = (struct recorded){0};
	/* A program that is gone from the disk is still in the store, under its full path. */
	if (program_canonical(program, path, err) != 0) {
		if (program[0] != '/')
			return -1;
		snprintf(path, sizeof path, "%s", program);
	}
	if (matr_store_open(prefix, MATR_STORE_READ, &out->store, err) != 0 ||
	    matr_epoch_current(prefix, out->store, &out->epoch, err) != 0 ||
	    matr_store_find(out->store, out->epoch.id, path, &application, err) != 0)
		return -1;
	return matr_store_mapping(out->store, application, &out->mapping, err);
}

void recorded_close(struct recorded *recorded)
{
	if (recorded->mapping)
		matr_mapping_free(recorded->mapping);
	matr_store_close(recorded->store);
	*recorded = (struct recorded){0};
}

const char *recorded_path(const struct matr_mapping *mapping, size_t index)
{
	return index == 0 ? mapping->scope[0].path : mapping->scope[index].object->path;
}

const char *relocation_name(uint32_t type, char buffer[32])
{
	static const char *const names[] = {
		[R_X86_64_NONE] = "R_X86_64_NONE",
		[R_X86_64_64] = "R_X86_64_64",
		[R_X86_64_PC32] = "R_X86_64_PC32",
		[R_X86_64_COPY] = "R_X86_64_COPY",
		[R_X86_64_GLOB_DAT] = "R_X86_64_GLOB_DAT",
		[R_X86_64_JUMP_SLOT] = "R_X86_64_JUMP_SLOT",
		[R_X86_64_RELATIVE] = "R_X86_64_RELATIVE",
		[R_X86_64_32] = "R_X86_64_32",
		[R_X86_64_DTPMOD64] = "R_X86_64_DTPMOD64",
		[R_X86_64_DTPOFF64] = "R_X86_64_DTPOFF64",
		[R_X86_64_TPOFF64] = "R_X86_64_TPOFF64",
		[R_X86_64_PC64] = "R_X86_64_PC64",
		[R_X86_64_SIZE32] = "R_X86_64_SIZE32",
		[R_X86_64_SIZE64] = "R_X86_64_SIZE64",
		[R_X86_64_TLSDESC] = "R_X86_64_TLSDESC",
		[R_X86_64_IRELATIVE] = "R_X86_64_IRELATIVE",
	};
	if (type < sizeof names / sizeof *names && names[type])
		return names[type];
	snprintf(buffer, 32, "%u", (unsigned)type);
	return buffer;
}
