/* inputs_scan.c - when file descriptors run out, a scan ends with an error: it passes over nothing
 * that is there. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include <matr/config.h>
#include <matr/object.h>
#include <matr/scan.h>

#include "unit.h"

static struct matr_error err;
static char directory[] = "/tmp/matr-unit-XXXXXX";
static int lowest; /* descriptor that is free */

static void copy_of_this_program(const char *name)
{
	char path[sizeof directory + 64], bytes[65536];
	ssize_t n;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	ck_assert_int_ge(from, 0);
	ck_assert_int_ge(to, 0);
	while ((n = read(from, bytes, sizeof bytes)) > 0)
		ck_assert_int_eq(write(to, bytes, (size_t)n), n);
	close(from);
	close(to);
}

static void setup(void)
{
	char path[sizeof directory + 8];

	strcpy(directory, "/tmp/matr-unit-XXXXXX");
	unit_directory_make(directory);
	snprintf(path, sizeof path, "%s/below", directory);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	copy_of_this_program("one");
	copy_of_this_program("below/two");
	lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(lowest, 0);
	close(lowest);
}

static void teardown(void)
{
	unit_directory_remove(directory);
}

/* Let the process have so many more descriptors. */
static void leave_descriptors(rlim_t n)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)lowest + n;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Scan with ever more descriptors. Returns with how many it succeeded; with fewer it fails for
 * them. */
static rlim_t scan(const struct matr_config *config, struct matr_scan **out)
{
	for (rlim_t n = 0; n < 16; n++) {
		leave_descriptors(n);
		if (matr_scan(config, NULL, 0, out, &err) == 0)
			return n;
		ck_assert_int_eq(err.code, MATR_ERROR_RESOURCES);
		ck_assert_ptr_nonnull(strstr(err.message, "Too many open files"));
	}
	ck_abort_msg("a scan needs more than 16 descriptors");
}

START_TEST(scan_misses_no_directory)
{
	char *paths[] = {directory};
	const struct matr_config config = {.directories = {paths, 1}};
	struct matr_scan *found;

	ck_assert_uint_gt(scan(&config, &found), 0);
	ck_assert_uint_eq(found->n_programs, 2);
	ck_assert_uint_eq(found->n_unreadable, 0);
	matr_scan_free(found);
}
END_TEST

START_TEST(scan_misses_nothing_that_is_included)
{
	char pattern[sizeof directory + 8];
	char *patterns[] = {pattern};
	const struct matr_config config = {.include = {patterns, 1}};
	struct matr_scan *found;

	snprintf(pattern, sizeof pattern, "%s/*/t*", directory);
	ck_assert_uint_gt(scan(&config, &found), 0);
	ck_assert_uint_eq(found->n_programs, 1);
	matr_scan_free(found);
}
END_TEST

START_TEST(object_is_not_called_malformed)
{
	char path[sizeof directory + 8];
	struct matr_object *object;

	snprintf(path, sizeof path, "%s/one", directory);
	leave_descriptors(0);
	ck_assert_int_eq(matr_object_open(path, &object, &err), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_RESOURCES);
	leave_descriptors(16);
	ck_assert_int_eq(matr_object_open(path, &object, &err), 0);
	matr_object_free(object);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("scan");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, scan_misses_no_directory);
	tcase_add_test(tests, scan_misses_nothing_that_is_included);
	tcase_add_test(tests, object_is_not_called_malformed);
	return unit_run(tests, "scan");
}
