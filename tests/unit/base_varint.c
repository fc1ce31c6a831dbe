/* base_varint.c - columns are read as they were written, and damage is noticed. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "base/varint.h"
#include "unit.h"

static const uint64_t numbers[] = {
	0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_C(1) << 62, INT64_MAX, UINT64_MAX,
};
enum { N_NUMBERS = sizeof numbers / sizeof *numbers };

static struct varint_cursor cursor_of(const struct varint_buffer *columns, size_t size)
{
	return (struct varint_cursor){columns->data, columns->data + size, false};
}

START_TEST(reads_what_was_written)
{
	struct varint_buffer columns = {0};

	for (size_t i = 0; i < N_NUMBERS; i++) {
		varint_put(&columns, numbers[i]);
		varint_put_signed(&columns, (int64_t)numbers[i]);
		varint_put_signed(&columns, -(int64_t)(numbers[i] >> 1));
	}
	varint_put_string(&columns, "");
	varint_put_string(&columns, NULL);
	varint_put_string(&columns, "libc.so.6");
	varint_put_bytes(&columns, "\0\1", 2);
	ck_assert(!columns.failed);
	struct varint_cursor cursor = cursor_of(&columns, columns.size);
	for (size_t i = 0; i < N_NUMBERS; i++) {
		ck_assert_uint_eq(varint_get(&cursor), numbers[i]);
		ck_assert_int_eq(varint_get_signed(&cursor), (int64_t)numbers[i]);
		ck_assert_int_eq(varint_get_signed(&cursor), -(int64_t)(numbers[i] >> 1));
	}
	ck_assert_str_eq(varint_get_string(&cursor), "");
	ck_assert_str_eq(varint_get_string(&cursor), "");
	ck_assert_str_eq(varint_get_string(&cursor), "libc.so.6");
	ck_assert(!cursor.damaged && cursor.end - cursor.at == 2);
	varint_buffer_free(&columns);
}
END_TEST

START_TEST(takes_one_byte_for_small_differences)
{
	struct varint_buffer columns = {0};

	for (int i = -64; i < 64; i++)
		varint_put_signed(&columns, i);
	ck_assert_uint_eq(columns.size, 128);
	varint_buffer_free(&columns);
}
END_TEST

START_TEST(notices_every_cut)
{
	struct varint_buffer columns = {0};

	for (size_t i = 0; i < N_NUMBERS; i++)
		varint_put(&columns, numbers[i]);
	varint_put_string(&columns, "end");
	for (size_t size = 0; size < columns.size; size++) {
		/* A copy of that size, so that a sanitizer sees a read beyond it. */
		uint8_t *copy = malloc(size ? size : 1);
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, columns.data, size);
		struct varint_cursor cursor = {copy, copy + size, false};
		for (size_t i = 0; i < N_NUMBERS; i++)
			(void)varint_get(&cursor);
		ck_assert_ptr_null(varint_get_string(&cursor));
		ck_assert(cursor.damaged);
		/* From then on there is nothing more. */
		ck_assert_uint_eq(varint_get(&cursor), 0);
		ck_assert_int_eq(varint_get_signed(&cursor), 0);
		free(copy);
	}
	varint_buffer_free(&columns);
}
END_TEST

START_TEST(refuses_what_is_no_number)
{
	/* 64 bits take ten bytes; the last one is 0 or 1. */
	static const uint8_t too_long[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
					   0x80, 0x80, 0x80, 0x80, 0x01};
	static const uint8_t too_large[] = {0xff, 0xff, 0xff, 0xff, 0xff,
					    0xff, 0xff, 0xff, 0xff, 0x02};
	struct varint_cursor cursor = {too_long, too_long + sizeof too_long, false};

	ck_assert_uint_eq(varint_get(&cursor), 0);
	ck_assert(cursor.damaged);
	cursor = (struct varint_cursor){too_large, too_large + sizeof too_large, false};
	ck_assert_uint_eq(varint_get(&cursor), 0);
	ck_assert(cursor.damaged);
}
END_TEST

START_TEST(limits_numbers)
{
	struct varint_buffer columns = {0};

	varint_put(&columns, 10);
	varint_put(&columns, 11);
	varint_put(&columns, 1000);
	struct varint_cursor cursor = cursor_of(&columns, columns.size);
	ck_assert_uint_eq(varint_get_up_to(&cursor, 10), 10);
	ck_assert(!cursor.damaged);
	ck_assert_uint_eq(varint_get_up_to(&cursor, 10), 0);
	ck_assert(cursor.damaged);
	/* More elements than there are bytes. */
	cursor = cursor_of(&columns, columns.size);
	(void)varint_get(&cursor);
	ck_assert_uint_eq(varint_get_count(&cursor), 0);
	ck_assert(cursor.damaged);
	varint_buffer_free(&columns);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("varint");

	tcase_add_test(tests, reads_what_was_written);
	tcase_add_test(tests, takes_one_byte_for_small_differences);
	tcase_add_test(tests, notices_every_cut);
	tcase_add_test(tests, refuses_what_is_no_number);
	tcase_add_test(tests, limits_numbers);
	return unit_run(tests, "varint");
}
