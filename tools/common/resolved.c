/* resolved.c - the mapping of a program that is not in the epoch, worked out at once.
 *
 * The environment is made what it means for ld.so before MatR's resolver has it: directories are
 * absolute, and count for nothing where the program gains privileges.
 */
#include "common/resolved.h"
#include "common/message.h"
#include "common/program.h"
#include "common/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <matr/mapping.h>
#include <matr/object.h>
#include <matr/secure_exec.h>

struct start { /* what the program is started with; "" is unset */
	struct text library_path, preload;
};

/* An element of a list of directories, or of LD_PRELOAD, where only a name with a slash is a path.
 * ld.so takes an empty directory for the working directory. */
static void add_element(struct text *out, const char *element, size_t length, const char *here,
			bool is_directory)
{
	bool is_path = is_directory || memchr(element, '/', length);

	if (out->size)
		text_add(out, ":", 1);
	if (is_path && (!length || element[0] != '/'))
		text_printf(out, length ? "%s/" : "%s", here);
	text_add(out, element, length);
}

static int set_list(struct text *out, const char *value, const char *separators, bool directories,
		    struct matr_error *err)
{
	char here[PATH_MAX];

	text_free(out);
	*out = (struct text){.size = 0};
	if (!getcwd(here, sizeof here))
		return matr_fail_errno(err, NULL, "no working directory");
	for (const char *at = value; *value;) {
		size_t length = strcspn(at, separators);
		if (length || directories)
			add_element(out, at, length, here, directories);
		if (!at[length])
			break;
		at += length + 1;
	}
	return out->failed ? matr_fail_memory(err) : 0;
}

static int set(struct start *start, const char *assignment, struct matr_error *err)
{
	static const char library_path[] = "LD_LIBRARY_PATH=", preload[] = "LD_PRELOAD=";

	if (strncmp(assignment, preload, sizeof preload - 1) == 0)
		return set_list(&start->preload, assignment + sizeof preload - 1, " :", false, err);
	if (strncmp(assignment, library_path, sizeof library_path - 1) != 0)
		return matr_fail(err, MATR_ERROR_USAGE, assignment,
				 "is not understood: LD_LIBRARY_PATH=... or LD_PRELOAD=...");
	const char *value = assignment + sizeof library_path - 1;
	if (strchr(value, '$'))
		return matr_fail(err, MATR_ERROR_USAGE, assignment,
				 "tokens ($ORIGIN) are not understood here");
	return set_list(&start->library_path, value, ":;", true, err);
}

static const char *or_null(const struct text *text)
{
	return text->size ? text_string(text) : NULL;
}

static int resolve(const char *path, struct start *start, struct recorded *out,
		   struct matr_error *err)
{
	struct matr_session_options options = {.preload = or_null(&start->preload)};
	const char *library_path = or_null(&start->library_path);

	if ((options.preload || library_path) && matr_is_secure_exec(path)) {
		print_warning("%s gains privileges: ld.so ignores the environment", path);
		options.preload = library_path = NULL;
	}
	if (matr_session_open(&options, &out->session, err) != 0)
		return -1;
	return matr_resolve_with(out->session, path, library_path, &out->mapping, err);
}

static int resolve_with(const char *program, const struct option_list *environment,
			struct recorded *out, struct matr_error *err)
{
	struct start start = {.preload.size = 0};
	char path[PATH_MAX];
	int result = 0;

	for (size_t i = 0; environment && i < environment->n && !result; i++)
		result = set(&start, environment->list[i], err);
	if (!result && program_canonical(program, path, err) != 0) {
		program_add_nearest(program, true, err);
		result = -1;
	}
	if (!result)
		result = resolve(path, &start, out, err);
	text_free(&start.library_path);
	text_free(&start.preload);
	return result;
}

/* The name is that of a program which the epoch could have had. */
static bool is_program(const char *program)
{
	char path[PATH_MAX], interpreter[PATH_MAX];

	return program_canonical(program, path, NULL) == 0 &&
	       matr_program_interpreter(path, interpreter, NULL) > 0;
}

int recorded_or_resolved(const char *prefix, const char *program, const char *epoch,
			 const struct option_list *environment, struct recorded *out,
			 struct matr_error *err)
{
	struct matr_error why = {0};

	*out = (struct recorded){.store = NULL};
	if (environment->n && epoch)
		return matr_fail(err, MATR_ERROR_USAGE, "--env",
				 "goes without --epoch: files are taken as they are now");
	if (environment->n)
		return resolve_with(program, environment, out, err);
	if (recorded_open(prefix, program, epoch, out, &why) == 0)
		return 0;
	bool declined = strncmp(why.message, "declined", 8) == 0;
	if (why.code != MATR_ERROR_NOT_FOUND || epoch || declined || !is_program(program))
		return matr_error_copy(err, &why);
	recorded_close(out);
	if (resolve_with(program, NULL, out, err) != 0)
		return -1;
	print_warning("%s is not in the epoch: resolved as its files are now", program);
	return 0;
}
