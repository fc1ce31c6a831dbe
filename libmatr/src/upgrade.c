/* upgrade.c - what would change for programs if files were replaced; see matr/upgrade.h.
 *
 * Two sessions, one that has read everything before the files change and one that reads them afterwards. Both stay: a
 * session keeps in memory all that binding needs, so that the first one's programs can still be bound when its files
 * are no longer to be seen.
 */
#include <matr/upgrade.h>

#include <stdlib.h>
#include <string.h>

#include "resolution.h"

struct checked {
	const char *path, *library_path;
	struct resolution before;
	struct matr_error why; /* why there is no scope before; code MATR_OK: there is */
};

struct matr_upgrade {
	struct matr_session *before, *after;
	struct checked *programs;
	size_t n;
};

static int make(struct matr_session *session, const struct checked *program, struct resolution *out,
		struct matr_error *why)
{
	const struct scope_wish wish = {.library_path = program->library_path};

	return resolution_make(session, program->path, &wish, out, why);
}

int matr_upgrade_open(const char *const *programs, const char *const *library_paths, size_t n,
		      struct matr_upgrade **out, struct matr_error *err)
{
	struct matr_upgrade *upgrade = calloc(1, sizeof *upgrade);

	*out = NULL;
	if (!upgrade)
		return matr_fail_memory(err);
	upgrade->programs = calloc(n + 1, sizeof *upgrade->programs);
	int result = upgrade->programs ? matr_session_open(NULL, &upgrade->before, err)
				       : matr_fail_memory(err);
	for (size_t i = 0; i < n && result == 0; i++) {
		struct checked *program = &upgrade->programs[upgrade->n++];
		program->path = programs[i];
		program->library_path = library_paths ? library_paths[i] : NULL;
		if (make(upgrade->before, program, &program->before, &program->why) != 0 &&
		    program->why.code == MATR_ERROR_MEMORY)
			result = matr_fail_memory(err);
	}
	if (result == 0)
		*out = upgrade;
	else
		matr_upgrade_close(upgrade);
	return result;
}

void matr_upgrade_close(struct matr_upgrade *upgrade)
{
	if (!upgrade)
		return;
	for (size_t i = 0; i < upgrade->n; i++)
		resolution_free(&upgrade->programs[i].before);
	free(upgrade->programs);
	if (upgrade->before)
		matr_session_close(upgrade->before);
	if (upgrade->after)
		matr_session_close(upgrade->after);
	free(upgrade);
}

int matr_upgrade_changed(struct matr_upgrade *upgrade, struct matr_error *err)
{
	return matr_session_open(NULL, &upgrade->after, err);
}

/* ---- one program ---- */

static bool is_same_file(const struct matr_file_id *a, const struct matr_file_id *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->mtime == b->mtime;
}

/* The same files in the same order under the same names. What is bound follows from that, and from the order in which
 * dependencies lead from one to another, which follows from the files and their names. */
static bool is_same_scope(const struct scope *a, const struct scope *b)
{
	if (a->n != b->n || a->interpreter != b->interpreter)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!is_same_file(&a->entries[i].object->file, &b->entries[i].object->file) ||
		    strcmp(a->entries[i].object->path, b->entries[i].object->path) != 0)
			return false;
	return true;
}

static bool has_versions(const struct matr_object *object)
{
	for (size_t i = 0; i < object->n_versions; i++)
		if (object->versions[i].name && object->versions[i].defined)
			return true;
	return false;
}

static const struct matr_object *named(const struct scope *scope, const char *name)
{
	uint32_t index = scope_names_find(&scope->names, name);
	return index == NO_INDEX ? NULL : scope->entries[index].object;
}

/* resolve.c reports a version that is missing from a library that has others, as ld.so does. */
static int find_version_losses(const struct scope *before, const struct scope *after,
			       struct matr_upgrade_result *out, struct matr_error *err)
{
	for (size_t i = 0; i < after->n; i++) {
		const struct matr_object *object = after->entries[i].object;
		for (size_t v = 0; v < object->n_versions; v++) {
			const struct matr_version *wanted = &object->versions[v];
			if (!wanted->name || wanted->defined || !wanted->file)
				continue;
			const struct matr_object *was = named(before, wanted->file);
			const struct matr_object *is = named(after, wanted->file);
			if (!was || !is || !has_versions(was) || has_versions(is))
				continue;
			struct matr_version_loss *larger =
				realloc(out->versions, (out->n_versions + 1) * sizeof *larger);
			if (!larger)
				return matr_fail_memory(err);
			out->versions = larger;
			larger[out->n_versions++] = (struct matr_version_loss){
				.requester = object->path,
				.file = wanted->file,
				.version = wanted->name,
			};
		}
	}
	return 0;
}

static bool is_provider(const char *name)
{
	return name && name[0] == '/';
}

bool matr_binding_is_worse(const struct matr_binding_change *binding)
{
	return binding->change == MATR_CHANGE_MOVED && is_provider(binding->before);
}

static enum matr_verdict judge(const struct matr_upgrade_result *result)
{
	if (result->n_versions)
		return MATR_UPGRADE_WORSE;
	for (size_t i = 0; i < result->diff.n_bindings; i++) {
		const struct matr_binding_change *binding = &result->diff.bindings[i];
		if (matr_binding_is_worse(binding))
			return MATR_UPGRADE_WORSE;
		/* A new reference, of a new file, that nothing satisfies: ld.so stops at the first call. */
		if (binding->after && strcmp(binding->after, "undefined") == 0)
			return MATR_UPGRADE_WORSE;
	}
	return MATR_UPGRADE_DIFFERENT;
}

static int refuse(struct matr_upgrade_result *out, enum matr_verdict verdict,
		  struct matr_error *err)
{
	if (out->why.code == MATR_ERROR_MEMORY)
		return matr_fail_memory(err);
	out->verdict = verdict;
	return 0;
}

int matr_upgrade_check(struct matr_upgrade *upgrade, size_t i, struct matr_upgrade_result *out,
		       struct matr_error *err)
{
	struct checked *program = &upgrade->programs[i];
	struct resolution after;

	*out = (struct matr_upgrade_result){.verdict = MATR_UPGRADE_SAME};
	if (program->why.code != MATR_OK) {
		out->why = program->why;
		return refuse(out, MATR_UPGRADE_UNKNOWN, err);
	}
	int result = make(upgrade->after, program, &after, &out->why);
	if (result != 0) {
		result = refuse(out, MATR_UPGRADE_REFUSED, err);
	} else if (!is_same_scope(&program->before.scope, &after.scope)) {
		result = find_version_losses(&program->before.scope, &after.scope, out, err);
		if (result == 0 && resolution_bind(upgrade->before, &program->before, &out->before,
						   &out->why) != 0)
			result = refuse(out, MATR_UPGRADE_UNKNOWN, err);
		else if (result == 0 &&
			 resolution_bind(upgrade->after, &after, &out->after, &out->why) != 0)
			result = refuse(out, MATR_UPGRADE_REFUSED, err);
		else if (result == 0) {
			const struct matr_diff_side old = {.mapping = out->before};
			const struct matr_diff_side new = {.mapping = out->after};
			result = matr_diff(&old, &new, &out->diff, err);
			out->verdict = judge(out);
		}
	}
	resolution_free(&after);
	return result;
}

void matr_upgrade_result_free(struct matr_upgrade_result *result)
{
	matr_diff_free(&result->diff);
	matr_mapping_free(result->before);
	matr_mapping_free(result->after);
	free(result->versions);
	*result = (struct matr_upgrade_result){.verdict = MATR_UPGRADE_SAME};
}
