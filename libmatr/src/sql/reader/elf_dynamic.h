/* elf_dynamic.h - the dynamic section. */
#ifndef MATR_SQL_ELF_DYNAMIC_H
#define MATR_SQL_ELF_DYNAMIC_H

#include "sql/reader/elf_file.h"

struct elf_dynamic {
	size_t section; /* 0: the file has none */
	Elf_Data *data;
	size_t n; /* entries, up to the first DT_NULL, that included */
};

int elf_dynamic_open(struct elf_file *file, struct elf_dynamic *out, struct matr_error *err);
void elf_dynamic_get(const struct elf_dynamic *dynamic, size_t i, GElf_Dyn *out);
/* The first entry with that tag. */
bool elf_dynamic_find(const struct elf_dynamic *dynamic, int64_t tag, GElf_Dyn *out);
/* The string that an entry's value refers to; NULL where there is none. */
const char *elf_dynamic_string(struct elf_file *file, const struct elf_dynamic *dynamic,
			       const GElf_Dyn *entry);

#endif
