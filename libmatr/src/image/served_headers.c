/* served_headers.c - what ld.so is shown of a library instead of the file's own headers.
 *
 * The library is mapped and relocated before ld.so runs. So it is shown one PT_LOAD over the whole
 * range, and a dynamic section in the metadata whose relocation tables hold what is left to it.
 * That section is read-only, so ld.so writes nothing there and reads offsets as such. The program
 * headers that dl_iterate_phdr() reports are the file's own, in the mapped library.
 */
#include "image/image.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

/* Entries that a copy may have beyond those of the file: DT_SONAME, DT_RELA, DT_RELASZ, DT_RELAENT,
 * DT_NULL. */
enum { ADDED_ENTRIES = 5 };

static const Elf64_Dyn *find(const Elf64_Dyn *list, size_t n, int64_t tag)
{
	for (size_t i = n; i > 0; i--) {
		if (list[i - 1].d_tag == tag)
			return &list[i - 1];
	}
	return NULL;
}

/* A string in the metadata, as an offset from the library's DT_STRTAB. */
static int string_offset(struct image_builder *builder, const struct image_binary *binary,
			 uint64_t strings, const char *text, uint64_t *out, struct matr_error *err)
{
	uint64_t at;

	if (buffer_string(&builder->image, text, &at, err) < 0)
		return -1;
	*out = at - (binary->base + strings);
	return 0;
}

/* ld.so compares these names with every object that it has: in the metadata they lie together. */
static int move_names(struct image_builder *builder, const struct image_binary *binary,
		      const struct matr_scope_entry *entry, Elf64_Dyn *list, size_t *n,
		      struct matr_error *err)
{
	const struct matr_object *object = entry->object;
	const Elf64_Dyn *table = find(list, *n, DT_STRTAB);
	size_t needed = 0;

	if (!table)
		return 0;
	uint64_t strings = table->d_un.d_val;
	for (size_t i = 0; i < *n; i++) {
		const char *name = NULL;
		/* DT_AUXILIARY and DT_FILTER are in the object's list too. */
		if (list[i].d_tag == DT_NEEDED || list[i].d_tag == DT_AUXILIARY ||
		    list[i].d_tag == DT_FILTER)
			name = needed < object->n_needed ? object->needed[needed++] : NULL;
		else if (list[i].d_tag == DT_SONAME)
			name = object->soname;
		if (name &&
		    string_offset(builder, binary, strings, name, &list[i].d_un.d_val, err) < 0)
			return -1;
	}
	/* ld.so would have the name by which it was needed among the object's. */
	if (!object->soname && entry->needed_as && !strchr(entry->needed_as, '/')) {
		list[*n].d_tag = DT_SONAME;
		if (string_offset(builder, binary, strings, entry->needed_as, &list[*n].d_un.d_val,
				  err) < 0)
			return -1;
		++*n;
	}
	return 0;
}

/* ld.so compares every name that it looks for with the names by which an object was loaded, and
 * with DT_SONAME. The latter is superfluous where both are equal. */
static bool is_named_by_soname(const struct matr_scope_entry *entry, enum image_served when)
{
	return when == IMAGE_MEMBER && entry->needed_as && entry->object->soname &&
	       !strcmp(entry->needed_as, entry->object->soname);
}

static bool is_left_out(int64_t tag, bool lazy, bool versions)
{
	switch (tag) {
	case DT_JMPREL:
	case DT_PLTREL:
	case DT_PLTRELSZ:
		return !lazy; /* else ld.so sets up the PLT, and looks functions up by index */
	case DT_VERNEED:
	case DT_VERNEEDNUM:
		return !versions;
	case DT_RELACOUNT:
	case DT_RELR:
	case DT_RELRSZ:
	case DT_RELRENT:
	case DT_RELA:
	case DT_RELASZ:
	case DT_RELAENT:
		return true; /* entered again if something is left */
	default:
		return false;
	}
}

static int add_dynamic(struct image_builder *builder, const struct image_binary *binary,
		       const struct matr_scope_entry *entry, const struct object_plan *plan,
		       enum image_served when, uint64_t *offset, uint64_t *size,
		       struct matr_error *err)
{
	bool no_soname = is_named_by_soname(entry, when);
	const struct matr_object *object = entry->object;
	Elf64_Dyn *list = calloc(object->n_dynamic + ADDED_ENTRIES, sizeof *list);
	bool lazy = plan->n_lazy || plan->keep_plt;
	bool left = plan->n_residual || lazy || plan->untouched;
	size_t n = 0;

	if (!list)
		return matr_fail_memory(err);
	for (size_t i = 0; i < object->n_dynamic; i++) {
		int64_t tag = object->dynamic[i].tag;
		/* Nothing reads needed versions later, and libmatr has checked them. */
		if ((plan->untouched || !is_left_out(tag, lazy, left)) &&
		    !(tag == DT_SONAME && no_soname))
			list[n++] = (Elf64_Dyn){tag, {object->dynamic[i].value}};
		if (tag == DT_PLTRELSZ && lazy && !plan->keep_plt && !plan->untouched)
			list[n - 1].d_un.d_val = 0;
	}
	int result = move_names(builder, binary, entry, list, &n, err);
	if (!result && plan->n_residual) {
		uint64_t table;
		result = buffer_share(&builder->image, plan->residual,
				      plan->n_residual * sizeof *plan->residual, 8, &table, err);
		list[n++] = (Elf64_Dyn){DT_RELA, {table - binary->base}};
		list[n++] = (Elf64_Dyn){DT_RELASZ, {plan->n_residual * sizeof *plan->residual}};
		list[n++] = (Elf64_Dyn){DT_RELAENT, {sizeof(Elf64_Rela)}};
	}
	list[n++] = (Elf64_Dyn){DT_NULL, {0}};
	*size = n * sizeof *list;
	if (!result)
		result = buffer_share(&builder->image, list, *size, 8, offset, err);
	free(list);
	return result;
}

static void alter_header(Elf64_Phdr *phdr, const struct image_binary *binary, bool *first,
			 bool keep_relro, uint64_t dynamic, uint64_t dynamic_size)
{
	const Elf64_Phdr whole = {
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_vaddr = binary->first,
		.p_paddr = binary->first,
		.p_filesz = binary->span,
		.p_memsz = binary->span,
		.p_align = MATR_IMAGE_PAGE,
	};

	switch (phdr->p_type) {
	case PT_LOAD:
		*phdr = *first ? whole : (Elf64_Phdr){.p_type = PT_NULL};
		*first = false;
		break;
	case PT_DYNAMIC:
		phdr->p_flags = PF_R;
		phdr->p_vaddr = phdr->p_paddr = dynamic - binary->base;
		phdr->p_filesz = phdr->p_memsz = dynamic_size;
		break;
	case PT_NOTE: /* of use to ld.so only where there is no PT_GNU_PROPERTY */
	case PT_INTERP:
		*phdr = (Elf64_Phdr){.p_type = PT_NULL};
		break;
	case PT_GNU_RELRO:
		if (!keep_relro)
			*phdr = (Elf64_Phdr){.p_type = PT_NULL};
		break;
	default:
		break;
	}
}

/* A library without RELRO gets one in name, in place of a header that ld.so has no use for. Its
 * range is not protected: that call is answered. */
static void add_relro(Elf64_Phdr *phdr, size_t n, const struct image_binary *binary)
{
	Elf64_Phdr *free_entry = NULL;

	for (size_t i = 0; i < n; i++) {
		if (phdr[i].p_type == PT_GNU_RELRO)
			return;
		if (phdr[i].p_type == PT_NULL)
			free_entry = &phdr[i];
	}
	if (free_entry)
		*free_entry = (Elf64_Phdr){
			.p_type = PT_GNU_RELRO,
			.p_flags = PF_R,
			.p_vaddr = binary->first,
			.p_paddr = binary->first,
			.p_memsz = MATR_IMAGE_PAGE,
			.p_align = 1,
		};
}

int image_served_headers(struct image_builder *builder, uint32_t index,
			 const struct matr_scope_entry *entry, const struct object_plan *plan,
			 enum image_served when, struct matr_image_object *out,
			 struct matr_error *err)
{
	struct image_binary *binary = &builder->binaries[index];
	bool first = true;
	bool keep_relro =
		plan->n_residual || plan->n_lazy || plan->untouched || when != IMAGE_AT_START;
	uint64_t dynamic = 0, dynamic_size = 0;

	if (image_binary_headers(binary, entry->object, err) < 0 ||
	    add_dynamic(builder, binary, entry, plan, when, &dynamic, &dynamic_size, err) < 0)
		return -1;
	unsigned char *headers = malloc(binary->headers_size);
	if (!headers)
		return matr_fail_memory(err);
	memcpy(headers, binary->headers, binary->headers_size);
	const Elf64_Ehdr *ehdr = (const Elf64_Ehdr *)headers;
	Elf64_Phdr *phdr = (Elf64_Phdr *)(headers + ehdr->e_phoff);
	for (size_t i = 0; i < ehdr->e_phnum; i++)
		alter_header(&phdr[i], binary, &first, keep_relro, dynamic, dynamic_size);
	if (when != IMAGE_AT_START)
		add_relro(phdr, ehdr->e_phnum, binary);
	int result =
		buffer_share(&builder->image, headers, binary->headers_size, 8, &out->headers, err);
	out->headers_size = (uint32_t)binary->headers_size;
	free(headers);
	return result;
}
