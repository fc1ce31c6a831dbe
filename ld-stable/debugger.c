/* debugger.c - letting gdb and others follow the libraries of a program that ld-stable started.
 *
 * A debugger that starts a program learns of libraries through a breakpoint on `_dl_debug_state`, which
 * it looks up in the file that PT_INTERP names and expects at AT_BASE. That file is ld-stable; the
 * function that is called at the right moments is the real ld.so's. So ld-stable has a function of that
 * name, and where it finds a breakpoint on it, it lets the real one jump there. Without a debugger this
 * costs one comparison and changes nothing.
 */
#include "ld_stable.h"

extern const unsigned char _dl_debug_state[] __attribute__((visibility("hidden")));

enum { PLAIN_RETURN = 0xc3 };

static const Elf64_Dyn *file_dynamic(const struct elf_file *file)
{
	const Elf64_Phdr *phdr = (const Elf64_Phdr *)file->phdr;
	for (size_t i = 0; phdr && i < file->phnum; i++) {
		if (phdr[i].p_type == PT_DYNAMIC)
			return (const Elf64_Dyn *)(file->base + phdr[i].p_vaddr);
	}
	return NULL;
}

/* The address of a function the file exports. ld.so always has DT_HASH, whose second word is the number
 * of symbols. */
static unsigned char *exported_function(const struct elf_file *file, const char *name)
{
	const Elf64_Sym *symbols = NULL;
	const char *strings = NULL;
	const uint32_t *hash = NULL;
	const Elf64_Dyn *dyn = file_dynamic(file);

	for (; dyn && dyn->d_tag != DT_NULL; dyn++) {
		uint64_t address = file->base + dyn->d_un.d_ptr;
		if (dyn->d_tag == DT_SYMTAB)
			symbols = (const Elf64_Sym *)address;
		else if (dyn->d_tag == DT_STRTAB)
			strings = (const char *)address;
		else if (dyn->d_tag == DT_HASH)
			hash = (const uint32_t *)address;
	}
	if (!symbols || !strings || !hash)
		return NULL;
	for (uint32_t i = 1; i < hash[1]; i++) {
		if (symbols[i].st_shndx != SHN_UNDEF &&
		    string_equal(strings + symbols[i].st_name, name))
			return (unsigned char *)(file->base + symbols[i].st_value);
	}
	return NULL;
}

void debugger_follow(const struct elf_file *loader)
{
	if (*(const volatile unsigned char *)_dl_debug_state == PLAIN_RETURN)
		return;
	unsigned char *function = exported_function(loader, "_dl_debug_state");
	if (function)
		redirect(function, _dl_debug_state);
}
