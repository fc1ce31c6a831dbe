/* edit.c - rebinding: which references an edit is about, whether the new definition can serve them,
 * and the change itself.
 *
 * A mapping is what ld.so would do in the same scope; the edit then replaces single bindings. What
 * is refused is what could only be done by half: words that ld.so writes itself by its own look-up
 * (thread-local storage, resolvers that only it may call, objects that are left to it), and
 * definitions that cannot stand for the one that was meant (a variable for a function, data of
 * another size, another version than was asked for).
 */
#include "mapping/edit.h"

#include <elf.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/path.h"
#include "mapping/plan.h"

void edited_bindings_free(struct edited_bindings *edited)
{
	free(edited->list);
	*edited = (struct edited_bindings){.n = 0};
}

/* ---- objects that an edit is about ---- */

static bool is_pattern(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

static bool matches(const char *wanted, const char *name)
{
	return is_pattern(wanted) ? fnmatch(wanted, name, 0) == 0 : strcmp(wanted, name) == 0;
}

bool matr_edit_names(const struct matr_edit *edit)
{
	return !is_pattern(edit->program);
}

bool edit_covers(const struct matr_edit *edit, const char *program)
{
	return matches(edit->program, strchr(edit->program, '/') ? program : path_name(program));
}

bool edit_requests(const struct matr_edit *edit, const struct matr_object *object, const char *path)
{
	const char *wanted = edit->requester;

	if (!wanted)
		return true;
	return matches(wanted, object->path) || matches(wanted, path_name(object->path)) ||
	       (path && (matches(wanted, path) || matches(wanted, path_name(path)))) ||
	       (object->soname && matches(wanted, object->soname));
}

static bool is_meant(const struct matr_edit *edit, const struct matr_object *object, uint32_t index)
{
	const struct matr_symbol *symbol = &object->symbols[index];

	if (strcmp(symbol->name, edit->symbol) != 0 || !matr_symbol_is_looked_up(symbol))
		return false;
	if (!edit->version)
		return true;
	const struct matr_version *version = matr_object_symbol_version(object, symbol);
	return version && strcmp(version->name, edit->version) == 0;
}

bool edit_concerns(const struct matr_edit *edit, const struct matr_object *object)
{
	for (size_t i = 0; i < object->n_relocations; i++) {
		uint32_t symbol = object->relocations[i].symbol;
		if (symbol && is_meant(edit, object, symbol))
			return true;
	}
	return false;
}

/* ---- the new definition ---- */

enum kind { KIND_UNKNOWN, KIND_FUNCTION, KIND_DATA, KIND_TLS };

static const char *kind_name(enum kind kind)
{
	static const char *const names[] = {"something", "a function", "data", "thread-local data"};
	return names[kind];
}

/* Kind of a symbol. Assembly often leaves the type out; then the segment decides. */
static enum kind kind_of(const struct matr_object *object, const struct matr_symbol *symbol)
{
	switch (symbol->type) {
	case STT_FUNC:
	case STT_GNU_IFUNC:
		return KIND_FUNCTION;
	case STT_OBJECT:
	case STT_COMMON:
		return KIND_DATA;
	case STT_TLS:
		return KIND_TLS;
	default:
		break;
	}
	if (symbol->section == SHN_UNDEF || symbol->section == SHN_ABS)
		return KIND_UNKNOWN;
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type == PT_LOAD && symbol->value >= segment->vaddr &&
		    symbol->value - segment->vaddr < segment->memory_size)
			return segment->flags & PF_X ? KIND_FUNCTION : KIND_DATA;
	}
	return KIND_UNKNOWN;
}

bool edit_can_lead_to(const struct matr_symbol *symbol)
{
	return symbol->hashed && symbol->section != SHN_UNDEF &&
	       (symbol->visibility == STV_DEFAULT || symbol->visibility == STV_PROTECTED) &&
	       (symbol->binding == STB_GLOBAL || symbol->binding == STB_WEAK ||
		symbol->binding == STB_GNU_UNIQUE);
}

struct target { /* what is asked of the library */
	const char *name;
	const char *version; /* NULL: none in particular */
	size_t name_length;
	bool explicit_version;
};

/* The definition in the library: of that version; where none is asked for, or the library has no
 * versions, the one that a new link would take. */
static int find_definition(const struct matr_object *library, const struct target *target,
			   uint32_t *out, struct matr_error *err)
{
	bool versions = library->flags & MATR_OBJECT_VERSIONED;
	uint32_t named = 0, usual = 0;

	for (size_t i = 1; i < library->n_symbols; i++) {
		const struct matr_symbol *symbol = &library->symbols[i];
		if (!edit_can_lead_to(symbol) ||
		    strncmp(symbol->name, target->name, target->name_length) != 0 ||
		    symbol->name[target->name_length])
			continue;
		const struct matr_version *own = matr_object_symbol_version(library, symbol);
		if (target->version && own && strcmp(own->name, target->version) == 0)
			named = (uint32_t)i;
		if (!versions || !(symbol->version & 0x8000))
			usual = (uint32_t)i;
	}
	*out = target->version && named ? named : usual;
	if (target->explicit_version && !named)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, library->path,
				 "does not define %.*s in version %s", (int)target->name_length,
				 target->name, target->version);
	if (!*out)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, library->path,
				 named ? "has no default version of %.*s" : "does not define %.*s",
				 (int)target->name_length, target->name);
	/* As in ld.so, another version does not serve a reference with a version, unless the edit
	 * names it. */
	const struct matr_version *own =
		matr_object_symbol_version(library, &library->symbols[*out]);
	if (target->version && !named && own)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, library->path,
				 "defines %.*s in version %s, but version %s is asked for",
				 (int)target->name_length, target->name, own->name,
				 target->version);
	return 0;
}

/* The target of a reference: the one in the edit, with the reference's own version by default. */
static struct target target_of(const struct matr_edit *edit, const struct matr_version *asked)
{
	const char *name = edit->symbol;

	if (edit->to_symbol)
		name = edit->to_symbol;
	const char *at = edit->to_symbol ? strchr(name, '@') : NULL;
	struct target target = {
		.name = name,
		.name_length = at ? (size_t)(at - name) : strlen(name),
		.explicit_version = at != NULL,
	};

	if (at)
		target.version = at + 1 + (at[1] == '@');
	else if (!edit->to_symbol && asked)
		target.version = asked->name;
	return target;
}

static bool resolver_can_be_called(const struct matr_object *library)
{
	return library->soname &&
	       (!strcmp(library->soname, "libc.so.6") || !strcmp(library->soname, "libm.so.6"));
}

/* ---- one relocation ---- */

struct work {
	struct matr_mapping *mapping;
	const struct matr_edit *edit;
	const struct scope_addition *addition;
	const struct matr_object *library;
	size_t skipped; /* that go on by way of another binding, which is edited */
};

static const char *name_of(const struct work *work, uint32_t object)
{
	return object ? work->mapping->scope[object].object->path : work->mapping->scope[0].path;
}

static int refuse(const struct work *work, uint32_t requester, struct matr_error *err,
		  const char *reason)
{
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, name_of(work, requester), "%s: %s",
			 work->edit->symbol, reason);
}

/* The application's copy relocation of a symbol of its own. */
static bool is_copied(const struct matr_object *application, uint32_t symbol)
{
	for (size_t i = 0; i < application->n_relocations; i++)
		if (application->relocations[i].type == R_X86_64_COPY &&
		    application->relocations[i].symbol == symbol)
			return true;
	return false;
}

enum { EDIT_IT = 0, LEAVE_IT = 1 };

/* References that lead to the program itself and from there on. */
static int judge_detour(struct work *work, uint32_t requester, const struct matr_binding *binding,
			struct matr_error *err)
{
	const struct matr_object *application = work->mapping->scope[0].object;

	if (binding->provider != 0 || requester == 0)
		return EDIT_IT;
	if (is_copied(application, binding->symbol)) {
		if (!work->edit->requester ||
		    edit_requests(work->edit, application, work->mapping->scope[0].path)) {
			work->skipped++;
			return LEAVE_IT;
		}
		return refuse(work, requester, err,
			      "it is the program's copy (COPY relocation) that all objects share");
	}
	/* The address of a function is its PLT entry in the program; the call from there is
	 * edited. */
	if (application->symbols[binding->symbol].section == SHN_UNDEF && !work->edit->requester) {
		work->skipped++;
		return LEAVE_IT;
	}
	return EDIT_IT;
}

static int check_kinds(const struct work *work, uint32_t requester,
		       const struct matr_relocation *relocation, const struct matr_binding *binding,
		       const struct matr_symbol *to, struct matr_error *err)
{
	const struct matr_mapping *mapping = work->mapping;
	const struct matr_object *object = mapping->scope[requester].object;
	enum kind to_kind = kind_of(work->library, to), from_kind = KIND_UNKNOWN;
	uint64_t size = object->symbols[relocation->symbol].size;

	if (binding->provider < mapping->n_scope) {
		const struct matr_object *provider = mapping->scope[binding->provider].object;
		const struct matr_symbol *from = &provider->symbols[binding->symbol];
		from_kind = kind_of(provider, from);
		if (relocation->type != R_X86_64_COPY)
			size = from->size;
	}
	if (from_kind == KIND_UNKNOWN && relocation->type == R_X86_64_JUMP_SLOT)
		from_kind = KIND_FUNCTION;
	if (relocation->type == R_X86_64_COPY)
		from_kind = KIND_DATA;
	if (to_kind == KIND_TLS || from_kind == KIND_TLS)
		return refuse(work, requester, err,
			      "it is thread-local data, whose place only ld.so knows");
	if (from_kind != KIND_UNKNOWN && to_kind != KIND_UNKNOWN && from_kind != to_kind)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, work->library->path,
				 "%s is %s, but %s is wanted", to->name, kind_name(to_kind),
				 kind_name(from_kind));
	if (from_kind == KIND_DATA && to->size != size)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, work->library->path,
				 "%s has %llu bytes of data, not %llu", to->name,
				 (unsigned long long)to->size, (unsigned long long)size);
	if (to->type == STT_GNU_IFUNC && !resolver_can_be_called(work->library))
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, work->library->path,
				 "which %s is used is decided by a resolver (IFUNC) that only "
				 "ld.so may call",
				 to->name);
	return 0;
}

/* EDIT_IT and the definition, LEAVE_IT, or -1. */
static int judge(struct work *work, uint32_t requester, const struct matr_relocation *relocation,
		 const struct matr_binding *binding, uint32_t *definition, struct matr_error *err)
{
	const struct matr_object *object = work->mapping->scope[requester].object;
	const struct matr_symbol *reference = &object->symbols[relocation->symbol];

	switch (relocation->type) {
	case R_X86_64_64:
	case R_X86_64_GLOB_DAT:
	case R_X86_64_JUMP_SLOT:
	case R_X86_64_COPY:
		break;
	case R_X86_64_DTPMOD64:
	case R_X86_64_DTPOFF64:
	case R_X86_64_TPOFF64:
	case R_X86_64_TLSDESC:
		return refuse(work, requester, err,
			      "it is thread-local data, whose place only ld.so knows");
	default:
		return refuse(work, requester, err, "a relocation of a kind that is left to ld.so");
	}
	int detour = judge_detour(work, requester, binding, err);
	if (detour != EDIT_IT)
		return detour;
	struct target target = target_of(work->edit, matr_object_symbol_version(object, reference));
	if (find_definition(work->library, &target, definition, err) != 0)
		return -1;
	return check_kinds(work, requester, relocation, binding,
			   &work->library->symbols[*definition], err);
}

/* ---- all of them ---- */

static int check_library(const struct work *work, bool portable, struct matr_error *err)
{
	const struct matr_mapping *mapping = work->mapping;
	const struct scope_addition *addition = work->addition;

	if (addition->object == mapping->interpreter)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, work->library->path,
				 "is the dynamic linker");
	for (uint32_t i = addition->first; i < addition->end; i++) {
		const struct matr_object *object = mapping->scope[i].object;
		const char *reason = mapping_object_reason(mapping, i);
		if (reason)
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, work->library->path, reason,
					 object->path);
		if (object->flags & (MATR_OBJECT_PIE | MATR_OBJECT_FIXED) &&
		    i != mapping->interpreter)
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, object->path,
					 "is a program, not a library");
		if (portable && !object->build_id.size)
			return matr_fail(
				err, MATR_ERROR_UNSUPPORTED, object->path,
				"has no build-id, and the epoch is for copies of the system");
		if (strchr(mapping->scope[i].path, '$'))
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, object->path,
					 "has a '$' in its path, which ld.so would expand");
	}
	return 0;
}

/* Test whether the edit spares this object. Members of the addition call the original, unless the
 * edit names a requester. */
static bool is_spared(const struct work *work, uint32_t index)
{
	const struct scope_addition *addition = work->addition;

	if (work->edit->requester)
		return false;
	return index == addition->object || (index >= addition->first && index < addition->end);
}

static int compare_edited(const void *left, const void *right)
{
	const struct matr_edited_binding *a = left, *b = right;

	if (a->object != b->object)
		return a->object < b->object ? -1 : 1;
	return a->relocation < b->relocation ? -1 : a->relocation > b->relocation;
}

const struct matr_edited_binding *matr_edited_find(const struct matr_edited_binding *list, size_t n,
						   uint32_t object, uint32_t relocation)
{
	const struct matr_edited_binding wanted = {.object = object, .relocation = relocation};

	return n ? bsearch(&wanted, list, n, sizeof wanted, compare_edited) : NULL;
}

static int add_edited(struct edited_bindings *out, const struct matr_edited_binding *binding,
		      struct matr_error *err)
{
	if (array_reserve(&out->list, &out->room, out->n + 1, sizeof *out->list, err) != 0)
		return -1;
	size_t at = out->n++;
	for (; at > 0 && compare_edited(&out->list[at - 1], binding) > 0; at--)
		out->list[at] = out->list[at - 1];
	out->list[at] = *binding;
	return 0;
}

struct change {
	struct matr_edited_binding was;
	uint32_t definition;
};

struct changes {
	struct change *list;
	size_t n, room;
};

static int collect_object(struct work *work, uint32_t index, const struct edited_bindings *edited,
			  struct changes *changes, struct matr_error *err)
{
	const struct matr_object *object = work->mapping->scope[index].object;
	const struct matr_binding *bindings = work->mapping->objects[index].bindings;

	for (uint32_t n = 0; n < object->n_relocations; n++) {
		const struct matr_relocation *relocation = &object->relocations[n];
		uint32_t definition = 0;
		if (!relocation->symbol || !is_meant(work->edit, object, relocation->symbol))
			continue;
		const struct matr_edited_binding *other =
			matr_edited_find(edited->list, edited->n, index, n);
		if (other)
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, name_of(work, index),
					 "%s is bound by edit %lld already", work->edit->symbol,
					 (long long)other->edit);
		int judged = judge(work, index, relocation, &bindings[n], &definition, err);
		if (judged < 0)
			return -1;
		if (judged == LEAVE_IT)
			continue;
		if (array_reserve(&changes->list, &changes->room, changes->n + 1,
				  sizeof *changes->list, err) != 0)
			return -1;
		changes->list[changes->n++] = (struct change){
			.was = {.object = index,
				.relocation = n,
				.edit = work->edit->id,
				.original = bindings[n]},
			.definition = definition,
		};
	}
	return 0;
}

static int collect(struct work *work, const struct edited_bindings *edited, struct changes *changes,
		   struct matr_error *err)
{
	const struct matr_mapping *mapping = work->mapping;

	for (uint32_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_scope_entry *entry = &mapping->scope[i];
		if (i == mapping->interpreter || !mapping->objects[i].bindings ||
		    !edit_requests(work->edit, entry->object, entry->path) || is_spared(work, i))
			continue;
		if (collect_object(work, i, edited, changes, err) != 0)
			return -1;
	}
	if (!changes->n)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, mapping->scope[0].path,
				 "nothing%s%s binds %s%s%s through a relocation",
				 work->edit->requester ? " of " : "",
				 work->edit->requester ? work->edit->requester : " in its scope",
				 work->edit->symbol, work->edit->version ? "@" : "",
				 work->edit->version ? work->edit->version : "");
	return 0;
}

int mapping_edit(struct matr_mapping *mapping, const struct matr_edit *edit,
		 const struct scope_addition *addition, bool portable,
		 struct edited_bindings *edited, struct matr_error *err)
{
	struct work work = {
		.mapping = mapping,
		.edit = edit,
		.addition = addition,
		.library = mapping->scope[addition->object].object,
	};
	struct changes changes = {.n = 0};

	int result = check_library(&work, portable, err);
	if (result == 0)
		result = collect(&work, edited, &changes, err);
	while (result == 0 && changes.n > 0) {
		const struct change *change = &changes.list[--changes.n];
		result = add_edited(edited, &change->was, err);
		if (result == 0)
			mapping->objects[change->was.object].bindings[change->was.relocation] =
				(struct matr_binding){addition->object, change->definition};
	}
	free(changes.list);
	return result;
}

/* ---- refusing edits of words that ld.so writes ---- */

static bool is_residual(const struct object_plan *plan, uint64_t offset)
{
	for (size_t i = 0; i < plan->n_residual; i++)
		if (plan->residual[i].r_offset == offset)
			return true;
	return false;
}

int mapping_edits_check(const struct matr_mapping *mapping, const struct edited_bindings *edited,
			int64_t *edit, struct matr_error *err)
{
	struct relocation_plan plan = {0};

	if (!edited->n)
		return 0;
	int result = relocation_plan_make(&plan, mapping, NULL, err);
	for (size_t i = 0; i < edited->n && !result; i++) {
		const struct matr_edited_binding *binding = &edited->list[i];
		const struct object_plan *object = &plan.objects[binding->object];
		const struct matr_object *requester = mapping->scope[binding->object].object;
		*edit = binding->edit;
		if (object->untouched)
			result = matr_fail(
				err, MATR_ERROR_UNSUPPORTED, requester->path,
				"ld.so relocates it itself, whole: its bindings cannot be edited");
		else if (is_residual(object, requester->relocations[binding->relocation].offset))
			result = matr_fail(
				err, MATR_ERROR_UNSUPPORTED, requester->path,
				"a reference to %s is one that ld.so has to write itself",
				requester
					->symbols[requester->relocations[binding->relocation]
							  .symbol]
					.name);
	}
	relocation_plan_free(&plan);
	return result;
}
