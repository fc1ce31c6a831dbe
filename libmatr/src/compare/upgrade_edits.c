/* upgrade_edits.c - a program's scope and bindings with the edits that can be made in it.
 *
 * As an epoch does it (epoch/edits.c): an edit that cannot be made goes, and the program is
 * resolved without it, until what is left can be made. What is known of the edits is that the epoch
 * has made them, so that there is no asking which concern the program.
 */
#include "compare/upgrade_edits.h"

#include <stdlib.h>
#include <string.h>

/* Two edits with one library have one addition: what came with it is spared by both
 * (mapping/edit.c). */
static void list_libraries(struct upgrade_edits *edits)
{
	edits->n_libraries = 0;
	for (size_t i = 0; i < edits->n; i++) {
		size_t at = 0;
		while (at < edits->n_libraries &&
		       strcmp(edits->libraries[at], edits->list[i]->library) != 0)
			at++;
		if (at == edits->n_libraries)
			edits->libraries[edits->n_libraries++] = edits->list[i]->library;
		edits->library[i] = at;
	}
}

int upgrade_edits_take(struct upgrade_edits *edits, const struct matr_upgrade_program *program,
		       struct matr_error *err)
{
	*edits = (struct upgrade_edits){.n = program->n_edits};
	edits->list = calloc(edits->n + 1, sizeof(const struct matr_edit *));
	edits->libraries = calloc(edits->n + 1, sizeof(const char *));
	edits->library = calloc(edits->n + 1, sizeof *edits->library);
	edits->lost = calloc(edits->n + 1, sizeof *edits->lost);
	if (!edits->list || !edits->libraries || !edits->library || !edits->lost) {
		edits->n = 0;
		return matr_fail_memory(err);
	}
	for (size_t i = 0; i < edits->n; i++)
		edits->list[i] = program->edits[i];
	list_libraries(edits);
	return 0;
}

void upgrade_edits_free(struct upgrade_edits *edits)
{
	free(edits->list);
	free(edits->libraries);
	free(edits->library);
	free(edits->lost);
	*edits = (struct upgrade_edits){.n = 0};
}

static void lose(struct upgrade_edits *edits, size_t at, const struct matr_error *why)
{
	edits->lost[edits->n_lost++] = (struct matr_edit_loss){edits->list[at], *why};
	edits->n--;
	for (; at < edits->n; at++)
		edits->list[at] = edits->list[at + 1];
	list_libraries(edits);
}

static int make(struct matr_session *session, const struct matr_upgrade_program *program,
		const char *const *libraries, size_t n, struct resolution *out,
		struct matr_error *why)
{
	const struct scope_options options = {
		.library_path = program->library_path,
		.additions = libraries,
		.n_additions = n,
	};

	return upgrade_make_scope(session, program->path, &options, out, why);
}

/* The first edit whose library alone cannot be had; n: none. */
static size_t find_failed_edit(struct matr_session *session,
			       const struct matr_upgrade_program *program,
			       const struct upgrade_edits *edits, struct matr_error *why)
{
	struct resolution resolution;
	size_t i = 0;

	for (; i < edits->n; i++) {
		const char *library = edits->list[i]->library;
		int made = make(session, program, &library, 1, &resolution, why);
		resolution_free(&resolution);
		if (made != 0)
			break;
	}
	return i;
}

int upgrade_make_scope(struct matr_session *session, const char *path,
		       const struct scope_options *options, struct resolution *out,
		       struct matr_error *why)
{
	int result = resolution_make(session, path, options, out, why);

	for (size_t i = 0; i < out->scope.n && result == 0; i++)
		if (session_object_is_known(session, out->scope.indices[i]))
			result = session_index(session, out->scope.indices[i], why);
	return result;
}

int upgrade_edited_scope(struct matr_session *session, const struct matr_upgrade_program *program,
			 struct upgrade_edits *edits, struct resolution *out,
			 struct matr_error *why)
{
	struct resolution plain;
	struct matr_error alone;

	if (make(session, program, edits->libraries, edits->n_libraries, out, why) == 0)
		return 0;
	if (!edits->n || why->code == MATR_ERROR_RESOURCES)
		return -1;
	/* Find out whether the edits are the cause. */
	int made = make(session, program, NULL, 0, &plain, &alone);
	resolution_free(&plain);
	if (made != 0) {
		*why = alone;
		return -1;
	}
	while (edits->n) {
		alone = *why;
		size_t failed = find_failed_edit(session, program, edits, &alone);
		lose(edits, failed < edits->n ? failed : edits->n - 1, &alone);
		resolution_free(out);
		if (make(session, program, edits->libraries, edits->n_libraries, out, why) == 0)
			return 0;
		if (why->code == MATR_ERROR_RESOURCES)
			return -1;
	}
	return -1;
}

/* Make the edits in the mapping. The one that cannot be made, which is lost; 1: there is one, 0:
 * none, -1: RESOURCES. */
static int edit(struct matr_mapping *mapping, const struct scope_addition *additions,
		struct upgrade_edits *edits, struct matr_error *why)
{
	struct edited_bindings edited = {.n = 0};
	size_t failed = 0;
	int64_t id;
	int result = 0;

	while (failed < edits->n && result == 0) {
		result = mapping_edit(mapping, edits->list[failed],
				      &additions[edits->library[failed]], false, &edited, why);
		failed += result == 0;
	}
	if (result == 0 && mapping_edits_check(mapping, &edited, &id, why) != 0) {
		result = -1;
		for (failed = 0; failed + 1 < edits->n && edits->list[failed]->id != id;)
			failed++;
	}
	edited_bindings_free(&edited);
	if (result != 0 && why->code != MATR_ERROR_RESOURCES) {
		lose(edits, failed, why);
		result = 1;
	}
	return result;
}

/* The bindings before edits: what was added may be what cannot be bound. */
static int bind(struct matr_session *session, const struct matr_upgrade_program *program,
		struct upgrade_edits *edits, struct resolution *resolution,
		struct matr_mapping **out, struct matr_error *why)
{
	while (resolution_bind(session, resolution, out, why) != 0) {
		if (!edits->n || why->code == MATR_ERROR_RESOURCES)
			return -1;
		lose(edits, edits->n - 1, why);
		resolution_free(resolution);
		if (upgrade_edited_scope(session, program, edits, resolution, why) != 0)
			return -1;
	}
	return 0;
}

int upgrade_edited_mapping(struct matr_session *session, const struct matr_upgrade_program *program,
			   struct upgrade_edits *edits, struct resolution *resolution,
			   struct matr_mapping **out, struct matr_error *why)
{
	while (bind(session, program, edits, resolution, out, why) == 0) {
		int lost = edit(*out, resolution->scope.additions, edits, why);
		if (lost <= 0)
			return lost;
		matr_mapping_free(*out);
		*out = NULL;
		resolution_free(resolution);
		if (upgrade_edited_scope(session, program, edits, resolution, why) != 0)
			return -1;
	}
	return -1;
}
