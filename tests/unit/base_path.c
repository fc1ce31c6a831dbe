/* base_path.c - the last component and the directory of a path, as POSIX names them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "base/path.h"
#include "unit.h"

START_TEST(takes_apart)
{
	static const struct {
		const char *path, *name, *directory;
		bool cut; /* path_cut() leaves the directory, if not the path */
	} paths[] = {
		{"/usr/bin/ls", "ls", "/usr/bin", true},
		{"/usr", "usr", "/", true},
		{"/", "", "/", false},
		{"", "", "", false},
		{"ls", "ls", "", false},
		{"bin/ls", "ls", "bin", true},
		{"../ls", "ls", "..", true},
		{"/usr/", "", "/usr", true},
		{"//x", "x", "/", true},
	};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		const char *path = paths[i].path;
		char text[32];
		strcpy(text, path);
		ck_assert_str_eq(path_name(path), paths[i].name);
		ck_assert_uint_eq(path_directory(path), strlen(paths[i].directory));
		ck_assert(strncmp(path, paths[i].directory, path_directory(path)) == 0);
		ck_assert_msg(path_cut(text) == paths[i].cut, "%s", path);
		ck_assert_str_eq(text, paths[i].cut ? paths[i].directory : path);
	}
}
END_TEST

/* Every absolute path leads to "/" in as many steps as it has components. */
START_TEST(leads_to_the_root)
{
	char path[] = "/usr/lib/x86_64-linux-gnu/libc.so.6";
	int steps = 0;

	while (path_cut(path))
		steps++;
	ck_assert_int_eq(steps, 4);
	ck_assert_str_eq(path, "/");
}
END_TEST

START_TEST(joins)
{
	char out[PATH_MAX], name[PATH_MAX];
	struct matr_error err;

	ck_assert_int_eq(path_join("/a/b", "c", out, &err), 0);
	ck_assert_str_eq(out, "/a/b/c");
	/* With its NUL the longest takes PATH_MAX bytes. */
	memset(name, 'x', sizeof name);
	name[PATH_MAX - 4] = 0;
	ck_assert_int_eq(path_join("/d", name, out, &err), 0);
	ck_assert_uint_eq(strlen(out), PATH_MAX - 1);
	name[PATH_MAX - 4] = 'x';
	name[PATH_MAX - 3] = 0;
	ck_assert_int_eq(path_join("/d", name, out, &err), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_USAGE);
	ck_assert_str_eq(err.file, "/d");
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("path");

	tcase_add_test(tests, takes_apart);
	tcase_add_test(tests, leads_to_the_root);
	tcase_add_test(tests, joins);
	return unit_run(tests, "path");
}
