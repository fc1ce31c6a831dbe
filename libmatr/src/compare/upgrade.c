/* upgrade.c - what would change for programs if files were replaced.
 *
 * There are two sessions. One has read everything before the files change, the other reads the
 * changed files afterwards. Both stay open: a session keeps in memory all that binding needs, so
 * that the first one's programs can still be bound when its files are no longer visible. Only an
 * edited mapping is bound at once: it may take several attempts to find the edits that can be made,
 * and each makes the scope again.
 */
#include <matr/upgrade.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "compare/upgrade_edits.h"

struct checked_part { /* the start, or a load, as it is before the change */
	const char *load;
	struct resolution scope;
	struct matr_mapping *mapping; /* NULL: it is not bound yet */
	struct matr_error why;	      /* why there is no scope; code MATR_OK: there is */
};

struct checked {
	const struct matr_upgrade_program *program;
	struct upgrade_edits edits; /* those that can be made */
	struct checked_part *parts;
	size_t n_parts;
};

struct matr_upgrade {
	struct matr_session *before, *after;
	struct checked *programs;
	size_t n;
};

/* ---- before the change ---- */

static int make_load(struct matr_session *session, const struct matr_upgrade_program *program,
		     const struct upgrade_edits *edits, const char *root, struct resolution *out,
		     struct matr_error *why)
{
	const struct scope_options options = {
		.library_path = program->library_path,
		.additions = edits->libraries,
		.n_additions = edits->n_libraries,
		.root = root,
	};

	return upgrade_make_scope(session, program->path, &options, out, why);
}

/* The start's scope; where the mapping is edited, its bindings too. */
static int make_start(struct matr_session *session, struct checked *checked)
{
	const struct matr_upgrade_program *program = checked->program;
	struct checked_part *part = &checked->parts[0];

	int result =
		upgrade_edited_scope(session, program, &checked->edits, &part->scope, &part->why);
	if (result != 0 || !checked->edits.n)
		return result;
	result = upgrade_edited_mapping(session, program, &checked->edits, &part->scope,
					&part->mapping, &part->why);
	/* The scope has gone to the mapping; it is for comparison. */
	resolution_free(&part->scope);
	if (result != 0)
		return result;
	return make_load(session, program, &checked->edits, NULL, &part->scope, &part->why);
}

static int take(struct matr_session *session, const struct matr_upgrade_program *program,
		struct checked *checked, struct matr_error *err)
{
	checked->program = program;
	checked->parts = calloc(program->n_loads + 1, sizeof *checked->parts);
	if (!checked->parts || upgrade_edits_take(&checked->edits, program, err) != 0)
		return matr_fail_memory(err);
	checked->n_parts = program->is_new ? 0 : program->n_loads + 1;
	for (size_t i = 0; i < checked->n_parts; i++) {
		struct checked_part *part = &checked->parts[i];
		part->load = i ? program->loads[i - 1] : NULL;
		int made = i ? make_load(session, program, &checked->edits, part->load,
					 &part->scope, &part->why)
			     : make_start(session, checked);
		if (made != 0 && part->why.code == MATR_ERROR_RESOURCES)
			return matr_error_copy(err, &part->why);
		if (made == 0)
			part->why.code = MATR_OK; /* of an attempt with an edit that was lost */
	}
	return 0;
}

int matr_upgrade_open(const struct matr_upgrade_program *programs, size_t n,
		      void (*progress)(void *context, size_t done, size_t n), void *context,
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
		if (progress)
			progress(context, i, n);
		result = take(upgrade->before, &programs[i], &upgrade->programs[upgrade->n++], err);
	}
	if (result == 0)
		*out = upgrade;
	else
		matr_upgrade_close(upgrade);
	return result;
}

static void free_checked(struct checked *checked)
{
	for (size_t i = 0; i < checked->n_parts; i++) {
		resolution_free(&checked->parts[i].scope);
		matr_mapping_free(checked->parts[i].mapping);
	}
	free(checked->parts);
	upgrade_edits_free(&checked->edits);
}

void matr_upgrade_close(struct matr_upgrade *upgrade)
{
	if (!upgrade)
		return;
	for (size_t i = 0; i < upgrade->n; i++)
		free_checked(&upgrade->programs[i]);
	free(upgrade->programs);
	/* The second session has objects of the first. */
	if (upgrade->after)
		matr_session_close(upgrade->after);
	if (upgrade->before)
		matr_session_close(upgrade->before);
	free(upgrade);
}

int matr_upgrade_changed(struct matr_upgrade *upgrade, struct matr_error *err)
{
	struct matr_session *before = upgrade->before;
	struct matr_object **objects = calloc(before->n_objects + 1, sizeof(struct matr_object *));
	bool *current = calloc(before->n_objects + 1, sizeof *current);

	int result = objects && current ? matr_session_open(NULL, &upgrade->after, err)
					: matr_fail_memory(err);
	for (size_t i = 0; i < before->n_objects && result == 0; i++) {
		objects[i] = before->objects[i].object;
		current[i] = true;
	}
	if (result == 0)
		result = session_know(upgrade->after, objects, current, before->n_objects, 0, err);
	free(objects);
	free(current);
	return result;
}

/* ---- comparison with the state before ---- */

static bool is_same_file(const struct matr_file_id *a, const struct matr_file_id *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->mtime == b->mtime;
}

/* The same files in the same order under the same names. What is bound follows from that, and from
 * the order in which dependencies lead from one to another, which follows from the files and their
 * names. */
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

/* resolve/resolution.c reports a version that a library with other versions lacks, as ld.so
 * does. */
static int find_version_losses(const struct scope *before, const struct scope *after,
			       struct matr_upgrade_part *out, struct matr_error *err)
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
			if (array_grow(&out->versions, out->n_versions, sizeof *out->versions,
				       err) != 0)
				return -1;
			out->versions[out->n_versions++] = (struct matr_version_loss){
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

static enum matr_upgrade_outcome judge(const struct matr_upgrade_part *part)
{
	if (part->n_versions || part->n_edits)
		return MATR_UPGRADE_WORSE;
	for (size_t i = 0; i < part->diff.n_bindings; i++) {
		const struct matr_binding_change *binding = &part->diff.bindings[i];
		if (matr_binding_is_worse(binding))
			return MATR_UPGRADE_WORSE;
		/* A new reference, of a new file, that nothing satisfies: ld.so stops at the first
		 * call. */
		if (binding->after && strcmp(binding->after, "undefined") == 0)
			return MATR_UPGRADE_WORSE;
	}
	return MATR_UPGRADE_DIFFERENT;
}

/* Set the outcome. Returns 0, or -1 if its reason is RESOURCES. */
static int set_outcome(struct matr_upgrade_part *out, enum matr_upgrade_outcome outcome,
		       struct matr_error *err)
{
	if (out->why.code == MATR_ERROR_RESOURCES)
		return matr_error_copy(err, &out->why);
	out->outcome = outcome;
	return 0;
}

/* Of two mappings that are there. */
static int compare(struct matr_upgrade_part *out, struct matr_error *err)
{
	const struct matr_diff_side before = {.mapping = out->before},
				    after = {.mapping = out->after};

	if (matr_diff(&before, &after, &out->diff, err) != 0)
		return -1;
	out->outcome = judge(out);
	return 0;
}

static void take_lost(struct upgrade_edits *edits, struct matr_upgrade_part *out)
{
	out->edits = edits->lost;
	out->n_edits = edits->n_lost;
	edits->lost = NULL;
	edits->n_lost = 0;
}

/* ---- the start ---- */

/* Test whether the path still has a program that ld.so loads. The file may have become a script, or
 * a static program. */
static bool is_program(struct matr_session *session, const char *path)
{
	struct matr_error why = {.code = MATR_OK};

	if (access(path, F_OK) != 0)
		return false;
	const struct matr_object *object = session_open_object(session, path, &why);
	if (object)
		return object->interpreter && object->n_dynamic;
	return why.code != MATR_ERROR_NOT_ELF && why.code != MATR_ERROR_FOREIGN;
}

static int check_start(struct matr_upgrade *upgrade, struct checked *checked,
		       struct upgrade_edits *edits, struct matr_upgrade_part *out,
		       struct matr_error *err)
{
	const struct matr_upgrade_program *program = checked->program;
	struct checked_part *was = &checked->parts[0];
	struct resolution after;

	if (was->why.code != MATR_OK) {
		out->why = was->why;
		return set_outcome(out, MATR_UPGRADE_UNKNOWN, err);
	}
	int result = upgrade_edited_scope(upgrade->after, program, edits, &after, &out->why);
	if (result != 0) {
		result =
			set_outcome(out,
				    is_program(upgrade->after, program->path) ? MATR_UPGRADE_REFUSED
									      : MATR_UPGRADE_GONE,
				    err);
	} else if (edits->n_lost || !is_same_scope(&was->scope.scope, &after.scope)) {
		result = find_version_losses(&was->scope.scope, &after.scope, out, err);
		out->before = was->mapping;
		was->mapping = NULL;
		if (result == 0 && !out->before &&
		    resolution_bind(upgrade->before, &was->scope, &out->before, &out->why) != 0)
			result = set_outcome(out, MATR_UPGRADE_UNKNOWN, err);
		else if (result == 0 && upgrade_edited_mapping(upgrade->after, program, edits,
							       &after, &out->after, &out->why) != 0)
			result = set_outcome(out, MATR_UPGRADE_REFUSED, err);
		else if (result == 0) {
			take_lost(edits, out);
			result = compare(out, err);
		}
	}
	resolution_free(&after);
	return result;
}

static int check_new(struct matr_upgrade *upgrade, const struct matr_upgrade_program *program,
		     struct matr_upgrade_part *out, struct matr_error *err)
{
	const struct scope_options options = {.library_path = program->library_path};
	struct resolution after;

	int made = upgrade_make_scope(upgrade->after, program->path, &options, &after, &out->why);
	if (made == 0)
		made = resolution_bind(upgrade->after, &after, &out->after, &out->why);
	resolution_free(&after);
	return set_outcome(out, made == 0 ? MATR_UPGRADE_NEW : MATR_UPGRADE_REFUSED, err);
}

/* ---- loads ---- */

static int check_load(struct matr_upgrade *upgrade, struct checked *checked,
		      const struct upgrade_edits *edits, struct checked_part *was,
		      struct matr_upgrade_part *out, struct matr_error *err)
{
	struct resolution after;

	out->load = was->load;
	if (was->why.code != MATR_OK)
		return 0; /* the former load is unknown */
	int result =
		make_load(upgrade->after, checked->program, edits, was->load, &after, &out->why);
	if (result != 0) {
		result = set_outcome(out, MATR_UPGRADE_REFUSED, err);
	} else if (was->scope.n_start != after.n_start ||
		   !is_same_scope(&was->scope.scope, &after.scope)) {
		result = find_version_losses(&was->scope.scope, &after.scope, out, err);
		if (result == 0 &&
		    resolution_bind(upgrade->before, &was->scope, &out->before, &out->why) != 0)
			result = out->why.code == MATR_ERROR_RESOURCES
					 ? matr_error_copy(err, &out->why)
					 : 0;
		else if (result == 0 &&
			 resolution_bind(upgrade->after, &after, &out->after, &out->why) != 0)
			result = set_outcome(out, MATR_UPGRADE_REFUSED, err);
		else if (result == 0)
			result = compare(out, err);
	}
	resolution_free(&after);
	return result;
}

/* ---- all of a program ---- */

static int check_program(struct matr_upgrade *upgrade, struct checked *checked,
			 struct matr_upgrade_result *out, struct matr_error *err)
{
	struct matr_upgrade_program surviving = *checked->program;
	struct upgrade_edits edits = {.n = 0};

	surviving.edits = checked->edits.list;
	surviving.n_edits = checked->edits.n;
	int result = upgrade_edits_take(&edits, &surviving, err);
	if (result == 0)
		result = check_start(upgrade, checked, &edits, &out->parts[0], err);
	/* A program that does not start loads nothing. */
	bool starts = out->parts[0].outcome < MATR_UPGRADE_NEW;
	for (size_t n = 1; n < checked->n_parts && starts && result == 0; n++)
		result = check_load(upgrade, checked, &edits, &checked->parts[n],
				    &out->parts[out->n_parts++], err);
	upgrade_edits_free(&edits);
	return result;
}

int matr_upgrade_check(struct matr_upgrade *upgrade, size_t i, struct matr_upgrade_result *out,
		       struct matr_error *err)
{
	struct checked *checked = &upgrade->programs[i];

	*out = (struct matr_upgrade_result){
		.parts = calloc(checked->n_parts + 1, sizeof *out->parts)};
	if (!out->parts)
		return matr_fail_memory(err);
	out->n_parts = 1;
	int result = checked->program->is_new
			     ? check_new(upgrade, checked->program, &out->parts[0], err)
			     : check_program(upgrade, checked, out, err);
	if (result != 0)
		matr_upgrade_result_free(out);
	return result;
}

void matr_upgrade_result_free(struct matr_upgrade_result *result)
{
	for (size_t i = 0; i < result->n_parts; i++) {
		struct matr_upgrade_part *part = &result->parts[i];
		matr_diff_free(&part->diff);
		matr_mapping_free(part->before);
		matr_mapping_free(part->after);
		free(part->versions);
		free(part->edits);
	}
	free(result->parts);
	*result = (struct matr_upgrade_result){.n_parts = 0};
}
