/* code.c - decoding functions and marking branch targets (code.h). */
#include "loader/code.h"

#include <stdlib.h>
#include <string.h>

#include "loader/machine.h"

enum { MAX_TABLE = 4096 }; /* entries of a jump table */

static void mark(struct code *code, uint64_t address)
{
	if (address < code->end)
		code->marked[address / 8] |= (unsigned char)(1u << (address % 8));
}

bool code_is_marked(const struct code *code, uint64_t address)
{
	return address < code->end && (code->marked[address / 8] & (1u << (address % 8)));
}

static void mark_distances(struct code *code, const Elf64_Phdr *segment)
{
	const unsigned char *bytes = code->image->bytes + segment->p_offset;
	uint64_t target;

	for (uint64_t at = 0; at < segment->p_filesz; at++) {
		if (machine_long_reference(bytes + at, segment->p_filesz - at,
					   segment->p_vaddr + at, &target))
			mark(code, target);
	}
}

static void mark_words(struct code *code, const Elf64_Phdr *segment)
{
	const unsigned char *bytes = code->image->bytes + segment->p_offset;

	for (uint64_t at = (8 - segment->p_vaddr % 8) % 8; at + 8 <= segment->p_filesz; at += 8) {
		uint64_t word;
		memcpy(&word, bytes + at, sizeof word);
		mark(code, word);
	}
}

int code_open(struct code *code, const struct elf_image *image, struct matr_error *err)
{
	*code = (struct code){.image = image};
	for (size_t i = 0; i < image->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &image->segments[i];
		if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) &&
		    segment->p_vaddr + segment->p_filesz > code->end)
			code->end = segment->p_vaddr + segment->p_filesz;
	}
	if (code->end == 0 || code->end > UINT32_MAX)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, image->path, "has no code");
	if (function_ranges_read(image, &code->functions, err) < 0 ||
	    disassembler_open(&code->disassembler, err) < 0)
		return -1;
	code->marked = calloc(1, code->end / 8 + 1);
	if (!code->marked)
		return matr_fail_memory(err);
	for (size_t i = 0; i < image->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &image->segments[i];
		if (segment->p_type != PT_LOAD)
			continue;
		if (segment->p_flags & PF_X)
			mark_distances(code, segment);
		else
			mark_words(code, segment);
	}
	return 0;
}

void code_close(struct code *code)
{
	function_ranges_free(&code->functions);
	disassembler_close(code->disassembler);
	free(code->marked);
	*code = (struct code){0};
}

/* Decode from start to end. *out: free(). */
static int decode(struct code *code, uint64_t start, uint64_t end, struct instruction **out,
		  size_t *n, struct matr_error *err)
{
	const unsigned char *bytes = elf_image_at(code->image, start, end - start);
	uint64_t at = start;

	*n = 0;
	*out = NULL;
	if (!bytes || end <= start)
		return matr_fail(err, MATR_ERROR_MALFORMED, code->image->path,
				 "a function at 0x%lx is not in its code", (unsigned long)start);
	/* The shortest instruction has one byte. */
	struct instruction *list = calloc(end - start, sizeof *list);
	if (!list)
		return matr_fail_memory(err);
	while (at < end) {
		if (!disassembler_decode(code->disassembler, bytes + (at - start), end - at, at,
					 &list[*n])) {
			free(list);
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, code->image->path,
					 "has an unknown instruction at 0x%lx", (unsigned long)at);
		}
		at += list[(*n)++].size;
	}
	*out = list;
	return 0;
}

static bool is_boundary(const struct code_function *function, uint64_t address)
{
	size_t low = 0, high = function->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (function->instructions[middle].address == address)
			return true;
		if (function->instructions[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* Tables of distances from the table's own start, as compilers write them for `switch`. Which
 * read-only data a function refers to is known, which of it is a table is not: so all is taken for
 * one, up to the first entry that does not lead into the function. */
static void mark_table(struct code *code, const struct code_function *function, uint64_t table)
{
	for (uint64_t i = 0; i < MAX_TABLE; i++) {
		const unsigned char *entry = elf_image_at(code->image, table + 4 * i, 4);
		int32_t distance;
		if (!entry)
			return;
		memcpy(&distance, entry, sizeof distance);
		uint64_t target = table + (uint64_t)(int64_t)distance;
		if (target < function->range->start || target >= function->range->end)
			return;
		mark(code, target);
	}
}

static int mark_function(struct code *code, const struct code_function *function,
			 struct matr_error *err)
{
	const struct function_range *range = function->range;
	bool has_tables = false;

	for (size_t i = 0; i < function->n; i++) {
		const struct instruction *at = &function->instructions[i];
		has_tables |= at->flow == FLOW_JUMP_INDIRECT;
		if (!at->target)
			continue;
		mark(code, at->target);
		if (at->target >= range->start && at->target < range->end &&
		    !is_boundary(function, at->target))
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, code->image->path,
					 "a branch at 0x%lx leads into an instruction",
					 (unsigned long)at->address);
	}
	for (size_t i = 0; has_tables && i < function->n; i++) {
		const struct instruction *at = &function->instructions[i];
		if (at->reference && at->reference >= code->end)
			mark_table(code, function, at->reference);
	}
	return 0;
}

int code_function_read(struct code *code, const struct function_range *range,
		       struct code_function *out, struct matr_error *err)
{
	*out = (struct code_function){.range = range};
	if (decode(code, range->start, range->end, &out->instructions, &out->n, err) < 0)
		return -1;
	if (mark_function(code, out, err) == 0)
		return 0;
	code_function_free(out);
	return -1;
}

void code_function_free(struct code_function *function)
{
	free(function->instructions);
	*function = (struct code_function){0};
}

static int check_gap(struct code *code, uint64_t start, uint64_t end, struct matr_error *err)
{
	struct instruction *list;
	size_t n;

	if (decode(code, start, end, &list, &n, err) < 0)
		return -1;
	int result = 0;
	for (size_t i = 0; i < n && !result; i++) {
		if (!list[i].is_padding)
			result = matr_fail(err, MATR_ERROR_UNSUPPORTED, code->image->path,
					   "has code outside of its functions at 0x%lx",
					   (unsigned long)list[i].address);
	}
	free(list);
	return result;
}

int code_mark_range(struct code *code, uint64_t start, uint64_t end, struct matr_error *err)
{
	struct code_function function;

	for (size_t i = 0; i < code->functions.n; i++) {
		const struct function_range *range = &code->functions.ranges[i];
		uint64_t before = i > 0 ? range[-1].end : range->start;
		if (range->end <= start)
			continue;
		if (before < range->start && check_gap(code, before, range->start, err) < 0)
			return -1;
		if (range->start >= end)
			break;
		if (code_function_read(code, range, &function, err) < 0)
			return -1;
		code_function_free(&function);
	}
	return 0;
}
