/* recorded.c - what the store has on one program. */
#include "common/recorded.h"
#include "common/open_store.h"
#include "common/path.h"
#include "common/program.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/epoch.h>
#include <matr/names.h>

int recorded_find(struct matr_store *store, int64_t epoch, const char *program,
		  int64_t *application, struct matr_error *err)
{
	struct matr_error own = {0};
	char path[PATH_MAX];

	if (program_canonical(program, path, &own) == 0) {
		if (matr_store_find(store, epoch, path, application, &own) == 0)
			return 0;
		/* The program on PATH may be another of that name: go on, unless it was
		 * declined. */
		if (own.code != MATR_ERROR_NOT_FOUND || strncmp(own.message, "declined", 8) == 0)
			return matr_error_copy(err, &own);
	}
	/* A program that is gone from the disk, or is not on this PATH, is in the store all the
	 * same. */
	return matr_store_find_by_name(store, epoch, program, application, err);
}

int recorded_epoch(const char *prefix, struct matr_store *store, const char *name,
		   struct matr_store_epoch *out, struct matr_error *err)
{
	if (!name || strcmp(name, "current") == 0)
		return matr_epoch_current(prefix, store, out, err);
	if (strcmp(name, "previous") == 0)
		return matr_epoch_previous(prefix, store, out, err);
	char *end;
	errno = 0;
	long long id = strtoll(name, &end, 10);
	if (*name < '0' || *name > '9' || *end || errno || id < 1)
		return matr_fail(err, MATR_ERROR_USAGE, name,
				 "is no epoch: a number, current or previous");
	return matr_store_epoch(store, id, out, err);
}

int recorded_open(const char *prefix, const char *program, const char *epoch, struct recorded *out,
		  struct matr_error *err)
{
	*out = (struct recorded){0};
	if (open_store(prefix, &out->store, err) != 0 || matr_store_freeze(out->store, err) != 0 ||
	    recorded_epoch(prefix, out->store, epoch, &out->epoch, err) != 0 ||
	    recorded_find(out->store, out->epoch.id, program, &out->application, err) != 0)
		return -1;
	if (matr_store_edited(out->store, out->application, &out->edited, &out->n_edited, err) != 0)
		return -1;
	return matr_store_mapping(out->store, out->application, &out->mapping, err);
}

static bool is_root(const char *path, const char *root)
{
	return strcmp(path, root) == 0 || strcmp(path_name(path), root) == 0;
}

int recorded_closure(struct recorded *recorded, const char *root,
		     struct matr_applied_mapping **applied, struct matr_error *err)
{
	struct matr_store_closure *records;
	size_t n_records, n = 0, which = SIZE_MAX;

	if (matr_store_closures(recorded->store, recorded->application, &records, &n_records,
				err) != 0)
		return -1;
	struct matr_closure *closures = calloc(n_records + 1, sizeof *closures);
	int result = closures ? 0 : matr_fail_memory(err);
	for (size_t i = 0; i < n_records && !result; i++) {
		if (which == SIZE_MAX && is_root(records[i].root, root)) {
			if (!records[i].objects)
				result = matr_fail(err, MATR_ERROR_UNSUPPORTED, records[i].root,
						   "is left to ld.so: %s", records[i].reason);
			which = n;
		}
		if (!records[i].objects || result)
			continue;
		result = matr_store_closure(recorded->store, recorded->application, &records[i],
					    &closures[n], err);
		n += !result;
	}
	if (!result && which == SIZE_MAX)
		result = matr_fail(err, MATR_ERROR_NOT_FOUND, root,
				   "no closure of %s has it for its root",
				   recorded->mapping->scope[0].path);
	if (!result)
		result = matr_applied_closure(closures, n, which, applied, err);
	if (!result) {
		matr_mapping_free(recorded->mapping);
		recorded->mapping = closures[which].mapping;
		recorded->first = closures[which].n_start;
		closures[which].mapping = NULL;
	}
	matr_closures_free(closures, n);
	matr_store_closures_free(records, n_records);
	return result;
}

int recorded_loads(const struct recorded *recorded, struct recorded_loads *out,
		   struct matr_error *err)
{
	*out = (struct recorded_loads){.records = NULL};
	if (!recorded->store) /* nothing was recorded of it */
		return 0;
	if (matr_store_closures(recorded->store, recorded->application, &out->records,
				&out->n_records, err) != 0)
		return -1;
	out->list = calloc(out->n_records + 1, sizeof *out->list);
	if (!out->list)
		return matr_fail_memory(err);
	for (size_t i = 0; i < out->n_records; i++)
		if (out->records[i].objects &&
		    matr_store_closure(recorded->store, recorded->application, &out->records[i],
				       &out->list[i], err) != 0)
			return -1;
	return 0;
}

void recorded_loads_free(struct recorded_loads *loads)
{
	for (size_t i = 0; loads->list && i < loads->n_records; i++)
		if (loads->list[i].mapping)
			matr_mapping_free(loads->list[i].mapping);
	free(loads->list);
	if (loads->records)
		matr_store_closures_free(loads->records, loads->n_records);
}

void recorded_close(struct recorded *recorded)
{
	if (recorded->mapping)
		matr_mapping_free(recorded->mapping);
	matr_store_close(recorded->store);
	matr_session_close(recorded->session);
	free(recorded->edited);
	*recorded = (struct recorded){0};
}

const char *recorded_path(const struct matr_mapping *mapping, size_t index)
{
	return index == 0 ? mapping->scope[0].path : mapping->scope[index].object->path;
}

const struct matr_edited_binding *recorded_edit(const struct recorded *recorded, size_t object,
						size_t relocation)
{
	return matr_edited_find(recorded->edited, recorded->n_edited, (uint32_t)object,
				(uint32_t)relocation);
}

const char *recorded_version(const struct matr_object *object, uint32_t symbol)
{
	const struct matr_version *version =
		matr_object_symbol_version(object, &object->symbols[symbol]);
	return version ? version->name : NULL;
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
