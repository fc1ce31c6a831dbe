/* check.c - what programs lack. Scopes are made with gaps where a library is missing. If there are
 * no gaps, every reference is bound, and the unbound ones are listed. */
#include <matr/check.h>

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/parallel.h"
#include "resolve/refused.h"
#include "resolve/resolution.h"

struct checking { /* one program */
	const struct matr_check_program *program;
	struct resolution resolution;
	struct matr_checked *out;
	bool made; /* the scope is there */
};

struct check {
	struct matr_session *session;
	struct checking *list;
};

static void free_problem(struct matr_problem *problem)
{
	free(problem->requester);
	free(problem->name);
	free(problem->version);
	free(problem->library);
	free(problem->reason);
}

static void free_checked(struct matr_checked *checked)
{
	for (size_t i = 0; i < checked->n; i++)
		free_problem(&checked->problems[i]);
	free(checked->problems);
}

void matr_checked_free(struct matr_checked *checked, size_t n)
{
	for (size_t i = 0; i < n && checked; i++)
		free_checked(&checked[i]);
	free(checked);
}

/* Add a copy of the problem. -1: out of memory, which is the program's result. */
static int add(struct matr_checked *out, const struct matr_problem *problem)
{
	if (array_grow(&out->problems, out->n, sizeof *out->problems, &out->unknown) != 0)
		return -1;
	struct matr_problem *copy = &out->problems[out->n++];
	*copy = (struct matr_problem){.kind = problem->kind, .fatal = problem->fatal};
	struct {
		char **to;
		const char *from;
	} texts[] = {
		{&copy->requester, problem->requester}, {&copy->name, problem->name},
		{&copy->version, problem->version},	{&copy->library, problem->library},
		{&copy->reason, problem->reason},
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (texts[i].from && !(*texts[i].to = strdup(texts[i].from)))
			return matr_fail_memory(&out->unknown);
	return 0;
}

/* ---- libraries and versions ---- */

/* The tag of an object's name `position` of another one. */
static int64_t tag_of_needed(const struct matr_object *object, uint32_t position)
{
	for (size_t i = 0, at = 0; i < object->n_dynamic; i++) {
		int64_t tag = object->dynamic[i].tag;
		if (tag != DT_NEEDED && tag != DT_AUXILIARY && tag != DT_FILTER)
			continue;
		if (at++ == position)
			return tag;
	}
	return DT_NULL;
}

static int check_libraries(const struct scope *scope, struct matr_checked *out)
{
	for (size_t i = 0; i < scope->n_dependencies; i++) {
		const struct dependency *dependency = &scope->dependencies[i];
		const struct matr_object *object = scope->entries[dependency->requester].object;
		if (dependency->object != NO_INDEX ||
		    tag_of_needed(object, dependency->needed) == DT_AUXILIARY)
			continue;
		const struct matr_problem problem = {
			.kind = MATR_PROBLEM_LIBRARY,
			.fatal = true,
			.requester = object->path,
			.name = (char *)object->needed[dependency->needed],
		};
		if (add(out, &problem) != 0)
			return -1;
	}
	return 0;
}

/* A version of nothing is the missing library's, or for ld.so a reason to stop. */
static int check_versions(const struct scope *scope, struct matr_checked *out)
{
	bool gaps = out->n > 0;

	for (size_t i = 0; i < scope->n; i++) {
		const struct matr_object *object = scope->entries[i].object;
		for (size_t v = 0; v < object->n_versions && i != scope->interpreter; v++) {
			const struct matr_version *wanted = &object->versions[v];
			enum version_state state = refused_version(scope, wanted);
			if (state == VERSION_THERE || (state == VERSION_OF_NOTHING && gaps))
				continue;
			const struct matr_problem problem = {
				.kind = MATR_PROBLEM_VERSION,
				.fatal = true,
				.requester = object->path,
				.name = (char *)wanted->name,
				.library = (char *)wanted->file,
			};
			if (add(out, &problem) != 0)
				return -1;
		}
	}
	return 0;
}

/* ---- symbols ---- */

static int add_undefined(const struct matr_object *object, uint32_t symbol, bool when_called,
			 struct matr_checked *out)
{
	const struct matr_version *version =
		matr_object_symbol_version(object, &object->symbols[symbol]);
	const struct matr_problem problem = {
		.kind = MATR_PROBLEM_SYMBOL,
		.fatal = !when_called,
		.requester = object->path,
		.name = (char *)object->symbols[symbol].name,
		.version = version ? (char *)version->name : NULL,
		.library = version ? (char *)version->file : NULL,
	};

	return add(out, &problem);
}

/* A symbol is listed once, fatal if one of its references is. */
static int check_object(const struct matr_mapping *mapping, size_t index, struct matr_checked *out)
{
	enum { SEEN = 1, FATAL = 2 };
	const struct matr_object *object = mapping->scope[index].object;
	const struct matr_binding *bindings = mapping->objects[index].bindings;
	unsigned char *seen = calloc(object->n_symbols + 1, 1);
	int result = seen ? 0 : matr_fail_memory(&out->unknown);

	for (size_t i = 0; i < object->n_relocations && !result; i++) {
		const struct matr_relocation *relocation = &object->relocations[i];
		if (bindings[i].provider == MATR_PROVIDER_UNDEFINED)
			seen[relocation->symbol] |=
				refused_when_called(object, relocation) ? SEEN : SEEN | FATAL;
	}
	for (uint32_t i = 0; i < object->n_symbols && !result; i++)
		if (seen[i])
			result = add_undefined(object, i, !(seen[i] & FATAL), out);
	free(seen);
	return result;
}

static int add_refused(const struct matr_error *why, struct matr_checked *out)
{
	const struct matr_problem problem = {
		.kind = MATR_PROBLEM_REFUSED,
		.fatal = true,
		.requester = why->file[0] ? (char *)why->file : NULL,
		.reason = (char *)why->message,
	};

	return add(out, &problem);
}

/* ld.so has no doubt about such a table, but MatR has. */
static bool is_doubtful(const struct scope *scope)
{
	for (size_t i = 0; i < scope->n; i++)
		if (scope->entries[i].object->flags & MATR_OBJECT_ODD_CHAINS)
			return true;
	return false;
}

static void bind(void *context, size_t i)
{
	const struct check *check = context;
	struct checking *one = &check->list[i];
	struct matr_checked *out = one->out;
	struct matr_mapping *mapping = NULL;
	struct matr_error why = {0};

	if (!one->made || check_libraries(&one->resolution.scope, out) != 0)
		return;
	bool gaps = out->n > 0;
	if (check_versions(&one->resolution.scope, out) != 0 || gaps)
		return;
	bool doubtful = is_doubtful(&one->resolution.scope);
	if (resolution_bind(check->session, &one->resolution, &mapping, &why) != 0) {
		if (doubtful || why.code != MATR_ERROR_UNSUPPORTED)
			out->unknown = why;
		else
			add_refused(&why, out);
		return;
	}
	for (size_t k = 0; k < mapping->n_scope; k++)
		if (check_object(mapping, k, out) != 0)
			break;
	matr_mapping_free(mapping);
}

static void make(void *context, size_t i)
{
	const struct check *check = context;
	struct checking *one = &check->list[i];
	const struct scope_options options = {.library_path = one->program->library_path};

	one->made = resolution_make(check->session, one->program->path, &options, &one->resolution,
				    &one->out->unknown) == 0;
}

static int run(const struct matr_check_program *programs, size_t n, unsigned jobs,
	       struct matr_checked *results, struct matr_error *err)
{
	const struct matr_session_options options = {.incomplete = true};
	struct check check = {.list = calloc(n + 1, sizeof *check.list)};

	if (!check.list)
		return matr_fail_memory(err);
	int result = matr_session_open(&options, &check.session, err);
	for (size_t i = 0; i < n; i++)
		check.list[i] = (struct checking){.program = &programs[i], .out = &results[i]};
	if (result == 0) {
		parallel_run(jobs, n, make, &check);
		parallel_run(jobs, n, bind, &check);
	}
	for (size_t i = 0; i < n; i++) {
		resolution_free(&check.list[i].resolution);
		if (results[i].unknown.code == MATR_ERROR_RESOURCES)
			result = matr_error_copy(err, &results[i].unknown);
	}
	matr_session_close(check.session);
	free(check.list);
	return result;
}

int matr_check(const struct matr_check_program *programs, size_t n, unsigned jobs,
	       struct matr_checked **out, struct matr_error *err)
{
	struct matr_checked *results = calloc(n + 1, sizeof *results);

	*out = NULL;
	if (!results)
		return matr_fail_memory(err);
	int result = run(programs, n, jobs, results, err);
	if (result == 0)
		*out = results;
	else
		matr_checked_free(results, n);
	return result;
}
