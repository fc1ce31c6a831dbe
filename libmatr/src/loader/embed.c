/* loader_sections.c - the file that stands in the place of ld.so.
 *
 * The kernel reads program headers and nothing else. Others look at that file too, and read section headers:
 * link editors resolve libc's references to ld.so's symbols there (libc.so, the linker script, names the path),
 * and debuggers take it for what the link map calls by that path, the real ld.so. So the file in ld.so's place is
 * ld-stable to the kernel and ld.so to everybody else: ld-stable's bytes, then all of the real ld.so's, then ld.so's
 * section headers pointing at those.
 *
 * And since the bytes are there, the kernel can map them: ld.so's segments are added to ld-stable's, behind them, so
 * that ld-stable need not map ld.so itself at every exec.
 *
 * One symbol is ld-stable's: `_dl_debug_state` in .symtab, the place where debuggers stop a program that they have
 * just started, when ld-stable is what AT_BASE leads to (ld-stable/debugger.c).
 */
#include "loader/embed.h"

#include <elf.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

static const char debug_function[] = "_dl_debug_state";

struct input {
	const char *path;
	const void *bytes;
	size_t size;
	Elf *elf;
	size_t n_sections, names; /* number of sections; index of the section names */
};

static int malformed(const struct input *input, struct matr_error *err)
{
	return matr_fail(err, MATR_ERROR_MALFORMED, input->path,
			 "its section headers cannot be used: %s", elf_errmsg(-1));
}

static int open_input(struct input *input, struct matr_error *err)
{
	if (elf_version(EV_CURRENT) == EV_NONE)
		return malformed(input, err);
	input->elf = elf_memory((char *)input->bytes, input->size);
	if (!input->elf || elf_kind(input->elf) != ELF_K_ELF ||
	    gelf_getclass(input->elf) != ELFCLASS64 ||
	    elf_getshdrnum(input->elf, &input->n_sections) != 0 ||
	    elf_getshdrstrndx(input->elf, &input->names) != 0)
		return malformed(input, err);
	return 0;
}

/* The value of ld-stable's function in its .symtab. */
static int find_debug_function(struct input *stable, uint64_t *value, struct matr_error *err)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(stable->elf, section))) {
		GElf_Shdr header;
		GElf_Sym symbol;
		Elf_Data *data = elf_getdata(section, NULL);
		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_SYMTAB || !data)
			continue;
		for (int i = 0; gelf_getsym(data, i, &symbol); i++) {
			const char *name = elf_strptr(stable->elf, header.sh_link, symbol.st_name);
			if (name && !strcmp(name, debug_function)) {
				*value = symbol.st_value;
				return 0;
			}
		}
	}
	return matr_fail(err, MATR_ERROR_MALFORMED, stable->path,
			 "has no symbol table (was it stripped?)");
}

/* A symbol table of one symbol, in the section `text`. */
static int add_symbols(struct buffer *out, uint64_t value, size_t text, Elf64_Shdr headers[2],
		       size_t strings_index, struct matr_error *err)
{
	char strings[1 + sizeof debug_function] = "";
	Elf64_Sym symbols[2] = {
		{0},
		{
			.st_name = 1,
			.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			.st_shndx = (uint16_t)text,
			.st_value = value,
			.st_size = 1,
		},
	};

	memcpy(strings + 1, debug_function, sizeof debug_function);
	headers[0] = (Elf64_Shdr){
		.sh_type = SHT_SYMTAB,
		.sh_size = sizeof symbols,
		.sh_link = (uint32_t)strings_index,
		.sh_info = 1,
		.sh_addralign = 8,
		.sh_entsize = sizeof *symbols,
	};
	headers[1] = (Elf64_Shdr){
		.sh_type = SHT_STRTAB,
		.sh_size = sizeof strings,
		.sh_addralign = 1,
	};
	if (buffer_append(out, symbols, sizeof symbols, 8, &headers[0].sh_offset, err) < 0)
		return -1;
	return buffer_append(out, strings, sizeof strings, 1, &headers[1].sh_offset, err);
}

/* The section names: ld.so's and two more. */
static int add_names(struct buffer *out, const struct input *real, Elf64_Shdr *names,
		     Elf64_Shdr headers[2], struct matr_error *err)
{
	static const char more[] = ".symtab\0.strtab";
	uint64_t start, at;
	size_t old = names->sh_size;

	if (names->sh_offset > real->size || old > real->size - names->sh_offset)
		return malformed(real, err);
	if (buffer_append(out, (const char *)real->bytes + names->sh_offset, old, 1, &start, err) <
		    0 ||
	    buffer_append(out, more, sizeof more, 1, &at, err) < 0)
		return -1;
	names->sh_offset = start;
	names->sh_size = old + sizeof more;
	headers[0].sh_name = (uint32_t)old;
	headers[1].sh_name = (uint32_t)(old + strlen(more) + 1);
	return 0;
}

/* A section of the real ld.so in the new file. No segment of ld-stable holds it, and gdb warns of sections that are
 * loaded and in no segment. So what is read in the file (tables, unwinding) is not marked as loaded, and what matters
 * by its address alone (text, data) has no contents. */
static void adapt_section(Elf64_Shdr *header, uint64_t start)
{
	if (header->sh_type == SHT_SYMTAB) /* ours is the one that counts */
		*header = (Elf64_Shdr){.sh_type = SHT_NULL};
	if (header->sh_type == SHT_NULL)
		return;
	header->sh_offset += start;
	if (header->sh_type == SHT_PROGBITS && (header->sh_flags & (SHF_EXECINSTR | SHF_WRITE)))
		header->sh_type = SHT_NOBITS;
	else if (header->sh_type != SHT_NOBITS)
		header->sh_flags &= ~(uint64_t)SHF_ALLOC;
}

/* ld-stable's program headers, and the real ld.so's segments behind its own. *base: where they begin; 0 where ld.so is
 * not laid out as it always is, its file mapped from address 0 on. */
static int add_segments(struct buffer *out, const struct input *stable, const struct input *real,
			uint64_t start, uint64_t *base, struct matr_error *err)
{
	size_t n_stable, n_real, n = 0;
	uint64_t end = 0, at;

	const Elf64_Phdr *own = elf64_getphdr(stable->elf);
	const Elf64_Phdr *others = elf64_getphdr(real->elf);
	if (elf_getphdrnum(stable->elf, &n_stable) != 0 || !own ||
	    elf_getphdrnum(real->elf, &n_real) != 0 || !others)
		return malformed(real, err);
	Elf64_Phdr *headers = calloc(n_stable + n_real, sizeof *headers);
	if (!headers)
		return matr_fail_memory(err);
	for (; n < n_stable; n++) {
		headers[n] = own[n];
		if (own[n].p_type == PT_LOAD && own[n].p_vaddr + own[n].p_memsz > end)
			end = own[n].p_vaddr + own[n].p_memsz;
	}
	*base = (end + 4095) & ~UINT64_C(4095);
	bool first = true;
	for (size_t i = 0; i < n_real; i++) {
		if (others[i].p_type != PT_LOAD)
			continue;
		if (first && (others[i].p_vaddr || others[i].p_offset))
			break;
		first = false;
		headers[n] = others[i];
		headers[n].p_offset += start;
		headers[n].p_vaddr += *base;
		headers[n++].p_paddr += *base;
	}
	int result = 0;
	if (first)
		*base = 0;
	else
		result = buffer_append(out, headers, n * sizeof *headers, 8, &at, err);
	free(headers);
	if (!result && *base) {
		Elf64_Ehdr *header = (Elf64_Ehdr *)out->bytes;
		header->e_phoff = at;
		header->e_phnum = (uint16_t)n;
	}
	return result;
}

static int build(struct input *stable, struct input *real, struct buffer *out, Elf64_Shdr *headers,
		 uint64_t *base, struct matr_error *err)
{
	size_t n = real->n_sections, text = 0;
	uint64_t value = 0, start, at;

	if (find_debug_function(stable, &value, err) < 0 ||
	    buffer_append(out, stable->bytes, stable->size, 1, &at, err) < 0 ||
	    buffer_append(out, real->bytes, real->size, 4096, &start, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getshdr(elf_getscn(real->elf, i), &headers[i]))
			return malformed(real, err);
		if ((headers[i].sh_flags & SHF_EXECINSTR) && headers[i].sh_type == SHT_PROGBITS)
			text = i;
	}
	if (add_symbols(out, value, text, headers + n, n + 1, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		adapt_section(&headers[i], start);
	Elf64_Shdr names = headers[real->names];
	names.sh_offset -= start;
	if (add_names(out, real, &names, headers + n, err) < 0)
		return -1;
	headers[real->names] = names;
	if (buffer_append(out, headers, (n + 2) * sizeof *headers, 8, &at, err) < 0)
		return -1;
	Elf64_Ehdr *header = (Elf64_Ehdr *)out->bytes;
	header->e_shoff = at;
	header->e_shentsize = sizeof(Elf64_Shdr);
	header->e_shnum = (uint16_t)(n + 2);
	header->e_shstrndx = (uint16_t)real->names;
	return add_segments(out, stable, real, start, base, err);
}

int loader_with_sections(const char *stable_path, const void *stable, size_t stable_size,
			 const char *real_path, const void *real, size_t real_size, void **out,
			 size_t *out_size, uint64_t *base, struct matr_error *err)
{
	struct input stable_input = {.path = stable_path, .bytes = stable, .size = stable_size};
	struct input real_input = {.path = real_path, .bytes = real, .size = real_size};
	struct buffer buffer = {0};
	Elf64_Shdr *headers = NULL;

	int result = open_input(&stable_input, err);
	if (!result)
		result = open_input(&real_input, err);
	if (!result && (real_input.n_sections == 0 || real_input.n_sections > 1000))
		result = matr_fail(err, MATR_ERROR_MALFORMED, real_path, "has no section headers");
	if (!result) {
		headers = calloc(real_input.n_sections + 2, sizeof *headers);
		result = headers ? build(&stable_input, &real_input, &buffer, headers, base, err)
				 : matr_fail_memory(err);
	}
	free(headers);
	elf_end(stable_input.elf);
	elf_end(real_input.elf);
	if (result) {
		buffer_free(&buffer);
		return -1;
	}
	*out = buffer.bytes;
	*out_size = buffer.size;
	buffer.bytes = NULL;
	buffer_free(&buffer);
	return 0;
}
