/* base_buffer.c - pieces are where they were put, aligned, and equal ones once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "base/buffer.h"
#include "unit.h"

static struct matr_error err;

START_TEST(extends_with_zeros)
{
	struct buffer buffer = {0};
	uint64_t offset;

	ck_assert_int_eq(buffer_append(&buffer, "abc", 3, 1, &offset, &err), 0);
	ck_assert_uint_eq(offset, 0);
	ck_assert_int_eq(buffer_extend(&buffer, 5, 4096, &offset, &err), 0);
	ck_assert_uint_eq(offset, 4096);
	ck_assert_uint_eq(buffer.size, 4101);
	for (size_t i = 3; i < buffer.size; i++)
		ck_assert_uint_eq(buffer.bytes[i], 0);
	/* Nothing, to be aligned. */
	ck_assert_int_eq(buffer_extend(&buffer, 0, 8, &offset, &err), 0);
	ck_assert_uint_eq(offset, 4104);
	ck_assert_uint_eq(buffer.size, 4104);
	buffer_free(&buffer);
}
END_TEST

START_TEST(shares_equal_pieces)
{
	struct buffer buffer = {0};
	uint64_t first[3000], offset;
	char text[16];

	for (int i = 0; i < 3000; i++) {
		snprintf(text, sizeof text, "piece %d", i);
		ck_assert_int_eq(buffer_string(&buffer, text, &first[i], &err), 0);
	}
	size_t size = buffer.size;
	for (int i = 0; i < 3000; i++) {
		snprintf(text, sizeof text, "piece %d", i);
		ck_assert_int_eq(buffer_string(&buffer, text, &offset, &err), 0);
		ck_assert_uint_eq(offset, first[i]);
		ck_assert_str_eq((char *)buffer.bytes + offset, text);
	}
	ck_assert_uint_eq(buffer.size, size);
	buffer_free(&buffer);
}
END_TEST

START_TEST(shares_no_part_and_no_misaligned_piece)
{
	struct buffer buffer = {0};
	uint64_t one, two;

	/* A prefix of a piece is another piece. */
	ck_assert_int_eq(buffer_share(&buffer, "abcdefgh", 8, 1, &one, &err), 0);
	ck_assert_int_eq(buffer_share(&buffer, "abcd", 4, 1, &two, &err), 0);
	ck_assert_mem_eq(buffer.bytes + two, "abcd", 4);
	ck_assert_uint_ne(one, two);
	/* Pieces that were added unshared are not found. */
	ck_assert_int_eq(buffer_append(&buffer, "wxyz", 4, 1, &one, &err), 0);
	ck_assert_int_eq(buffer_share(&buffer, "wxyz", 4, 1, &two, &err), 0);
	ck_assert_uint_ne(one, two);
	/* A piece whose place does not suit is added where it does. */
	ck_assert_int_eq(buffer_append(&buffer, "!", 1, 1, &one, &err), 0);
	ck_assert_int_eq(buffer_share(&buffer, "12345678", 8, 1, &one, &err), 0);
	ck_assert_int_eq(buffer_share(&buffer, "12345678", 8, 8, &two, &err), 0);
	ck_assert_uint_eq(two % 8, 0);
	ck_assert_mem_eq(buffer.bytes + two, "12345678", 8);
	buffer_free(&buffer);
}
END_TEST

START_TEST(maps_a_file)
{
	enum { PAGE = 4096, PAGES = 8, SIZE = PAGES * PAGE + 100 };
	struct buffer buffer = {0};
	unsigned char file[PAGE];
	uint64_t offset;
	char path[] = "/tmp/matr-buffer-XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	unlink(path);
	for (int page = 0; page <= PAGES; page++) {
		memset(file, 'a' + page, sizeof file);
		ck_assert_int_eq(write(fd, file, sizeof file), sizeof file);
	}
	ck_assert_int_eq(buffer_map(&buffer, fd, path, PAGE, SIZE - PAGE, &err), 0);
	ck_assert_uint_eq(buffer.size, SIZE - PAGE);
	ck_assert_int_eq(buffer.bytes[0], 'b');
	buffer.bytes[0] = '!';
	/* The buffer has nothing of the file that is behind its contents. */
	ck_assert_int_eq(buffer_extend(&buffer, PAGE, PAGE, &offset, &err), 0);
	ck_assert_uint_eq(offset, PAGES * PAGE);
	ck_assert_int_ne(buffer.mapped, 0);
	for (size_t i = SIZE - PAGE; i < buffer.size; i++)
		ck_assert_int_eq(buffer.bytes[i], 0);
	/* More than there is room for. */
	ck_assert_int_eq(buffer_extend(&buffer, SIZE, PAGE, &offset, &err), 0);
	ck_assert_int_eq(buffer.mapped, 0);
	ck_assert_int_eq(buffer.bytes[0], '!');
	for (size_t i = 1; i < SIZE - PAGE; i++)
		ck_assert_int_eq(buffer.bytes[i], 'b' + (int)(i / PAGE));
	for (size_t i = SIZE - PAGE; i < buffer.size; i++)
		ck_assert_int_eq(buffer.bytes[i], 0);
	buffer_free(&buffer);
	ck_assert_int_eq(pread(fd, file, 1, PAGE), 1);
	ck_assert_int_eq(file[0], 'b');
	/* Nothing, and no file. */
	ck_assert_int_eq(buffer_map(&buffer, fd, path, 0, 0, &err), 0);
	ck_assert_uint_eq(buffer.size, 0);
	close(fd);
	ck_assert_int_eq(buffer_map(&buffer, -1, "a name", 0, PAGE, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.message, "cannot be mapped"));
	ck_assert_ptr_null(buffer.bytes);
	buffer_free(&buffer);
}
END_TEST

START_TEST(refuses_too_much)
{
	struct buffer buffer = {0};
	uint64_t offset;

	ck_assert_int_eq(buffer_append(&buffer, "abc", 3, 1, &offset, &err), 0);
	ck_assert_int_eq(buffer_extend(&buffer, SIZE_MAX - 1, 8, &offset, &err), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_RESOURCES);
	ck_assert_uint_eq(buffer.size, 3);
	ck_assert_mem_eq(buffer.bytes, "abc", 3);
	buffer_free(&buffer);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("buffer");

	tcase_add_test(tests, extends_with_zeros);
	tcase_add_test(tests, shares_equal_pieces);
	tcase_add_test(tests, shares_no_part_and_no_misaligned_piece);
	tcase_add_test(tests, maps_a_file);
	tcase_add_test(tests, refuses_too_much);
	return unit_run(tests, "buffer");
}
