/* tools_options.c - options_parse(): values, and one line for each way to go wrong. */
#include "common/message.h"
#include "common/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

struct parsed {
	bool all;
	const char *epoch;
	enum output_format format;
	int at, status;
	char err[512]; /* standard error */
};

static int refuse(void *context, const char *argument)
{
	(void)context;
	return argument && strcmp(argument, "good") == 0 ? -1 : STATUS_FAILURE;
}

/* Parse "matr [words]" with standard error in a file. */
static struct parsed parse(const char *words)
{
	struct parsed out = {.format = FORMAT_TABLE};
	char copy[128], *arguments[8] = {(char[]){"why"}}, *save = NULL;
	int n = 1;
	const struct option_row rows[] = {
		{"all", 'a', .flag = &out.all, .help = "everything"},
		{"epoch", .text = &out.epoch, .argument = "EPOCH", .help = "in that epoch"},
		{"format", .format = &out.format},
		{"only", .take = refuse, .help = "one"},
		{0},
	};
	const struct options options = {
		.command = "why", .help = "usage\n", .after = "end\n", .rows = rows};

	snprintf(copy, sizeof copy, "%s", words);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		arguments[n++] = word;
	FILE *file = tmpfile();
	int kept = dup(STDERR_FILENO);
	ck_assert(file && kept >= 0);
	fflush(stderr);
	ck_assert_int_ge(dup2(fileno(file), STDERR_FILENO), 0);
	out.at = options_parse(&options, n, arguments, &out.status);
	fflush(stderr);
	ck_assert_int_ge(dup2(kept, STDERR_FILENO), 0);
	close(kept);
	rewind(file);
	out.err[fread(out.err, 1, sizeof out.err - 1, file)] = 0;
	fclose(file);
	return out;
}

START_TEST(takes_values)
{
	struct parsed parsed = parse("-a --epoch=3 git --format jsonl malloc");

	ck_assert(parsed.all);
	ck_assert_int_eq(parsed.format, FORMAT_JSONL);
	ck_assert_int_eq(parsed.at, 5); /* options first, as getopt_long() sorts them */
	ck_assert_str_eq(parsed.err, "");
}
END_TEST

START_TEST(reports_in_one_line)
{
	static const struct {
		const char *words, *line;
	} wrong[] = {
		{"--epohc 3", "matr: --epohc: no such option; nearest: --epoch\n"},
		{"--zzzzzz", "matr: --zzzzzz: no such option\n"},
		{"--al=3", "matr: --al=3: takes no argument\n"},
		{"-x", "matr: -x: no such option\n"},
		{"--epoch", "matr: --epoch: needs an argument: EPOCH\n"},
		{"--format", "matr: --format: needs an argument: FORMAT\n"},
		{"--format xml", "matr: xml: no such format\n"},
		{"--format line", "matr: line: no such format\n"},
	};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct parsed parsed = parse(wrong[i].words);
		char whole[256];
		snprintf(whole, sizeof whole, "%sTry `matr why --help`.\n", wrong[i].line);
		ck_assert_str_eq(parsed.err, whole);
		ck_assert_int_eq(parsed.at, -1);
		ck_assert_int_eq(parsed.status, STATUS_USAGE);
	}
	ck_assert_int_eq(parse("--only bad").status, STATUS_FAILURE);
	ck_assert_int_eq(parse("--only good").at, 3);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("options");

	tcase_add_test(tests, takes_values);
	tcase_add_test(tests, reports_in_one_line);
	return unit_run(tests, "tools_options");
}
