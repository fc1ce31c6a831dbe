/* refused.c - objects that ld.so fails to load or relocate whatever else is loaded.
 *
 * Some of this ld.so refuses, in some it fails an assertion, in some it crashes. docs/resolver.md
 * has the whole list.
 */
#include "elf/reader.h"

static const uint64_t page = 4096;

static int refuse(struct elf_reader *reader, const char *why)
{
	return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path, "%s", why);
}

static bool has(const struct matr_object *object, int64_t tag)
{
	uint64_t ignored;

	return elf_dynamic_value(object, tag, &ignored);
}

/* ---- segments ---- */

/* Every page of [start, end) must be mapped, since ld.so protects them at one go. */
static bool is_mapped(const struct matr_object *object, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < object->n_segments && start < end; i++) {
		const struct matr_segment *segment = &object->segments[i];
		uint64_t first = segment->vaddr & -page;
		uint64_t last = (segment->vaddr + segment->memory_size + page - 1) & -page;
		if (segment->type == PT_LOAD && start >= first && start < last)
			start = last; /* they ascend */
	}
	return start >= end;
}

static int check_relro(struct elf_reader *reader, const struct matr_segment *relro)
{
	if (relro->vaddr > UINT64_MAX - relro->memory_size ||
	    !is_mapped(reader->object, relro->vaddr & -page,
		       (relro->vaddr + relro->memory_size) & -page))
		return refuse(reader, "PT_GNU_RELRO reaches beyond what is loaded");
	return 0;
}

static int check_segments(struct elf_reader *reader)
{
	const struct matr_object *object = reader->object;
	const struct matr_segment *relro = NULL;

	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type == PT_TLS && segment->memory_size &&
		    segment->file_size > segment->memory_size)
			return refuse(reader, "PT_TLS is larger in the file than in memory");
		if (segment->type == PT_GNU_RELRO)
			relro = segment; /* the last one counts */
	}
	return relro ? check_relro(reader, relro) : 0;
}

/* ---- the dynamic section ---- */

static int check_dynamic(struct elf_reader *reader)
{
	const struct matr_object *object = reader->object;

	if (has(object, DT_RELA) && !has(object, DT_RELAENT))
		return refuse(reader, "DT_RELA without DT_RELAENT: ld.so would crash");
	if (has(object, DT_RELR) && !has(object, DT_RELRENT))
		return refuse(reader, "DT_RELR without DT_RELRENT: ld.so would crash");
	if (has(object, DT_JMPREL) && !has(object, DT_PLTGOT) &&
	    !(object->flags & MATR_OBJECT_BIND_NOW))
		return refuse(reader, "DT_JMPREL without DT_PLTGOT: ld.so would crash");
	if (object->n_versions && !has(object, DT_VERSYM))
		return refuse(reader,
			      "DT_VERNEED or DT_VERDEF without DT_VERSYM: ld.so would crash");
	return 0;
}

int elf_check_refused(struct elf_reader *reader)
{
	return check_segments(reader) != 0 || check_dynamic(reader) != 0 ? -1 : 0;
}
