/* base_intern.c - equal strings get one number, different strings never do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "base/intern.h"
#include "unit.h"

static struct matr_error err;

START_TEST(numbers_strings)
{
	struct intern intern = {0};
	static char texts[5000][8];
	uint32_t id;

	ck_assert_uint_eq(intern_find(&intern, "x"), UINT32_MAX);
	for (uint32_t i = 0; i < 5000; i++) {
		snprintf(texts[i], sizeof texts[i], "s%u", i);
		ck_assert_int_eq(intern_add(&intern, texts[i], &id, &err), 0);
		ck_assert_uint_eq(id, i);
	}
	ck_assert_uint_eq(intern.n, 5000);
	for (uint32_t i = 0; i < 5000; i++) {
		char *copy = strdup(texts[i]);
		ck_assert_ptr_nonnull(copy);
		ck_assert_uint_eq(intern_find(&intern, copy), i);
		ck_assert_int_eq(intern_add(&intern, copy, &id, &err), 0);
		ck_assert_uint_eq(id, i);
		free(copy);
	}
	ck_assert_uint_eq(intern.n, 5000);
	ck_assert_uint_eq(intern_find(&intern, "s5000"), UINT32_MAX);
	intern_free(&intern);
}
END_TEST

START_TEST(tells_similar_apart)
{
	static const char *const texts[] = {"", "a", "b", "ab", "ba", "aa", "a\xff", "\xff"};
	struct intern intern = {0};
	uint32_t id;

	for (uint32_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		ck_assert_int_eq(intern_add(&intern, texts[i], &id, &err), 0);
		ck_assert_uint_eq(id, i);
	}
	intern_free(&intern);
	ck_assert_uint_eq(intern_find(&intern, ""), UINT32_MAX);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("intern");

	tcase_add_test(tests, numbers_strings);
	tcase_add_test(tests, tells_similar_apart);
	return unit_run(tests, "intern");
}
