/* hook.c - completing the application, when ld.so has mapped everything and relocated nothing.
 *
 * ld.so sets the thread id once all objects are mapped, versions are checked and TLS is set up. The
 * libraries were relocated before ld.so ran (place.c). What remains depends on ld.so having mapped
 * them: the application's own words, copy relocations, IFUNC resolvers. Then debuggers and the
 * program get back what ld.so was shown copies of.
 */
#include "ld_stable.h"

/* ld.so lists exactly the scope, in order, and the vDSO; from glibc 2.41 on also itself, where the
 * scope does not have it. */
static const char *check_objects(const struct served *served, const char **culprit)
{
	const struct link_map_public *map = served->link->r_map;
	uint32_t n = served->manifest->n_objects, i = 1;

	if (!map || map->l_addr != served->bases.application)
		return "ld.so has another application";
	for (map = map->l_next; map; map = map->l_next) {
		const struct matr_image_object *object = &served->objects[i];
		if (served->vdso && map->l_addr == served->vdso)
			continue;
		bool loader = map->l_addr == served->bases.loader;
		if (i < n && (object->flags & MATR_OBJECT_ENTRY_INTERPRETER) && loader) {
			i++;
			continue;
		}
		if (loader)
			continue;
		*culprit = map->l_name;
		if (i == n)
			return "ld.so has loaded an object too many";
		if (map->l_addr != object_base(served, i))
			return "ld.so has loaded another object";
		i++;
	}
	return i == n ? NULL : "ld.so has not loaded every object";
}

/* ld.so keeps pointers into the dynamic sections that it was shown; all others read l_ld. */
static void give_back_dynamic(const struct served *served)
{
	struct link_map_public *map = served->link->r_map->l_next;
	uint32_t n = served->manifest->n_objects, i = 1;

	for (; map && i < n; map = map->l_next) {
		while (i < n && !object_has_library(&served->objects[i]))
			i++;
		if (i == n || map->l_addr != object_base(served, i))
			continue;
		const struct matr_image_library *library =
			object_library(served, &served->objects[i]);
		map->l_ld = (Elf64_Dyn *)(map->l_addr + library->dynamic);
		i++;
	}
}

static bool protect_late(const struct served *served)
{
	for (uint32_t i = 1; i < served->manifest->n_objects; i++) {
		const struct matr_image_object *object = &served->objects[i];
		if ((object->flags & MATR_OBJECT_ENTRY_LATE_RELRO) &&
		    !(object->flags & MATR_OBJECT_ENTRY_RESIDUAL) && !place_protect(served, object))
			return false;
	}
	return true;
}

void hook(struct served *served)
{
	const char *culprit = NULL;

	chain_restore(served);
	served->link = handover_debug(served);
	const char *reason =
		served->link ? check_objects(served, &culprit) : "ld.so has not set DT_DEBUG";
	if (reason)
		start_again(served, reason, culprit);
	relocate_program(&served->bases, served->bases.application, served->manifest->words);
	relocate_copies(served);
	if (!relocate_ifuncs(served) || !protect_late(served))
		start_again(served, "a library cannot be protected", NULL);
	give_back_dynamic(served);
	handover_give_back(served);
	closures_prepare(served);
	report_applied(served);
}
