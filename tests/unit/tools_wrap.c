/* Lines and columns that fit a terminal. */
#include <check.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "common/safe.h"
#include "common/wrap.h"
#include "unit.h"

static const struct {
	const char *line, *wrapped;
	size_t width;
} lines[] = {
	{"short", "short", 20},
	{"eleven to ten", "eleven to\n  ten", 11},
	{"one two three four", "one two\n  three\n  four", 10},
	{"  indented by two blanks", "  indented by\n    two blanks", 15},
	{"/usr/lib/libexample.so", "/usr/lib/\n  libexample\n  .so", 12},
	{"0123456789abcdef", "0123456789\n  abcdef", 10},
	{"name      a value of words", "name      a value of\n          words", 22},
	{"|-- libz.so.1 => /lib/libz.so.1", "|-- libz.so.1 =>\n|   /lib/libz.so.1", 20},
	{"|   `-- libz.so.1 => /lib/z", "|   `-- libz.so.1\n|       => /lib/z", 18},
	{"\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad",
	 "\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\n\xe4\xb8\xad", 8},
	{"\033[1mbold\033[0m text", "\033[1mbold\033[0m text", 9},
	{"e\xcc\x81 e\xcc\x81 e\xcc\x81", "e\xcc\x81 e\xcc\x81 e\xcc\x81", 5},
	{"", "", 20},
};

START_TEST(lines_fit)
{
	struct text text = {0};

	wrap_add_line(&text, lines[_i].line, strlen(lines[_i].line), lines[_i].width);
	ck_assert_str_eq(text_string(&text), lines[_i].wrapped);
	text_free(&text);
}
END_TEST

/* For every width, each line fits and no word is lost. */
START_TEST(every_width)
{
	static const char line[] =
		"    |   |   |   `-- lib\xe4\xb8\xad\xe6\x96\x87.so.6 => /usr/lib/x86_64-linux-gnu/"
		"some-name_with.marks (ld.so.cache) [nothing binds to it]  (*)";

	for (size_t width = 8; width < 140; width++) {
		struct text text = {0};
		wrap_add_line(&text, line, strlen(line), width);
		size_t letters = 0, wanted = 0;
		for (const char *at = text_string(&text); *at;) {
			size_t length = strcspn(at, "\n");
			ck_assert_uint_le(wrap_columns(at, length), width);
			at += length + (at[length] == '\n');
		}
		for (size_t i = 0; i < text.size; i++)
			letters += !strchr(" \n|`-", text.bytes[i]);
		for (const char *at = line; *at; at++)
			wanted += !strchr(" |`-", *at);
		ck_assert_uint_eq(letters, wanted);
		text_free(&text);
	}
}
END_TEST

START_TEST(cut_to_columns)
{
	static const char wide[] = "a\xe4\xb8\xad\xe4\xb8\xad";

	ck_assert_uint_eq(wrap_cut(wide, strlen(wide), 0), 0);
	ck_assert_uint_eq(wrap_cut(wide, strlen(wide), 2), 1);
	ck_assert_uint_eq(wrap_cut(wide, strlen(wide), 3), 4);
	ck_assert_uint_eq(wrap_cut(wide, strlen(wide), 80), 7);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("wrap");

	safe_use_utf8();
	tcase_add_loop_test(tests, lines_fit, 0, sizeof lines / sizeof *lines);
	tcase_add_test(tests, every_width);
	tcase_add_test(tests, cut_to_columns);
	return unit_run(tests, "tools_wrap");
}
