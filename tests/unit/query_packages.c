/* The package that a file belongs to: lists, merged /usr, diversions. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
	tcase_add_test(tests, files_of_a_package);
	return unit_run(tests, "packages");
}
