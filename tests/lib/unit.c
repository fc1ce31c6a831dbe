#include "unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
