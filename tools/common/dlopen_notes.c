/* dlopen_notes.c - reading the JSON of .note.dlopen: an array of objects with "soname" (an array of
 * alternatives), "feature", "description" and "priority". */
#include "common/dlopen_notes.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <matr/dlopen_note.h>

enum {
	DEPTH = 4, /* an array of objects with arrays, and one to spare */
	MAX_CANDIDATES = 1024,
	MAX_SONAMES = 32,
	MAX_TEXT = 1024, /* bytes */
};

static void free_candidate(struct candidate *candidate)
{
	for (size_t i = 0; i < candidate->n_sonames; i++)
		free(candidate->sonames[i]);
	free(candidate->sonames);
	free(candidate->feature);
	free(candidate->description);
	free(candidate->priority);
}

void candidates_free(struct candidates *candidates)
{
	for (size_t i = 0; i < candidates->n; i++)
		free_candidate(&candidates->list[i]);
	free(candidates->list);
	*candidates = (struct candidates){0};
}

/* The string without what follows a NUL in it; NULL: it is none, or too long. */
static const char *text_of(struct json_object *value)
{
	const char *text =
		json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;

	return text && *text && strlen(text) <= MAX_TEXT ? text : NULL;
}

static int copy_member(struct json_object *object, const char *name, char **out,
		       struct matr_error *err)
{
	struct json_object *value;

	const char *text = json_object_object_get_ex(object, name, &value) ? text_of(value) : NULL;
	*out = text ? strdup(text) : NULL;
	return text && !*out ? matr_fail_memory(err) : 0;
}

static int copy_sonames(struct json_object *array, struct candidate *out, struct matr_error *err)
{
	size_t n = json_object_array_length(array);

	if (n > MAX_SONAMES)
		n = MAX_SONAMES;
	out->sonames = calloc(n + 1, sizeof *out->sonames);
	if (!out->sonames)
		return matr_fail_memory(err);
	for (size_t i = 0; i < n; i++) {
		const char *text = text_of(json_object_array_get_idx(array, i));
		if (!text)
			continue;
		out->sonames[out->n_sonames] = strdup(text);
		if (!out->sonames[out->n_sonames])
			return matr_fail_memory(err);
		out->n_sonames++;
	}
	return 0;
}

/* The candidate is the list's from here on. */
static int add(struct candidates *out, struct json_object *object, struct matr_error *err)
{
	struct json_object *sonames;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, "soname", &sonames) ||
	    !json_object_is_type(sonames, json_type_array) || out->n == MAX_CANDIDATES)
		return 0;
	struct candidate *grown = realloc(out->list, (out->n + 1) * sizeof *grown);
	if (!grown)
		return matr_fail_memory(err);
	out->list = grown;
	struct candidate *candidate = &out->list[out->n];
	*candidate = (struct candidate){0};
	if (copy_sonames(sonames, candidate, err) != 0 ||
	    copy_member(object, "feature", &candidate->feature, err) != 0 ||
	    copy_member(object, "description", &candidate->description, err) != 0 ||
	    copy_member(object, "priority", &candidate->priority, err) != 0) {
		free_candidate(candidate);
		return -1;
	}
	if (candidate->n_sonames)
		out->n++;
	else
		free_candidate(candidate);
	return 0;
}

static int parse(const char *text, struct candidates *out, struct matr_error *err)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH);

	if (!tokener)
		return matr_fail_memory(err);
	struct json_object *top = json_tokener_parse_ex(tokener, text, (int)strlen(text) + 1);
	json_tokener_free(tokener);
	int result = 0;
	if (json_object_is_type(top, json_type_array)) {
		size_t n = json_object_array_length(top);
		for (size_t i = 0; i < n && !result; i++)
			result = add(out, json_object_array_get_idx(top, i), err);
	}
	json_object_put(top);
	return result;
}

int candidates_read(const char *path, struct candidates *out, struct matr_error *err)
{
	struct matr_dlopen_notes notes;
	struct matr_error why = {0};

	*out = (struct candidates){0};
	int result = matr_dlopen_notes(path, &notes, &why);
	if (result != 0)
		result = why.code == MATR_ERROR_RESOURCES ? matr_error_copy(err, &why) : 0;
	for (size_t i = 0; i < notes.n && !result; i++)
		result = parse(notes.list[i], out, err);
	matr_dlopen_notes_free(&notes);
	return result;
}
