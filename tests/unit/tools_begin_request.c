/* One request to begin an epoch in its three spellings: options, JSON, command line. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/begin_request.h"
#include "unit.h"

static const char *const programs[] = {"/usr/bin/a", "/usr/bin/--wait", "/b\n\x1b"};

/* Each field, so that one that a spelling forgets is noticed. */
static const struct begin_request full = {
	.config = "/etc/other.conf",
	.ld_stable = "/lib/ld-stable",
	.cause = "apt: apt-get install \x1b[1m\n--quiet",
	.jobs = 7,
	.format = FORMAT_CSV,
	.only = true,
	.wait = true,
	.rebuild_store = true,
	.quiet = true,
	.programs = programs,
	.n_programs = 3,
};
static const struct begin_request usual = {.config = NULL};

static void assert_same_text(const char *a, const char *b)
{
	ck_assert_int_eq(a == NULL, b == NULL);
	if (a)
		ck_assert_str_eq(a, b);
}

static void assert_same(const struct begin_request *a, const struct begin_request *b)
{
	assert_same_text(a->config, b->config);
	assert_same_text(a->ld_stable, b->ld_stable);
	assert_same_text(a->cause, b->cause);
	ck_assert_uint_eq(a->jobs, b->jobs);
	ck_assert_int_eq(a->format, b->format);
	ck_assert_int_eq(a->only, b->only);
	ck_assert_int_eq(a->wait, b->wait);
	ck_assert_int_eq(a->rebuild_store, b->rebuild_store);
	ck_assert_int_eq(a->quiet, b->quiet);
	ck_assert_uint_eq(a->n_programs, b->n_programs);
	for (size_t i = 0; i < a->n_programs; i++)
		ck_assert_str_eq(a->programs[i], b->programs[i]);
}

static void check_json(const struct begin_request *request)
{
	struct json_object *object = begin_request_to_json(request);
	const char *text = json_object_to_json_string(object);
	struct json_object *parsed = json_tokener_parse(text);
	struct begin_request out;
	const char *reason = NULL;

	ck_assert_ptr_nonnull(parsed);
	ck_assert_int_eq(begin_request_from_json(parsed, &out, &reason), 0);
	assert_same(request, &out);
	free((void *)(uintptr_t)out.programs);
	json_object_put(parsed);
	json_object_put(object);
}

START_TEST(json_and_back)
{
	check_json(&full);
	check_json(&usual);
}
END_TEST

static void check_command_line(const struct begin_request *request)
{
	const char *head[] = {"matr", "--first"};
	struct begin_request out = {.config = NULL};
	struct option_row rows[BEGIN_REQUEST_FIELDS + 2] = {{.name = NULL}};
	bool first = false;
	char jobs[16];
	int argc = 0, status = -1;

	const char **list = begin_request_arguments(request, head, 2, jobs);
	ck_assert_ptr_nonnull(list);
	while (list[argc])
		argc++;
	begin_request_rows(&out, rows);
	rows[BEGIN_REQUEST_FIELDS] = (struct option_row){.name = "first", .flag = &first};
	const struct options options = {.command = "test", .help = "", .rows = rows};
	int at = options_parse(&options, argc, (char **)(uintptr_t)list, &status);
	ck_assert_int_gt(at, 0);
	ck_assert(first);
	out.programs = list + at;
	out.n_programs = (size_t)(argc - at);
	assert_same(request, &out);
	free(list);
}

START_TEST(command_line_and_back)
{
	check_command_line(&full);
	check_command_line(&usual);
}
END_TEST

static const struct {
	const char *json, *reason;
} refused[] = {
	{"{\"programs\": [\"relative\"]}", "absolute"},
	{"{\"programs\": [3]}", "absolute"},
	{"{\"programs\": [null]}", "absolute"},
	{"{\"programs\": \"/usr/bin/a\"}", "list"},
	{"{\"programs\": {\"a\": 1}}", "list"},
	{"{\"jobs\": \"0\"}", "jobs"},
	{"{\"jobs\": \"257\"}", "jobs"},
	{"{\"jobs\": \"1; true\"}", "jobs"},
	{"{\"jobs\": [1]}", "jobs"},
	{"{\"format\": \"xml\"}", "format"},
	{"{\"format\": 1}", "format"},
	{"{\"config\": 1}", "path"},
	{"{\"ld_stable\": []}", "path"},
	{"{\"cause\": 1}", "cause"},
};

START_TEST(nonsense_is_refused)
{
	struct json_object *object = json_tokener_parse(refused[_i].json);
	struct begin_request out;
	const char *reason = "";

	ck_assert_ptr_nonnull(object);
	ck_assert_int_eq(begin_request_from_json(object, &out, &reason), -1);
	ck_assert_ptr_nonnull(strstr(reason, refused[_i].reason));
	json_object_put(object);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("begin_request");

	tcase_add_test(tests, json_and_back);
	tcase_add_test(tests, command_line_and_back);
	tcase_add_loop_test(tests, nonsense_is_refused, 0, sizeof refused / sizeof *refused);
	return unit_run(tests, "tools_begin_request");
}
