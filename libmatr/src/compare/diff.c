/* diff.c - what differs between two mappings.
 *
 * The objects of the two scopes are paired first. An object that is the very same on both sides,
 * with relocations that all go to paired objects, is done with; that is nearly all of them. What is
 * left of each mapping becomes a sorted list of its distinct bindings, in which paired objects have
 * one number, and one walk along both lists finds what differs.
 *
 * Of a closure only the new objects are looked at. The scope of the start, to which they may be
 * bound, is paired as well.
 */
#include <matr/diff.h>
#include <matr/edit.h>
#include <matr/mapping.h>
#include <matr/object.h>

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define NO_OBJECT UINT32_MAX

struct binding { /* requester and provider: by number, see number_objects() */
	uint32_t requester;
	bool copy;
	const char *symbol, *version; /* version "" where there is none */
	uint32_t provider;	      /* or a MATR_PROVIDER_* */
	const char *chosen; /* the provider's symbol, where an edit chose another name; else "" */
	int64_t edit;	    /* 0: none */
};

struct binding_list {
	struct binding *list;
	size_t n;
};

struct side {
	const struct matr_mapping *mapping;
	const struct matr_diff_side *given;
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

/* The entry before that is the same object as entry i after; NO_OBJECT: none. */
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
	return NO_OBJECT;
}

/* The edit that brings entry i into the scope, itself or with a library that needs it; 0: none. */
static int64_t edit_of(const struct side *side, size_t i)
{
	const struct matr_mapping *mapping = side->mapping;

	while (i && mapping->scope[i].rule != MATR_FOUND_EDIT && mapping->scope[i].loaded_by < i)
		i = mapping->scope[i].loaded_by;
	for (size_t e = 0; i && e < side->given->n_edited; e++) {
		const struct matr_edited_binding *edited = &side->given->edited[e];
		if (mapping->scope[i].rule == MATR_FOUND_EDIT &&
		    edited->object < mapping->n_scope &&
		    edited->relocation < mapping->scope[edited->object].object->n_relocations &&
		    mapping->objects[edited->object].bindings[edited->relocation].provider == i)
			return edited->edit;
	}
	return 0;
}

/* An object on one side, on the other, or on both; NO_OBJECT: not there. */
static void add_object(struct matr_diff *diff, enum matr_change change, const struct side *before,
		       uint32_t old, const struct side *after, uint32_t new)
{
	diff->objects[diff->n_objects++] = (struct matr_object_change){
		.change = change,
		.before = old == NO_OBJECT ? NULL : path_of(before->mapping, old),
		.after = new == NO_OBJECT ? NULL : path_of(after->mapping, new),
		.edit_before = old == NO_OBJECT ? 0 : edit_of(before, old),
		.edit_after = new == NO_OBJECT ? 0 : edit_of(after, new),
	};
}

/* Entry `new` after is entry `old` before. */
static void compare_pair(struct side *before, uint32_t old, struct side *after, uint32_t new,
			 struct matr_diff *out)
{
	if (strcmp(path_of(before->mapping, old), path_of(after->mapping, new)) != 0)
		add_object(out, MATR_CHANGE_MOVED, before, old, after, new);
	else if (!same_contents(before->mapping->scope[old].object,
				after->mapping->scope[new].object))
		add_object(out, MATR_CHANGE_REPLACED, before, old, after, new);
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
		bool is_new = i >= after->given->first;
		bool was_new = pair != NO_OBJECT && pair >= before->given->first;
		after->numbers[i] = pair == NO_OBJECT ? (uint32_t)n_before + i : pair;
		if (pair != NO_OBJECT)
			taken[pair] = true;
		if (is_new && was_new) {
			out->reordered |= pair < last;
			last = pair;
			compare_pair(before, pair, after, i, out);
		} else if (is_new) {
			add_object(out, MATR_CHANGE_ADDED, before, NO_OBJECT, after, i);
		} else if (was_new) {
			add_object(out, MATR_CHANGE_REMOVED, before, pair, after, NO_OBJECT);
		}
	}
	for (uint32_t i = (uint32_t)before->given->first; i < n_before; i++)
		if (!taken[i])
			add_object(out, MATR_CHANGE_REMOVED, before, i, after, NO_OBJECT);
	free(taken);
	return 0;
}

/* ---- bindings ---- */

static uint32_t number_of(const struct side *side, uint32_t provider)
{
	return provider < side->mapping->n_scope ? side->numbers[provider] : provider;
}

static bool is_edited(const struct matr_diff_side *side, uint32_t requester)
{
	for (size_t e = 0; e < side->n_edited; e++)
		if (side->edited[e].object == requester)
			return true;
	return false;
}

/* Test whether scope entry `k` before and entry `i` after are the same object and bind to the same
 * providers. */
static bool binds_alike(const struct side *before, uint32_t k, const struct side *after, uint32_t i)
{
	const struct matr_object *object = before->mapping->scope[k].object;
	const struct matr_binding *old = before->mapping->objects[k].bindings;
	const struct matr_binding *new = after->mapping->objects[i].bindings;

	/* An edit may have chosen another symbol of the same provider. */
	if (is_edited(before->given, k) || is_edited(after->given, i))
		return false;
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
	if (a->provider != b->provider)
		return a->provider < b->provider ? -1 : 1;
	return strcmp(a->chosen, b->chosen);
}

/* Symbol that an edit chose instead of the requested one. "": the same, or not edited. */
static const char *chosen_symbol(const struct side *side, const struct matr_edited_binding *edited,
				 const struct matr_binding *binding,
				 const struct matr_symbol *symbol)
{
	if (!edited || binding->provider >= side->mapping->n_scope)
		return "";
	const struct matr_object *provider = side->mapping->scope[binding->provider].object;
	const char *name = provider->symbols[binding->symbol].name;
	return strcmp(name, symbol->name) == 0 ? "" : name;
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
		const struct matr_edited_binding *edited = matr_edited_find(
			side->given->edited, side->given->n_edited, i, (uint32_t)r);
		side->bindings.list[side->bindings.n++] = (struct binding){
			.requester = side->numbers[i],
			.copy = object->relocations[r].type == R_X86_64_COPY,
			.symbol = symbol->name,
			.version = version && version->name ? version->name : "",
			.provider = number_of(side, binding->provider),
			.chosen = chosen_symbol(side, edited, binding, symbol),
			.edit = edited ? edited->edit : 0,
		};
	}
}

/* The distinct bindings, sorted. */
static int list_bindings(struct side *side, struct matr_error *err)
{
	struct binding_list *bindings = &side->bindings;
	size_t n = 0;

	for (size_t i = side->given->first; i < side->mapping->n_scope; i++)
		n += side->alike[i] ? 0 : side->mapping->scope[i].object->n_relocations;
	bindings->list = calloc(n + 1, sizeof *bindings->list);
	if (!bindings->list)
		return matr_fail_memory(err);
	for (uint32_t i = (uint32_t)side->given->first; i < side->mapping->n_scope; i++)
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

/* Name of the provider with a number on this side. */
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
		.before_symbol = old && old->chosen[0] ? old->chosen : NULL,
		.after_symbol = new &&new->chosen[0] ? new->chosen : NULL,
		.edit_before = old ? old->edit : 0,
		.edit_after = new ? new->edit : 0,
	};
}

/* The first of [at, end) that the other side does not have; end: there is none. */
static const struct binding *skip_common(const struct binding *at, const struct binding *end,
					 const struct binding *other,
					 const struct binding *other_end)
{
	for (; at < end; at++) {
		const struct binding *same = other;
		while (same < other_end && compare_bindings(at, same) != 0)
			same++;
		if (same == other_end)
			break;
	}
	return at;
}

/* The bindings of one key: nearly always one on each side. A function's address may be found
 * elsewhere than its calls go. */
static void diff_key(const struct side *before, const struct binding *old,
		     const struct binding *old_end, const struct side *after,
		     const struct binding *new, const struct binding *new_end,
		     struct matr_diff *out)
{
	const struct binding *olds = old, *news = new;

	for (;;) {
		old = skip_common(old, old_end, news, new_end);
		new = skip_common(new, new_end, olds, old_end);
		bool was = old < old_end, is = new < new_end;
		if (!was && !is)
			return;
		add_binding(out,
			    was && is ? MATR_CHANGE_MOVED
			    : was     ? MATR_CHANGE_REMOVED
				      : MATR_CHANGE_ADDED,
			    before, was ? old : NULL, after, is ? new : NULL);
		old += was;
		new += is;
	}
}

static const struct binding *end_of_key(const struct binding *key, const struct binding *at,
					const struct binding *end)
{
	while (at < end && compare_keys(key, at) == 0)
		at++;
	return at;
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
		const struct binding *key = order <= 0 ? old : new;
		const struct binding *old_next = end_of_key(key, old, old_end),
				     *new_next = end_of_key(key, new, new_end);
		diff_key(before, old, old_next, after, new, new_next, out);
		old = old_next;
		new = new_next;
	}
	return 0;
}

int matr_diff(const struct matr_diff_side *before, const struct matr_diff_side *after,
	      struct matr_diff *out, struct matr_error *err)
{
	struct side sides[2] = {{.mapping = before->mapping, .given = before},
				{.mapping = after->mapping, .given = after}};

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
	if (result != 0)
		matr_diff_free(out);
	return result;
}
