/* base_blake2b.c - BLAKE2b with 20 bytes of output, as Python's hashlib computes it. */
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "base/blake2b.h"
#include "unit.h"

static void check_hash(const void *data, size_t size, const char *expected)
{
	uint8_t hash[MATR_HASH_SIZE];
	char text[2 * MATR_HASH_SIZE + 1];

	blake2b(data, size, hash);
	for (size_t i = 0; i < sizeof hash; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	ck_assert_str_eq(text, expected);
}

/* Sizes around the block of 128 bytes. */
START_TEST(computes_known_values)
{
	unsigned char bytes[1280];

	check_hash("", 0, "3345524abf6bbe1809449224b5972c41790b6cf2");
	check_hash("abc", 3, "384264f676f39536840523f284921cdc68b6846b");
	memset(bytes, 'a', 129);
	check_hash(bytes, 128, "353a80c4a604c3e7897991a345a45133f80c4a55");
	check_hash(bytes, 129, "eeff408d65ecf3235b2586586d331fea9014b8d8");
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)i;
	check_hash(bytes, sizeof bytes, "72956584b960c10c1dfa20fd6ea8c72cddb4cca3");
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("blake2b");

	tcase_add_test(tests, computes_known_values);
	return unit_run(tests, "blake2b");
}
