/* symbol.c - symbols in tables for people. */
#include "common/symbol.h"

#include <stdlib.h>
#include <string.h>

#include <matr/names.h>

void output_symbol(struct output *output, const char *name, bool raw)
{
	bool shown = output->render.format == FORMAT_TABLE && !raw && name;
	char *demangled = shown ? matr_demangle(name) : NULL;

	output_text(output, demangled ? demangled : name);
	free(demangled);
}

char *symbol_shown(const char *name, bool raw)
{
	char *demangled = raw ? NULL : matr_demangle(name);

	return demangled ? demangled : strdup(name);
}
