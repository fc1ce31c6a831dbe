/* elf_versions.h - the version names a file defines and needs (.gnu.version_d, .gnu.version_r). */
#ifndef MATR_SQL_ELF_VERSIONS_H
#define MATR_SQL_ELF_VERSIONS_H

#include "sql/reader/elf_file.h"

struct elf_version {
	const char *name; /* belongs to the file */
	const char *file; /* needed ones; NULL: defined */
	uint16_t index;	  /* as .gnu.version refers to it */
	uint16_t flags;	  /* VER_FLG_* */
};

/* All of them, first the needed, then the defined ones, each in file order; predecessors of a
 * definition are not listed. *out: free(). */
int elf_versions_read(struct elf_file *file, struct elf_version **out, size_t *n,
		      struct matr_error *err);

#endif
