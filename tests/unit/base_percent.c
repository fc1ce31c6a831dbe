/* base_percent.c - %xx decoding: what is encoded comes back, and whatever is no encoding is
 * refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "base/percent.h"
#include "unit.h"

START_TEST(decodes)
{
	static const char *const pairs[][2] = {
		{"", ""},	  {"plain", "plain"},	       {"a%20b", "a b"},  {"%25", "%"},
		{"%2525", "%25"}, {"%0a%7f%ff", "\n\x7f\xff"}, {"a%01", "a\x01"}, {"%41B", "AB"},
	};

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		char text[32];
		strcpy(text, pairs[i][0]);
		ck_assert_msg(percent_decode(text), "%s", pairs[i][0]);
		ck_assert_str_eq(text, pairs[i][1]);
	}
}
END_TEST

START_TEST(refuses)
{
	static const char *const texts[] = {"%",   "%2",  "a%", "%2g", "%g2",
					    "%00", "%2F", "%%", "% 1"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char text[32];
		strcpy(text, texts[i]);
		ck_assert_msg(!percent_decode(text), "%s", texts[i]);
	}
}
END_TEST

/* Any byte but NUL, in any place. */
START_TEST(every_byte)
{
	for (int c = 1; c < 256; c++) {
		char text[16];
		const char expected[] = {'x', (char)c, 'y', 0};
		snprintf(text, sizeof text, "x%%%02xy", (unsigned)c);
		ck_assert(percent_decode(text));
		ck_assert_str_eq(text, expected);
	}
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("percent");

	tcase_add_test(tests, decodes);
	tcase_add_test(tests, refuses);
	tcase_add_test(tests, every_byte);
	return unit_run(tests, "percent");
}
