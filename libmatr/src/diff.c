/* diff.c - see matr/diff.h.
 *
 * The objects of the two scopes are paired first. An object that is the very same on both sides, with relocations that
 * all go to paired objects, is done with; that is nearly all of them. What is left of each mapping becomes a sorted list of its distinct bindings, in
 * which paired objects have one number, and one walk along both lists finds what differs.
 */
#include <matr/diff.h>

#include <elf.h>
#include <stdlib.h>
#include <string.h>

struct binding { /* requester and provider: by number, see number_objects() */
	uint32_t requester;
	bool copy;
	const char *symbol, *version; /* version "" where there is none */
	uint32_t provider;	      /* or a MATR_PROVIDER_* */
};

struct binding_list {
	struct binding *list;
	size_t n;
};

struct side {
	const struct matr_mapping *mapping;
	uint32_t *numbers; /* by scope index; what is paired has the number it has before */
	bool *alike; /* by scope index: its bindings are those of its pair, and need no look */
	struct binding_list bindings;
};

/* The path of scope entry i: an application may be one of several hard links. */
static const char *path_of(const struct matr_mapping *mapping, size_t i)
{
	return i == 0 ? mapping->scope[0].path : mapping->scope[i].object->path;
}

void matr_diff_free(struct matr_diff *diff)
{
	free(diff->objects);
	free(diff->bindings);
	*diff = (struct matr_diff){.objects = NULL};
}

bool matr_diff_is_empty(const struct matr_diff *diff)
{
	return !diff->n_objects && !diff->n_bindings && !diff->reordered;
}

const char *matr_change_name(enum matr_change change)
{
	static const char *const names[MATR_CHANGES] = {"added", "removed", "moved", "replaced"};

	return names[change];
}

/* ---- objects ---- */

static bool same_contents(const struct matr_object *a, const struct matr_object *b)
{
	if (a == b)
		return true;
	if (a->build_id.size != b->build_id.size || a->file.size != b->file.size)
		return false;
	if (a->build_id.size)
		return memcmp(a->build_id.bytes, b->build_id.bytes, a->build_id.size) == 0;
	return a->file.mtime == b->file.mtime && a->file.inode == b->file.inode;
}

/* The entry before that is the same object as entry i after; UINT32_MAX: none. */
static uint32_t find_pair(const struct matr_mapping *before, const struct matr_mapping *after,
			  size_t i, const bool *taken)
{
	const char *soname = after->scope[i].object->soname;

	if (i == 0)
		return 0;
	for (uint32_t k = 1; k < before->n_scope; k++)
		if (!taken[k] && strcmp(path_of(before, k), path_of(after, i)) == 0)
			return k;
	for (uint32_t k = 1; k < before->n_scope && soname; k++) {
		const char *other = before->scope[k].object->soname;
		if (!taken[k] && other && strcmp(other, soname) == 0)
			return k;
	}
	return UINT32_MAX;
}

static void add_object(struct matr_diff *diff, enum matr_change change, const char *before,
		       const char *after)
{
	diff->objects[diff->n_objects++] = (struct matr_object_change){change, before, after};
}

/* Pair the objects, number them, and list those that differ. */
static int diff_objects(struct side *before, struct side *after, struct matr_diff *out,
			struct matr_error *err)
{
	size_t n_before = before->mapping->n_scope, n_after = after->mapping->n_scope;
	bool *taken = calloc(n_before + 1, sizeof *taken);
	uint32_t last = 0;

	before->numbers = calloc(n_before + 1, sizeof *before->numbers);
	after->numbers = calloc(n_after + 1, sizeof *after->numbers);
	out->objects = calloc(n_before + n_after + 1, sizeof *out->objects);
	if (!taken || !before->numbers || !after->numbers || !out->objects) {
		free(taken);
		return matr_fail_memory(err);
	}
	for (uint32_t i = 0; i < n_before; i++)
		before->numbers[i] = i;
	for (uint32_t i = 0; i < n_after; i++) {
		uint32_t pair = find_pair(before->mapping, after->mapping, i, taken);
		const char *path = path_of(after->mapping, i);
		if (pair == UINT32_MAX) {
			after->numbers[i] = (uint32_t)n_before + i;
			add_object(out, MATR_CHANGE_ADDED, NULL, path);
			continue;
		}
		const char *was = path_of(before->mapping, pair);
		after->numbers[i] = pair;
		taken[pair] = true;
		out->reordered |= pair < last;
		last = pair;
		if (strcmp(was, path) != 0)
			add_object(out, MATR_CHANGE_MOVED, was, path);
		else if (!same_contents(before->mapping->scope[pair].object,
					after->mapping->scope[i].object))
			add_object(out, MATR_CHANGE_REPLACED, was, path);
	}
	for (uint32_t i = 0; i < n_before; i++)
		if (!taken[i])
			add_object(out, MATR_CHANGE_REMOVED, path_of(before->mapping, i), NULL);
	free(taken);
	return 0;
}

/* ---- bindings ---- */

static uint32_t number_of(const struct side *side, uint32_t provider)
{
	return provider < side->mapping->n_scope ? side->numbers[provider] : provider;
}

/* Does scope entry `k` before, the same object as entry `i` after, bind to the same providers? */
static bool binds_alike(const struct side *before, uint32_t k, const struct side *after, uint32_t i)
{
	const struct matr_object *object = before->mapping->scope[k].object;
	const struct matr_binding *old = before->mapping->objects[k].bindings;
	const struct matr_binding *new = after->mapping->objects[i].bindings;

	if (object != after->mapping->scope[i].object || !old || !new)
		return false;
	for (size_t r = 0; r < object->n_relocations; r++)
		if (number_of(before, old[r].provider) != number_of(after, new[r].provider))
			return false;
	return true;
}

static int find_alike(struct side *before, struct side *after, struct matr_error *err)
{
	before->alike = calloc(before->mapping->n_scope + 1, sizeof *before->alike);
	after->alike = calloc(after->mapping->n_scope + 1, sizeof *after->alike);
	if (!before->alike || !after->alike)
		return matr_fail_memory(err);
	for (uint32_t i = 0; i < after->mapping->n_scope; i++) {
		uint32_t k = after->numbers[i];
		if (k < before->mapping->n_scope && binds_alike(before, k, after, i))
			before->alike[k] = after->alike[i] = true;
	}
	return 0;
}

static int compare_keys(const struct binding *a, const struct binding *b)
{
	if (a->requester != b->requester)
		return a->requester < b->requester ? -1 : 1;
	int result = a->symbol == b->symbol ? 0 : strcmp(a->symbol, b->symbol);
	if (result == 0)
		result = a->version == b->version ? 0 : strcmp(a->version, b->version);
	return result ? result : (int)a->copy - (int)b->copy;
}

static int compare_bindings(const void *left, const void *right)
{
	const struct binding *a = left, *b = right;
	int result = compare_keys(a, b);

	if (result)
		return result;
	return a->provider < b->provider ? -1 : a->provider > b->provider;
}

static void list_object(struct side *side, uint32_t i)
{
	const struct matr_mapping *mapping = side->mapping;
	const struct matr_object *object = mapping->scope[i].object;

	for (size_t r = 0; mapping->objects[i].bindings && r < object->n_relocations; r++) {
		const struct matr_binding *binding = &mapping->objects[i].bindings[r];
		const struct matr_symbol *symbol = &object->symbols[object->relocations[r].symbol];
		if (binding->provider == MATR_PROVIDER_NONE || !matr_symbol_is_looked_up(symbol))
			continue;
		const struct matr_version *version = matr_object_symbol_version(object, symbol);
		side->bindings.list[side->bindings.n++] = (struct binding){
			.requester = side->numbers[i],
			.copy = object->relocations[r].type == R_X86_64_COPY,
			.symbol = symbol->name,
			.version = version && version->name ? version->name : "",
			.provider = number_of(side, binding->provider),
		};
	}
}

/* The distinct bindings, sorted. */
static int list_bindings(struct side *side, struct matr_error *err)
{
	struct binding_list *bindings = &side->bindings;
	size_t n = 0;

	for (size_t i = 0; i < side->mapping->n_scope; i++)
		n += side->alike[i] ? 0 : side->mapping->scope[i].object->n_relocations;
	bindings->list = calloc(n + 1, sizeof *bindings->list);
	if (!bindings->list)
		return matr_fail_memory(err);
	for (uint32_t i = 0; i < side->mapping->n_scope; i++)
		if (!side->alike[i])
			list_object(side, i);
	qsort(bindings->list, bindings->n, sizeof *bindings->list, compare_bindings);
	n = 0;
	for (size_t i = 0; i < bindings->n; i++)
		if (i == 0 || compare_bindings(&bindings->list[i], &bindings->list[n - 1]) != 0)
			bindings->list[n++] = bindings->list[i];
	bindings->n = n;
	return 0;
}

/* What a number stands for on this side. */
static const char *name_of(const struct side *side, uint32_t number)
{
	if (number == MATR_PROVIDER_WEAK_NULL)
		return "null";
	if (number == MATR_PROVIDER_UNDEFINED)
		return "undefined";
	for (size_t i = 0; i < side->mapping->n_scope; i++)
		if (side->numbers[i] == number)
			return path_of(side->mapping, i);
	return "undefined";
}

static void add_binding(struct matr_diff *diff, enum matr_change change, const struct side *before,
			const struct binding *old, const struct side *after,
			const struct binding *new)
{
	const struct binding *any = new ? new : old;

	diff->bindings[diff->n_bindings++] = (struct matr_binding_change){
		.change = change,
		.requester = name_of(new ? after : before, any->requester),
		.symbol = any->symbol,
		.version = *any->version ? any->version : NULL,
		.before = old ? name_of(before, old->provider) : NULL,
		.after = new ? name_of(after, new->provider) : NULL,
	};
}

static int diff_bindings(const struct side *before, const struct side *after, struct matr_diff *out,
			 struct matr_error *err)
{
	const struct binding *old = before->bindings.list, *new = after->bindings.list;
	const struct binding *old_end = old + before->bindings.n,
			     *new_end = new + after->bindings.n;

	out->bindings = calloc(before->bindings.n + after->bindings.n + 1, sizeof *out->bindings);
	if (!out->bindings)
		return matr_fail_memory(err);
	while (old < old_end || new < new_end) {
		int order = old == old_end ? 1 : new == new_end ? -1 : compare_keys(old, new);
		if (order < 0) {
			add_binding(out, MATR_CHANGE_REMOVED, before, old, after, NULL);
		} else if (order > 0) {
			add_binding(out, MATR_CHANGE_ADDED, before, NULL, after, new);
		} else if (old->provider != new->provider) {
			add_binding(out, MATR_CHANGE_MOVED, before, old, after, new);
		}
		old += order <= 0;
		new += order >= 0;
	}
	return 0;
}

int matr_diff(const struct matr_mapping *before, const struct matr_mapping *after,
	      struct matr_diff *out, struct matr_error *err)
{
	struct side sides[2] = {{.mapping = before}, {.mapping = after}};

	*out = (struct matr_diff){.objects = NULL};
	int result = diff_objects(&sides[0], &sides[1], out, err);
	if (result == 0)
		result = find_alike(&sides[0], &sides[1], err);
	for (int i = 0; i < 2 && result == 0; i++)
		result = list_bindings(&sides[i], err);
	if (result == 0)
		result = diff_bindings(&sides[0], &sides[1], out, err);
	for (int i = 0; i < 2; i++) {
		free(sides[i].numbers);
		free(sides[i].alike);
		free(sides[i].bindings.list);
	}
	return result;
}
