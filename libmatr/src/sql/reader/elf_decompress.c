/* elf_decompress.c - compressed sections (gABI, "Section Compression"): zlib, zstd, and the older
 * .zdebug.
 *
 * The size in a section's header is not trusted: memory is allocated as the contents come, up to a
 * multiple of the file's size.
 */
#include "sql/reader/elf_decompress.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum {
	PIECE = 1 << 18,
	MOST_RATIO = 1100, /* deflate makes at most 1032 bytes of one */
};
/* zstd has no such limit, so small sections may have any ratio. */
#define SMALL_SECTION (UINT64_C(64) << 20)

static uint64_t number(const uint8_t *bytes, size_t size, bool big)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[big ? i : size - 1 - i];
	return value;
}

static int fail(const struct elf_file *file, size_t section, const char *what,
		struct matr_error *err)
{
	return matr_fail(err, MATR_ERROR_MALFORMED, file->path, "section %zu (%s) %s", section,
			 file->sections[section].name, what);
}

static int check_size(const struct elf_file *file, size_t section,
		      const struct elf_compression *compression, struct matr_error *err)
{
	uint64_t size = file->sections[section].header.sh_size;

	if (compression->size / MOST_RATIO <= size ||
	    (compression->type == COMPRESSED_ZSTD && compression->size <= SMALL_SECTION))
		return 0;
	return fail(file, section, "cannot become as large as it says", err);
}

int elf_compression_of(struct elf_file *file, size_t section, struct elf_compression *out,
		       struct matr_error *err)
{
	const struct elf_section *at = &file->sections[section];
	bool gnu = strncmp(at->name, ".zdebug", 7) == 0;
	bool big = file->header.e_ident[EI_DATA] == ELFDATA2MSB;
	bool wide = file->header.e_ident[EI_CLASS] == ELFCLASS64;
	uint8_t header[sizeof(Elf64_Chdr)] = {0};

	*out = (struct elf_compression){
		.size = at->header.sh_size,
		.alignment = at->header.sh_addralign,
	};
	if (at->header.sh_type == SHT_NOBITS || (!gnu && !(at->header.sh_flags & SHF_COMPRESSED)))
		return 0;
	int64_t got = elf_file_read(file, at->header.sh_offset, header, sizeof header, err);
	if (got < 0)
		return -1;
	if (!(at->header.sh_flags & SHF_COMPRESSED)) { /* "ZLIB" and the size, big-endian */
		if (got < 12 || memcmp(header, "ZLIB", 4) != 0)
			return 0;
		out->type = COMPRESSED_ZLIB;
		out->header = 12;
		out->size = number(header + 4, 8, true);
		return check_size(file, section, out, err);
	}
	out->header = wide ? sizeof(Elf64_Chdr) : sizeof(Elf32_Chdr);
	if (got < (int64_t)out->header || at->header.sh_size < out->header)
		return fail(file, section, "is shorter than its compression header", err);
	out->type = (uint32_t)number(header, 4, big);
	out->size = number(header + (wide ? 8 : 4), wide ? 8 : 4, big);
	out->alignment = number(header + (wide ? 16 : 8), wide ? 8 : 4, big);
	if (out->type != COMPRESSED_ZLIB && out->type != COMPRESSED_ZSTD)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, file->path,
				 "section %zu (%s) is compressed by an unknown method (%u)",
				 section, at->name, out->type);
	return check_size(file, section, out, err);
}

/* ---- decompressing ---- */

struct output {
	uint8_t *bytes;
	size_t size, capacity, wanted;
};

/* Make room for more output. Returns 1, 0 if all that is wanted is there, -1 if out of memory. */
static int make_room(struct output *output, struct matr_error *err)
{
	if (output->size < output->capacity)
		return 1;
	if (output->capacity == output->wanted)
		return 0;
	size_t capacity = output->capacity ? output->capacity * 2 : PIECE;
	if (capacity > output->wanted || capacity < output->capacity)
		capacity = output->wanted;
	uint8_t *bytes = realloc(output->bytes, capacity + 1);
	if (!bytes)
		return matr_fail_memory(err);
	output->bytes = bytes;
	output->capacity = capacity;
	return 1;
}

/* The rest of the section in the file. */
struct input {
	struct elf_file *file;
	uint64_t offset, left;
	uint8_t *piece;
};

/* Read the next piece. Returns its size, 0 at the end, -1 on error. */
static int64_t read_piece(struct input *input, struct matr_error *err)
{
	size_t size = input->left < PIECE ? (size_t)input->left : PIECE;
	int64_t got = elf_file_read(input->file, input->offset, input->piece, size, err);

	if (got > 0) {
		input->offset += (uint64_t)got;
		input->left -= (uint64_t)got;
	}
	return got;
}

/* Returns 1 if done, 0 if the data is malformed or too short, -1 on error. */
static int inflate_zlib(struct input *input, struct output *output, struct matr_error *err)
{
	z_stream stream = {0};
	int result = Z_OK, room = 1;
	int64_t got = 0;

	if (inflateInit(&stream) != Z_OK)
		return matr_fail_memory(err);
	while (result == Z_OK && room >= 0) {
		if (stream.avail_in == 0) {
			got = read_piece(input, err);
			if (got <= 0)
				break;
			stream.next_in = input->piece;
			stream.avail_in = (uInt)got;
		}
		room = make_room(output, err);
		if (room <= 0)
			break;
		size_t most = output->capacity - output->size;
		stream.next_out = output->bytes + output->size;
		stream.avail_out = most < PIECE ? (uInt)most : PIECE;
		uInt before = stream.avail_out;
		result = inflate(&stream, Z_NO_FLUSH);
		output->size += before - stream.avail_out;
	}
	inflateEnd(&stream);
	return room < 0 || got < 0 ? -1 : output->size == output->wanted;
}

static int inflate_zstd(struct input *input, struct output *output, struct matr_error *err)
{
	ZSTD_DStream *stream = ZSTD_createDStream();
	ZSTD_inBuffer in = {input->piece, 0, 0};
	size_t result = 0;
	int room = 1;
	int64_t got = 0;

	if (!stream)
		return matr_fail_memory(err);
	while (!ZSTD_isError(result)) {
		if (in.pos == in.size) {
			got = read_piece(input, err);
			if (got <= 0)
				break;
			in.pos = 0;
			in.size = (size_t)got;
		}
		room = make_room(output, err);
		if (room <= 0)
			break;
		ZSTD_outBuffer out = {output->bytes, output->capacity, output->size};
		result = ZSTD_decompressStream(stream, &out, &in);
		output->size = out.pos;
	}
	ZSTD_freeDStream(stream);
	return room < 0 || got < 0 ? -1 : output->size == output->wanted;
}

static int copy(struct input *input, struct output *output, struct matr_error *err)
{
	while (make_room(output, err) > 0) {
		int64_t got = read_piece(input, err);
		if (got < 0)
			return -1;
		size_t most = output->capacity - output->size;
		size_t size = (size_t)got < most ? (size_t)got : most;
		if (size == 0)
			break;
		memcpy(output->bytes + output->size, input->piece, size);
		output->size += size;
	}
	return output->size == output->wanted;
}

int elf_decompress(struct elf_file *file, size_t section, uint8_t **out, size_t *size,
		   struct matr_error *err)
{
	const GElf_Shdr *header = &file->sections[section].header;
	struct elf_compression compression;

	*out = NULL;
	*size = 0;
	if (header->sh_type == SHT_NOBITS || header->sh_offset > file->id.size ||
	    header->sh_size > file->id.size - header->sh_offset)
		return fail(file, section, "does not lie within the file", err);
	if (elf_compression_of(file, section, &compression, err) < 0)
		return -1;
	if (!(header->sh_flags & SHF_COMPRESSED)) /* .zdebug stays as it is */
		compression = (struct elf_compression){.size = header->sh_size};
	struct output output = {.bytes = malloc(1), .wanted = compression.size};
	struct input input = {
		.file = file,
		.offset = header->sh_offset + compression.header,
		.left = header->sh_size - compression.header,
		.piece = malloc(PIECE),
	};
	int result = -1;
	if (!output.bytes || !input.piece)
		matr_fail_memory(err);
	else if (compression.type == COMPRESSED_ZLIB)
		result = inflate_zlib(&input, &output, err);
	else if (compression.type == COMPRESSED_ZSTD)
		result = inflate_zstd(&input, &output, err);
	else
		result = copy(&input, &output, err);
	free(input.piece);
	if (result == 0)
		result = fail(file, section, "cannot be decompressed", err);
	if (result < 0) {
		free(output.bytes);
		return -1;
	}
	output.bytes[output.size] = 0;
	*out = output.bytes;
	*size = output.size;
	return 0;
}
