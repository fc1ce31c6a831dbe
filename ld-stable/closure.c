/* closure.c - what the application loads with dlopen().
 *
 * ld.so tells debuggers of every change of the list of objects: it sets _r_debug's r_state and calls an empty
 * function. On the way of a dlopen() the state is RT_CONSISTENT when all new objects are mapped and none is relocated:
 * the moment to apply a mapping, just as the hook does at the start. (glibc 2.41 and later tell it when they are
 * relocated, which is noticed.) So the empty function is made to jump here (redirect.c), in processes whose application
 * has recorded closures. ld.so holds its lock all the while.
 *
 * A closure is what loading its root brings in. Its objects were bound, when the epoch began, as ld.so does it:
 * first in the scope of the start, then in the closure. That holds whatever else is in the process, for
 * what might interfere was left to ld.so then (libmatr's closure_terms.c) or is looked for now:
 *
 * - all new objects are the recorded members, and all members are there, new or not;
 * - objects that are in the process without being recorded have nothing that the closure binds to.
 *
 * Else nothing is written, and ld.so relocates the new objects.
 */
#include "ld_stable.h"

enum { STATE_CONSISTENT = 0, STATE_DELETE = 2 }; /* <link.h> RT_CONSISTENT, RT_DELETE */

#define NOT_RECORDED UINT32_MAX

extern const char closure_initialisers[] __attribute__((visibility("hidden")));

/* Set in the hook's mapping of ld-stable, where the application has closures. */
__attribute__((section(".data"))) static struct handover *followed;

static const struct matr_image_closures *closures_of(const struct handover *handover)
{
	return image_at(&handover->image, handover->image.manifest->closures);
}

static const struct matr_image_loaded *loaded_objects(const struct handover *handover)
{
	return image_at(&handover->image, closures_of(handover)->loaded);
}

static uint32_t find_loaded(const struct handover *handover, const char *path)
{
	const struct matr_image_closures *closures = closures_of(handover);
	const uint32_t *hash = image_at(&handover->image, closures->hash);
	uint64_t key = matr_image_key(path, string_length(path));

	for (uint32_t n = 0; n < closures->hash_size; n++) {
		uint32_t number = hash[(key + n) & (closures->hash_size - 1)];
		if (!number)
			break;
		if (string_equal(
			    image_at(&handover->image, loaded_objects(handover)[number - 1].path),
			    path))
			return number - 1;
	}
	return NOT_RECORDED;
}

/* ---- objects that are not recorded ---- */

struct foreign { /* what is asked of such an object */
	const char *strings, *soname;
	const uint32_t *hash; /* DT_GNU_HASH */
};

static struct foreign foreign_read(const struct link_map_public *map)
{
	struct foreign foreign = {.strings = NULL};
	uint64_t soname = 0;

	for (const Elf64_Dyn *dyn = map->l_ld; dyn->d_tag != DT_NULL; dyn++) {
		/* ld.so has added the load address, unless the section is not writable. */
		uint64_t address = dyn->d_un.d_ptr;
		if (address < map->l_addr)
			address += map->l_addr;
		if (dyn->d_tag == DT_STRTAB)
			foreign.strings = (const char *)address;
		else if (dyn->d_tag == DT_GNU_HASH)
			foreign.hash = (const uint32_t *)address;
		else if (dyn->d_tag == DT_SONAME)
			soname = dyn->d_un.d_val;
	}
	if (foreign.strings && soname)
		foreign.soname = foreign.strings + soname;
	return foreign;
}

static bool foreign_defines(const uint32_t *table, uint32_t hash)
{
	uint32_t n_buckets = table[0], first = table[1], words = table[2], shift = table[3];
	const uint64_t *bloom = (const uint64_t *)(table + 4);
	const uint32_t *buckets = (const uint32_t *)(bloom + words);
	const uint32_t *chain = buckets + n_buckets;
	uint64_t mask = UINT64_C(1) << (hash & 63) | UINT64_C(1) << (hash >> shift & 63);

	if (!words || !n_buckets || (bloom[hash / 64 & (words - 1)] & mask) != mask)
		return false;
	uint32_t symbol = buckets[hash % n_buckets];
	if (symbol < first)
		return false;
	for (;; symbol++) {
		if ((chain[symbol - first] | 1) == (hash | 1))
			return true;
		if (chain[symbol - first] & 1)
			return false;
	}
}

static const char *last_component(const char *path)
{
	const char *name = path;
	for (; *path; path++) {
		if (*path == '/')
			name = path + 1;
	}
	return name;
}

static const char *foreign_reason(const struct handover *handover,
				  const struct matr_image_closure *closure,
				  const struct link_map_public *map)
{
	const uint32_t *names = image_at(&handover->image, closure->names);
	const uint32_t *files = image_at(&handover->image, closure->files);
	struct foreign foreign = foreign_read(map);

	if (!foreign.hash)
		return "in the process is an object that was not recorded, without DT_GNU_HASH";
	uint32_t file = matr_image_name_hash(last_component(map->l_name));
	uint32_t soname = foreign.soname ? matr_image_name_hash(foreign.soname) : file;
	for (uint32_t i = 0; i < closure->n_files; i++) {
		if (files[i] == file || files[i] == soname)
			return "in the process is another library of a name that is needed";
	}
	for (uint32_t i = 0; i < closure->n_names; i++) {
		if (foreign_defines(foreign.hash, names[i]))
			return "in the process is an object with a symbol that is bound, and that "
			       "was not "
			       "recorded";
	}
	return NULL;
}

/* ---- what is in the process ---- */

/* Is the object the one that was seen before, or new and the recorded one? */
static bool is_known(const struct handover *handover, uint32_t number,
		     const struct link_map_public *map, bool fresh, struct surprise *surprise)
{
	const struct loaded_object *state = &handover->loaded[number];
	uint32_t n_objects = handover->image.manifest->n_objects;

	if (!fresh)
		return state->map == map && state->dynamic == map->l_ld &&
		       handover->bases[n_objects + number] == map->l_addr &&
		       state->seen + 1 == handover->generation;
	const char *reason = object_reason(
		map, image_at(&handover->image, loaded_objects(handover)[number].identity),
		&handover->image);
	if (reason)
		*surprise = (struct surprise){reason, map->l_name};
	return !reason;
}

/* Note every recorded object that is there. The number of new objects, and whether all of them are recorded. */
static uint32_t take_stock(struct handover *handover, bool *all_recorded, struct surprise *surprise)
{
	uint32_t n_objects = handover->image.manifest->n_objects, n_fresh = 0;
	bool fresh = handover->tail == handover->last;

	*all_recorded = true;
	handover->generation++;
	for (struct link_map_public *map = handover->last->l_next; map; map = map->l_next) {
		uint32_t number = find_loaded(handover, map->l_name);
		if (number != NOT_RECORDED && is_known(handover, number, map, fresh, surprise)) {
			handover->loaded[number] = (struct loaded_object){
				.map = map,
				.dynamic = map->l_ld,
				.seen = handover->generation,
				.fresh = fresh,
			};
			handover->bases[n_objects + number] = map->l_addr;
		} else if (fresh) {
			*all_recorded = false;
			if (!surprise->what)
				*surprise = (struct surprise){"an object that was not recorded",
							      map->l_name};
		}
		n_fresh += fresh;
		fresh = fresh || map == handover->tail;
	}
	return n_fresh;
}

static bool is_seen(const struct handover *handover, const struct link_map_public *map)
{
	uint32_t number = find_loaded(handover, map->l_name);

	return number != NOT_RECORDED && handover->loaded[number].map == map &&
	       handover->loaded[number].seen == handover->generation;
}

/* Is the process as the closure was bound for? */
static bool closure_fits(const struct handover *handover, const struct matr_image_closure *closure,
			 uint32_t n_fresh, struct surprise *surprise)
{
	const uint32_t *numbers = image_at(&handover->image, closure->loaded);

	for (uint32_t i = 0; i < closure->n_members; i++) {
		const struct loaded_object *state = &handover->loaded[numbers[i]];
		if (state->seen != handover->generation) {
			*surprise = (struct surprise){
				"an object is missing",
				image_at(&handover->image,
					 loaded_objects(handover)[numbers[i]].path)};
			return false;
		}
		n_fresh -= state->fresh;
	}
	if (n_fresh) {
		*surprise = (struct surprise){"more was loaded than recorded", NULL};
		return false;
	}
	for (const struct link_map_public *map = handover->last->l_next; map; map = map->l_next) {
		const char *reason =
			is_seen(handover, map) ? NULL : foreign_reason(handover, closure, map);
		if (reason) {
			*surprise = (struct surprise){reason, map->l_name};
			return false;
		}
	}
	return true;
}

/* ---- applying ---- */

/* The resolvers belong to objects of the start, which are relocated. */
static void bind_fresh_ifuncs(const struct handover *handover,
			      const struct matr_image_closure *closure)
{
	const struct matr_image_ifunc *ifunc = image_at(&handover->image, closure->ifuncs);
	const uint64_t *slots = image_at(&handover->image, closure->ifunc_slots);
	uint32_t n_objects = handover->image.manifest->n_objects;

	for (uint32_t i = 0; i < closure->n_ifuncs; i++, ifunc++) {
		uint64_t result = 0;
		bool called = false;
		for (uint32_t n = 0; n < ifunc->n_slots; n++) {
			uint64_t slot = slots[ifunc->first_slot + n];
			uint32_t object = MATR_SLOT_OBJECT(slot);
			if (!handover->loaded[object - n_objects].fresh)
				continue;
			if (!called)
				result = call_resolver(handover->bases[ifunc->object] +
						       ifunc->vaddr);
			called = true;
			*(uint64_t *)(handover->bases[object] + MATR_SLOT_VADDR(slot)) = result;
		}
	}
}

static void closure_apply(const struct handover *handover, const struct matr_image_closure *closure)
{
	const struct matr_image_object *members = image_at(&handover->image, closure->members);
	const uint32_t *numbers = image_at(&handover->image, closure->loaded);
	uint32_t n_objects = handover->image.manifest->n_objects;

	for (uint32_t i = 0; i < closure->n_members; i++) {
		if (handover->loaded[numbers[i]].fresh)
			relocate_object(handover, &members[i], n_objects + numbers[i]);
	}
	bind_fresh_ifuncs(handover, closure);
	for (uint32_t i = 0; i < closure->n_members; i++) {
		if (handover->loaded[numbers[i]].fresh)
			leave_residual_of(&handover->image, &members[i],
					  handover->loaded[numbers[i]].dynamic,
					  handover->bases[n_objects + numbers[i]]);
	}
}

/* The closure whose root is the first new object. */
static const struct matr_image_closure *closure_of(const struct handover *handover,
						   const struct link_map_public *root)
{
	uint32_t number = find_loaded(handover, root->l_name);
	uint64_t offset = number == NOT_RECORDED ? 0 : loaded_objects(handover)[number].closure;

	return offset ? image_at(&handover->image, offset) : NULL;
}

static bool closures_are_whole(const struct image *image)
{
	uint64_t offset = image->manifest->closures, size = image->header->file_size;

	if ((offset & 7) || offset > size - sizeof(struct matr_image_closures))
		return false;
	const struct matr_image_closures *closures = image_at(image, offset);
	return closures->size >= sizeof *closures && closures->size <= size - offset &&
	       matr_image_checksum((const char *)closures + 8, closures->size - 8) ==
		       closures->checksum;
}

/* Report that the new objects are left to ld.so: also to `matr verify --loads`. */
static void leave(const struct handover *handover, const char *root, const char *reason,
		  const char *object)
{
	if (handover->verify_loads)
		closure_not_verified(handover, root, reason, object);
	report_closure(handover, root, NULL, reason, object);
}

static void something_was_loaded(struct handover *handover)
{
	const struct link_map_public *root = handover->tail->l_next;
	struct surprise surprise = {NULL, NULL};
	bool all_recorded;

	if (!handover->closures_checked && !closures_are_whole(&handover->image)) {
		followed = NULL;
		leave(handover, root->l_name, "the closures do not match their checksum", NULL);
		return;
	}
	handover->closures_checked = true;
	uint32_t n_fresh = take_stock(handover, &all_recorded, &surprise);
	const struct matr_image_closure *closure = closure_of(handover, root);
	bool fits = closure && all_recorded && closure_fits(handover, closure, n_fresh, &surprise);
	if (!closure)
		surprise = (struct surprise){"no closure of this root was recorded", NULL};
	if (fits && handover->verify_loads) {
		surprise.what = closure_verify(handover, closure, (uint64_t)closure_initialisers);
		if (!surprise.what)
			return;
		fits = false;
	}
	if (!fits) {
		leave(handover, root->l_name, surprise.what, surprise.object);
		return;
	}
	closure_apply(handover, closure);
	report_closure(handover, root->l_name, closure, NULL, NULL);
}

static struct link_map_public *last_of(struct link_map_public *map)
{
	while (map->l_next)
		map = map->l_next;
	return map;
}

/* In the place of ld.so's _dl_debug_state. What is behind the tail when the list is consistent again was loaded.
 * (When RT_ADD is told, the root may be in the list or not, depending on glibc's version.) */
static void state_changed(void)
{
	struct handover *handover = followed;

	if (!handover)
		return;
	if (handover->link->r_state == STATE_DELETE) {
		handover->tail = NULL; /* it may be among what is removed */
	} else if (handover->link->r_state == STATE_CONSISTENT) {
		if (handover->tail && handover->tail->l_next)
			something_was_loaded(handover);
		handover->tail = last_of(handover->last);
	}
}

void closures_follow(struct handover *handover, struct link_map_public *maps)
{
	if (!handover->image.manifest->closures)
		return;
	handover->link = handover_debug(handover);
	handover->last = handover->tail = last_of(maps);
	followed = handover;
	if (!redirect((unsigned char *)handover->link->r_brk, (const void *)state_changed))
		leave(handover, "closures",
		      "ld.so's _dl_debug_state is in use, or may not be changed", NULL);
}
