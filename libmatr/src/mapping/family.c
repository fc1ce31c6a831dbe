/* family.c - functions that belong together: what one of them hands out, another takes back. */
#include "mapping/family.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/edit.h>

/* Functions up to NULL allocate or free memory; the others only query or tune. */
static const char *const malloc_family[] = {"malloc",	     "calloc",	       "realloc",
					    "free",	     "reallocarray",   "memalign",
					    "aligned_alloc", "posix_memalign", "valloc",
					    "pvalloc",	     "cfree",	       "malloc_usable_size",
					    "mallopt",	     "mallinfo",       "mallinfo2",
					    "malloc_info",   "malloc_stats",   "malloc_trim"};

/* C++: operator new and delete, of arrays too, with std::nothrow, size and alignment. */
static const char *const new_family[] = {"_Znwm",
					 "_Znam",
					 "_ZnwmRKSt9nothrow_t",
					 "_ZnamRKSt9nothrow_t",
					 "_ZnwmSt11align_val_t",
					 "_ZnamSt11align_val_t",
					 "_ZnwmSt11align_val_tRKSt9nothrow_t",
					 "_ZnamSt11align_val_tRKSt9nothrow_t",
					 "_ZdlPv",
					 "_ZdaPv",
					 "_ZdlPvm",
					 "_ZdaPvm",
					 "_ZdlPvRKSt9nothrow_t",
					 "_ZdaPvRKSt9nothrow_t",
					 "_ZdlPvSt11align_val_t",
					 "_ZdaPvSt11align_val_t",
					 "_ZdlPvmSt11align_val_t",
					 "_ZdaPvmSt11align_val_t",
					 "_ZdlPvSt11align_val_tRKSt9nothrow_t",
					 "_ZdaPvSt11align_val_tRKSt9nothrow_t"};

static const struct family {
	const char *name;
	const char *const *symbols;
	size_t n;
	size_t n_memory; /* the first ones, which pass memory */
} families[] = {
	{"malloc", malloc_family, sizeof malloc_family / sizeof *malloc_family, 12},
	{"new", new_family, sizeof new_family / sizeof *new_family,
	 sizeof new_family / sizeof *new_family},
};

enum { FAMILIES = sizeof families / sizeof *families };

const char *const *matr_edit_family(const char *name, size_t *n)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		if (strcmp(families[i].name, name) == 0) {
			*n = families[i].n;
			return families[i].symbols;
		}
	}
	return NULL;
}

/* The symbol's place among those that pass memory; -1: it is none. */
static int place_in(const struct family *family, const char *symbol)
{
	for (size_t i = 0; i < family->n_memory; i++)
		if (strcmp(family->symbols[i], symbol) == 0)
			return (int)i;
	return -1;
}

/* ---- a family that was torn apart ---- */

struct check {
	const struct matr_mapping *mapping;
	const struct edited_bindings *edited;
	const struct matr_edit *edits;
	size_t n_edits;
	const struct family *family;
	uint32_t library;    /* scope index of the library that some of the family goes to */
	bool everybody;	     /* some edit is of all objects' references */
	uint64_t went, left; /* symbols, a bit each */
	uint32_t left_with;  /* who provides those that are left */
};

static const char *name_at(const struct check *check, uint32_t object, uint32_t relocation)
{
	const struct matr_object *requester = check->mapping->scope[object].object;

	return requester->symbols[requester->relocations[relocation].symbol].name;
}

static uint32_t provider_at(const struct check *check, uint32_t object, uint32_t relocation)
{
	return check->mapping->objects[object].bindings[relocation].provider;
}

static const struct matr_edit *edit_of(const struct check *check, int64_t id)
{
	for (size_t i = 0; i < check->n_edits; i++)
		if (check->edits[i].id == id)
			return &check->edits[i];
	return NULL;
}

/* Test whether the object came with an edit. Such a library calls the functions that it
 * replaces. */
static bool is_added(const struct matr_mapping *mapping, uint32_t object)
{
	for (size_t steps = 0; object && steps < mapping->n_scope; steps++) {
		if (mapping->scope[object].rule == MATR_FOUND_EDIT)
			return true;
		if (mapping->scope[object].loaded_by >= mapping->n_scope ||
		    mapping->scope[object].loaded_by == object)
			return false;
		object = mapping->scope[object].loaded_by;
	}
	return false;
}

/* Collect what goes to check->library. */
static void collect_edited(struct check *check)
{
	for (size_t i = 0; i < check->edited->n; i++) {
		const struct matr_edited_binding *binding = &check->edited->list[i];
		const struct matr_edit *edit = edit_of(check, binding->edit);
		int place = place_in(check->family,
				     name_at(check, binding->object, binding->relocation));
		if (place < 0 ||
		    provider_at(check, binding->object, binding->relocation) != check->library)
			continue;
		check->went |= UINT64_C(1) << place;
		check->everybody |= edit && !edit->requester;
	}
}

static bool has_edited(const struct check *check, uint32_t object)
{
	for (size_t i = 0; i < check->edited->n; i++) {
		const struct matr_edited_binding *binding = &check->edited->list[i];
		if (binding->object == object &&
		    provider_at(check, object, binding->relocation) == check->library &&
		    place_in(check->family, name_at(check, object, binding->relocation)) >= 0)
			return true;
	}
	return false;
}

/* glibc's reallocarray calls realloc by its name. */
static bool calls_what_went(const struct check *check, int place)
{
	int realloc_place = place_in(check->family, "realloc");

	return check->everybody && strcmp(check->family->symbols[place], "reallocarray") == 0 &&
	       check->went & UINT64_C(1) << realloc_place;
}

/* Collect what one object binds elsewhere. */
static void collect_left(struct check *check, uint32_t object)
{
	const struct matr_mapping *mapping = check->mapping;
	const struct matr_object *requester = mapping->scope[object].object;

	for (uint32_t i = 0; mapping->objects[object].bindings && i < requester->n_relocations;
	     i++) {
		uint32_t provider = provider_at(check, object, i);
		if (!requester->relocations[i].symbol || provider >= mapping->n_scope ||
		    provider == check->library)
			continue;
		int place = place_in(check->family, name_at(check, object, i));
		if (place < 0 || calls_what_went(check, place))
			continue;
		/* Through the program's PLT to what the program binds. */
		if (provider == 0 &&
		    mapping->scope[0]
				    .object->symbols[mapping->objects[object].bindings[i].symbol]
				    .section == SHN_UNDEF)
			continue;
		check->left |= UINT64_C(1) << place;
		check->left_with = provider;
	}
}

static bool defines(const struct matr_object *object, const char *name)
{
	for (size_t i = 1; i < object->n_symbols; i++)
		if (object->symbols[i].section != SHN_UNDEF &&
		    strcmp(object->symbols[i].name, name) == 0)
			return true;
	return false;
}

static bool refers_to(const struct matr_object *object, const char *prefix, const char *name)
{
	size_t length = strlen(prefix);

	for (size_t i = 1; i < object->n_symbols; i++) {
		const struct matr_symbol *symbol = &object->symbols[i];
		if (symbol->section == SHN_UNDEF && strncmp(symbol->name, prefix, length) == 0 &&
		    strcmp(symbol->name + length, name) == 0)
			return true;
	}
	return false;
}

/* Test whether the library passes its calls on to the functions that it replaces. Then the memory
 * is theirs, and they can take it back. dlsym(RTLD_NEXT) does not count. It finds nothing behind
 * the last object of the scope, where an edit adds the library. */
static bool is_wrapper(const struct check *check)
{
	const struct matr_object *library = check->mapping->scope[check->library].object;

	for (size_t i = 0; i < check->family->n_memory; i++) {
		const char *name = check->family->symbols[i];
		if (check->went & UINT64_C(1) << i &&
		    (refers_to(library, "", name) || refers_to(library, "__libc_", name)))
			return true;
	}
	return false;
}

static void list_symbols(const struct check *check, uint64_t which, char *out, size_t size)
{
	size_t at = 0;

	out[0] = 0;
	for (size_t i = 0; i < check->family->n_memory && at < size; i++)
		if (which & UINT64_C(1) << i)
			at += (size_t)snprintf(out + at, size - at, "%s%s", at ? ", " : "",
					       check->family->symbols[i]);
}

static int check_one(struct check *check, struct matr_error *err)
{
	const struct matr_mapping *mapping = check->mapping;
	const struct matr_object *library = mapping->scope[check->library].object;
	char went[256], left[256], lacking[256];
	uint64_t lacks = 0;

	collect_edited(check);
	for (uint32_t i = 0; check->went && i < mapping->n_scope; i++)
		if (i != mapping->interpreter && i != check->library &&
		    (!is_added(mapping, i) || has_edited(check, i)) &&
		    (check->everybody || has_edited(check, i)))
			collect_left(check, i);
	if (!check->left || is_wrapper(check))
		return 0;
	for (size_t i = 0; i < check->family->n_memory; i++)
		if (check->left & UINT64_C(1) << i && !defines(library, check->family->symbols[i]))
			lacks |= UINT64_C(1) << i;
	list_symbols(check, check->went, went, sizeof went);
	list_symbols(check, check->left, left, sizeof left);
	list_symbols(check, lacks, lacking, sizeof lacking);
	matr_fail(err, MATR_ERROR_UNSUPPORTED, mapping->scope[0].path,
		  "only a part of an allocator would go to %s (%s); the rest stays in %s (%s), and "
		  "neither can free the other's memory; %s%s",
		  library->path, went, mapping->scope[check->left_with].object->path, left,
		  lacks ? "the former does not define " : "to move all: --family ",
		  lacks ? lacking : check->family->name);
	return -1;
}

int family_check(const struct matr_mapping *mapping, const struct edited_bindings *edited,
		 const struct matr_edit *edits, size_t n_edits, struct matr_error *err)
{
	for (size_t f = 0; f < FAMILIES; f++) {
		for (uint32_t library = 0; library < mapping->n_scope; library++) {
			struct check check = {.mapping = mapping,
					      .edited = edited,
					      .edits = edits,
					      .n_edits = n_edits,
					      .family = &families[f],
					      .library = library};
			if (check_one(&check, err) != 0)
				return -1;
		}
	}
	return 0;
}
