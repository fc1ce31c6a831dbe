/* The package that a file belongs to: lists, merged /usr, diversions. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/exposure.h>
#include <matr/packages.h>

#include "query/package_files.h"
#include "unit.h"

static char top[] = "/tmp/matr-packages.XXXXXX";
static char info[100];

static void write_text(const char *name, const char *text)
{
	char path[200];

	snprintf(path, sizeof path, "%s/%s", top, name);
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

static void make(void)
{
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(info, sizeof info, "%s/info", top);
	ck_assert_int_eq(mkdir(info, 0755), 0);
	write_text("info/one.list", "/.\n/usr\n/usr/bin/tool\n/bin/sh\n/usr/bin/both\n");
	write_text("info/two:amd64.list", "/usr/bin/tool\n/usr/bin/other\n/usr/bin/both\n");
	write_text("info/two:amd64.md5sums", "/usr/bin/nothing\n");
}

static void removed(void)
{
	char command[200];

	snprintf(command, sizeof command, "rm -r %s", top);
	ck_assert_int_eq(system(command), 0);
	memcpy(top + sizeof top - 7, "XXXXXX", 6);
}

static void belongs(const char *path, const char *wanted)
{
	struct matr_error err = {.code = MATR_OK};
	char **packages;

	ck_assert_int_eq(matr_packages(info, &path, 1, &packages, &err), 0);
	if (wanted) {
		ck_assert_msg(packages[0] != NULL, "%s: none", path);
		ck_assert_str_eq(packages[0], wanted);
	} else {
		ck_assert_msg(packages[0] == NULL, "%s: %s", path, packages[0]);
	}
	matr_packages_free(packages, 1);
}

START_TEST(lists)
{
	belongs("/usr/bin/other", "two:amd64");
	belongs("/bin/other", "two:amd64");
	belongs("/usr/bin/sh", "one");
	belongs("/usr/bin/both", "one, two:amd64");
	belongs("/usr/bin/nothing", NULL);
}
END_TEST

START_TEST(diverted)
{
	write_text("diversions", "/usr/bin/tool\n/usr/bin/tool.two\none\n"
				 "/bin/sh\n/bin/sh.real\n:\n"
				 "/usr/bin/other\n/opt/other\ntwo\n");
	belongs("/usr/bin/tool", "one");
	belongs("/usr/bin/tool.two", "two:amd64");
	belongs("/bin/sh", NULL); /* the administrator's */
	belongs("/usr/bin/sh.real", "one");
	belongs("/usr/bin/other", "two:amd64"); /* its own diversion */
	belongs("/opt/other", NULL);
	belongs("/usr/bin/both", "one, two:amd64");
}
END_TEST

START_TEST(damaged_diversions)
{
	write_text("diversions", "");
	belongs("/usr/bin/tool", "one, two:amd64");
	write_text("diversions", "\n\n\n\n/usr/bin/tool");
	belongs("/usr/bin/tool", "one, two:amd64");
	write_text("diversions", "/usr/bin/tool\n/usr/bin/x\n");
	belongs("/usr/bin/tool", "one, two:amd64");
	write_text("diversions", "/usr/bin/tool\n/a\none\n/usr/bin/tool\n/b\none\n/usr");
	belongs("/a", "two:amd64");
	belongs("/b", NULL);
}
END_TEST

START_TEST(without_dpkg)
{
	struct matr_error err;
	const char *path = "/usr/bin/tool";
	char **packages;

	ck_assert_int_eq(matr_packages("/nonexistent", &path, 1, &packages, &err), 0);
	ck_assert_ptr_null(packages[0]);
	matr_packages_free(packages, 1);
}
END_TEST

/* Write a list of more than a block of the reader, with paths across its ends. */
static void write_long_list(void)
{
	char path[200];

	snprintf(path, sizeof path, "%s/info/long.list", top);
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	for (int i = 0; i < 20000; i++)
		ck_assert_int_gt(fprintf(file, "/usr/share/%d\n", i), 0);
	ck_assert_int_gt(fputs("/usr/share/last", file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

START_TEST(long_list)
{
	enum { N = 20002 };
	struct matr_error err = {.code = MATR_OK};
	static char texts[N][24];
	static const char *paths[N];
	char **packages;

	write_long_list();
	belongs("/usr/share/0", "long");
	belongs("/usr/share/19999", "long");
	belongs("/share/last", "long"); /* no newline follows */
	belongs("/usr/share/20000", NULL);
	belongs("/usr/share/1999", "long");
	for (int i = 0; i < N; i++) {
		snprintf(texts[i], sizeof texts[i], "/usr/share/%d", i);
		paths[i] = texts[i];
	}
	ck_assert_int_eq(matr_packages(info, paths, N, &packages, &err), 0);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(packages[i] != NULL, i < 20000);
	matr_packages_free(packages, N);
}
END_TEST

START_TEST(short_paths)
{
	write_text("info/short.list", "\n/\n/a\n/usr/b\n/usr\n\n");
	belongs("/a", "short");
	belongs("/usr/a", "short");
	belongs("/b", "short");
	belongs("/usr", "one, short");
	belongs("/usr/", "short"); /* "/" without /usr */
	belongs("/", "short");
	belongs("/c", NULL);
	belongs("a", NULL);
}
END_TEST

/* Check that asking for a package fails, with this list in the error. */
static void fails(enum matr_code code, const char *list)
{
	struct matr_error err = {.code = MATR_OK};
	const char *path = "/usr/bin/tool";
	char **packages;

	ck_assert_int_eq(matr_packages(info, &path, 1, &packages, &err), -1);
	ck_assert_int_eq(err.code, code);
	ck_assert_msg(strstr(err.file, list) != NULL, "%s", err.file);
}

START_TEST(no_lists)
{
	char path[200], line[1 << 17];

	memset(line, 'x', sizeof line - 1);
	line[sizeof line - 1] = 0;
	write_text("info/line.list", line);
	fails(MATR_ERROR_MALFORMED, "/info/line.list");
	write_text("info/line.list", "");
	belongs("/usr/bin/tool", "one, two:amd64");
	snprintf(path, sizeof path, "%s/info/directory.list", top);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	fails(MATR_ERROR_SYSTEM, "/info/directory.list");
	ck_assert_int_eq(rmdir(path), 0);
	snprintf(path, sizeof path, "%s/info/missing.list", top);
	ck_assert_int_eq(symlink("nothing", path), 0);
	fails(MATR_ERROR_SYSTEM, "/info/missing.list");
}
END_TEST

START_TEST(linked_list)
{
	char path[200];

	snprintf(path, sizeof path, "%s/info/alias.list", top);
	ck_assert_int_eq(symlink("one.list", path), 0);
	belongs("/bin/sh", "alias, one");
}
END_TEST

static int has(const char *package, const char *path)
{
	struct matr_error err = {.code = MATR_OK};
	struct package_files *files;

	int found = package_files_read(info, package, &files, &err);
	int there = found > 0 ? package_files_have(files, path) : -1;
	package_files_free(files);
	return there;
}

START_TEST(files_of_a_package)
{
	ck_assert_int_eq(has("two", "/usr/bin/other"), 1);
	ck_assert_int_eq(has("two:amd64", "/usr/bin/other"), 1);
	ck_assert_int_eq(has("two", "/bin/other"), 1);
	ck_assert_int_eq(has("two", "/usr/bin/nothing"), 0);
	ck_assert_int_eq(has("one", "/usr/bin/sh"), 1);
	ck_assert_int_eq(has("on", "/usr/bin/sh"), -1);
	ck_assert_int_eq(has("two:i386", "/usr/bin/other"), -1);
	ck_assert_int_eq(has("../info/one", "/usr/bin/sh"), -1);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("packages");

	tcase_add_checked_fixture(tests, make, removed);
	tcase_add_test(tests, lists);
	tcase_add_test(tests, diverted);
	tcase_add_test(tests, damaged_diversions);
	tcase_add_test(tests, without_dpkg);
	tcase_add_test(tests, long_list);
	tcase_add_test(tests, short_paths);
	tcase_add_test(tests, no_lists);
	tcase_add_test(tests, linked_list);
	tcase_add_test(tests, files_of_a_package);
	return unit_run(tests, "packages");
}
