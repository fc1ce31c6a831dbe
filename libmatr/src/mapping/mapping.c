/* mapping.c - the parts of matr/mapping.h that need no search. */
#include <matr/mapping.h>

#include <elf.h>
#include <stdlib.h>

void matr_mapping_free(struct matr_mapping *mapping)
{
	if (!mapping)
		return;
	for (size_t i = 0; i < mapping->n_scope; i++) {
		free(mapping->scope[i].path);
		if (mapping->objects)
			free(mapping->objects[i].bindings);
	}
	free(mapping->scope);
	free(mapping->objects);
	for (size_t i = 0; i < mapping->n_directories; i++)
		free(mapping->directories[i].path);
	free(mapping->directories);
	free(mapping->library_path);
	free(mapping);
}

void matr_closures_free(struct matr_closure *closures, size_t n)
{
	for (size_t i = 0; i < n; i++)
		matr_mapping_free(closures[i].mapping);
	free(closures);
}

bool matr_symbol_is_looked_up(const struct matr_symbol *reference)
{
	return reference->binding != STB_LOCAL && reference->visibility != STV_HIDDEN &&
	       reference->visibility != STV_INTERNAL;
}

const char *matr_search_rule_name(enum matr_search_rule rule)
{
	static const char *const names[MATR_FOUND_RULES] = {
		[MATR_FOUND_APPLICATION] = "the application itself",
		[MATR_FOUND_PRELOAD] = "ld.so.preload",
		[MATR_FOUND_PATH] = "named by path",
		[MATR_FOUND_RPATH] = "DT_RPATH",
		[MATR_FOUND_RUNPATH] = "DT_RUNPATH",
		[MATR_FOUND_CACHE] = "ld.so.cache",
		[MATR_FOUND_DEFAULT] = "default directories",
		[MATR_FOUND_INTERPRETER] = "the dynamic linker",
		[MATR_FOUND_LIBRARY_PATH] = "LD_LIBRARY_PATH",
		[MATR_FOUND_EDIT] = "an edit",
		[MATR_FOUND_LOADED] = "loaded before",
	};
	return rule < MATR_FOUND_RULES && names[rule] ? names[rule] : "unknown";
}
