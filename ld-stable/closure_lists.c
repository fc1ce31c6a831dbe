/* closure_lists.c - the lists of needed names that ld.so walks through for a dlopen().
 *
 * ld.so compares each needed name of each object with the names of all objects, whether or not it
 * leads to something new. For large programs that takes longer than the rest of the load. So while
 * a closure is loaded, the dynamic sections of objects that are loaded already begin behind the
 * names that lead to nothing new.
 */
#include "closure.h"
#include "ld_stable.h"

enum { WORTHWHILE = 64 }; /* names */

/* The way that ld.so goes to find what a root depends on: through DT_NEEDED of the root, then of
 * what that leads to, and so on; for each name it compares the names of all objects. */
struct walk {
	uint32_t n;	   /* objects in the queue, in the order in which they are found */
	uint32_t n_direct; /* of these, found by way of the root's names; the root included */
	uint32_t n_found;  /* names that lead to what is found already */
};

/* Go the same way. Returns false if a name is not known. */
static bool walk_needed(const struct served *served, uint32_t root, struct walk *walk)
{
	const struct closures *closures = served->closures;
	const uint32_t *first = at_place(&served->bases, closures->image->needed_first);
	const uint32_t *needed = at_place(&served->bases, closures->image->needed);

	for (uint32_t i = 0; i < served->manifest->n_objects + closures->image->n_loaded; i++)
		closures->found[i] = 0;
	*walk = (struct walk){.n = 1};
	closures->queue[0] = root;
	closures->found[root] = 1;
	for (uint32_t i = 0; i < walk->n; i++) {
		uint32_t id = closures->queue[i];
		bool leading = true;
		closures->skipped[id] = 0;
		for (uint32_t at = first[id]; at < first[id + 1]; at++) {
			if (needed[at] == MATR_NEEDED_UNKNOWN)
				return false;
			bool found = closures->found[needed[at]];
			leading = leading && found;
			closures->skipped[id] += leading;
			walk->n_found += found;
			if (found)
				continue;
			closures->found[needed[at]] = 1;
			closures->queue[walk->n++] = needed[at];
		}
		if (i == 0)
			walk->n_direct = walk->n;
	}
	return true;
}

static const struct matr_image_object *object_of(const struct served *served, uint32_t id)
{
	const struct closures *closures = served->closures;
	uint32_t n_start = served->manifest->n_objects;

	if (id < n_start)
		return &served->objects[id];
	return closures->states[id - n_start] == THERE
		       ? &closures->objects[closures->as[id - n_start]]
		       : NULL;
}

/* The dynamic section of a library that is there; NULL: unknown. */
static Elf64_Dyn *dynamic_of(const struct served *served, uint32_t id)
{
	const struct link_map_public *map = served->closures->maps[id];
	const struct matr_image_object *object = object_of(served, id);

	if (!map || !object || !object_has_library(object))
		return NULL;
	return (Elf64_Dyn *)(map->l_addr + object_library(served, object)->dynamic);
}

static uint32_t needed_count(const struct served *served, uint32_t id)
{
	const uint32_t *first = at_place(&served->bases, served->closures->image->needed_first);

	return first[id + 1] - first[id];
}

static bool is_plain_path(const char *name)
{
	if (*name != '/')
		return false;
	while (*name && *name != '$')
		name++;
	return !*name;
}

/* Test whether all objects except the root are there, by names that ld.so takes as they are. (No
 * recorded library that a name leads to has '$' in its path.) */
static bool all_are_there(const struct served *served, const struct walk *walk)
{
	const struct closures *closures = served->closures;

	for (uint32_t i = 1; i < walk->n; i++) {
		uint32_t id = closures->queue[i];
		const struct matr_image_object *object = object_of(served, id);
		if (!object || !closures->maps[id] ||
		    (!object_has_library(object) &&
		     (needed_count(served, id) || !is_plain_path(closures->maps[id]->l_name))))
			return false;
	}
	return true;
}

/* The first object with a list, behind the root; 0: there is none. */
static uint32_t first_with_list(const struct served *served, const struct walk *walk)
{
	for (uint32_t i = 1; i < walk->n; i++) {
		if (needed_count(served, served->closures->queue[i]))
			return served->closures->queue[i];
	}
	return 0;
}

static uint64_t strings_of(const struct link_map_public *map, const Elf64_Dyn *dyn)
{
	for (; dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == DT_STRTAB)
			return dyn->d_un.d_ptr < map->l_addr ? dyn->d_un.d_ptr + map->l_addr
							     : dyn->d_un.d_ptr;
	}
	return 0;
}

/* Give the first object that has a list one dynamic section for all. It lists, in order and by the
 * name that ld.so has, all objects that are found by way of more than the root's names; so the
 * others need no list. Possible if all objects but the root are there. Returns false if not. */
static bool list_at_first(const struct served *served, const struct walk *walk, uint32_t id)
{
	const struct closures *closures = served->closures;
	const Elf64_Dyn *own = dynamic_of(served, id);
	Elf64_Dyn *to = closures->section;

	if (!own || closures->maps[id]->l_ld != own)
		return false;
	uint64_t strings = strings_of(closures->maps[id], own);
	for (uint32_t i = walk->n_direct; i < walk->n; i++)
		*to++ = (Elf64_Dyn){
			DT_NEEDED,
			{(uint64_t)closures->maps[closures->queue[i]]->l_name - strings}};
	own += needed_count(served, id);
	while (own->d_tag != DT_NULL && to < closures->section_end - 1)
		*to++ = *own++;
	*to = *own;
	return strings && own->d_tag == DT_NULL;
}

/* Names that lead to objects which are found already add nothing. So until the closure is mapped,
 * dynamic sections of loaded objects begin behind them. They are complete otherwise, for other
 * readers. */
void closure_shorten_lists(struct served *served, const struct matr_image_closure *closure)
{
	struct closures *closures = served->closures;
	uint32_t root = served->manifest->n_objects + closure->root, first = 0;
	struct walk walk;

	if (!walk_needed(served, root, &walk) || walk.n_found < WORTHWHILE)
		return;
	if (all_are_there(served, &walk))
		first = first_with_list(served, &walk);
	if (first && !list_at_first(served, &walk, first))
		first = 0;
	for (uint32_t i = 1; i < walk.n; i++) {
		uint32_t id = closures->queue[i];
		uint32_t skipped = first ? needed_count(served, id) : closures->skipped[id];
		Elf64_Dyn *dynamic = dynamic_of(served, id);
		if (!dynamic || !skipped || closures->maps[id]->l_ld != dynamic)
			continue;
		closures->maps[id]->l_ld = id == first ? closures->section : dynamic + skipped;
		closures->queue[closures->n_shortened++] = id;
	}
}

void closure_restore_lists(struct served *served)
{
	struct closures *closures = served->closures;

	for (uint32_t i = 0; i < closures->n_shortened; i++) {
		uint32_t id = closures->queue[i];
		closures->maps[id]->l_ld = dynamic_of(served, id);
	}
	closures->n_shortened = 0;
}
