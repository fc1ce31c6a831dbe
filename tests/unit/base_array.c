/* base_array.c - arrays keep their elements while they grow, whatever their size. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "base/array.h"
#include "unit.h"

struct odd { /* of a size that is no power of two */
	uint32_t number;
	char text[7];
};

static struct matr_error err;

START_TEST(reserves)
{
	struct odd *list = NULL;
	size_t room = 0, moves = 0;

	for (uint32_t n = 0; n < 5000; n++) {
		size_t before = room;
		ck_assert_int_eq(array_reserve(&list, &room, n + 1, sizeof *list, &err), 0);
		ck_assert_uint_gt(room, n);
		moves += room != before;
		list[n] = (struct odd){n, "abcdef"};
	}
	for (uint32_t n = 0; n < 5000; n++)
		ck_assert(list[n].number == n && strcmp(list[n].text, "abcdef") == 0);
	ck_assert_uint_le(moves, 10);
	/* Many at once; and what fits already changes nothing. */
	struct odd *old = list;
	size_t enough = room;
	ck_assert_int_eq(array_reserve(&list, &room, enough, sizeof *list, &err), 0);
	ck_assert(list == old && room == enough);
	ck_assert_int_eq(array_reserve(&list, &room, 100000, sizeof *list, &err), 0);
	ck_assert_uint_ge(room, 100000);
	ck_assert_uint_eq(list[4999].number, 4999);
	free(list);
}
END_TEST

START_TEST(refuses_too_much)
{
	char *list = malloc(3);
	char *const before = list;
	size_t room = 3;

	ck_assert_ptr_nonnull(list);
	ck_assert_int_eq(array_reserve(&list, &room, SIZE_MAX / 2, 8, &err), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_RESOURCES);
	ck_assert_int_eq(array_reserve(&list, &room, SIZE_MAX, 1, NULL), -1);
	ck_assert_ptr_eq(list, before);
	ck_assert_uint_eq(room, 3);
	free(list);
}
END_TEST

START_TEST(grows)
{
	struct odd *list = NULL;
	size_t n = 0;

	for (; n < 1000; n++) {
		ck_assert_int_eq(array_grow(&list, n, sizeof *list, &err), 0);
		list[n] = (struct odd){(uint32_t)n, "xyz"};
	}
	/* Elements may be dropped in between. */
	for (n = 5; n < 600; n++) {
		ck_assert_int_eq(array_grow(&list, n, sizeof *list, &err), 0);
		list[n] = (struct odd){(uint32_t)n + 7, "new"};
	}
	for (size_t i = 0; i < n; i++)
		ck_assert_uint_eq(list[i].number, i < 5 ? i : i + 7);
	free(list);
}
END_TEST

START_TEST(fits)
{
	struct odd *list = NULL;
	size_t room = 0;

	ck_assert_int_eq(array_reserve(&list, &room, 1000, sizeof *list, &err), 0);
	list[0] = (struct odd){7, "xyz"};
	array_fit(&list, 1, sizeof *list);
	ck_assert_uint_eq(list[0].number, 7);
	array_fit(&list, 0, sizeof *list);
	ck_assert_ptr_nonnull(list);
	free(list);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("array");

	tcase_add_test(tests, reserves);
	tcase_add_test(tests, refuses_too_much);
	tcase_add_test(tests, grows);
	tcase_add_test(tests, fits);
	return unit_run(tests, "array");
}
