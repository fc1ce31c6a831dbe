/* tools_path.c - paths, growing arrays and texts of the tools. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "common/array.h"
#include "common/path.h"
#include "common/text.h"
#include "unit.h"

static struct matr_error err;

START_TEST(takes_apart)
{
	static const struct {
		const char *path, *name, *directory;
	} paths[] = {
		{"/usr/bin/ls", "ls", "/usr/bin"},
		{"/usr", "usr", "/"},
		{"/", "", "/"},
		{"ls", "ls", ""},
		{"bin/ls", "ls", "bin"},
	};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		ck_assert_str_eq(path_name(paths[i].path), paths[i].name);
		ck_assert_uint_eq(path_directory(paths[i].path), strlen(paths[i].directory));
	}
}
END_TEST

START_TEST(joins)
{
	char out[PATH_MAX], longest[PATH_MAX];

	ck_assert_int_eq(path_join("/usr", "lib", out, &err), 0);
	ck_assert_str_eq(out, "/usr/lib");
	ck_assert_int_eq(path_join("/", "lib", out, &err), 0);
	ck_assert_str_eq(out, "/lib");
	memset(longest, 'a', sizeof longest);
	longest[PATH_MAX - 2] = 0;
	ck_assert_int_eq(path_join(longest, "b", out, &err), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_USAGE);
}
END_TEST

START_TEST(finds_the_executable)
{
	char directory[PATH_MAX], above[PATH_MAX], path[PATH_MAX], canonical[PATH_MAX];

	ck_assert(path_of_executable(0, directory));
	ck_assert_int_eq(path_join(directory, "unit_tools_path", path, &err), 0);
	ck_assert_int_eq(access(path, X_OK), 0);
	ck_assert(path_of_executable(1, above));
	ck_assert_int_eq(path_join(directory, "..", path, &err), 0);
	ck_assert_ptr_nonnull(realpath(path, canonical));
	ck_assert_str_eq(above, canonical);
	ck_assert(path_of_executable(PATH_MAX, above));
	ck_assert_str_eq(above, "/");
}
END_TEST

START_TEST(grows)
{
	unsigned *list = NULL;

	for (unsigned n = 0; n < 1000; n++) {
		ck_assert_int_eq(array_grow(&list, n, sizeof *list, &err), 0);
		list[n] = n;
	}
	for (unsigned n = 0; n < 1000; n++)
		ck_assert_uint_eq(list[n], n);
	unsigned *before = list;
	ck_assert_int_eq(array_grow(&list, SIZE_MAX / 2, sizeof *list, &err), -1);
	ck_assert_ptr_eq(list, before);
	free(list);
}
END_TEST

START_TEST(drops)
{
	struct text text = {0};

	text_drop(&text, 0);
	ck_assert_str_eq(text_string(&text), "");
	text_add_string(&text, "one\ntwo\n");
	text_drop(&text, 4);
	ck_assert_str_eq(text_string(&text), "two\n");
	text_add_string(&text, "three");
	ck_assert_str_eq(text_string(&text), "two\nthree");
	text_drop(&text, text.size);
	ck_assert_str_eq(text_string(&text), "");
	ck_assert_uint_eq(text.size, 0);
	text_free(&text);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("path");

	tcase_add_test(tests, takes_apart);
	tcase_add_test(tests, joins);
	tcase_add_test(tests, finds_the_executable);
	tcase_add_test(tests, grows);
	tcase_add_test(tests, drops);
	return unit_run(tests, "path");
}
