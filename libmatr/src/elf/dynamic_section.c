/* dynamic_section.c - PT_DYNAMIC: the entries, the string table, and the meaning of single entries.
 *
 * As in ld.so, PT_DYNAMIC is found by its virtual address, and where a tag occurs twice the last
 * one counts (except DT_NEEDED, of which every one counts). Strings point into one copy of the
 * string table, in object->private_data.
 */
#include "elf/reader.h"

#include <matr/image_format.h>

#include <stdlib.h>
#include <string.h>

bool elf_dynamic_value(const struct matr_object *object, int64_t tag, uint64_t *value)
{
	for (size_t i = object->n_dynamic; i-- > 0;)
		if (object->dynamic[i].tag == tag) {
			*value = object->dynamic[i].value;
			return true;
		}
	return false;
}

int elf_dynamic_need(struct elf_reader *reader, int64_t tag, uint64_t *value, const char *name)
{
	if (elf_dynamic_value(reader->object, tag, value))
		return 0;
	return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
			 "the dynamic section lacks %s", name);
}

const char *elf_reader_string(struct elf_reader *reader, uint64_t offset, const char *what)
{
	if (offset < reader->strings_size)
		return reader->strings + offset;
	matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
		  "%s is at offset %llu of a string table of %llu bytes", what,
		  (unsigned long long)offset, (unsigned long long)reader->strings_size);
	return NULL;
}

/* ---- the entries ---- */

static int read_entries(struct elf_reader *reader, const struct matr_segment *segment)
{
	struct matr_object *object = reader->object;
	size_t room = segment->file_size / sizeof(Elf64_Dyn), n = 0;
	const unsigned char *bytes =
		elf_reader_at(reader, segment->vaddr, segment->file_size, "the dynamic section");
	Elf64_Dyn entry;

	if (!bytes)
		return -1;
	for (;; n++) {
		if (n == room)
			return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
					 "the dynamic section does not end with DT_NULL");
		memcpy(&entry, bytes + n * sizeof entry, sizeof entry);
		if (entry.d_tag == DT_NULL)
			break;
	}
	object->dynamic = elf_reader_allocate(reader, n, sizeof *object->dynamic);
	if (!object->dynamic)
		return -1;
	object->n_dynamic = n;
	object->dynamic_vaddr = segment->vaddr;
	for (size_t i = 0; i < n; i++) {
		memcpy(&entry, bytes + i * sizeof entry, sizeof entry);
		object->dynamic[i].tag = entry.d_tag;
		object->dynamic[i].value = entry.d_un.d_val;
	}
	return 0;
}

/* ---- strings ---- */

/* One block for all that has to outlive the reader: PT_INTERP, then DT_STRTAB. */
static int keep_strings(struct elf_reader *reader)
{
	struct matr_object *object = reader->object;
	size_t interpreter_size = object->interpreter ? strlen(object->interpreter) + 1 : 0;
	uint64_t address, size = 0;
	const char *table = "";
	char *block;

	if (elf_dynamic_value(object, DT_STRTAB, &address)) {
		if (elf_dynamic_need(reader, DT_STRSZ, &size, "DT_STRSZ") != 0)
			return -1;
		table = elf_reader_at(reader, address, size, "the string table");
		if (!table)
			return -1;
		if (size > 0 && table[size - 1] != '\0')
			return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path,
					 "the string table does not end with a NUL");
	}
	block = elf_reader_allocate(reader, interpreter_size + size, 1);
	if (!block)
		return -1;
	object->private_data = block;
	if (object->interpreter) {
		memcpy(block, object->interpreter, interpreter_size);
		object->interpreter = block;
	}
	memcpy(block + interpreter_size, table, size);
	reader->strings = block + interpreter_size;
	reader->strings_size = size;
	return 0;
}

static int read_string(struct elf_reader *reader, int64_t tag, const char **out, const char *what)
{
	uint64_t offset;

	if (!elf_dynamic_value(reader->object, tag, &offset))
		return 0;
	*out = elf_reader_string(reader, offset, what);
	return *out ? 0 : -1;
}

static bool names_object(int64_t tag)
{
	return tag == DT_NEEDED || tag == DT_AUXILIARY || tag == DT_FILTER;
}

static int read_needed(struct elf_reader *reader)
{
	struct matr_object *object = reader->object;
	size_t n = 0;

	for (size_t i = 0; i < object->n_dynamic; i++)
		n += names_object(object->dynamic[i].tag);
	object->needed = elf_reader_allocate(reader, n, sizeof *object->needed);
	if (!object->needed)
		return -1;
	for (size_t i = 0; i < object->n_dynamic; i++) {
		if (!names_object(object->dynamic[i].tag))
			continue;
		const char *name = elf_reader_string(reader, object->dynamic[i].value, "DT_NEEDED");
		if (!name)
			return -1;
		object->needed[object->n_needed++] = name;
	}
	return 0;
}

/* ---- flags ---- */

static void set_if(struct matr_object *object, bool condition, uint32_t flag)
{
	if (condition)
		object->flags |= flag;
}

static void read_flags(struct matr_object *object)
{
	uint64_t flags = 0, flags_1 = 0, ignored;

	elf_dynamic_value(object, DT_FLAGS, &flags);
	elf_dynamic_value(object, DT_FLAGS_1, &flags_1);
	set_if(object, !(object->flags & MATR_OBJECT_FIXED) && flags_1 & DF_1_PIE, MATR_OBJECT_PIE);
	set_if(object, flags & DF_SYMBOLIC || elf_dynamic_value(object, DT_SYMBOLIC, &ignored),
	       MATR_OBJECT_SYMBOLIC);
	set_if(object,
	       flags & DF_BIND_NOW || flags_1 & DF_1_NOW ||
		       elf_dynamic_value(object, DT_BIND_NOW, &ignored),
	       MATR_OBJECT_BIND_NOW);
	set_if(object, flags & DF_TEXTREL || elf_dynamic_value(object, DT_TEXTREL, &ignored),
	       MATR_OBJECT_TEXTREL);
	set_if(object, flags_1 & DF_1_NODEFLIB, MATR_OBJECT_NODEFLIB);
	set_if(object,
	       elf_dynamic_value(object, DT_FILTER, &ignored) ||
		       elf_dynamic_value(object, DT_AUXILIARY, &ignored),
	       MATR_OBJECT_FILTER);
	/* ld.so has a use for DT_VERSYM only where there are versions. */
	set_if(object,
	       elf_dynamic_value(object, DT_VERSYM, &ignored) &&
		       (elf_dynamic_value(object, DT_VERNEED, &ignored) ||
			elf_dynamic_value(object, DT_VERDEF, &ignored)),
	       MATR_OBJECT_VERSIONED);
	set_if(object, flags & DF_STATIC_TLS, MATR_OBJECT_STATIC_TLS);
	if (elf_dynamic_value(object, DT_GNU_HASH, &ignored))
		object->flags |= MATR_OBJECT_GNU_HASH | MATR_OBJECT_HASHED;
	set_if(object, elf_dynamic_value(object, DT_HASH, &ignored), MATR_OBJECT_HASHED);
}

int elf_read_dynamic_section(struct elf_reader *reader)
{
	struct matr_object *object = reader->object;
	const struct matr_segment *dynamic = NULL;

	set_if(object, reader->header.e_type == ET_EXEC, MATR_OBJECT_FIXED);
	set_if(object, reader->header.e_type == ET_DYN && object->interpreter, MATR_OBJECT_PIE);
	for (size_t i = 0; i < object->n_segments; i++)
		if (object->segments[i].type == PT_DYNAMIC)
			dynamic = &object->segments[i];
	if (dynamic && read_entries(reader, dynamic) != 0)
		return -1;
	if (keep_strings(reader) != 0 || read_needed(reader) != 0 ||
	    read_string(reader, DT_SONAME, &object->soname, "DT_SONAME") != 0 ||
	    read_string(reader, DT_RUNPATH, &object->runpath, "DT_RUNPATH") != 0)
		return -1;
	if (!object->runpath && read_string(reader, DT_RPATH, &object->rpath, "DT_RPATH") != 0)
		return -1;
	read_flags(object);
	return 0;
}
