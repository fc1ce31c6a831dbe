/* Safe output of names that may hold any bytes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/safe.h"
#include "unit.h"

/* A terminal may act on it. */
static bool is_dangerous(unsigned character)
{
	return character < 0x20 || (character >= 0x7f && character < 0xa0) ||
	       (character >= 0x202a && character <= 0x202e) ||
	       (character >= 0x2066 && character <= 0x2069);
}

static bool is_harmless(const struct text *text)
{
	for (size_t at = 0, length; at < text->size; at += length) {
		unsigned character = 0;
		length = text_decode(text->bytes + at, text->size - at, &character);
		if (!length || is_dangerous(character))
			return false;
	}
	return !text->failed;
}

START_TEST(any_bytes_are_harmless)
{
	struct text safe = {0}, json = {0};

	for (unsigned first = 0; first < 256; first++) {
		for (unsigned second = 0; second < 256; second++) {
			const char bytes[] = {(char)first, (char)second, (char)0x80,  'z',
					      (char)0xe2,  (char)first,	 (char)second};
			text_clear(&safe);
			text_clear(&json);
			text_add_safe(&safe, bytes, sizeof bytes);
			text_add_json_string(&json, bytes, sizeof bytes);
			if (!is_harmless(&safe) || !is_harmless(&json))
				ck_abort_msg("%02x %02x", first, second);
		}
	}
	text_free(&safe);
	text_free(&json);
}
END_TEST

static const struct {
	const char *bytes, *shown, *json;
	size_t columns;
} names[] = {
	{"plain", "plain", "\"plain\"", 5},
	{"", "", "\"\"", 0},
	{"a\nb\tc\rd", "a\\nb\\tc\\rd", "\"a\\nb\\tc\\rd\"", 10},
	{"\x1b[31m", "\\x1b[31m", "\"\\u001b[31m\"", 8},
	{"\xc2\x9b", "\\u009b", "\"\\u009b\"", 6},
	{"\xff\xfe", "\\xff\\xfe", "\"\\uefff\\ueffe\"", 8},
	{"\xc0\x80", "\\xc0\\x80", "\"\\uefc0\\uef80\"", 8},
	{"\xee\xbe\x80", "\xee\xbe\x80", "\"\\uefee\\uefbe\\uef80\"", 1}, /* U+EF80 */
	{"\xef\xbf\xbd", "\xef\xbf\xbd", "\"\xef\xbf\xbd\"", 1},	  /* U+FFFD itself */
	{"\xee\xbd\xbf", "\xee\xbd\xbf", "\"\xee\xbd\xbf\"", 1},	  /* U+EF7F */
	{"\xe2\x80\xae", "\\u202e", "\"\\u202e\"", 6},
	{"\xe4\xb8\xad", "\xe4\xb8\xad", "\"\xe4\xb8\xad\"", 2},
	{"e\xcc\x81", "e\xcc\x81", "\"e\xcc\x81\"", 1},
	{"\"\\", "\"\\", "\"\\\"\\\\\"", 2},
};

START_TEST(names_are_shown)
{
	struct text safe = {0}, json = {0};
	size_t size = strlen(names[_i].bytes);

	ck_assert_uint_eq(text_add_safe(&safe, names[_i].bytes, size), names[_i].columns);
	ck_assert_str_eq(text_string(&safe), names[_i].shown);
	text_add_json_string(&json, names[_i].bytes, size);
	ck_assert_str_eq(text_string(&json), names[_i].json);
	text_free(&safe);
	text_free(&json);
}
END_TEST

__attribute__((format(printf, 2, 3))) static void format(struct text *text, const char *pattern,
							 ...)
{
	va_list args;

	text_clear(text);
	va_start(args, pattern);
	text_add_format(text, pattern, args);
	va_end(args);
}

#define SAME(pattern, ...)                                                                         \
	do {                                                                                       \
		char expected[256];                                                                \
		snprintf(expected, sizeof expected, pattern, __VA_ARGS__);                         \
		format(&text, pattern, __VA_ARGS__);                                               \
		ck_assert_str_eq(text_string(&text), expected);                                    \
	} while (0)

START_TEST(formats_are_those_of_printf)
{
	struct text text = {0};

	SAME("%s", "name");
	SAME("%10s|%-10s|%.2s|%*s|%-*s|", "a", "b", "cde", 5, "f", 5, "g");
	SAME("%*s|%.*s|", -5, "a", 2, "bcd");
	SAME("%d %i %u %x %05d %+d %-6d|", -1, 2, 3U, 255U, 42, 7, 8);
	SAME("%ld %lu %lld %llu %lx", -1L, 2UL, -3LL, 4ULL, 0xffffffffffUL);
	SAME("%zu %zd %jd %jx", (size_t)-1, (ssize_t)-2, (intmax_t)-3, (uintmax_t)-4);
	SAME("%.2f %8.3f %g %%", 1.005, 3.14159, 1e9);
	SAME("%c%c", 'o', 'k');
	SAME("%u %x", 4294967295U, 4294967295U);
	text_free(&text);
}
END_TEST

START_TEST(widths_are_columns)
{
	struct text text = {0};

	format(&text, "%-6s|%6s|", "\xe4\xb8\xad", "\xe4\xb8\xad");
	ck_assert_str_eq(text_string(&text), "\xe4\xb8\xad    |    \xe4\xb8\xad|");
	format(&text, "%-6s|%c", "\n", '\x1b');
	ck_assert_str_eq(text_string(&text), "\\n    |\\x1b");
	text_free(&text);
}
END_TEST

START_TEST(documents_keep_their_lines)
{
	struct text text = {0};

	text_add_json_document(&text, "{\n  \"a\": \"\xff\x7f\xc2\x9b\xe2\x80\xae\"\n}");
	ck_assert_str_eq(text_string(&text), "{\n  \"a\": \"\\uefff\\u007f\\u009b\\u202e\"\n}");
	text_free(&text);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("safe");

	safe_use_utf8();
	tcase_add_test(tests, any_bytes_are_harmless);
	tcase_add_loop_test(tests, names_are_shown, 0, sizeof names / sizeof *names);
	tcase_add_test(tests, formats_are_those_of_printf);
	tcase_add_test(tests, widths_are_columns);
	tcase_add_test(tests, documents_keep_their_lines);
	return unit_run(tests, "tools_safe");
}
