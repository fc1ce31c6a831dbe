/* base_map.c - the map keeps every key while it grows, whatever the keys have in common. */
#include <check.h>

#include "base/map.h"
#include "unit.h"

START_TEST(is_empty)
{
	struct map map = {0};
	uint64_t value = 7;

	ck_assert(!map_get(&map, 0, &value));
	ck_assert_uint_eq(value, 7);
	map_free(&map);
}
END_TEST

/* Keys as they come: small numbers, pointers, the extremes. */
static uint64_t key_of(unsigned kind, uint64_t i)
{
	switch (kind) {
	case 0:
		return i;
	case 1:
		return UINT64_C(0x7f0000000000) + i * 64;
	case 2:
		return i << 48;
	default:
		return UINT64_MAX - i;
	}
}

START_TEST(keeps_keys)
{
	struct map map = {0};
	uint64_t value;
	unsigned kind = (unsigned)_i;

	for (uint64_t i = 0; i < 20000; i++)
		ck_assert_int_eq(map_set(&map, key_of(kind, i), i * 3), 0);
	ck_assert_uint_eq(map.used, 20000);
	for (uint64_t i = 0; i < 20000; i++)
		ck_assert(map_get(&map, key_of(kind, i), &value) && value == i * 3);
	ck_assert(!map_get(&map, key_of(kind, 20000), &value));
	map_free(&map);
}
END_TEST

START_TEST(replaces)
{
	struct map map = {0};
	uint64_t value;

	for (uint64_t i = 0; i < 1000; i++)
		ck_assert_int_eq(map_set(&map, 42, i), 0);
	ck_assert_uint_eq(map.used, 1);
	ck_assert(map_get(&map, 42, &value) && value == 999);
	map_free(&map);
	ck_assert(!map_get(&map, 42, &value));
	map_free(&map);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("map");

	tcase_add_test(tests, is_empty);
	tcase_add_loop_test(tests, keeps_keys, 0, 4);
	tcase_add_test(tests, replaces);
	return unit_run(tests, "map");
}
