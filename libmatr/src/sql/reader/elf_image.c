/* elf_image.c - an ELF file made of another: header, contents, section headers. */
#include "sql/reader/elf_image.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "sql/reader/elf_decompress.h"

enum {
	ALIGNMENT = 16,	   /* of contents */
	MOST_RATIO = 1100, /* of the copy to the file */
};
#define SMALL_IMAGE (UINT64_C(64) << 20)

struct maker {
	struct elf_image *image;
	size_t capacity;
	uint64_t plain; /* bytes of the file's sections so far, as they are there */
	bool wide, big;
};

static int reserve(struct maker *maker, size_t more, struct matr_error *err)
{
	struct elf_image *image = maker->image;
	size_t before = maker->capacity;

	if (more > SIZE_MAX - image->size)
		return matr_fail_memory(err);
	if (array_reserve(&image->bytes, &maker->capacity, image->size + more, 1, err) != 0)
		return -1;
	if (maker->capacity > before)
		memset(image->bytes + before, 0, maker->capacity - before);
	return 0;
}

static int append(struct maker *maker, const void *bytes, size_t size, uint64_t *offset,
		  struct matr_error *err)
{
	size_t padding = (ALIGNMENT - maker->image->size % ALIGNMENT) % ALIGNMENT;

	if (reserve(maker, size + padding, err) < 0)
		return -1;
	maker->image->size += padding;
	*offset = maker->image->size;
	if (size)
		memcpy(maker->image->bytes + maker->image->size, bytes, size);
	maker->image->size += size;
	return 0;
}

/* Write a number of 2, 4 or 8 bytes, in the file's byte order. */
static void put(const struct maker *maker, uint8_t *to, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size; i++)
		to[maker->big ? size - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

static size_t header_size(const struct maker *maker)
{
	return maker->wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
}

static void put_section(const struct maker *maker, uint8_t *to, const GElf_Shdr *header)
{
	size_t word = maker->wide ? 8 : 4;
	/* The two classes have the same members in the same order. */
	const struct {
		uint64_t value;
		size_t size;
	} members[] = {
		{header->sh_name, 4},	    {header->sh_type, 4},      {header->sh_flags, word},
		{header->sh_addr, word},    {header->sh_offset, word}, {header->sh_size, word},
		{header->sh_link, 4},	    {header->sh_info, 4},      {header->sh_addralign, word},
		{header->sh_entsize, word},
	};

	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		put(maker, to, members[i].size, members[i].value);
		to += members[i].size;
	}
}

/* Copy one section; its header in the copy is *header. */
static int add_section(struct maker *maker, struct elf_file *file, size_t i, bool wanted,
		       GElf_Shdr *header, struct matr_error *err)
{
	struct elf_compression compression;
	uint64_t plain = maker->plain + file->sections[i].header.sh_size;
	uint8_t *bytes;
	size_t size;

	*header = file->sections[i].header;
	if (header->sh_type == SHT_NULL || header->sh_type == SHT_NOBITS)
		return 0;
	if (!wanted) {
		header->sh_type = SHT_NOBITS;
		header->sh_name = 0;
		return 0;
	}
	/* Limit the sum as well: a file may have many sections. */
	if (plain > file->id.size ||
	    maker->image->size / MOST_RATIO > file->id.size + SMALL_IMAGE / MOST_RATIO)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
				 "its sections overlap: they are larger than the file");
	maker->plain = plain;
	if (elf_compression_of(file, i, &compression, err) < 0 ||
	    elf_decompress(file, i, &bytes, &size, err) < 0)
		return -1;
	int result = append(maker, bytes, size, &header->sh_offset, err);
	free(bytes);
	header->sh_flags &= ~(GElf_Xword)SHF_COMPRESSED;
	header->sh_size = size;
	header->sh_addralign = compression.alignment;
	return result;
}

static int add_headers(struct maker *maker, struct elf_file *file, GElf_Shdr *headers,
		       struct matr_error *err)
{
	size_t size = header_size(maker), n = file->n_sections;
	uint64_t offset;
	uint8_t *table = calloc(n, size);

	if (!table)
		return matr_fail_memory(err);
	for (size_t i = 0; i < n; i++)
		put_section(maker, table + i * size, &headers[i]);
	int result = append(maker, table, n * size, &offset, err);
	free(table);
	if (result < 0)
		return -1;
	/* Set e_shoff, which follows e_phoff; no program headers. */
	uint8_t *header = (uint8_t *)maker->image->bytes;
	size_t word = maker->wide ? 8 : 4, at = maker->wide ? 40 : 32;
	put(maker, header + at, word, offset);
	put(maker, header + at - word, word, 0);
	put(maker, header + (maker->wide ? 56 : 44), 2, 0);
	return 0;
}

static int make(struct maker *maker, struct elf_file *file,
		bool (*wanted)(const struct elf_section *section), struct matr_error *err)
{
	size_t size = maker->wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr), names = 0;
	uint8_t first[sizeof(Elf64_Ehdr)];
	uint64_t offset;
	int result = 0;

	if (elf_file_read(file, 0, first, size, err) != (int64_t)size ||
	    elf_getshdrstrndx(file->elf, &names) != 0 || names == 0 || names >= file->n_sections)
		return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
				 "has no table of section names");
	GElf_Shdr *headers = calloc(file->n_sections, sizeof *headers);
	if (!headers || append(maker, first, size, &offset, err) < 0) {
		free(headers);
		return matr_fail_memory(err);
	}
	for (size_t i = 0; i < file->n_sections && result == 0; i++)
		result = add_section(maker, file, i, i == names || wanted(&file->sections[i]),
				     &headers[i], err);
	if (result == 0)
		result = add_headers(maker, file, headers, err);
	free(headers);
	return result;
}

int elf_image_make(struct elf_file *file, bool (*wanted)(const struct elf_section *section),
		   struct elf_image *out, struct matr_error *err)
{
	struct maker maker = {
		.image = out,
		.wide = file->header.e_ident[EI_CLASS] == ELFCLASS64,
		.big = file->header.e_ident[EI_DATA] == ELFDATA2MSB,
	};

	*out = (struct elf_image){0};
	int result = make(&maker, file, wanted, err);
	if (result == 0) {
		out->elf = elf_memory(out->bytes, out->size);
		if (!out->elf)
			result = matr_fail(err, MATR_ERROR_MALFORMED, file->path, "%s",
					   elf_errmsg(-1));
	}
	if (result < 0)
		elf_image_free(out);
	return result;
}

void elf_image_free(struct elf_image *image)
{
	elf_end(image->elf);
	free(image->bytes);
	*image = (struct elf_image){0};
}

uint8_t *elf_image_section(const struct elf_image *image, const char *name, size_t *size)
{
	size_t names;

	if (elf_getshdrstrndx(image->elf, &names) != 0)
		return NULL;
	for (Elf_Scn *section = NULL; (section = elf_nextscn(image->elf, section)) != NULL;) {
		GElf_Shdr header;
		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
			continue;
		const char *found = elf_strptr(image->elf, names, header.sh_name);
		if (!found || strcmp(found, name) != 0 || header.sh_offset > image->size ||
		    header.sh_size > image->size - header.sh_offset)
			continue;
		*size = header.sh_size;
		return (uint8_t *)image->bytes + header.sh_offset;
	}
	return NULL;
}
