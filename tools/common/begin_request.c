/* begin_request.c - how an epoch is to be begun. */
#include "common/begin_request.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every field but the programs. */
static const struct field {
	const char *option; /* in JSON without "--", and '-' is '_' */
	char letter;
	enum { FIELD_TEXT, FIELD_FLAG, FIELD_JOBS, FIELD_FORMAT } kind;
	size_t offset;
	const char *help, *argument; /* of the option */
} fields[BEGIN_REQUEST_FIELDS] = {
	{"--config", 0, FIELD_TEXT, offsetof(struct begin_request, config),
	 "instead of /etc/matr.conf", "FILE"},
	{"--ld-stable", 0, FIELD_TEXT, offsetof(struct begin_request, ld_stable),
	 "the loader to install in the prefix (else the one beside matr)", "FILE"},
	{"--cause", 0, FIELD_TEXT, offsetof(struct begin_request, cause),
	 "what `epoch list` shows as its cause (else this command line)", "TEXT"},
	{"--jobs", 'j', FIELD_JOBS, offsetof(struct begin_request, jobs),
	 "threads that work at once (else as many as there are cores)", "N"},
	{"--format", 0, FIELD_FORMAT, offsetof(struct begin_request, format),
	 "table (default), json, jsonl or csv: one row per program (a table only of programs that "
	 "were named)",
	 "FORMAT"},
	{"--only", 0, FIELD_FLAG, offsetof(struct begin_request, only),
	 "these programs and no others, whatever the epoch in force has", NULL},
	{"--wait", 0, FIELD_FLAG, offsetof(struct begin_request, wait),
	 "wait for another begin or end to finish", NULL},
	{"--rebuild-store", 0, FIELD_FLAG, offsetof(struct begin_request, rebuild_store),
	 "move the store aside and begin with a new one", NULL},
	{"--quiet", 'q', FIELD_FLAG, offsetof(struct begin_request, quiet),
	 "print nothing where all went well", NULL},
};

/* ---- options ---- */

static struct option_row row_of(const struct field *field, struct begin_request *request)
{
	void *value = (char *)request + field->offset;
	struct option_row row = {.name = field->option + 2,
				 .letter = field->letter,
				 .help = field->help,
				 .argument = field->argument};

	if (field->kind == FIELD_TEXT)
		row.text = value;
	else if (field->kind == FIELD_FLAG)
		row.flag = value;
	else if (field->kind == FIELD_JOBS)
		row.jobs = value;
	else
		row.format = value;
	if (field->argument && strcmp(field->argument, "FILE") == 0)
		row.completes = COMPLETES_FILE;
	return row;
}

void begin_request_rows(struct begin_request *request, struct option_row rows[BEGIN_REQUEST_FIELDS])
{
	for (size_t i = 0; i < BEGIN_REQUEST_FIELDS; i++)
		rows[i] = row_of(&fields[i], request);
}

/* ---- writing ---- */

/* The field as text, "" for a flag that is set; NULL: it has its default. */
static const char *text_of(const struct begin_request *request, const struct field *field,
			   char jobs[16])
{
	const void *value = (const char *)request + field->offset;

	switch (field->kind) {
	case FIELD_TEXT:
		return *(const char *const *)value;
	case FIELD_FLAG:
		return *(const bool *)value ? "" : NULL;
	case FIELD_JOBS:
		snprintf(jobs, 16, "%u", request->jobs);
		return request->jobs ? jobs : NULL;
	default:
		return format_name(request->format);
	}
}

const char **begin_request_arguments(const struct begin_request *request, const char *const *head,
				     size_t n_head, char jobs[16])
{
	const char **list = calloc(
		n_head + 2 * (size_t)BEGIN_REQUEST_FIELDS + request->n_programs + 2, sizeof *list);
	size_t n = n_head;

	if (!list)
		return NULL;
	memcpy(list, head, n_head * sizeof *list);
	for (size_t i = 0; i < BEGIN_REQUEST_FIELDS; i++) {
		const char *text = text_of(request, &fields[i], jobs);
		if (text)
			list[n++] = fields[i].option;
		if (text && fields[i].kind != FIELD_FLAG)
			list[n++] = text;
	}
	list[n++] = "--";
	for (size_t i = 0; i < request->n_programs; i++)
		list[n++] = request->programs[i];
	return list;
}

/* ---- JSON ---- */

static void key_of(const struct field *field, char key[32])
{
	snprintf(key, 32, "%s", field->option + 2);
	for (char *dash = key; (dash = strchr(dash, '-')) != NULL;)
		*dash = '_';
}

/* Takes the value; NULL is a failed allocation. */
static bool add(struct json_object *object, const char *key, struct json_object *value)
{
	if (value && json_object_object_add(object, key, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

static bool add_programs(struct json_object *object, const struct begin_request *request)
{
	struct json_object *list = json_object_new_array();
	bool added = list != NULL;

	for (size_t i = 0; i < request->n_programs && added; i++) {
		struct json_object *program = json_object_new_string(request->programs[i]);
		added = program && json_object_array_add(list, program) == 0;
		if (!added)
			json_object_put(program);
	}
	if (added)
		return add(object, "programs", list);
	json_object_put(list);
	return false;
}

struct json_object *begin_request_to_json(const struct begin_request *request)
{
	struct json_object *object = json_object_new_object();
	bool added = object && add(object, "request", json_object_new_string("begin"));
	char key[32], jobs[16];

	for (size_t i = 0; i < BEGIN_REQUEST_FIELDS && added; i++) {
		const char *text = text_of(request, &fields[i], jobs);
		if (!text)
			continue;
		key_of(&fields[i], key);
		added = add(object, key,
			    fields[i].kind == FIELD_FLAG ? json_object_new_boolean(true)
							 : json_object_new_string(text));
	}
	if (added && add_programs(object, request))
		return object;
	json_object_put(object);
	return NULL;
}

/* false: it is of no use. */
static bool read_field(struct json_object *value, const struct field *field,
		       struct begin_request *out)
{
	void *to = (char *)out + field->offset;
	const char *text = json_object_get_string(value);

	if (field->kind == FIELD_FLAG) {
		*(bool *)to = json_object_get_boolean(value);
		return true;
	}
	if (!json_object_is_type(value, json_type_string))
		return false;
	if (field->kind == FIELD_TEXT)
		*(const char **)to = text;
	else if (field->kind == FIELD_JOBS)
		return options_parse_jobs(text, to);
	else
		return format_parse(text, to);
	return true;
}

static int read_programs(struct json_object *list, struct begin_request *out, const char **reason)
{
	size_t n = json_object_array_length(list);
	const char **programs = calloc(n + 1, sizeof *programs);

	if (!programs) {
		*reason = "out of memory";
		return -1;
	}
	for (size_t i = 0; i < n; i++) {
		struct json_object *program = json_object_array_get_idx(list, i);
		if (json_object_is_type(program, json_type_string))
			programs[i] = json_object_get_string(program);
		if (!programs[i] || programs[i][0] != '/') {
			*reason = "a program has to be an absolute path";
			free(programs);
			return -1;
		}
	}
	out->programs = programs;
	out->n_programs = n;
	return 0;
}

int begin_request_from_json(struct json_object *object, struct begin_request *out,
			    const char **reason)
{
	struct json_object *value;
	char key[32];

	*out = (struct begin_request){.config = NULL};
	for (size_t i = 0; i < BEGIN_REQUEST_FIELDS; i++) {
		key_of(&fields[i], key);
		if (json_object_object_get_ex(object, key, &value) && value &&
		    !read_field(value, &fields[i], out)) {
			*reason = fields[i].kind == FIELD_JOBS
					  ? "jobs has to be a number of threads"
				  : fields[i].kind == FIELD_FORMAT
					  ? "no such format"
					  : "a path or a cause has to be a string";
			return -1;
		}
	}
	if (!json_object_object_get_ex(object, "programs", &value))
		return 0;
	if (!json_object_is_type(value, json_type_array)) {
		*reason = "programs has to be a list";
		return -1;
	}
	return read_programs(value, out, reason);
}
