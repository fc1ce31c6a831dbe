/* elf_dynamic.c - the dynamic section. */
#include "sql/reader/elf_dynamic.h"

int elf_dynamic_open(struct elf_file *file, struct elf_dynamic *out, struct matr_error *err)
{
	GElf_Dyn entry;

	*out = (struct elf_dynamic){.section = elf_file_section(file, SHT_DYNAMIC)};
	if (!out->section)
		return 0;
	out->data = elf_file_data(file, out->section, ELF_T_DYN, err);
	if (!out->data)
		return -1;
	size_t n = out->data->d_size / gelf_fsize(file->elf, ELF_T_DYN, 1, EV_CURRENT);
	while (out->n < n && gelf_getdyn(out->data, (int)out->n, &entry)) {
		out->n++;
		if (entry.d_tag == DT_NULL)
			break;
	}
	return 0;
}

void elf_dynamic_get(const struct elf_dynamic *dynamic, size_t i, GElf_Dyn *out)
{
	*out = (GElf_Dyn){0};
	gelf_getdyn(dynamic->data, (int)i, out);
}

bool elf_dynamic_find(const struct elf_dynamic *dynamic, int64_t tag, GElf_Dyn *out)
{
	for (size_t i = 0; i < dynamic->n; i++) {
		elf_dynamic_get(dynamic, i, out);
		if (out->d_tag == tag)
			return true;
	}
	return false;
}

const char *elf_dynamic_string(struct elf_file *file, const struct elf_dynamic *dynamic,
			       const GElf_Dyn *entry)
{
	switch (entry->d_tag) {
	case DT_NEEDED:
	case DT_SONAME:
	case DT_RPATH:
	case DT_RUNPATH:
	case DT_AUXILIARY:
	case DT_FILTER:
	case DT_AUDIT:
	case DT_DEPAUDIT:
	case DT_CONFIG:
		return elf_file_string(file, file->sections[dynamic->section].header.sh_link,
				       entry->d_un.d_val);
	default:
		return NULL;
	}
}
