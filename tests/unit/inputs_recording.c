/* inputs_recording.c - files of recorded loads: what is read, and that nothing is left of a file
 * that is refused. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <check.h>

#include <matr/recording.h>

#include "unit.h"

static struct matr_error err;
static struct matr_recordings recordings;
static char file[32];
static int fd;

static void setup(void)
{
	fd = memfd_create("recordings", MFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	snprintf(file, sizeof file, "/proc/self/fd/%d", fd);
}

static void teardown(void)
{
	close(fd);
}

static int load(const char *text, size_t size)
{
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(pwrite(fd, text, size, 0), (ssize_t)size);
	return matr_recordings_read_file(file, &recordings, &err);
}

START_TEST(reads_loads)
{
	static const char text[] = "# a comment\n"
				   "\n"
				   "/bin/a /lib/one.so now one.so\n"
				   "/bin/a%20b /lib/two.so lazy,global two.so\n"
				   "/bin/a /lib/one.so lazy one.so\n";

	ck_assert_int_eq(load(text, sizeof text - 1), 0);
	ck_assert_uint_eq(recordings.n, 2);
	ck_assert_str_eq(recordings.list[0].application, "/bin/a");
	ck_assert_str_eq(recordings.list[0].flags, "lazy"); /* the weaker of both */
	ck_assert_str_eq(recordings.list[1].application, "/bin/a b");
	ck_assert_str_eq(recordings.list[1].root, "/lib/two.so");
	matr_recordings_free(&recordings);
}
END_TEST

START_TEST(is_empty_after_an_error)
{
	static const char start[] = "/bin/a /lib/one.so now one.so\n";
	static const struct {
		const char *line;
		size_t size;
		const char *message;
	} cases[] = {
		{"/bin/a\n", 7, "line 2"},
		{"bin/a /lib/one.so now one.so\n", 29, "line 2"},
		{"/bin/a /lib/one.so now one.so more\n", 35, "line 2"},
		{"/bin/\0 /lib/one.so now one.so\n", 30, "not a text file"},
	};
	char text[128];

	memcpy(text, start, sizeof start - 1);
	memcpy(text + sizeof start - 1, cases[_i].line, cases[_i].size);
	ck_assert_int_eq(load(text, sizeof start - 1 + cases[_i].size), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_MALFORMED);
	ck_assert_ptr_nonnull(strstr(err.message, cases[_i].message));
	ck_assert_ptr_null(recordings.list);
	ck_assert_uint_eq(recordings.n, 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("recording");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, reads_loads);
	tcase_add_loop_test(tests, is_empty_after_an_error, 0, 4);
	return unit_run(tests, "recording");
}
