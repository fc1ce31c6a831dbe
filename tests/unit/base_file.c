/* base_file.c - which file a stat is about, and files that are replaced whole. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "base/file.h"
#include "base/file_id.h"
#include "base/path.h"
#include "unit.h"

static char directory[] = "/tmp/matr-test-file.XXXXXX";
static struct matr_error err;

static void setup(void)
{
	unit_directory_make(directory);
}

static void teardown(void)
{
	unit_directory_remove(directory);
}

static void check_ok(int result)
{
	ck_assert_msg(result == 0, "%s: %s", err.file, err.message);
}

static const char *in_directory(const char *name)
{
	static char path[PATH_MAX];

	check_ok(path_join(directory, name, path, &err));
	return path;
}

static void make(const char *name)
{
	int fd = open(in_directory(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static bool is_there(const char *name)
{
	return access(in_directory(name), F_OK) == 0;
}

static size_t count_entries(void)
{
	DIR *list = opendir(directory);
	size_t n = 0;

	ck_assert_ptr_nonnull(list);
	for (const struct dirent *entry; (entry = readdir(list)) != NULL;)
		n += entry->d_name[0] != '.';
	closedir(list);
	return n;
}

/* ---- file ids ---- */

START_TEST(identifies)
{
	struct stat status = {.st_dev = 7, .st_ino = 9, .st_size = 11};
	status.st_mtim = (struct timespec){.tv_sec = 3, .tv_nsec = 5};
	status.st_ctim = (struct timespec){.tv_sec = -1, .tv_nsec = 999999999};
	struct matr_file_id id = file_id_of(&status), other = id;

	ck_assert_uint_eq(id.device, 7);
	ck_assert_uint_eq(id.inode, 9);
	ck_assert_uint_eq(id.size, 11);
	ck_assert_int_eq(id.mtime, INT64_C(3000000005));
	ck_assert_int_eq(id.ctime, -1);
	ck_assert(file_id_equal(&id, &other));
	ck_assert(file_id_same_inode(&id, &status));
	status.st_size = 12;
	ck_assert(file_id_same_inode(&id, &status));
	status.st_ino = 10;
	ck_assert(!file_id_same_inode(&id, &status));
	status.st_ino = 9;
	status.st_dev = 8;
	ck_assert(!file_id_same_inode(&id, &status));
}
END_TEST

/* Each field counts. */
START_TEST(compares)
{
	const struct matr_file_id id = {1, 2, 3, 4, 5};
	struct matr_file_id others[] = {{9, 2, 3, 4, 5},
					{1, 9, 3, 4, 5},
					{1, 2, 9, 4, 5},
					{1, 2, 3, 9, 5},
					{1, 2, 3, 4, 9}};

	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		ck_assert_msg(!file_id_equal(&id, &others[i]), "%zu", i);
		ck_assert_msg(!file_id_unchanged(&id, &others[i], 100), "%zu", i);
	}
	ck_assert(file_id_unchanged(&id, &id, 6));
	ck_assert(!file_id_unchanged(&id, &id, 5)); /* as young as the look at it */
}
END_TEST

/* ---- files ---- */

START_TEST(writes)
{
	void *data;
	size_t size;

	check_ok(file_write(in_directory("file"), "first", 5, 0644, &err));
	check_ok(file_write(in_directory("file"), "second one", 10, 0600, &err));
	check_ok(file_read(in_directory("file"), 100, &data, &size, &err));
	ck_assert_uint_eq(size, 10);
	ck_assert_int_eq(memcmp(data, "second one", 10), 0);
	free(data);
	ck_assert_uint_eq(count_entries(), 1);
	ck_assert_int_eq(file_read(in_directory("file"), 9, &data, &size, &err), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_MALFORMED);
	ck_assert_int_ne(file_write(in_directory("no/file"), "x", 1, 0644, &err), 0);
	ck_assert_uint_eq(count_entries(), 1);
	check_ok(file_sync_directory(directory, &err));
	ck_assert_int_eq(file_sync_directory(in_directory("no"), &err), -1);
}
END_TEST

/* Only the leftovers of a killed file_write() are removed: no similar name, no link, no
 * directory. */
START_TEST(removes_leftovers)
{
	static const char *const leftovers[] = {"a.matr-tmp.XYZ123", "b.matr-tmp.abcdef",
						"a.b.matr-tmp.Zzzzzz"};
	static const char *const others[] = {
		"a",
		"b",
		"a.XYZ123",
		"a.backup",
		"a.matr-tmp.XYZ12",
		"a.matr-tmp.XYZ1234",
		"b.matr-tmp.......",
		"amatr-tmp.XYZ123",
		"a.matr-tmp-XYZ123",
		"xa.matr-tmp.XYZ123",
		"c.matr-tmp.XYZ123",
		"a.matr-tmp.XYZ12~",
		"a.matr-tmp.",
		"a.matr-tmp.XYZ 23",
		"A.matr-tmp.XYZ123",
		".a.matr-tmp.XYZ123",
		"a.MATR-TMP.XYZ123",
	};
	static const char *const names[] = {"a", "b", "a.b"};

	for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers; i++)
		make(leftovers[i]);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		make(others[i]);
	check_ok(file_clean(in_directory("b"), &err));
	ck_assert(!is_there("b.matr-tmp.abcdef") && is_there("a.matr-tmp.XYZ123") && is_there("b"));
	ck_assert_int_eq(symlink("a", in_directory("a.matr-tmp.link00")), 0);
	ck_assert_int_eq(mkdir(in_directory("a.matr-tmp.direct"), 0700), 0);
	check_ok(file_remove_leftovers(directory, names, 3, &err));
	for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers; i++)
		ck_assert_msg(!is_there(leftovers[i]), "%s", leftovers[i]);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		ck_assert_msg(is_there(others[i]), "%s", others[i]);
	ck_assert(is_there("a.matr-tmp.link00") && is_there("a.matr-tmp.direct"));
	ck_assert_int_eq(file_remove_leftovers(in_directory("no"), names, 3, &err), -1);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("file");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, identifies);
	tcase_add_test(tests, compares);
	tcase_add_test(tests, writes);
	tcase_add_test(tests, removes_leftovers);
	return unit_run(tests, "file");
}
