#include "unit.h"

#include <fnmatch.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool unit_wanted(const char *test)
{
	const char *only = getenv("MATR_TEST_ONLY");
	char pattern[1000];

	snprintf(pattern, sizeof pattern, "*%s*", only ? only : "");
	return fnmatch(pattern, test, 0) == 0;
}

int unit_run(TCase *tests, const char *name)
{
	Suite *suite = suite_create(name);

	/* A test that hangs is to end, and nothing else: how long one takes depends on what else
	 * runs. */
	tcase_set_timeout(tests, 900);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	if (srunner_ntests_run(runner) == 0) {
		printf("no test%s\n", getenv("MATR_TEST_ONLY") ? " has such a name" : "");
		failed = 1;
	}
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

void unit_directory_make(char *path)
{
	memcpy(path + strlen(path) - 6, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(path));
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

void unit_directory_remove(const char *path)
{
	nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}
