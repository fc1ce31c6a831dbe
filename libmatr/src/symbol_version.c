/* symbol_version.c - DT_VERSYM, DT_VERNEED, DT_VERDEF (LSB Core, "Symbol Versioning").
 *
 * Definitions and needs share one space of version indices, by which .gnu.version refers to them.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "elf_file.h"

enum {
	INDEX_MASK = 0x7fff,
	HIDDEN = 0x8000,
	MAX_VERSIONS = 1 << 17, /* entries of all lists; indices have 15 bits */
};

/* Room for a version index; grows the table. */
static struct matr_version *version_slot(struct matr_object *object, uint16_t index,
                                         struct matr_error *err)
{
	if (index >= object->n_versions) {
		size_t n = (size_t)index + 1;
		struct matr_version *list = realloc(object->versions, n * sizeof *list);
		if (!list) {
			matr_fail_memory(err);
			return NULL;
		}
		memset(list + object->n_versions, 0, (n - object->n_versions) * sizeof *list);
		object->versions = list;
		object->n_versions = n;
	}
	return &object->versions[index];
}

static int read_needed_version(struct elf_file *file, const Elf64_Vernaux *raw, const char *library,
                               struct matr_error *err)
{
	const char *name = elf_file_string(file, raw->vna_name);
	struct matr_version *version = version_slot(file->object, raw->vna_other & INDEX_MASK, err);

	if (!version)
		return -1;
	if (!name)
		return elf_file_malformed(file, err,
		                          "a version's name is outside of its string table");
	*version = (struct matr_version){
	        .name = name,
	        .file = library,
	        .hash = raw->vna_hash,
	        .hidden = raw->vna_other & HIDDEN,
	        .weak = raw->vna_flags & VER_FLG_WEAK,
	};
	return 0;
}

/* The lists are linked by relative offsets that only go forward, so they end with the file at the latest. */
static int read_needed(struct elf_file *file, uint64_t at, uint64_t count, struct matr_error *err)
{
	unsigned total = 0;

	for (uint64_t i = 0; i < count; i++) {
		Elf64_Verneed need;
		const void *bytes = elf_file_at(file, at, sizeof need);
		if (!bytes || ++total > MAX_VERSIONS)
			return elf_file_malformed(file, err, "DT_VERNEED is outside of the file");
		memcpy(&need, bytes, sizeof need);
		const char *library = elf_file_string(file, need.vn_file);
		if (!library)
			return elf_file_malformed(
			        file, err, "DT_VERNEED names a file outside of its string table");
		uint64_t aux_at = at + need.vn_aux;
		for (uint32_t n = 0; n < need.vn_cnt; n++) {
			Elf64_Vernaux aux;
			bytes = elf_file_at(file, aux_at, sizeof aux);
			if (!bytes || ++total > MAX_VERSIONS)
				return elf_file_malformed(file, err,
				                          "DT_VERNEED is outside of the file");
			memcpy(&aux, bytes, sizeof aux);
			if (read_needed_version(file, &aux, library, err) < 0)
				return -1;
			if (!aux.vna_next)
				break;
			aux_at += aux.vna_next;
		}
		if (!need.vn_next)
			break;
		at += need.vn_next;
	}
	return 0;
}

static int read_defined(struct elf_file *file, uint64_t at, uint64_t count, struct matr_error *err)
{
	for (uint64_t i = 0; i < count; i++) {
		Elf64_Verdef definition;
		Elf64_Verdaux aux;
		const void *bytes = elf_file_at(file, at, sizeof definition);
		if (!bytes || i > MAX_VERSIONS)
			return elf_file_malformed(file, err, "DT_VERDEF is outside of the file");
		memcpy(&definition, bytes, sizeof definition);
		/* The base version is the file's own name and no version to ask for. */
		if (!(definition.vd_flags & VER_FLG_BASE)) {
			bytes = elf_file_at(file, at + definition.vd_aux, sizeof aux);
			if (!bytes)
				return elf_file_malformed(file, err,
				                          "DT_VERDEF is outside of the file");
			memcpy(&aux, bytes, sizeof aux);
			const char *name = elf_file_string(file, aux.vda_name);
			struct matr_version *version =
			        version_slot(file->object, definition.vd_ndx & INDEX_MASK, err);
			if (!version)
				return -1;
			if (!name)
				return elf_file_malformed(
				        file, err,
				        "a version's name is outside of its string table");
			*version = (struct matr_version){
			        .name = name,
			        .hash = definition.vd_hash,
			        .weak = definition.vd_flags & VER_FLG_WEAK,
			        .defined = true,
			};
		}
		if (!definition.vd_next)
			break;
		at += definition.vd_next;
	}
	return 0;
}

int read_versions(struct elf_file *file, struct matr_error *err)
{
	struct matr_object *object = file->object;
	uint64_t versym, at, count;

	if (!elf_file_tag(file, DT_VERSYM, &versym))
		return 0;
	object->flags |= MATR_OBJECT_VERSIONED;
	const unsigned char *bytes =
	        elf_file_at(file, versym, object->n_symbols * sizeof(uint16_t));
	if (!bytes && object->n_symbols)
		return elf_file_malformed(file, err, "DT_VERSYM is outside of the file");
	for (size_t i = 0; i < object->n_symbols; i++)
		memcpy(&object->symbols[i].version, bytes + i * sizeof(uint16_t), sizeof(uint16_t));
	if (elf_file_tag(file, DT_VERNEED, &at)) {
		if (!elf_file_tag(file, DT_VERNEEDNUM, &count))
			count = UINT64_MAX;
		if (read_needed(file, at, count, err) < 0)
			return -1;
	}
	if (elf_file_tag(file, DT_VERDEF, &at)) {
		if (!elf_file_tag(file, DT_VERDEFNUM, &count))
			count = UINT64_MAX;
		if (read_defined(file, at, count, err) < 0)
			return -1;
	}
	return 0;
}

const struct matr_version *matr_object_symbol_version(const struct matr_object *object,
                                                      const struct matr_symbol *symbol)
{
	uint16_t index = symbol->version & INDEX_MASK;

	if (!(object->flags & MATR_OBJECT_VERSIONED) || index >= object->n_versions ||
	    !object->versions[index].name || !object->versions[index].hash)
		return NULL;
	return &object->versions[index];
}
