/* mapping_program.c - a relocation program writes exactly the words that it was made from.
 *
 * The reader here is made from the description in matr/image_format.h, not from ld-stable's.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <matr/image_format.h>

#include "mapping/program.h"
#include "unit.h"

static struct matr_error err;

/* The places of a list of entries. Returns their number. */
static size_t decode_places(uint64_t start, const uint32_t *entries, size_t n, uint64_t *places,
			    size_t room)
{
	uint64_t next = start;
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		if (!(entries[i] & 1)) {
			ck_assert_uint_lt(found, room);
			places[found] = start + (uint64_t)(entries[i] / 2) * 8;
			next = places[found++] + 8;
			continue;
		}
		for (unsigned bit = 1; bit < 32; bit++) {
			if (!(entries[i] >> bit & 1))
				continue;
			ck_assert_uint_lt(found, room);
			places[found++] = next + (uint64_t)(bit - 1) * 8;
		}
		next += UINT64_C(31) * 8;
	}
	return found;
}

static int compare(const void *left, const void *right)
{
	const struct word *a = left, *b = right;

	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* Check that the runs are those pages that have a word, apart and in order. */
static void check_written(const struct matr_image_written *written, uint32_t n_written,
			  const struct word *words, size_t n)
{
	uint64_t end = 0;
	bool *found = calloc(n, sizeof *found);

	ck_assert_ptr_nonnull(found);
	for (uint32_t i = 0; i < n_written; i++) {
		ck_assert_uint_eq(written[i].vaddr % MATR_IMAGE_PAGE, 0);
		ck_assert(i == 0 || written[i].vaddr > end);
		ck_assert_uint_gt(written[i].size, 0);
		end = written[i].vaddr + written[i].size;
		for (uint64_t page = written[i].vaddr; page < end; page += MATR_IMAGE_PAGE) {
			bool used = false;
			for (size_t k = 0; k < n; k++) {
				if (words[k].offset - page < MATR_IMAGE_PAGE)
					found[k] = used = true;
			}
			ck_assert(used);
		}
	}
	for (size_t k = 0; k < n; k++)
		ck_assert(found[k]);
	free(found);
}

/* Encode the words, decode the program, and compare. Returns the size of the program. */
static size_t check_program(const struct word *list, size_t n)
{
	struct words words = {0};
	struct buffer scratch = {0}, image = {0};
	struct word *found = calloc(n, sizeof *found), *expected = calloc(n, sizeof *expected);
	uint64_t *places = calloc(n, sizeof *places);
	uint64_t offset;
	size_t n_found = 0;

	ck_assert(found && expected && places);
	memcpy(expected, list, n * sizeof *list);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(
			words_add(&words, list[i].offset, list[i].value, list[i].provider, &err),
			0);
	/* An offset of 0 means that there is no program. */
	ck_assert_int_eq(buffer_extend(&image, 8, 8, &offset, &err), 0);
	ck_assert_int_eq(relocation_program_encode(&words, true, &scratch, &image, &offset, &err),
			 0);
	ck_assert_uint_ne(offset, 0);
	const unsigned char *at = image.bytes + offset;
	struct matr_image_program program;
	memcpy(&program, at, sizeof program);
	const unsigned char *end = at + program.size;
	at += sizeof program;
	check_written((const struct matr_image_written *)at, program.n_written, list, n);
	at += program.n_written * sizeof(struct matr_image_written);
	for (uint32_t i = 0; i < program.n_groups; i++) {
		struct matr_image_group group;
		ck_assert_int_ge(end - at, (long)sizeof group);
		memcpy(&group, at, sizeof group);
		at += sizeof group;
		ck_assert_uint_eq(decode_places(group.start, (const uint32_t *)at, group.n_entries,
						places, n - n_found),
				  group.n_slots);
		at += (size_t)group.n_entries * 4;
		for (uint32_t k = 0; k < group.n_slots; k++) {
			uint32_t value;
			memcpy(&value, at + (size_t)k * 4, 4);
			found[n_found++] = (struct word){places[k], group.bias + value, group.base};
		}
		at += (size_t)group.n_slots * 4;
		at = image.bytes + (((size_t)(at - image.bytes) + 7) & ~(size_t)7);
	}
	ck_assert_ptr_eq(at, end);
	ck_assert_uint_eq(n_found, n);
	qsort(found, n, sizeof *found, compare);
	qsort(expected, n, sizeof *expected, compare);
	for (size_t i = 0; i < n; i++) {
		ck_assert_uint_eq(found[i].offset, expected[i].offset);
		ck_assert_uint_eq(found[i].value, expected[i].value);
		ck_assert_uint_eq(found[i].provider, expected[i].provider);
	}
	free(words.list);
	buffer_free(&scratch);
	buffer_free(&image);
	free(found);
	free(expected);
	free(places);
	return program.size;
}

START_TEST(writes_single_words)
{
	static const struct word words[] = {
		{0x4000, 0, MATR_BASE_OWN},
		{0x8, UINT64_MAX, MATR_BASE_ABSOLUTE},
		{0x7ffffff8, 0x123456789abcdef0, MATR_BASE_PLACE},
		{0x10, (uint64_t)-8, MATR_BASE_APPLICATION},
	};

	check_program(words, 4);
	for (size_t i = 0; i < 4; i++)
		check_program(words + i, 1);
}
END_TEST

/* Gaps around the 31 words of a bitmap; values beyond 32 bits of each other; places beyond what an
 * entry reaches. */
START_TEST(writes_words_with_gaps)
{
	static const uint64_t steps[] = {1, 2, 30, 31, 32, 33, 61, 62, 63, 64, 1000};
	struct word words[300];

	for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
		for (size_t i = 0; i < 300; i++)
			words[i] = (struct word){0x1000 + i * steps[k] * 8, i * i, MATR_BASE_OWN};
		check_program(words, 300);
		check_program(words, 31);
		check_program(words, 32);
		check_program(words, 33);
	}
	for (size_t i = 0; i < 300; i++)
		words[i] = (struct word){i * 8, i % 3 ? i << 33 : (uint64_t) - (int64_t)i, 2};
	check_program(words, 300);
	for (size_t i = 0; i < 20; i++)
		words[i] = (struct word){i << 33, i, 1};
	check_program(words, 20);
}
END_TEST

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

START_TEST(writes_random_words)
{
	enum { MOST = 4000 };
	static struct word words[MOST];
	uint64_t state = UINT64_C(88172645463325252) + (uint64_t)_i;
	uint64_t offset = next_random(&state) % 100000 * 8;
	size_t n = 1 + next_random(&state) % MOST;

	for (size_t i = 0; i < n; i++) {
		uint64_t value = next_random(&state) >> next_random(&state) % 64;
		words[i] = (struct word){offset, value, (uint32_t)(next_random(&state) % 5)};
		offset += 8 + next_random(&state) % (next_random(&state) % 8 ? 3 : 200) * 8;
	}
	/* Out of order. */
	for (size_t i = n - 1; i > 0; i--) {
		size_t other = next_random(&state) % (i + 1);
		struct word word = words[i];
		words[i] = words[other];
		words[other] = word;
	}
	check_program(words, n);
}
END_TEST

START_TEST(is_small)
{
	static struct word words[10000];

	for (size_t i = 0; i < 10000; i++)
		words[i] = (struct word){0x1000 + i * 8, i * 16, MATR_BASE_OWN};
	/* Four bytes of value and an eighth of place. */
	ck_assert_uint_lt(check_program(words, 10000), 42000);
}
END_TEST

START_TEST(shares_equal_programs)
{
	struct buffer scratch = {0}, image = {0};
	struct words words = {0};
	uint64_t one, two;

	ck_assert_int_eq(relocation_program_encode(&words, true, &scratch, &image, &one, &err), 0);
	ck_assert_uint_eq(one, 0);
	ck_assert_int_eq(buffer_extend(&image, 8, 8, &one, &err), 0);
	for (uint64_t i = 0; i < 10; i++)
		ck_assert_int_eq(words_add(&words, i * 8, i, MATR_BASE_OWN, &err), 0);
	ck_assert_int_eq(relocation_program_encode(&words, true, &scratch, &image, &one, &err), 0);
	ck_assert_int_eq(relocation_program_encode(&words, true, &scratch, &image, &two, &err), 0);
	ck_assert_uint_eq(one, two);
	ck_assert_int_eq(relocation_program_encode(&words, false, &scratch, &image, &two, &err), 0);
	ck_assert_uint_gt(two, one);
	free(words.list);
	buffer_free(&scratch);
	buffer_free(&image);
}
END_TEST

START_TEST(lists_shifted_words)
{
	struct buffer scratch = {0}, image = {0};
	struct words words = {0};
	uint64_t offset, places[500];

	ck_assert_int_eq(buffer_extend(&image, 8, 8, &offset, &err), 0);
	for (uint64_t i = 0; i < 500; i++)
		ck_assert_int_eq(words_add(&words, 0x2000 + i * 8 * (i < 100 ? 1 : 40), 0, 0, &err),
				 0);
	ck_assert_int_eq(shifts_encode(&words, &scratch, &image, &offset, &err), 0);
	const struct matr_image_shifts *shifts =
		(const struct matr_image_shifts *)(image.bytes + offset);
	ck_assert_uint_eq(shifts->n_words, 500);
	ck_assert_uint_eq(decode_places(shifts->start, matr_image_shifts_entries(shifts),
					shifts->n_entries, places, 500),
			  500);
	for (size_t i = 0; i < 500; i++)
		ck_assert_uint_eq(places[i], words.list[i].offset);
	check_written(matr_image_shifts_written(shifts), shifts->n_written, words.list, 500);
	free(words.list);
	buffer_free(&scratch);
	buffer_free(&image);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("program");

	tcase_add_test(tests, writes_single_words);
	tcase_add_test(tests, writes_words_with_gaps);
	tcase_add_loop_test(tests, writes_random_words, 0, 50);
	tcase_add_test(tests, is_small);
	tcase_add_test(tests, shares_equal_programs);
	tcase_add_test(tests, lists_shifted_words);
	return unit_run(tests, "program");
}
