/* The reader of baselines: what it takes, what it refuses and where it says that is, and that
 * hostile files do no harm. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <matr/baseline.h>

#include "unit.h"

#define HEAD "matr-baseline 1\ncovers chosen\n"
#define APP                                                                                        \
	HEAD "\nprogram /bin/app\n"                                                                \
	     "  app = /bin/app (the application itself)\n"                                         \
	     "  liba.so = /lib/liba.so (ld.so.cache)\n"

static char path[] = "/tmp/matr-baseline.XXXXXX";

static void open_file(void)
{
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void remove_file(void)
{
	unlink(path);
	memcpy(path + sizeof path - 7, "XXXXXX", 6);
}

static int read_bytes(const void *bytes, size_t size, struct matr_baseline **out,
		      struct matr_error *err)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
	ck_assert_int_eq(fclose(file), 0);
	return matr_baseline_read(path, out, err);
}

static struct matr_baseline *taken(const char *text)
{
	struct matr_baseline *baseline;
	struct matr_error err = {.code = MATR_OK};

	ck_assert_msg(read_bytes(text, strlen(text), &baseline, &err) == 0, "%s: %s", err.file,
		      err.message);
	return baseline;
}

static void refused_bytes(const void *bytes, size_t size, unsigned line, const char *reason)
{
	struct matr_baseline *baseline;
	struct matr_error err;
	char place[100];

	ck_assert_int_eq(read_bytes(bytes, size, &baseline, &err), -1);
	snprintf(place, sizeof place, "%s:%u", path, line);
	ck_assert_str_eq(err.file, place);
	ck_assert_msg(strstr(err.message, reason) != NULL, "\"%s\", not \"%s\"", err.message,
		      reason);
	ck_assert_ptr_null(strchr(err.message, '\n'));
	ck_assert_ptr_null(strchr(err.message, '\033'));
}

static void refused(const char *text, unsigned line, const char *reason)
{
	refused_bytes(text, strlen(text), line, reason);
}

START_TEST(sorted)
{
	struct matr_baseline *baseline = taken(
		"matr-baseline 1\r\ncovers all\n# signed off by somebody\n\nprogram /b\n"
		"  b = /b (the application itself)\nload /lib/x.so\n  x = /lib/x.so (named by "
		"path)\n"
		"  x: f -> b\nload /lib/a.so\n  a = /lib/a.so (named by path)\n"
		"program /a\\x20b\n  a = /a (the application itself)\n  l\\x3ay = /c=d (DT_RPATH)\n"
		"  a: f@V -> null\n  a: e -> l\\x3ay copy\n  a: \\e -> undefined");
	ck_assert(baseline->all);
	ck_assert_uint_eq(baseline->n_programs, 2);
	const struct matr_baseline_program *first = &baseline->programs[0];
	ck_assert_str_eq(first->path, "/a b");
	ck_assert_ptr_eq(matr_baseline_find(baseline, "/a b"), first);
	ck_assert_ptr_null(matr_baseline_find(baseline, "/c"));
	ck_assert_uint_eq(first->n_blocks, 1);
	const struct matr_baseline_block *block = &first->blocks[0];
	ck_assert_ptr_null(block->load);
	ck_assert_uint_eq(block->n_objects, 2);
	ck_assert_str_eq(block->objects[1].name, "l:y");
	ck_assert_str_eq(block->objects[1].path, "/c=d");
	ck_assert_str_eq(block->objects[1].rule, "DT_RPATH");
	ck_assert_uint_eq(block->n_bindings, 3);
	ck_assert_str_eq(block->bindings[0].symbol, "");
	ck_assert_str_eq(block->bindings[0].provider, MATR_BASELINE_UNDEFINED);
	ck_assert_str_eq(block->bindings[1].symbol, "e");
	ck_assert(block->bindings[1].copy);
	ck_assert_str_eq(block->bindings[2].version, "V");
	ck_assert_uint_eq(block->bindings[2].line, 15);
	ck_assert_uint_eq(baseline->programs[1].n_blocks, 3);
	ck_assert_str_eq(baseline->programs[1].blocks[1].load, "/lib/a.so");
	ck_assert_str_eq(baseline->programs[1].blocks[2].load, "/lib/x.so");
	matr_baseline_free(baseline);
}
END_TEST

START_TEST(nothing_signed_off)
{
	struct matr_baseline *baseline = taken(HEAD);

	ck_assert_uint_eq(baseline->n_programs, 0);
	ck_assert(!baseline->all);
	ck_assert_ptr_null(matr_baseline_find(baseline, "/a"));
	matr_baseline_free(baseline);
}
END_TEST

START_TEST(lines_that_are_off)
{
	refused("", 1, "is no baseline");
	refused("root:x:0:0:root:/root:/bin/bash\n", 1, "is no baseline");
	refused("matr-baseline x\n", 1, "no such version");
	refused("matr-baseline 0\n", 1, "no such version");
	refused("matr-baseline 1x\n", 1, "no such version");
	refused("matr-baseline 99\ncovers all\n", 1, "newer MatR");
	refused("matr-baseline 1\n", 2, "ends early");
	refused("matr-baseline 1\ncovers some\n", 2, "covers all");
	refused(HEAD "  a = /a (ld.so.cache)\n", 3, "a program comes first");
	refused(HEAD "load /x\n", 3, "a program comes first");
	refused(HEAD "program a\n", 3, "absolute");
	refused(HEAD "program \n", 3, "a name is missing");
	refused(HEAD "program /a\n", 3, "has no objects");
	refused(HEAD "program /a\nprogram /b\n", 3, "has no objects");
	refused(APP "program /bin/app\n  a = /a (ld.so.cache)\n", 7, "the same program again");
	refused(APP "load /x\n", 7, "has no objects");
	refused(APP "load /x\n  x = /x (ld.so.cache)\nload /x\n  x = /x (ld.so.cache)\n", 9,
		"loaded twice");
	refused(APP "<<<<<<< HEAD\n", 7, "neither a program");
	refused(APP " x\n", 7, "neither a program");
	refused(APP "   x\n", 7, "neither a program");
	refused(APP "  x\n", 7, "neither an object");
	refused(APP "  x y\n", 7, "neither an object");
	refused(APP "  : x -> y\n", 7, "neither an object");
	refused(APP "  x =\n", 7, "absolute path");
	refused(APP "  x = x (ld.so.cache)\n", 7, "absolute path");
	refused(APP "  x = /x\n", 7, "no such search rule");
	refused(APP "  x = /x (guess\033[2J)\n", 7, "no such search rule: (guess?[2J)");
	refused(APP "  app = /x (ld.so.cache)\n", 7, "two of that name");
	refused(APP "  app: f\n", 7, "REQUESTER");
	refused(APP "  app: f -> \n", 7, "a name is missing");
	refused(APP "  app: f -> liba.so move\n", 7, "REQUESTER");
	refused(APP "  app: f -> liba.so copy copy\n", 7, "REQUESTER");
	refused(APP "  app: @V -> liba.so\n", 7, "a name is missing");
	refused(APP "  app: f@ -> liba.so\n", 7, "a name is missing");
	refused(APP "  liba: f -> liba.so\n", 7, "no such object in the scope: liba");
	refused(APP "  app: f -> libb.so\n", 7, "no such object in the scope: libb.so");
	refused(APP "  app: f -> liba.so\n  app: f -> liba.so\n", 8, "the same binding again");
	refused(APP "  app: f -> liba.so\n  b = /b (ld.so.cache)\n", 8, "objects come before");
	refused(APP "  app: f\\ -> liba.so\n", 7, "neither \\xNN");
	refused(APP "  app: f\\x -> liba.so\n", 7, "neither \\xNN");
	refused(APP "  app: f\\x0 -> liba.so\n", 7, "neither \\xNN");
	refused(APP "  app: f\\x00 -> liba.so\n", 7, "neither \\xNN");
	refused(APP "  app: f\\xZZ -> liba.so\n", 7, "neither \\xNN");
	refused(APP "  app: f\\ex -> liba.so\n", 7, "neither \\xNN");
	static const char nul[] = APP "  app: f\0 -> liba.so\n";
	refused_bytes(nul, sizeof nul - 1, 7, "has a NUL");
}
END_TEST

/* Cut off anywhere, or with any byte another one: read or refused, and nothing else (ASan has an
 * eye on that). */
START_TEST(damaged)
{
	static const char good[] = APP "  app: f@V -> liba.so copy\n  liba.so: \\x20g -> null\n"
				       "load /x\n  x = /x (ld.so.cache)\n  x: f -> app\n";
	static const char bytes[] = {0, ' ', '\n', '\r', ':', '=', '@', '\\', '-', 'x', (char)0xff};
	struct matr_baseline *baseline;
	struct matr_error err;
	size_t n_taken = 0;

	for (size_t size = 0; size < sizeof good; size++) {
		if (read_bytes(good, size, &baseline, &err) != 0)
			continue;
		n_taken++;
		matr_baseline_free(baseline);
	}
	ck_assert_uint_gt(n_taken, 0);
	for (size_t at = 0; at < sizeof good - 1; at++) {
		for (size_t i = 0; i < sizeof bytes; i++) {
			char bad[sizeof good];
			memcpy(bad, good, sizeof good);
			bad[at] = bytes[i];
			if (read_bytes(bad, sizeof good - 1, &baseline, &err) == 0)
				matr_baseline_free(baseline);
			else
				ck_assert_int_eq(strncmp(err.file, path, strlen(path)), 0);
		}
	}
}
END_TEST

/* Whatever the names, a baseline that is written is read back unchanged. */
START_TEST(written_and_read)
{
	struct matr_baseline_object objects[] = {
		{"app", "/bin/a b", "the application itself", 0},
		{"li:b\n@.so", "/lib/\\x41 \t=.so", "ld.so.cache", 0},
	};
	struct matr_baseline_binding bindings[] = {
		{"app", "", "", "li:b\n@.so", false, 0},
		{"app", "f@g\033", "V@\x7f", "li:b\n@.so", true, 0},
		{"li:b\n@.so", "->", "=", "null", false, 0},
	};
	struct matr_baseline_block block = {
		.objects = objects, .n_objects = 2, .bindings = bindings, .n_bindings = 3};
	struct matr_baseline_program program = {
		.path = "/bin/a b", .blocks = &block, .n_blocks = 1};
	struct matr_baseline_change *changes;
	struct matr_baseline *baseline;
	struct matr_error err;
	size_t n;

	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	matr_baseline_write_head(file, true);
	matr_baseline_write(file, &program);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(matr_baseline_recognize(path, &err), MATR_BASELINE_FILE_PRESENT);
	ck_assert_int_eq(matr_baseline_read(path, &baseline, &err), 0);
	ck_assert_uint_eq(baseline->n_programs, 1);
	ck_assert_str_eq(baseline->programs[0].path, "/bin/a b");
	ck_assert_int_eq(
		matr_baseline_compare(&program, &baseline->programs[0], &changes, &n, &err), 0);
	ck_assert_uint_eq(n, 0);
	free(changes);
	bindings[2].provider = "app";
	objects[1].rule = "DT_RUNPATH";
	ck_assert_int_eq(
		matr_baseline_compare(&baseline->programs[0], &program, &changes, &n, &err), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(changes[0].subject, MATR_BASELINE_OBJECT);
	ck_assert_int_eq(changes[0].change, MATR_CHANGE_MOVED);
	ck_assert_int_eq(changes[1].subject, MATR_BASELINE_BINDING);
	ck_assert_str_eq(changes[1].before->provider, "null");
	ck_assert_str_eq(changes[1].after->provider, "app");
	free(changes);
	matr_baseline_free(baseline);
}
END_TEST

START_TEST(baseline_recognizes_files)
{
	struct matr_baseline *baseline;
	struct matr_error err;

	ck_assert_int_eq(matr_baseline_recognize("/nonexistent/file", &err),
			 MATR_BASELINE_FILE_ABSENT);
	ck_assert_int_eq(matr_baseline_recognize("/", &err), MATR_BASELINE_FILE_OTHER);
	ck_assert_int_eq(matr_baseline_recognize("/dev/null", &err), MATR_BASELINE_FILE_OTHER);
	ck_assert_int_eq(matr_baseline_recognize(path, &err), MATR_BASELINE_FILE_EMPTY);
	ck_assert_int_eq(read_bytes("matr", 4, &baseline, &err), -1);
	ck_assert_int_eq(matr_baseline_recognize(path, &err), MATR_BASELINE_FILE_OTHER);
	ck_assert_int_eq(matr_baseline_read("/nonexistent", &baseline, &err), -1);
	ck_assert_str_eq(err.file, "/nonexistent");
}
END_TEST

int main(void)
{
	TCase *reader = tcase_create("reader");

	tcase_add_checked_fixture(reader, open_file, remove_file);
	tcase_set_timeout(reader, 900);
	tcase_add_test(reader, sorted);
	tcase_add_test(reader, nothing_signed_off);
	tcase_add_test(reader, lines_that_are_off);
	tcase_add_test(reader, damaged);
	tcase_add_test(reader, written_and_read);
	tcase_add_test(reader, baseline_recognizes_files);
	return unit_run(reader, "baseline");
}
