/* program.c - encoding relocation programs (matr/image_format.h).
 *
 * An Elf64_Rela says 24 bytes about a word; nearly all of it repeats its neighbour's. Here the places are
 * a bitmap (as in DT_RELR, with 32-bit entries, since objects are small) and the values 32-bit numbers
 * relative to a bias per group: about 4.2 bytes a word in C++ libraries, decoded without a branch that
 * depends on the data other than "is there another bit". Variable-length values would save another byte
 * or two and cost more time than the saved page of image is worth.
 */
#include "mapping/program.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <matr/image_format.h>

enum {
	BITMAP_WORDS = 31,
	SMALL_RUN = 8, /* words of one provider that are not worth a group of their own */
};

int words_add(struct words *words, uint64_t offset, uint64_t value, uint32_t provider,
	      struct matr_error *err)
{
	if (words->n == words->capacity) {
		size_t capacity = words->capacity ? words->capacity * 2 : 256;
		struct word *list = realloc(words->list, capacity * sizeof *list);
		if (!list)
			return matr_fail_memory(err);
		words->list = list;
		words->capacity = capacity;
	}
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

/* How many of the words can be one group: one provider, places and values that fit 32 bits. Values are
 * compared as signed numbers: addends may be negative. */
static size_t group_length(const struct word *words, size_t n, bool mixed, uint64_t *bias)
{
	int64_t low = (int64_t)words[0].value, high = low;
	size_t length = 1;

	for (; length < n; length++) {
		const struct word *word = &words[length];
		int64_t value = (int64_t)word->value;
		int64_t new_low = value < low ? value : low;
		int64_t new_high = value > high ? value : high;
		if ((!mixed && word->provider != words[0].provider) ||
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

static int encode_group(const struct word *words, size_t n, uint64_t bias, bool mixed,
			struct buffer *out, struct matr_error *err)
{
	struct matr_image_group group = {
		.start = words[0].offset,
		.bias = bias,
		.provider = mixed ? MATR_IMAGE_MIXED : words[0].provider,
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
	for (size_t i = 0; mixed && i < n; i++) {
		if (buffer_append(out, &words[i].provider, sizeof words[i].provider, 4, &at, err) <
		    0)
			return -1;
	}
	return buffer_extend(out, 0, 8, &at, err);
}

static int compare_places(const void *left, const void *right)
{
	const struct word *a = left, *b = right;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static size_t run_length(const struct words *words, size_t start)
{
	size_t end = start;

	while (end < words->n && words->list[end].provider == words->list[start].provider)
		end++;
	return end - start;
}

/* Put the words of providers that have few of them last, in the order of their places; *kept words are before
 * those. Where there is one such provider only, its words stay a group. */
static int set_apart_small_runs(struct words *words, struct buffer *scratch, size_t *kept,
				struct matr_error *err)
{
	size_t n_small = 0, to = 0;
	uint64_t at;

	scratch->size = 0;
	for (size_t i = 0, n; i < words->n; i += n) {
		n = run_length(words, i);
		n_small += n < SMALL_RUN;
	}
	*kept = words->n;
	if (n_small < 2)
		return 0;
	for (size_t i = 0, n; i < words->n; i += n) {
		n = run_length(words, i);
		if (n < SMALL_RUN) {
			if (buffer_append(scratch, &words->list[i], n * sizeof *words->list, 8, &at,
					  err) < 0)
				return -1;
		} else {
			memmove(&words->list[to], &words->list[i], n * sizeof *words->list);
			to += n;
		}
	}
	memcpy(&words->list[to], scratch->bytes, scratch->size);
	qsort(&words->list[to], words->n - to, sizeof *words->list, compare_places);
	*kept = to;
	return 0;
}

int relocation_program_encode(struct words *words, struct buffer *scratch, struct buffer *image,
			      uint64_t *offset, struct matr_error *err)
{
	struct matr_image_program program = {0};
	size_t n_pure;
	uint64_t at;

	*offset = 0;
	if (!words->n)
		return 0;
	sort_words(words);
	if (set_apart_small_runs(words, scratch, &n_pure, err) < 0)
		return -1;
	scratch->size = 0;
	if (buffer_append(scratch, &program, sizeof program, 8, &at, err) < 0)
		return -1;
	for (size_t i = 0; i < words->n;) {
		bool mixed = i >= n_pure;
		uint64_t bias;
		size_t n = group_length(words->list + i, (mixed ? words->n : n_pure) - i, mixed,
					&bias);
		if (encode_group(words->list + i, n, bias, mixed, scratch, err) < 0)
			return -1;
		program.n_groups++;
		i += n;
	}
	program.size = (uint32_t)scratch->size;
	memcpy(scratch->bytes, &program, sizeof program);
	return buffer_share(image, scratch->bytes, scratch->size, 8, offset, err);
}
