/* program.c - encoding relocation programs (matr/image_format.h).
 *
 * An Elf64_Rela takes 24 bytes for a word; nearly all of it repeats its neighbour's. Here the
 * places are a bitmap (as in DT_RELR, with 32-bit entries, since objects are small) and the values
 * 32-bit numbers relative to a bias per group: about 4.2 bytes a word in C++ libraries, decoded
 * without a branch that depends on the data other than "is there another bit". Variable-length
 * values would save another byte or two and cost more time than the saved page of image is worth.
 */
#include "mapping/program.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <matr/image_format.h>

#include "base/array.h"

enum {
	BITMAP_WORDS = 31,
};

int words_add(struct words *words, uint64_t offset, uint64_t value, uint32_t provider,
	      struct matr_error *err)
{
	if (words->n == words->capacity &&
	    array_reserve(&words->list, &words->capacity, words->n + 1, sizeof *words->list, err))
		return -1;
	words->list[words->n++] = (struct word){offset, value, provider};
	return 0;
}

static int compare_words(const void *left, const void *right)
{
	const struct word *a = left, *b = right;
	if (a->provider != b->provider)
		return a->provider < b->provider ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* Relative relocations mostly come sorted. */
static void sort_words(struct words *words)
{
	for (size_t i = 1; i < words->n; i++) {
		if (compare_words(&words->list[i - 1], &words->list[i]) > 0) {
			qsort(words->list, words->n, sizeof *words->list, compare_words);
			return;
		}
	}
}

/* Count the words that can be one group: one provider, places and values that fit 32 bits. Values
 * are compared as signed numbers, because addends may be negative. */
static size_t group_length(const struct word *words, size_t n, uint64_t *bias)
{
	int64_t low = (int64_t)words[0].value, high = low;
	size_t length = 1;

	for (; length < n; length++) {
		const struct word *word = &words[length];
		int64_t value = (int64_t)word->value;
		int64_t new_low = value < low ? value : low;
		int64_t new_high = value > high ? value : high;
		if (word->provider != words[0].provider ||
		    (uint64_t)new_high - (uint64_t)new_low > UINT32_MAX ||
		    (word->offset - words[0].offset) / 8 > INT32_MAX)
			break;
		low = new_low;
		high = new_high;
	}
	*bias = (uint64_t)low;
	return length;
}

static int encode_places(const struct word *words, size_t n, struct buffer *out,
			 uint32_t *n_entries, struct matr_error *err)
{
	uint64_t start = words[0].offset, at;

	*n_entries = 0;
	for (size_t i = 0; i < n;) {
		uint64_t next = (words[i].offset - start) / 8;
		uint32_t entry = (uint32_t)next << 1;
		if (buffer_append(out, &entry, sizeof entry, 4, &at, err) < 0)
			return -1;
		++*n_entries;
		i++;
		next++;
		while (i < n && (words[i].offset - start) / 8 - next < BITMAP_WORDS) {
			uint32_t bits = 0;
			for (; i < n; i++) {
				uint64_t bit = (words[i].offset - start) / 8 - next;
				if (bit >= BITMAP_WORDS)
					break;
				bits |= UINT32_C(1) << bit;
			}
			entry = bits << 1 | 1;
			if (buffer_append(out, &entry, sizeof entry, 4, &at, err) < 0)
				return -1;
			++*n_entries;
			next += BITMAP_WORDS;
		}
	}
	return 0;
}

static int compare_pages(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;
	return *a < *b ? -1 : *a > *b;
}

static int add_written(const struct matr_image_written *run, struct buffer *out,
		       uint32_t *n_written, struct matr_error *err)
{
	uint64_t at;

	++*n_written;
	return buffer_append(out, run, sizeof *run, 8, &at, err);
}

/* The pages that the words lie in, one at least, as struct matr_image_written. */
static int encode_written(const struct words *words, struct buffer *out, uint32_t *n_written,
			  struct matr_error *err)
{
	struct matr_image_written run = {.vaddr = 0};
	uint64_t *pages = NULL;
	size_t n = 0, capacity = 0;
	int result = 0;

	*n_written = 0;
	for (size_t i = 0; i < words->n && !result; i++) {
		uint64_t page = words->list[i].offset & ~(uint64_t)(MATR_IMAGE_PAGE - 1);
		if (n && pages[n - 1] == page)
			continue;
		result = array_reserve(&pages, &capacity, n + 1, sizeof *pages, err);
		if (!result)
			pages[n++] = page;
	}
	if (!result)
		qsort(pages, n, sizeof *pages, compare_pages);
	for (size_t i = 0; i < n && !result; i++) {
		if (pages[i] < run.vaddr + run.size)
			continue;
		if (pages[i] == run.vaddr + run.size && run.size) {
			run.size += MATR_IMAGE_PAGE;
		} else {
			if (run.size)
				result = add_written(&run, out, n_written, err);
			run = (struct matr_image_written){pages[i], MATR_IMAGE_PAGE};
		}
	}
	if (!result)
		result = add_written(&run, out, n_written, err);
	free(pages);
	return result;
}

static int encode_group(const struct word *words, size_t n, uint64_t bias, struct buffer *out,
			struct matr_error *err)
{
	struct matr_image_group group = {
		.start = words[0].offset,
		.bias = bias,
		.base = words[0].provider,
		.n_slots = (uint32_t)n,
	};
	uint64_t header, at;

	if (buffer_append(out, &group, sizeof group, 8, &header, err) < 0 ||
	    encode_places(words, n, out, &group.n_entries, err) < 0)
		return -1;
	memcpy(out->bytes + header, &group, sizeof group);
	for (size_t i = 0; i < n; i++) {
		uint32_t value = (uint32_t)(words[i].value - bias);
		if (buffer_append(out, &value, sizeof value, 4, &at, err) < 0)
			return -1;
	}
	return buffer_extend(out, 0, 8, &at, err);
}

int relocation_program_encode(struct words *words, bool share, struct buffer *scratch,
			      struct buffer *image, uint64_t *offset, struct matr_error *err)
{
	struct matr_image_program program = {0};
	uint64_t at;

	*offset = 0;
	if (!words->n)
		return 0;
	sort_words(words);
	scratch->size = 0;
	if (buffer_append(scratch, &program, sizeof program, 8, &at, err) < 0 ||
	    encode_written(words, scratch, &program.n_written, err) < 0)
		return -1;
	for (size_t i = 0; i < words->n;) {
		uint64_t bias;
		size_t n = group_length(words->list + i, words->n - i, &bias);
		if (encode_group(words->list + i, n, bias, scratch, err) < 0)
			return -1;
		program.n_groups++;
		i += n;
	}
	program.size = (uint32_t)scratch->size;
	memcpy(scratch->bytes, &program, sizeof program);
	return share ? buffer_share(image, scratch->bytes, scratch->size, 8, offset, err)
		     : buffer_append(image, scratch->bytes, scratch->size, 8, offset, err);
}

int shifts_encode(const struct words *words, struct buffer *scratch, struct buffer *image,
		  uint64_t *offset, struct matr_error *err)
{
	uint64_t at;

	*offset = 0;
	if (!words->n)
		return 0;
	struct matr_image_shifts shifts = {.start = words->list[0].offset,
					   .n_words = (uint32_t)words->n};
	scratch->size = 0;
	if (buffer_append(scratch, &shifts, sizeof shifts, 8, &at, err) < 0 ||
	    encode_written(words, scratch, &shifts.n_written, err) < 0 ||
	    encode_places(words->list, words->n, scratch, &shifts.n_entries, err) < 0)
		return -1;
	memcpy(scratch->bytes, &shifts, sizeof shifts);
	return buffer_share(image, scratch->bytes, scratch->size, 8, offset, err);
}
