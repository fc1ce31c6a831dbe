/* base_prefix.c - which directories become a prefix, and what is removed from one. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "base/prefix.h"
#include "unit.h"

static char directory[] = "/tmp/matr-test-prefix.XXXXXX";
static char canonical[PATH_MAX];
static struct matr_error err;

static const char *in_directory(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(in_directory(name), "we");

	ck_assert_ptr_nonnull(file);
	ck_assert(fputs(text, file) >= 0);
	ck_assert_int_eq(fclose(file), 0);
}

static size_t count_entries(void)
{
	DIR *list = opendir(directory);
	size_t n = 0;

	ck_assert_ptr_nonnull(list);
	for (const struct dirent *entry; (entry = readdir(list)) != NULL;)
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(list);
	return n;
}

static void enter(void)
{
	memset(strrchr(directory, '.') + 1, 'X', 6);
	ck_assert_ptr_nonnull(mkdtemp(directory));
	err = (struct matr_error){.code = MATR_OK};
}

static void leave(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf %s", directory);
	ck_assert_int_eq(system(command), 0);
}

static void is_refused(void)
{
	size_t n = count_entries();

	ck_assert_int_eq(prefix_make(directory, canonical, &err), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_STATE);
	ck_assert_int_eq(matr_prefix_recognize(directory, &err), -1);
	ck_assert_int_eq(prefix_lock(directory, false, &err), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_STATE);
	ck_assert_uint_eq(count_entries(), n);
}

static void is_taken(void)
{
	ck_assert_msg(prefix_make(directory, canonical, &err) == 0, "%s", err.message);
	ck_assert_int_eq(access(in_directory("matr.prefix"), R_OK), 0);
	ck_assert_int_eq(matr_prefix_recognize(directory, &err), 0);
	int lock = prefix_lock(directory, false, &err);
	ck_assert_int_ge(lock, 0);
	close(lock);
}

START_TEST(takes)
{
	is_taken(); /* an empty one */
	put("anything", "");
	is_taken(); /* by its mark */
}
END_TEST

START_TEST(takes_almost_empty)
{
	ck_assert_int_eq(mkdir(in_directory("lost+found"), 0700), 0);
	put("matr.prefix.matr-tmp.aB3dE6", "Mat"); /* of one that was killed */
	is_taken();
	int lock = prefix_lock(directory, false, &err);
	ck_assert_int_eq(prefix_clean(canonical, &err), 0);
	close(lock);
	ck_assert_uint_eq(count_entries(), 3);
}
END_TEST

START_TEST(locks_first)
{
	int lock = prefix_lock(directory, false, &err); /* as `matr epoch end` does */
	ck_assert_int_ge(lock, 0);
	close(lock);
	ck_assert_int_eq(access(in_directory("matr.prefix"), R_OK), 0);
	is_taken();
	ck_assert_int_eq(unlink(in_directory("matr.prefix")), 0);
	is_taken(); /* nothing but an idle lock */
}
END_TEST

START_TEST(takes_an_earlier_one)
{
	FILE *file = fopen(in_directory("store.db"), "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite("SQLite format 3\0....", 1, 20, file), 20);
	fclose(file);
	is_refused(); /* no lock */
	put("lock", "");
	is_taken();
}
END_TEST

START_TEST(refuses)
{
	static const char *const names[] = {"a",     "epoch.image", "store.db", "lock",
					    ".file", "ld-stable",   "programs"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		put(names[i], "keep");
		is_refused();
		ck_assert_int_eq(unlink(in_directory(names[i])), 0);
	}
	ck_assert_int_eq(mkdir(in_directory("directory"), 0700), 0);
	is_refused();
	ck_assert_int_eq(rmdir(in_directory("directory")), 0);
	ck_assert_int_eq(symlink("/dev/null", in_directory("link")), 0);
	is_refused();
}
END_TEST

START_TEST(refuses_other_marks)
{
	put("matr.prefix", "");
	is_refused();
	put("matr.prefix", "matr prefix 1\n");
	is_refused();
	put("matr.prefix", "MatR prefix 2\n");
	is_refused();
	ck_assert_ptr_nonnull(strstr(err.message, "newer"));
	unlink(in_directory("matr.prefix"));
	put("mark", "MatR prefix 1\n");
	ck_assert_int_eq(symlink("mark", in_directory("matr.prefix")), 0);
	ck_assert_int_eq(prefix_make(directory, canonical, &err), -1);
}
END_TEST

START_TEST(names_of_images)
{
	static const char *const images[] = {"epoch.1.image", "epoch.123456789.image",
					     "epoch.7-1.image"};
	static const char *const others[] = {
		"epoch.image",	   "epoch..image",	"epoch.1.image.txt", "epoch.1.image~",
		"epoch.a.image",   "epoch.1-.image",	"epoch.-1.image",    "epoch.1.2.image",
		"Epoch.1.image",   "epoch.1-2-3.image", "xepoch.1.image",    "epoch.1 .image",
		"../epoch.1.image"};

	for (size_t i = 0; i < sizeof images / sizeof *images; i++)
		ck_assert_msg(prefix_is_image(images[i]), "%s", images[i]);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		ck_assert_msg(!prefix_is_image(others[i]), "%s", others[i]);
}
END_TEST

/* An image's link leads to an image beside it, and nowhere else. */
START_TEST(checks_links)
{
	is_taken();
	put("epoch.1.image", "");
	put("other", "");
	ck_assert_int_eq(symlink("epoch.1.image", in_directory("epoch.image")), 0);
	ck_assert_int_eq(prefix_check_file(directory, "epoch.image", &err), 0);
	ck_assert_int_eq(chmod(in_directory("epoch.1.image"), 0666), 0);
	ck_assert_int_eq(prefix_check_file(directory, "epoch.image", &err), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_UNTRUSTED);
	static const char *const targets[] = {"other", "/etc/passwd", "epoch.2.image", "",
					      "./epoch.1.image"};
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		ck_assert_int_eq(unlink(in_directory("epoch.image")), 0);
		ck_assert_int_eq(symlink(*targets[i] ? targets[i] : "epoch.image",
					 in_directory("epoch.image")),
				 0);
		ck_assert_int_eq(prefix_check_file(directory, "epoch.image", &err), -1);
	}
	ck_assert_int_eq(symlink("epoch.1.image", in_directory("interpreter")), 0);
	ck_assert_int_eq(prefix_check_file(directory, "interpreter", &err), -1);
}
END_TEST

/* A trial that was killed goes; a link of that name is not followed, nor is anything else
 * removed. */
START_TEST(removes_trials)
{
	is_taken();
	ck_assert_int_eq(mkdir(in_directory("trial"), 0700), 0);
	put("trial/epoch.image", "");
	put("trial/ld.so", "");
	put("trial/interpreter.matr-tmp.abcdef", "");
	ck_assert_int_eq(prefix_remove_trial(canonical, &err), 0);
	ck_assert_int_ne(access(in_directory("trial"), F_OK), 0);
	ck_assert_int_eq(mkdir(in_directory("mine"), 0700), 0);
	put("mine/ld.so", "");
	ck_assert_int_eq(symlink("mine", in_directory("trial")), 0);
	ck_assert_int_eq(prefix_remove_trial(canonical, &err), -1);
	ck_assert_int_eq(access(in_directory("mine/ld.so"), F_OK), 0);
	ck_assert_int_eq(unlink(in_directory("trial")), 0);
	ck_assert_int_eq(mkdir(in_directory("trial"), 0700), 0);
	put("trial/mine", "");
	ck_assert_int_eq(prefix_remove_trial(canonical, &err), -1);
	ck_assert_int_eq(access(in_directory("trial/mine"), F_OK), 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("prefix");

	tcase_add_checked_fixture(tests, enter, leave);
	tcase_add_test(tests, takes);
	tcase_add_test(tests, takes_almost_empty);
	tcase_add_test(tests, locks_first);
	tcase_add_test(tests, takes_an_earlier_one);
	tcase_add_test(tests, refuses);
	tcase_add_test(tests, refuses_other_marks);
	tcase_add_test(tests, names_of_images);
	tcase_add_test(tests, checks_links);
	tcase_add_test(tests, removes_trials);
	return unit_run(tests, "prefix");
}
