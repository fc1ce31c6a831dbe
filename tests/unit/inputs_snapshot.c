/* inputs_snapshot.c - what an epoch depends on is read back as it was written, and a change is
 * noticed. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "inputs/snapshot.h"
#include "unit.h"

enum { LONG_AGO = 1000000000 }; /* seconds since 1970 */

static struct matr_error err;
static char directory[] = "/tmp/matr-unit-XXXXXX";

static void setup(void)
{
	strcpy(directory, "/tmp/matr-unit-XXXXXX");
	unit_directory_make(directory);
}

static void teardown(void)
{
	unit_directory_remove(directory);
}

static char *in(const char *name)
{
	static char path[4][sizeof directory + 64];
	static unsigned turn;
	char *out = path[turn++ % 4];

	snprintf(out, sizeof *path, "%s/%s", directory, name);
	return out;
}

static void write_text(const char *path, const char *text)
{
	const struct timespec times[2] = {{.tv_sec = LONG_AGO}, {.tv_sec = LONG_AGO}};
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(futimens(fd, times), 0);
	close(fd);
}

static void look(struct probes *probes, const char *path)
{
	ck_assert_int_eq(probes_look(probes, path, &err), 0);
}

/* Encode, decode, compare. */
START_TEST(is_read_back)
{
	struct probes probes = {0}, again = {0};
	struct varint_buffer bytes = {0};

	write_text(in("file"), "x");
	look(&probes, "/");
	look(&probes, in("file"));
	look(&probes, in("none"));
	look(&probes, in("filex"));
	look(&probes, "/nonexistent/a/very/different/path");
	probes_sort(&probes);
	for (size_t i = 1; i < probes.n; i++)
		ck_assert_int_lt(strcmp(probes.list[i - 1].path, probes.list[i].path), 0);
	probes_encode(&probes, &bytes);
	ck_assert(!bytes.failed);
	struct varint_cursor cursor = {bytes.data, bytes.data + bytes.size, false};
	ck_assert_int_eq(probes_decode(&cursor, &again, &err), 0);
	ck_assert(!cursor.damaged && cursor.at == cursor.end);
	ck_assert_uint_eq(again.n, probes.n);
	for (size_t i = 0; i < probes.n; i++) {
		ck_assert_str_eq(again.list[i].path, probes.list[i].path);
		ck_assert_int_eq(again.list[i].is_directory, probes.list[i].is_directory);
		if (probes.list[i].is_directory) /* only that it is one counts */
			continue;
		ck_assert_mem_eq(&again.list[i].file, &probes.list[i].file,
				 sizeof probes.list[i].file);
	}
	/* Cut anywhere, it is refused. */
	for (size_t size = 0; size < bytes.size; size++) {
		struct probes cut = {0};
		cursor = (struct varint_cursor){bytes.data, bytes.data + size, false};
		ck_assert_int_eq(probes_decode(&cursor, &cut, &err), -1);
		probes_free(&cut);
	}
	varint_buffer_free(&bytes);
	probes_free(&probes);
	probes_free(&again);
}
END_TEST

static bool unchanged(const struct probes *probes)
{
	return probes_unchanged(probes, INT64_MAX, 2);
}

START_TEST(notices_a_change)
{
	struct probes probes = {0};

	write_text(in("file"), "x");
	ck_assert_int_eq(mkdir(in("directory"), 0755), 0);
	look(&probes, in("file"));
	look(&probes, in("directory"));
	look(&probes, in("none"));
	ck_assert(unchanged(&probes));
	/* A file that appears where there was none, and goes again. */
	write_text(in("none"), "");
	ck_assert(!unchanged(&probes));
	ck_assert_int_eq(unlink(in("none")), 0);
	ck_assert(unchanged(&probes));
	/* The contents of a directory do not matter. */
	write_text(in("directory/x"), "");
	ck_assert(unchanged(&probes));
	/* Another file with the same size and times. */
	write_text(in("other"), "y");
	ck_assert_int_eq(rename(in("other"), in("file")), 0);
	ck_assert(!unchanged(&probes));
	probes_free(&probes);
}
END_TEST

START_TEST(notices_what_is_gone)
{
	struct probes probes = {0};

	ck_assert_int_eq(mkdir(in("directory"), 0755), 0);
	look(&probes, in("directory"));
	ck_assert(unchanged(&probes));
	ck_assert_int_eq(rmdir(in("directory")), 0);
	ck_assert(!unchanged(&probes));
	write_text(in("directory"), "a file now");
	ck_assert(!unchanged(&probes));
	probes_free(&probes);
}
END_TEST

/* A file that was changed at the time of the look at it may change again without another time: it
 * is not trusted. */
START_TEST(trusts_no_young_file)
{
	struct probes probes = {0};
	struct stat status;

	write_text(in("file"), "x");
	look(&probes, in("file"));
	ck_assert_int_eq(stat(in("file"), &status), 0);
	int64_t changed = status.st_ctim.tv_sec * INT64_C(1000000000) + status.st_ctim.tv_nsec;
	ck_assert(probes_unchanged(&probes, changed + 1, 1));
	ck_assert(!probes_unchanged(&probes, changed - 1, 1));
	probes_free(&probes);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("snapshot");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, is_read_back);
	tcase_add_test(tests, notices_a_change);
	tcase_add_test(tests, notices_what_is_gone);
	tcase_add_test(tests, trusts_no_young_file);
	return unit_run(tests, "snapshot");
}
