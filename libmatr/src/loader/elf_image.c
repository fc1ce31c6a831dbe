/* elf_image.c - checking the headers of an ELF file in memory (elf_image.h). */
#include "loader/elf_image.h"

#include <stdbool.h>
#include <string.h>

#if defined __x86_64__
enum { THIS_MACHINE = EM_X86_64 };
#elif defined __aarch64__
enum { THIS_MACHINE = EM_AARCH64 };
#endif

static bool lies_within(uint64_t offset, uint64_t size, uint64_t limit)
{
	return offset <= limit && size <= limit - offset;
}

static int check_header(const struct elf_image *image, struct matr_error *err)
{
	const unsigned char *ident = image->bytes;

	if (image->size < sizeof image->header || memcmp(ident, ELFMAG, SELFMAG) != 0)
		return matr_fail(err, MATR_ERROR_NOT_ELF, image->path, "is not an ELF file");
	if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB ||
	    image->header.e_machine != THIS_MACHINE)
		return matr_fail(err, MATR_ERROR_FOREIGN, image->path,
				 "is an ELF file for another machine");
	if (image->header.e_type != ET_DYN)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, image->path,
				 "is not a shared object");
	return 0;
}

static int check_tables(struct elf_image *image, struct matr_error *err)
{
	const Elf64_Ehdr *header = &image->header;

	if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum == 0 ||
	    header->e_phoff % 8 != 0 ||
	    !lies_within(header->e_phoff, header->e_phnum * sizeof(Elf64_Phdr), image->size))
		return matr_fail(err, MATR_ERROR_MALFORMED, image->path,
				 "its program headers are not in the file");
	image->segments = (const Elf64_Phdr *)(image->bytes + header->e_phoff);
	if (header->e_shnum == 0)
		return 0;
	if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shoff % 8 != 0 ||
	    header->e_shstrndx >= header->e_shnum ||
	    !lies_within(header->e_shoff, header->e_shnum * sizeof(Elf64_Shdr), image->size))
		return matr_fail(err, MATR_ERROR_MALFORMED, image->path,
				 "its section headers are not in the file");
	image->sections = (const Elf64_Shdr *)(image->bytes + header->e_shoff);
	if (image->sections[header->e_shstrndx].sh_type != SHT_STRTAB)
		return matr_fail(err, MATR_ERROR_MALFORMED, image->path,
				 "its sections have no names");
	return 0;
}

static int check_contents(const struct elf_image *image, struct matr_error *err)
{
	for (size_t i = 0; i < image->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &image->segments[i];
		if (!lies_within(segment->p_offset, segment->p_filesz, image->size))
			return matr_fail(err, MATR_ERROR_MALFORMED, image->path,
					 "a segment ends behind the end of the file");
		if (segment->p_type == PT_LOAD &&
		    (segment->p_memsz < segment->p_filesz ||
		     segment->p_vaddr + segment->p_memsz < segment->p_vaddr))
			return matr_fail(err, MATR_ERROR_MALFORMED, image->path,
					 "a segment is larger in the file than in memory");
	}
	for (size_t i = 0; image->sections && i < image->header.e_shnum; i++) {
		const Elf64_Shdr *section = &image->sections[i];
		if (section->sh_type != SHT_NULL && section->sh_type != SHT_NOBITS &&
		    !lies_within(section->sh_offset, section->sh_size, image->size))
			return matr_fail(err, MATR_ERROR_MALFORMED, image->path,
					 "a section ends behind the end of the file");
	}
	return 0;
}

int elf_image_open(struct elf_image *image, const char *path, const void *bytes, size_t size,
		   struct matr_error *err)
{
	*image = (struct elf_image){.path = path, .bytes = bytes, .size = size};
	if (size >= sizeof image->header)
		memcpy(&image->header, bytes, sizeof image->header);
	if (check_header(image, err) < 0 || check_tables(image, err) < 0)
		return -1;
	return check_contents(image, err);
}

const unsigned char *elf_image_at(const struct elf_image *image, uint64_t address, uint64_t size)
{
	for (size_t i = 0; i < image->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &image->segments[i];
		if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
		    lies_within(address - segment->p_vaddr, size, segment->p_filesz))
			return image->bytes + segment->p_offset + (address - segment->p_vaddr);
	}
	return NULL;
}

const Elf64_Phdr *elf_image_segment(const struct elf_image *image, uint32_t type)
{
	for (size_t i = 0; i < image->header.e_phnum; i++) {
		if (image->segments[i].p_type == type)
			return &image->segments[i];
	}
	return NULL;
}

const Elf64_Phdr *elf_image_load_at(const struct elf_image *image, uint64_t address)
{
	for (size_t i = 0; i < image->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &image->segments[i];
		if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
		    address - segment->p_vaddr < segment->p_memsz)
			return segment;
	}
	return NULL;
}

const char *elf_image_section_name(const struct elf_image *image, const Elf64_Shdr *section)
{
	const Elf64_Shdr *names = &image->sections[image->header.e_shstrndx];
	const char *text = (const char *)image->bytes + names->sh_offset;

	if (section->sh_name >= names->sh_size ||
	    !memchr(text + section->sh_name, 0, names->sh_size - section->sh_name))
		return "";
	return text + section->sh_name;
}

const Elf64_Shdr *elf_image_section(const struct elf_image *image, const char *name)
{
	for (size_t i = 0; image->sections && i < image->header.e_shnum; i++) {
		if (!strcmp(elf_image_section_name(image, &image->sections[i]), name))
			return &image->sections[i];
	}
	return NULL;
}
