#include "resolve/refused.h"

#include <elf.h>
#include <string.h>

#include "elf/isa.h"
#include "resolve/glibc_rules.h"

/* ---- versions ---- */

static bool has_tag(const struct matr_object *object, int64_t tag)
{
	for (size_t i = 0; i < object->n_dynamic; i++)
		if (object->dynamic[i].tag == tag)
			return true;
	return false;
}

static bool defines_version(const struct matr_object *object, const struct matr_version *wanted)
{
	for (size_t i = 0; i < object->n_versions; i++) {
		const struct matr_version *own = &object->versions[i];
		if (own->name && own->defined && own->hash == wanted->hash &&
		    strcmp(own->name, wanted->name) == 0)
			return true;
	}
	return false;
}

enum version_state refused_version(const struct scope *scope, const struct matr_version *wanted)
{
	if (!wanted->name || wanted->defined || !wanted->file)
		return VERSION_THERE;
	uint32_t provider = scope_names_find(&scope->loaded_as, wanted->file);

	if (provider == UINT32_MAX)
		return VERSION_OF_NOTHING;
	if (provider == SCOPE_INTERPRETER)
		provider = scope->interpreter;
	if (provider >= scope->n || wanted->weak ||
	    !has_tag(scope->entries[provider].object, DT_VERDEF) || /* it only warns */
	    defines_version(scope->entries[provider].object, wanted))
		return VERSION_THERE;
	return VERSION_MISSING;
}

static int check_version(const struct scope *scope, const struct matr_object *object,
			 const struct matr_version *wanted, struct matr_error *err)
{
	switch (refused_version(scope, wanted)) {
	case VERSION_THERE:
		break;
	case VERSION_OF_NOTHING:
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, object->path,
				 "needs version %s of %s, which is not loaded under that name",
				 wanted->name, wanted->file);
	case VERSION_MISSING:
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, scope->entries[0].path,
				 "version %s of %s is not found (needed by %s)", wanted->name,
				 wanted->file, object->path);
	}
	return 0;
}

static bool forbids_dlopen(const struct matr_object *object)
{
	uint64_t flags = 0;

	for (size_t i = 0; i < object->n_dynamic; i++)
		if (object->dynamic[i].tag == DT_FLAGS_1)
			flags = object->dynamic[i].value;
	return flags & DF_1_NOOPEN;
}

/* ---- DT_RELR ---- */

static bool needs_libc(const struct matr_object *object)
{
	size_t at = 0;

	for (size_t i = 0; i < object->n_dynamic && at < object->n_needed; i++) {
		int64_t tag = object->dynamic[i].tag;
		if (tag == DT_NEEDED && strncmp(object->needed[at], "libc.so.", 8) == 0)
			return true;
		at += tag == DT_NEEDED || tag == DT_AUXILIARY || tag == DT_FILTER;
	}
	return false;
}

/* The version keeps such an object from being loaded by a glibc before 2.36, which would not
 * relocate it. */
static int check_relr(const struct matr_object *object, struct matr_error *err)
{
	bool any = false;

	for (size_t i = 0; i < object->n_versions; i++) {
		const struct matr_version *version = &object->versions[i];
		if (!version->name || !version->file)
			continue;
		if (strcmp(version->name, "GLIBC_ABI_DT_RELR") == 0)
			return 0;
		any = true;
	}
	if (!any || !has_tag(object, DT_RELR) || !needs_libc(object))
		return 0;
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, object->path,
			 "has DT_RELR without asking for the version GLIBC_ABI_DT_RELR");
}

/* ---- one object of the scope ---- */

static int check_object(const struct matr_session *session, const struct scope *scope,
			const struct matr_object *object, struct matr_error *err)
{
	uint32_t needed = elf_isa_needed(object->flags), isa = session->system.isa;

	/* isa is 0 where ld.so does not ask. */
	if (isa && (needed & isa) != needed)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, object->path,
				 "demands a CPU ISA level that this CPU does not have");
	if (glibc_has(session->system.glibc, GLIBC_RELR_NEEDS_VERSION) &&
	    check_relr(object, err) != 0)
		return -1;
	for (size_t i = 0; i < object->n_versions && !session->incomplete; i++)
		if (check_version(scope, object, &object->versions[i], err) != 0)
			return -1;
	return 0;
}

int refused_scope(const struct matr_session *session, const struct scope *scope, uint32_t first,
		  struct matr_error *err)
{
	for (uint32_t i = 0; i < scope->n; i++) {
		const struct matr_object *object = scope->entries[i].object;
		if (i == scope->interpreter)
			continue;
		if (first && i >= first && forbids_dlopen(object))
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, object->path,
					 "does not let dlopen() load it (DF_1_NOOPEN)");
		if (check_object(session, scope, object, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- bindings ---- */

bool refused_when_called(const struct matr_object *object, const struct matr_relocation *relocation)
{
	return relocation->type == R_X86_64_JUMP_SLOT && relocation->table == MATR_TABLE_JMPREL &&
	       !(object->flags & MATR_OBJECT_BIND_NOW);
}

static int check_undefined(const struct scope *scope, const struct matr_object *object,
			   const struct matr_relocation *relocation, struct matr_error *err)
{
	if (refused_when_called(object, relocation))
		return 0;
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, scope->entries[0].path,
			 "undefined symbol %s in %s", object->symbols[relocation->symbol].name,
			 object->path);
}

/* A library that is to be reached indirectly cannot have its protected symbols moved into the
 * application: by a copy relocation, or by a canonical address. The latter is refused at the first
 * call where that is bound lazily. */
static bool moves_protected(const struct matr_object *application,
			    const struct matr_relocation *relocation,
			    const struct matr_object *provider, const struct matr_symbol *symbol)
{
	const struct matr_symbol *reference = &application->symbols[relocation->symbol];

	if (symbol->visibility != STV_PROTECTED || !(provider->flags & MATR_OBJECT_INDIRECT_EXTERN))
		return false;
	return relocation->type == R_X86_64_COPY ||
	       (relocation->type == R_X86_64_JUMP_SLOT && reference->value &&
		reference->section == SHN_UNDEF);
}

/* Resolvers of libc and libm read what only relocation writes, and crash. For those of others ld.so
 * has a warning, and calls them all the same: they are its own to call. */
static bool crashes_early(const struct matr_object *object)
{
	return object->soname && (strcmp(object->soname, "libc.so.6") == 0 ||
				  strcmp(object->soname, "libm.so.6") == 0);
}

static int check_ifunc(const struct relocating *relocating, uint32_t index,
		       const struct matr_relocation *relocation, const struct matr_binding *binding,
		       struct matr_error *err)
{
	const struct matr_object *object = relocating->scope->entries[index].object;
	const struct matr_object *provider = relocating->scope->entries[binding->provider].object;
	const struct matr_symbol *symbol = &provider->symbols[binding->symbol];

	if (symbol->type != STT_GNU_IFUNC || symbol->section == SHN_UNDEF ||
	    binding->provider == index || relocating->relocated[binding->provider] ||
	    refused_when_called(object, relocation) ||
	    (binding->provider && !crashes_early(provider)))
		return 0;
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, object->path,
			 "needs the IFUNC symbol %s of %s, which ld.so relocates later",
			 symbol->name, provider->path);
}

int refused_binding(const struct relocating *relocating, uint32_t index,
		    const struct matr_relocation *relocation, const struct matr_binding *binding,
		    struct matr_error *err)
{
	const struct scope *scope = relocating->scope;
	const struct matr_object *object = scope->entries[index].object;

	if (binding->provider == MATR_PROVIDER_UNDEFINED && !relocating->undefined_passes)
		return check_undefined(scope, object, relocation, err);
	if (binding->provider >= scope->n)
		return 0;
	const struct matr_object *provider = scope->entries[binding->provider].object;
	const struct matr_symbol *symbol = &provider->symbols[binding->symbol];
	if (index == 0 && moves_protected(object, relocation, provider, symbol))
		return matr_fail(
			err, MATR_ERROR_UNSUPPORTED, object->path,
			"refers directly to the protected symbol %s of %s, which forbids it "
			"(GNU_PROPERTY_1_NEEDED_INDIRECT_EXTERN_ACCESS)",
			symbol->name, provider->path);
	if (check_ifunc(relocating, index, relocation, binding, err) != 0)
		return -1;
	/* Only a library that happens to lie within 2 GB would do. */
	if (relocation->type == R_X86_64_PC32 && binding->provider != index)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, object->path,
				 "reaches %s of %s only within 2 GB (R_X86_64_PC32)", symbol->name,
				 provider->path);
	return 0;
}
