/* inputs_config.c - matr.conf(5): every setting, and every line that is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include <matr/config.h>

#include "unit.h"

static struct matr_error err;
static struct matr_config *config;
static char file[32];
static int fd;

static void setup(void)
{
	fd = memfd_create("matr.conf", MFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fchmod(fd, 0600), 0);
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
	return matr_config_load(file, &config, &err);
}

static void check_list(const struct matr_config_list *list, size_t n, const char *first,
		       const char *last)
{
	ck_assert_uint_eq(list->n, n);
	ck_assert_str_eq(list->items[0], first);
	ck_assert_str_eq(list->items[n - 1], last);
}

START_TEST(reads_every_setting)
{
	static const char text[] = "; a comment\n"
				   "[programs]\n"
				   "directory = /srv/bin\n"
				   "directory = /opt/tools ; behind a value\n"
				   "include = /home/*/bin/*\n"
				   "exclude = *.bak\n"
				   "  /usr/bin/odd\n"
				   "[epochs]\n"
				   "keep = 3\n"
				   "layout = pack\n"
				   "[matrd]\n"
				   "strict = yes\n"
				   "inotify = no\n"
				   "[program office]\n"
				   "path = /usr/lib/libreoffice/*\n"
				   "load = /usr/lib/libreoffice/program/*.so\n"
				   "load-now = /usr/lib/now.so\n"
				   "layout = random\n"
				   "[program server]\n"
				   "path = /srv/bin/server\n"
				   "library-path = /srv/lib:/srv/lib64\n"
				   "library-path = /srv/more\n";

	ck_assert_int_eq(load(text, sizeof text - 1), 0);
	ck_assert_str_eq(config->file, file);
	check_list(&config->directories, 2, "/srv/bin", "/opt/tools");
	check_list(&config->include, 1, "/home/*/bin/*", "/home/*/bin/*");
	check_list(&config->exclude, 2, "*.bak", "/usr/bin/odd");
	ck_assert_uint_eq(config->keep_epochs, 3);
	ck_assert(config->layout == MATR_LAYOUT_PACK && config->strict && !config->inotify);
	ck_assert_uint_eq(config->n_programs, 2);
	const struct matr_config_program *office = &config->programs[0];
	ck_assert_str_eq(office->label, "office");
	check_list(&office->load, 1, "/usr/lib/libreoffice/program/*.so",
		   "/usr/lib/libreoffice/program/*.so");
	check_list(&office->load_now, 1, "/usr/lib/now.so", "/usr/lib/now.so");
	ck_assert_ptr_null(office->library_path);
	ck_assert_str_eq(config->programs[1].library_path, "/srv/lib:/srv/lib64:/srv/more");

	ck_assert(matr_config_excludes(config, "/srv/bin/deep/x.bak"));
	ck_assert(!matr_config_excludes(config, "/srv/bin/x.back"));
	ck_assert_ptr_eq(matr_config_program(config, "/usr/lib/libreoffice/program/soffice.bin"),
			 office);
	ck_assert_ptr_null(matr_config_program(config, "/usr/bin/true"));
	ck_assert_int_eq(matr_config_layout(config, "/usr/lib/libreoffice/x"), MATR_LAYOUT_RANDOM);
	ck_assert_int_eq(matr_config_layout(config, "/srv/bin/server"), MATR_LAYOUT_PACK);
	matr_config_free(config);
}
END_TEST

START_TEST(has_defaults)
{
	ck_assert_int_eq(load("", 0), 0);
	ck_assert_uint_gt(config->directories.n, 10);
	ck_assert_str_eq(config->directories.items[0], "/usr/bin");
	ck_assert_uint_eq(config->keep_epochs, MATR_KEEP_EPOCHS);
	ck_assert(config->layout == MATR_LAYOUT_AUTO && !config->strict && !config->inotify);
	ck_assert_uint_eq(config->n_programs + config->include.n + config->exclude.n, 0);
	matr_config_free(config);
}
END_TEST

static const struct {
	const char *text;
	unsigned line;
	const char *part; /* of the message */
} refused[] = {
	{"[programs]\ndirectory = bin\n", 2, "slash"},
	{"[programs]\nexclude = bin\n", 2, "slash"},
	{"[programs]\n\nnonsense = /x\n", 3, "no such setting"},
	{"[program]\npath = /x\n", 2, "no such section"},
	{"[other]\nx = 1\n", 2, "no such section"},
	{"x = 1\n", 1, "no such section"},
	{"[epochs]\nkeep = 1\n", 2, "2 to 10000"},
	{"[epochs]\nkeep = 10001\n", 2, "2 to 10000"},
	{"[epochs]\nkeep = -3\n", 2, "2 to 10000"},
	{"[epochs]\nkeep = 5x\n", 2, "2 to 10000"},
	{"[epochs]\nlayout = fast\n", 2, "auto, shared"},
	{"[epochs]\nlayout = default\n", 2, "auto, shared"},
	{"[matrd]\nstrict = 1\n", 2, "yes or no"},
	{"[program x]\nlibrary-path = $ORIGIN/lib\n", 2, "tokens"},
	{"[program x]\nlibrary-path = /a:b\n", 2, "absolute"},
	{"[program x]\nlibrary-path = /a:\n", 2, "absolute"},
	{"[program x]\nlibrary-path = /a;/b\n", 2, "semicolons"},
	{"[programs]\ndirectory\n", 2, ""},
	{"[programs\ndirectory = /x\n", 1, ""},
};

/* One line that is not understood, and there is no configuration; the message names the line. */
START_TEST(refuses)
{
	char line[16];

	config = NULL;
	ck_assert_int_eq(load(refused[_i].text, strlen(refused[_i].text)), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_MALFORMED);
	snprintf(line, sizeof line, "line %u", refused[_i].line);
	ck_assert_msg(strstr(err.message, line), "%s", err.message);
	ck_assert_msg(strstr(err.message, refused[_i].part), "%s", err.message);
	ck_assert_str_eq(err.file, file);
	ck_assert_ptr_null(config);
}
END_TEST

/* inih would cut these without a word. */
START_TEST(refuses_what_is_too_long)
{
	char text[1000];
	int length = snprintf(text, sizeof text, "[programs]\ninclude = /%0300d\n", 0);

	ck_assert_int_eq(load(text, (size_t)length), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_MALFORMED);
	ck_assert_ptr_nonnull(strstr(err.message, "line 2"));
	length = snprintf(text, sizeof text, "[program %060d]\n", 0);
	ck_assert_int_eq(load(text, (size_t)length), -1);
	ck_assert_ptr_nonnull(strstr(err.message, "line 1"));
	/* A NUL, and what is no file. */
	ck_assert_int_eq(load("[programs]\n\0", 12), -1);
	ck_assert_ptr_nonnull(strstr(err.message, "text file"));
	ck_assert_int_eq(matr_config_load("/proc/self/fd", &config, &err), -1);
	ck_assert_int_eq(matr_config_load("/proc/self/none", &config, &err), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_SYSTEM);
}
END_TEST

START_TEST(trusts_no_file_that_others_write)
{
	static const mode_t modes[] = {0602, 0620, 0666};

	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		ck_assert_int_eq(fchmod(fd, modes[i]), 0);
		ck_assert_int_eq(load("", 0), -1);
		ck_assert_int_eq(err.code, MATR_ERROR_UNTRUSTED);
	}
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("config");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, reads_every_setting);
	tcase_add_test(tests, has_defaults);
	tcase_add_loop_test(tests, refuses, 0, sizeof refused / sizeof *refused);
	tcase_add_test(tests, refuses_what_is_too_long);
	tcase_add_test(tests, trusts_no_file_that_others_write);
	return unit_run(tests, "config");
}
