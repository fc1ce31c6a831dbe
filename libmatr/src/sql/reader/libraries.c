/* libraries.c - libmatr's search, in a session that reads no symbols. */
#include "sql/reader/libraries.h"

#include <matr/resolve.h>

int libraries_find(struct matr_session **session, const struct elf_file *file,
		   struct matr_libraries *out, struct matr_error *err)
{
	const struct matr_session_options options = {.search_only = true};

	*out = (struct matr_libraries){0};
	if (file->header.e_type != ET_EXEC && file->header.e_type != ET_DYN)
		return 0;
	if (file->header.e_machine != EM_X86_64 || file->header.e_ident[EI_CLASS] != ELFCLASS64)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, file->path,
				 "its libraries are not looked for: it is not for this machine");
	if (!*session && matr_session_open(&options, session, err) < 0)
		return -1;
	return matr_libraries_find(*session, file->path, out, err);
}
