/* diff_epochs.c - the programs of two epochs side by side, and two applications with what they
 * load. */
#include <matr/diff_epochs.h>
#include <matr/edit.h>
#include <matr/mapping.h>
#include <matr/store.h>

#include <stdlib.h>
#include <string.h>

const char *matr_program_change_name(enum matr_program_change change)
{
	static const char *const names[MATR_PROGRAM_CHANGES] = {
		"same", "added", "removed", "changed", "declined", "accepted", "still declined",
	};

	return names[change];
}

static bool is_same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* ---- programs ---- */

static int compare_pairs(const void *left, const void *right)
{
	const struct matr_program_pair *a = left, *b = right;
	return strcmp(a->path, b->path);
}

/* Neighbours of one path become one. */
static void join_sides(struct matr_program_pairs *pairs)
{
	size_t n = 0;

	for (size_t i = 0; i < pairs->n; i++) {
		struct matr_program_pair *last = n ? &pairs->list[n - 1] : NULL,
					 *next = &pairs->list[i];
		if (!last || strcmp(last->path, next->path) != 0) {
			pairs->list[n++] = *next;
			continue;
		}
		if (next->before.application || next->before.reason)
			last->before = next->before;
		if (next->after.application || next->after.reason)
			last->after = next->after;
	}
	pairs->n = n;
}

int matr_program_pairs(struct matr_store *store, int64_t before, int64_t after,
		       struct matr_program_pairs *out, struct matr_error *err)
{
	const int64_t epochs[2] = {before, after};
	size_t room = 1;

	*out = (struct matr_program_pairs){.list = NULL};
	for (int i = 0; i < 2; i++) {
		if (matr_store_applications(store, epochs[i], &out->sides[i].applications,
					    &out->sides[i].n_applications, err) != 0 ||
		    matr_store_declined(store, epochs[i], &out->sides[i].declined,
					&out->sides[i].n_declined, err) != 0) {
			matr_program_pairs_free(out);
			return -1;
		}
		room += out->sides[i].n_applications + out->sides[i].n_declined;
	}
	out->list = calloc(room, sizeof *out->list);
	if (!out->list) {
		matr_program_pairs_free(out);
		return matr_fail_memory(err);
	}
	for (int i = 0; i < 2; i++) {
		for (size_t n = 0; n < out->sides[i].n_applications; n++) {
			struct matr_program_pair *pair = &out->list[out->n++];
			pair->path = out->sides[i].applications[n].path;
			(i ? &pair->after : &pair->before)->application =
				out->sides[i].applications[n].id;
		}
		for (size_t n = 0; n < out->sides[i].n_declined; n++) {
			struct matr_program_pair *pair = &out->list[out->n++];
			pair->path = out->sides[i].declined[n].path;
			(i ? &pair->after : &pair->before)->reason =
				out->sides[i].declined[n].reason;
		}
	}
	qsort(out->list, out->n, sizeof *out->list, compare_pairs);
	join_sides(out);
	return 0;
}

void matr_program_pairs_free(struct matr_program_pairs *pairs)
{
	for (int i = 0; i < 2; i++) {
		if (pairs->sides[i].applications)
			matr_store_applications_free(pairs->sides[i].applications,
						     pairs->sides[i].n_applications);
		if (pairs->sides[i].declined)
			matr_store_declined_free(pairs->sides[i].declined,
						 pairs->sides[i].n_declined);
	}
	free(pairs->list);
	*pairs = (struct matr_program_pairs){.list = NULL};
}

enum matr_program_change matr_program_change_of(const struct matr_program_pair *pair)
{
	bool mapped_before = pair->before.application, mapped_after = pair->after.application;

	if (mapped_before && mapped_after)
		return pair->before.application == pair->after.application ? MATR_PROGRAM_SAME
									   : MATR_PROGRAM_CHANGED;
	if (!mapped_after && !pair->after.reason)
		return MATR_PROGRAM_REMOVED;
	if (mapped_after)
		return pair->before.reason ? MATR_PROGRAM_ACCEPTED : MATR_PROGRAM_ADDED;
	return pair->before.reason ? MATR_PROGRAM_STILL_DECLINED : MATR_PROGRAM_DECLINED;
}

/* ---- one application ---- */

struct matr_application_side {
	struct matr_mapping *mapping;
	struct matr_edited_binding *edited;
	size_t n_edited;
	struct matr_store_closure *records;
	size_t n_records;
	struct matr_closure *closures; /* parallel; without mapping where it is not known */
};

static int read_side(struct matr_store *store, int64_t application,
		     struct matr_application_side *out, struct matr_error *err)
{
	if (matr_store_mapping(store, application, &out->mapping, err) != 0 ||
	    matr_store_edited(store, application, &out->edited, &out->n_edited, err) != 0 ||
	    matr_store_closures(store, application, &out->records, &out->n_records, err) != 0)
		return -1;
	out->closures = calloc(out->n_records + 1, sizeof *out->closures);
	if (!out->closures)
		return matr_fail_memory(err);
	for (size_t i = 0; i < out->n_records; i++)
		if (out->records[i].objects &&
		    matr_store_closure(store, application, &out->records[i], &out->closures[i],
				       err) != 0)
			return -1;
	return 0;
}

static void free_side(struct matr_application_side *side)
{
	for (size_t i = 0; side->closures && i < side->n_records; i++)
		matr_mapping_free(side->closures[i].mapping);
	free(side->closures);
	if (side->records)
		matr_store_closures_free(side->records, side->n_records);
	free(side->edited);
	matr_mapping_free(side->mapping);
}

static enum matr_program_change load_change(const struct matr_load_diff *load)
{
	const struct matr_store_closure *before = load->before, *after = load->after;

	if (!before || !after)
		return before ? MATR_PROGRAM_REMOVED : MATR_PROGRAM_ADDED;
	if (!before->reason != !after->reason)
		return before->reason ? MATR_PROGRAM_ACCEPTED : MATR_PROGRAM_DECLINED;
	if (!is_same_text(before->reason, after->reason) ||
	    !is_same_text(before->flags, after->flags) || !matr_diff_is_empty(&load->diff))
		return MATR_PROGRAM_CHANGED;
	return before->reason ? MATR_PROGRAM_STILL_DECLINED : MATR_PROGRAM_SAME;
}

static int compare_loads(const void *left, const void *right)
{
	const struct matr_load_diff *a = left, *b = right;
	return strcmp(a->root, b->root);
}

static size_t find_record(const struct matr_application_side *side, const char *root)
{
	size_t i = 0;

	while (i < side->n_records && strcmp(side->records[i].root, root) != 0)
		i++;
	return i;
}

static int diff_loads(struct matr_application_diff *out, struct matr_error *err)
{
	const struct matr_application_side *before = &out->sides[0], *after = &out->sides[1];
	int result = 0;

	out->loads = calloc(before->n_records + after->n_records + 1, sizeof *out->loads);
	if (!out->loads)
		return matr_fail_memory(err);
	for (size_t i = 0; i < before->n_records; i++)
		if (find_record(after, before->records[i].root) == after->n_records)
			out->loads[out->n_loads++] = (struct matr_load_diff){
				.root = before->records[i].root, .before = &before->records[i]};
	for (size_t i = 0; i < after->n_records && result == 0; i++) {
		size_t k = find_record(before, after->records[i].root);
		struct matr_load_diff *load = &out->loads[out->n_loads++];
		*load = (struct matr_load_diff){.root = after->records[i].root,
						.after = &after->records[i]};
		if (k == before->n_records)
			continue;
		load->before = &before->records[k];
		const struct matr_closure *old = &before->closures[k], *new = &after->closures[i];
		const struct matr_diff_side was = {.mapping = old->mapping, .first = old->n_start};
		const struct matr_diff_side is = {.mapping = new->mapping, .first = new->n_start};
		if (old->mapping && new->mapping)
			result = matr_diff(&was, &is, &load->diff, err);
	}
	for (size_t i = 0; i < out->n_loads; i++)
		out->loads[i].change = load_change(&out->loads[i]);
	qsort(out->loads, out->n_loads, sizeof *out->loads, compare_loads);
	return result;
}

static int diff_applications(struct matr_store *store, int64_t before, int64_t after,
			     struct matr_application_diff *out, struct matr_error *err)
{
	if (read_side(store, before, &out->sides[0], err) != 0 ||
	    read_side(store, after, &out->sides[1], err) != 0)
		return -1;
	struct matr_diff_side sides[2];
	for (int i = 0; i < 2; i++)
		sides[i] = (struct matr_diff_side){.mapping = out->sides[i].mapping,
						   .edited = out->sides[i].edited,
						   .n_edited = out->sides[i].n_edited};
	if (matr_diff(&sides[0], &sides[1], &out->start, err) != 0)
		return -1;
	return diff_loads(out, err);
}

int matr_application_diff(struct matr_store *store, int64_t before, int64_t after,
			  struct matr_application_diff *out, struct matr_error *err)
{
	*out = (struct matr_application_diff){.sides = calloc(2, sizeof *out->sides)};
	if (!out->sides)
		return matr_fail_memory(err);
	int result = diff_applications(store, before, after, out, err);
	if (result != 0)
		matr_application_diff_free(out);
	return result;
}

void matr_application_diff_free(struct matr_application_diff *diff)
{
	for (size_t i = 0; i < diff->n_loads; i++)
		matr_diff_free(&diff->loads[i].diff);
	free(diff->loads);
	matr_diff_free(&diff->start);
	for (int i = 0; diff->sides && i < 2; i++)
		free_side(&diff->sides[i]);
	free(diff->sides);
	*diff = (struct matr_application_diff){.loads = NULL};
}

bool matr_application_diff_is_empty(const struct matr_application_diff *diff)
{
	for (size_t i = 0; i < diff->n_loads; i++)
		if (diff->loads[i].change != MATR_PROGRAM_SAME &&
		    diff->loads[i].change != MATR_PROGRAM_STILL_DECLINED)
			return false;
	return matr_diff_is_empty(&diff->start);
}

const char *matr_application_diff_path(const struct matr_application_diff *diff)
{
	return diff->sides[1].mapping->scope[0].path;
}
