/* resolve_system_paths.c - what is taken from the output of ld.so --list-diagnostics. */
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include <check.h>

#include "resolve/system_paths.h"
#include "unit.h"

static char directory[] = "/tmp/matr-test-paths.XXXXXX";
static char interpreter[PATH_MAX];
static struct matr_error err;

static void enter(void)
{
	unit_directory_make(directory);
	snprintf(interpreter, sizeof interpreter, "%s/ld.so", directory);
}

static void leave(void)
{
	unit_directory_remove(directory);
}

/* An ld.so that runs `script`. */
static void make_interpreter(const char *script)
{
	FILE *file = fopen(interpreter, "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_gt(fprintf(file, "#!/bin/sh\n%s", script), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(interpreter, 0755), 0);
}

START_TEST(reads_paths)
{
	struct system_paths paths;

	make_interpreter("echo 'dl_hwcaps_subdirs=\"x86-64-v4:x86-64-v3:x86-64-v2\"'\n"
			 "echo dl_hwcaps_subdirs_active=0x6\n"
			 "echo 'path.system_dirs[0x0]=\"/lib/x86_64-linux-gnu/\"'\n"
			 "echo 'version.version=\"2.41\"'\n"
			 "echo x86.cpu_features.isa_1=0xf\n");
	ck_assert_int_eq(system_paths_open(interpreter, &paths, &err), 0);
	ck_assert_uint_eq(paths.n_directories, 1);
	ck_assert_str_eq(paths.directories[0], "/lib/x86_64-linux-gnu");
	ck_assert_str_eq(paths.levels[0], "x86-64-v3");
	ck_assert_str_eq(paths.levels[1], "x86-64-v2");
	ck_assert_ptr_null(paths.levels[2]);
	ck_assert_uint_eq(paths.glibc, 41);
	ck_assert_uint_eq(paths.isa, 0xf);
	ck_assert_str_eq(paths.lib, "lib/x86_64-linux-gnu");
	system_paths_close(&paths);
}
END_TEST

/* ld.so would go on for a quarter of a second, this one for ever. */
START_TEST(does_not_wait_for_processors)
{
	struct system_paths paths;

	make_interpreter("trap '' PIPE\n"
			 "echo x86.cpu_features.isa_1=0x7\n"
			 "while :; do sleep 1; done\n");
	ck_assert_int_eq(system_paths_open(interpreter, &paths, &err), 0);
	ck_assert_uint_eq(paths.isa, 7);
	system_paths_close(&paths);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("system paths");

	tcase_add_checked_fixture(tests, enter, leave);
	tcase_add_test(tests, reads_paths);
	tcase_add_test(tests, does_not_wait_for_processors);
	return unit_run(tests, "system paths");
}
