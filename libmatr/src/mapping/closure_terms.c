/* closure_terms.c - which of a closure's bindings hold in every process that may load it.
 *
 * A closure was bound in the scope of the start followed by its own objects. In a process things
 * may differ, and ld-stable cannot see how: it knows which objects there are, but not with which
 * flags they were loaded.
 *
 * - An object loaded before with RTLD_GLOBAL comes after the scope of the start and before the
 *   closure. So a name that is bound in the closure, or not at all, must not be defined by another
 *   object that the application loads, nor by another of the closure itself, which may have come
 *   with something else. Of those that were recorded this is known here; for others ld-stable looks
 *   (`names`).
 * - With RTLD_DEEPBIND the closure comes before the scope of the start, with all that its root
 *   depends on, objects of the start too, in the order of this dependence. So a name that is bound
 *   in the scope of the start must not be defined by an object that comes first in that order.
 * - Where ld.so binds to an object that the requester does not depend on, it notes that the object
 *   must stay as long as the requester does (dlclose). It cannot note what it does not do.
 * - There is one STB_GNU_UNIQUE symbol of a name in a process, and ld.so keeps the list of them.
 *
 * References of these kinds are unsettled: they are left to ld.so, one by one. A name among
 * DT_NEEDED that leads to another object when that is loaded already changes the closure itself;
 * then it is left to ld.so whole.
 *
 * Functions are bound when the closure is loaded or, with RTLD_LAZY, when they are first called. So
 * an object keeps its PLT, which is ld.so's then:
 *
 * - where it has functions that are undefined: RTLD_NOW refuses to load them, RTLD_LAZY does not;
 * - where it has functions that are not bound in the scope of the start, and the closure is not
 *   known to be loaded with RTLD_NOW: what is loaded between then and the first call may define
 *   them.
 */
#include "mapping/closure_terms.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include <matr/image_format.h>

#include "base/array.h"
#include "base/intern.h"
#include "base/path.h"

struct hash_list {
	uint32_t *list;
	size_t n, capacity;
};

/* The objects that each name leads to. */
struct owners {
	struct intern names;
	uint32_t *first; /* by name: index into list + 1; 0: none */
	size_t first_capacity;
	struct owner {		 /* chained by name */
		uint32_t object; /* in loaded, or START plus scope index */
		uint32_t next;	 /* index into list + 1; 0: last */
	} * list;
	size_t n, capacity;
};

#define START UINT32_C(0x80000000)

/* Data that all closures of the application share. */
struct universe {
	struct intern paths; /* of the members: number in loaded */
	const struct matr_scope_entry **loaded;
	struct owners symbols; /* that members refer to: which objects define them */
	uint32_t n_start;
	struct owners needed; /* whole names that DT_NEEDED may have: which objects have them */
	struct owners files;  /* last components of paths: likewise */
};

#define NOT_MEMBER UINT32_MAX

/* One closure while its terms are made. */
struct work {
	const struct universe *universe;
	const struct matr_closure *closure;
	struct closure_terms *terms;
	uint32_t *member; /* by number in loaded: which member it is; NOT_MEMBER */
	bool *depends_on; /* members' members: [requester * n_members + provider] */
	/* By scope index: in the order of what the root depends on; NOT_MEMBER: nowhere. */
	uint32_t *place;
	bool disordered; /* a name leads to an object that is not known by it */
	struct hash_list names, files;
};

void closure_terms_free(struct closure_terms *terms, size_t n_closures)
{
	for (size_t i = 0; terms && i < n_closures; i++) {
		for (size_t m = 0; terms[i].unsettled && m < terms[i].n_members; m++)
			free(terms[i].unsettled[m]);
		free(terms[i].unsettled);
		free(terms[i].keep_plt);
		free(terms[i].names);
		free(terms[i].files);
	}
	free(terms);
}

/* ---- hashes ---- */

static int add_hash(struct hash_list *list, const char *text, struct matr_error *err)
{
	if (array_reserve(&list->list, &list->capacity, list->n + 1, sizeof *list->list, err) != 0)
		return -1;
	list->list[list->n++] = matr_image_name_hash(text);
	return 0;
}

static int compare_hashes(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	return a < b ? -1 : a > b;
}

static void sort_once(struct hash_list *list)
{
	size_t kept = 0;

	if (list->n)
		qsort(list->list, list->n, sizeof *list->list, compare_hashes);
	for (size_t i = 0; i < list->n; i++) {
		if (!kept || list->list[kept - 1] != list->list[i])
			list->list[kept++] = list->list[i];
	}
	list->n = kept;
}

/* ---- owners of names ---- */

static void owners_free(struct owners *owners)
{
	intern_free(&owners->names);
	free(owners->first);
	free(owners->list);
}

/* The text must stay where it is. */
static int add_name(struct owners *owners, const char *text, uint32_t *name, struct matr_error *err)
{
	size_t n = owners->names.n;

	if (array_reserve(&owners->first, &owners->first_capacity, n + 1, sizeof *owners->first,
			  err) != 0 ||
	    intern_add(&owners->names, text, name, err) < 0)
		return -1;
	if (*name == n)
		owners->first[n] = 0;
	return 0;
}

static int add_owner(struct owners *owners, uint32_t name, uint32_t object, struct matr_error *err)
{
	uint32_t first = owners->first[name];

	if (first && owners->list[first - 1].object == object)
		return 0;
	if (array_reserve(&owners->list, &owners->capacity, owners->n + 1, sizeof *owners->list,
			  err) != 0)
		return -1;
	owners->list[owners->n++] = (struct owner){object, first};
	owners->first[name] = (uint32_t)owners->n;
	return 0;
}

/* The first owner of a name; NULL: there is none. */
static const struct owner *owner_of(const struct owners *owners, const char *text)
{
	uint32_t name = intern_find(&owners->names, text);

	return name == UINT32_MAX || !owners->first[name] ? NULL
							  : &owners->list[owners->first[name] - 1];
}

static const struct owner *next_owner(const struct owners *owners, const struct owner *owner)
{
	return owner->next ? &owners->list[owner->next - 1] : NULL;
}

/* ---- the universe ---- */

static void universe_free(struct universe *universe)
{
	intern_free(&universe->paths);
	owners_free(&universe->symbols);
	owners_free(&universe->needed);
	owners_free(&universe->files);
	free(universe->loaded);
}

/* The names by which DT_NEEDED may mean the object. */
static int collect_labels(struct universe *universe, const struct matr_scope_entry *entry,
			  uint32_t object, struct matr_error *err)
{
	const char *whole[] = {entry->needed_as, entry->object->soname};
	uint32_t name;

	for (size_t i = 0; i < 2; i++) {
		if (whole[i] && (add_name(&universe->needed, whole[i], &name, err) != 0 ||
				 add_owner(&universe->needed, name, object, err) != 0))
			return -1;
	}
	if (add_name(&universe->files, path_name(entry->path), &name, err) != 0)
		return -1;
	return add_owner(&universe->files, name, object, err);
}

static int collect_members(struct universe *universe, const struct matr_closure *closures,
			   size_t n_closures, struct matr_error *err)
{
	size_t most = 0;
	uint32_t id;

	for (size_t i = 0; i < n_closures; i++)
		most += closures[i].mapping->n_scope - closures[i].n_start;
	universe->loaded = calloc(most + 1, sizeof(struct matr_scope_entry *));
	if (!universe->loaded)
		return matr_fail_memory(err);
	universe->n_start = n_closures ? closures[0].n_start : 0;
	for (uint32_t i = 0; i < universe->n_start; i++) {
		if (collect_labels(universe, &closures[0].mapping->scope[i], START + i, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < n_closures; i++) {
		const struct matr_mapping *mapping = closures[i].mapping;
		for (size_t m = closures[i].n_start; m < mapping->n_scope; m++) {
			if (intern_add(&universe->paths, mapping->scope[m].path, &id, err) < 0)
				return -1;
			universe->loaded[id] = &mapping->scope[m];
			if (collect_labels(universe, &mapping->scope[m], id, err) != 0)
				return -1;
		}
	}
	return 0;
}

static int collect_names(struct universe *universe, struct matr_error *err)
{
	uint32_t id;

	for (uint32_t i = 0; i < universe->paths.n; i++) {
		const struct matr_object *object = universe->loaded[i]->object;
		for (size_t n = 0; n < object->n_relocations; n++) {
			uint32_t symbol = object->relocations[n].symbol;
			if (symbol && add_name(&universe->symbols, object->symbols[symbol].name,
					       &id, err) < 0)
				return -1;
		}
	}
	return 0;
}

static int collect_symbols(struct universe *universe, const struct matr_object *object,
			   uint32_t owner, struct matr_error *err)
{
	for (size_t n = 0; n < object->n_symbols; n++) {
		const struct matr_symbol *symbol = &object->symbols[n];
		if (!symbol->hashed || symbol->section == SHN_UNDEF)
			continue;
		uint32_t name = intern_find(&universe->symbols.names, symbol->name);
		if (name != UINT32_MAX && add_owner(&universe->symbols, name, owner, err) != 0)
			return -1;
	}
	return 0;
}

static int collect_definers(struct universe *universe, const struct matr_closure *closures,
			    size_t n_closures, struct matr_error *err)
{
	for (uint32_t i = 0; n_closures && i < universe->n_start; i++) {
		if (collect_symbols(universe, closures[0].mapping->scope[i].object, START + i,
				    err) != 0)
			return -1;
	}
	for (uint32_t i = 0; i < universe->paths.n; i++) {
		if (collect_symbols(universe, universe->loaded[i]->object, i, err) != 0)
			return -1;
	}
	return 0;
}

/* The scope index of an object of the start or of the closure; NOT_MEMBER: it is another. */
static uint32_t index_of(const struct work *work, uint32_t object)
{
	if (object >= START)
		return object - START;
	return work->member[object] == NOT_MEMBER ? NOT_MEMBER
						  : work->universe->n_start + work->member[object];
}

/* Test whether the application loads an object that defines the name, other than the one at scope
 * index `provider`. */
static bool is_defined_by_other(const struct work *work, const char *text, uint32_t provider)
{
	const struct owners *symbols = &work->universe->symbols;

	for (const struct owner *owner = owner_of(symbols, text); owner;
	     owner = next_owner(symbols, owner)) {
		if (owner->object < START && index_of(work, owner->object) != provider)
			return true;
	}
	return false;
}

/* Test whether a name that is bound to an object of the start may lead to another object with
 * RTLD_DEEPBIND. Versions do not count. */
static bool is_moved_by_deepbind(const struct work *work, const char *text, uint32_t provider)
{
	const struct owners *symbols = &work->universe->symbols;
	const uint32_t *place = work->place;

	for (const struct owner *owner = owner_of(symbols, text); owner;
	     owner = next_owner(symbols, owner)) {
		uint32_t index = index_of(work, owner->object);
		if (index == NOT_MEMBER || index == provider || index == 0)
			continue;
		if (work->disordered ||
		    (place[index] != NOT_MEMBER && place[index] < place[provider]))
			return true;
	}
	return false;
}

/* ---- names among DT_NEEDED ---- */

struct needed {		 /* where a name leads */
	uint32_t start;	 /* to the first object of the start of these; NOT_MEMBER */
	bool elsewhere;	 /* to an object that another closure loads */
	uint32_t member; /* to the first member of these; NOT_MEMBER */
};

static void note_owners(const struct work *work, const struct owners *owners, const char *text,
			struct needed *out)
{
	for (const struct owner *owner = owner_of(owners, text); owner;
	     owner = next_owner(owners, owner)) {
		if (owner->object >= START && owner->object - START < out->start)
			out->start = owner->object - START;
		else if (owner->object >= START)
			continue;
		else if (work->member[owner->object] == NOT_MEMBER)
			out->elsewhere = true;
		else if (work->member[owner->object] < out->member)
			out->member = work->member[owner->object];
	}
}

static struct needed follow_name(const struct work *work, const char *name)
{
	struct needed needed = {.start = NOT_MEMBER, .member = NOT_MEMBER};

	note_owners(work, &work->universe->needed, name, &needed);
	note_owners(work, &work->universe->files, path_name(name), &needed);
	return needed;
}

static int follow_needed(struct work *work, struct matr_error *err)
{
	const struct matr_closure *closure = work->closure;
	size_t n_members = work->terms->n_members;
	const struct matr_scope_entry *members = closure->mapping->scope + closure->n_start;

	for (size_t m = 0; m < n_members; m++) {
		const struct matr_object *object = members[m].object;
		for (size_t n = 0; n < object->n_needed; n++) {
			const char *name = object->needed[n];
			struct needed needed = follow_name(work, name);
			if (needed.start == NOT_MEMBER && needed.member != NOT_MEMBER)
				work->depends_on[m * n_members + needed.member] = true;
			if (needed.elsewhere)
				work->terms->reason = "two libraries that the program loads "
						      "have a name that is needed";
			if (add_hash(&work->files, path_name(name), err) < 0)
				return -1;
		}
	}
	/* Add indirect dependences (Warshall). */
	for (size_t by = 0; by < n_members; by++) {
		for (size_t m = 0; m < n_members; m++) {
			if (!work->depends_on[m * n_members + by])
				continue;
			for (size_t n = 0; n < n_members; n++)
				work->depends_on[m * n_members + n] |=
					work->depends_on[by * n_members + n];
		}
	}
	return 0;
}

/* Go through what the root depends on as ld.so does: breadth first, each object once. */
static int order_dependence(struct work *work, struct matr_error *err)
{
	const struct matr_mapping *mapping = work->closure->mapping;
	uint32_t n_start = work->universe->n_start, n = 0;
	uint32_t *queue = calloc(mapping->n_scope, sizeof *queue);

	work->place = malloc(mapping->n_scope * sizeof *work->place);
	if (!queue || !work->place) {
		free(queue);
		return matr_fail_memory(err);
	}
	memset(work->place, 0xff, mapping->n_scope * sizeof *work->place);
	work->place[n_start] = n;
	queue[n++] = n_start;
	for (uint32_t i = 0; i < n; i++) {
		const struct matr_object *object = mapping->scope[queue[i]].object;
		for (size_t k = 0; k < object->n_needed; k++) {
			struct needed needed = follow_name(work, object->needed[k]);
			uint32_t index = needed.start != NOT_MEMBER    ? needed.start
					 : needed.member != NOT_MEMBER ? n_start + needed.member
								       : NOT_MEMBER;
			work->disordered |= index == NOT_MEMBER;
			if (index == NOT_MEMBER || work->place[index] != NOT_MEMBER)
				continue;
			work->place[index] = n;
			queue[n++] = index;
		}
	}
	free(queue);
	return 0;
}

/* ---- bindings ---- */

static bool is_unsettled(const struct work *work, size_t member,
			 const struct matr_symbol *reference, const struct matr_binding *binding)
{
	const struct matr_mapping *mapping = work->closure->mapping;
	size_t n_start = work->closure->n_start;

	if (binding->provider < mapping->n_scope &&
	    mapping->scope[binding->provider].object->symbols[binding->symbol].binding ==
		    STB_GNU_UNIQUE)
		return true;
	if (binding->provider < n_start)
		return is_moved_by_deepbind(work, reference->name, binding->provider);
	if (is_defined_by_other(work, reference->name, binding->provider))
		return true;
	if (binding->provider >= mapping->n_scope)
		return false;
	size_t provider = binding->provider - n_start;
	return provider != member && !work->depends_on[member * work->terms->n_members + provider];
}

static bool needs_plt(const struct work *work, const struct matr_object *object,
		      const struct matr_relocation *relocation, const struct matr_binding *binding,
		      bool unsettled)
{
	if (relocation->table != MATR_TABLE_JMPREL || relocation->type != R_X86_64_JUMP_SLOT)
		return false;
	if (binding->provider == MATR_PROVIDER_UNDEFINED)
		return true;
	if (object->flags & MATR_OBJECT_BIND_NOW)
		return false;
	/* A load that was recorded with RTLD_NOW may come with RTLD_LAZY. Then symbols that are
	 * made global before the first call count. */
	return binding->provider == MATR_PROVIDER_WEAK_NULL || unsettled ||
	       (!work->closure->now && binding->provider >= work->closure->n_start);
}

static int find_unsettled(struct work *work, size_t member, struct matr_error *err)
{
	size_t index = work->closure->n_start + member;
	const struct matr_mapping *mapping = work->closure->mapping;
	const struct matr_object *object = mapping->scope[index].object;
	const struct matr_binding *bindings = mapping->objects[index].bindings;
	bool *unsettled = calloc(object->n_relocations + 1, sizeof *unsettled);

	if (!unsettled)
		return matr_fail_memory(err);
	work->terms->unsettled[member] = unsettled;
	for (size_t n = 0; n < object->n_relocations; n++) {
		const struct matr_relocation *relocation = &object->relocations[n];
		const struct matr_symbol *reference = &object->symbols[relocation->symbol];
		if (!relocation->symbol || !matr_symbol_is_looked_up(reference))
			continue;
		unsettled[n] = is_unsettled(work, member, reference, &bindings[n]);
		if (needs_plt(work, object, relocation, &bindings[n], unsettled[n]))
			work->terms->keep_plt[member] = true;
		if (!unsettled[n] && bindings[n].provider >= work->closure->n_start &&
		    add_hash(&work->names, reference->name, err) < 0)
			return -1;
	}
	return 0;
}

static int make_terms(struct work *work, struct matr_error *err)
{
	struct closure_terms *terms = work->terms;
	const struct matr_mapping *mapping = work->closure->mapping;
	size_t n_members = mapping->n_scope - work->closure->n_start;

	terms->n_start = work->closure->n_start;
	terms->n_members = n_members;
	terms->unsettled = calloc(n_members, sizeof *terms->unsettled);
	terms->keep_plt = calloc(n_members, sizeof *terms->keep_plt);
	work->member = malloc((work->universe->paths.n + 1) * sizeof *work->member);
	work->depends_on = calloc(n_members, n_members * sizeof *work->depends_on);
	if (!terms->unsettled || !terms->keep_plt || !work->member || !work->depends_on)
		return matr_fail_memory(err);
	memset(work->member, 0xff, work->universe->paths.n * sizeof *work->member);
	for (size_t i = n_members; i > 0; i--) {
		const char *path = mapping->scope[work->closure->n_start + i - 1].path;
		work->member[intern_find(&work->universe->paths, path)] = (uint32_t)i - 1;
	}
	if (mapping->interpreter >= work->closure->n_start &&
	    mapping->interpreter < mapping->n_scope)
		terms->reason = "it needs the dynamic linker, which the program does not";
	if (follow_needed(work, err) < 0 || order_dependence(work, err) < 0)
		return -1;
	for (size_t m = 0; m < n_members; m++) {
		if (find_unsettled(work, m, err) < 0)
			return -1;
	}
	return 0;
}

static int make_terms_of(const struct universe *universe, const struct matr_closure *closure,
			 struct closure_terms *terms, struct matr_error *err)
{
	struct work work = {.universe = universe, .closure = closure, .terms = terms};

	int result = make_terms(&work, err);
	sort_once(&work.names);
	sort_once(&work.files);
	terms->names = work.names.list;
	terms->n_names = work.names.n;
	terms->files = work.files.list;
	terms->n_files = work.files.n;
	free(work.member);
	free(work.depends_on);
	free(work.place);
	return result;
}

int closure_terms_make(const struct matr_closure *closures, size_t n_closures,
		       struct closure_terms **out, struct matr_error *err)
{
	struct universe universe = {.loaded = NULL};

	*out = calloc(n_closures + 1, sizeof **out);
	int result = *out ? 0 : matr_fail_memory(err);
	if (!result)
		result = collect_members(&universe, closures, n_closures, err);
	if (!result)
		result = collect_names(&universe, err);
	if (!result)
		result = collect_definers(&universe, closures, n_closures, err);
	for (size_t i = 0; i < n_closures && !result; i++)
		result = make_terms_of(&universe, &closures[i], &(*out)[i], err);
	universe_free(&universe);
	return result;
}
