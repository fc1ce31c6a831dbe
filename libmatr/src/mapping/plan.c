/* plan.c - the division of relocations between the mapping and ld.so.
 *
 * The mapping takes words whose value is known except for load addresses: relative relocations,
 * and R_X86_64_64, GLOB_DAT and JUMP_SLOT against symbols that are bound; copy relocations; and
 * references bound to an IFUNC, whose resolver is called once. Everything else is residual, ld.so's
 * own:
 *
 * - TLS relocations of all kinds, which need module ids and offsets that only ld.so knows;
 * - the first reference of each object to a STB_GNU_UNIQUE symbol, so that ld.so enters it into its
 *   table of unique symbols, where objects loaded later by dlopen find it;
 * - IFUNCs of all but glibc's own libraries;
 * - copies that ld.so checks or warns about: of another size, or of protected data;
 * - words that are not aligned, and relocation types that hardly occur.
 *
 * An object is left to ld.so whole ("untouched") if a mapping cannot write its words: text
 * relocations, DT_REL, two relocations for one word.
 */
#include "mapping/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "mapping/word_layout.h"

void relocation_plan_free(struct relocation_plan *plan)
{
	for (size_t i = 0; plan->objects && i < plan->n_objects; i++) {
		struct object_plan *object = &plan->objects[i];
		free(object->words.list);
		free(object->lazy);
		free(object->residual);
	}
	free(plan->objects);
	free(plan->ifuncs);
	free(plan->copies);
	*plan = (struct relocation_plan){0};
}

static bool has_tag(const struct matr_object *object, int64_t tag, uint64_t value, bool any_value)
{
	for (size_t i = 0; i < object->n_dynamic; i++) {
		if (object->dynamic[i].tag == tag &&
		    (any_value || object->dynamic[i].value == value))
			return true;
	}
	return false;
}

/* glibc's resolvers look at the CPU and nothing else. Others may call functions, of other
 * libraries too, read thread-local variables or the environment; all of that works when ld.so
 * calls them, in its order, and for a lazily bound call that is when everything has been set up.
 * So those stay ld.so's, and lazy calls lazy. */
static bool resolvers_are_safe(const struct matr_object *object)
{
	return object->soname &&
	       (!strcmp(object->soname, "libc.so.6") || !strcmp(object->soname, "libm.so.6"));
}

/* A relocation that ld.so binds at the first call, and looks up by its index in DT_JMPREL. (In a
 * closure, only the whole of DT_JMPREL can be left to ld.so: with RTLD_NOW it does not set up the
 * PLT for it.) */
static bool is_lazy(const struct matr_object *object, const struct matr_relocation *relocation)
{
	return relocation->table == MATR_TABLE_JMPREL && relocation->type == R_X86_64_JUMP_SLOT &&
	       !(object->flags & MATR_OBJECT_BIND_NOW);
}

/* Test whether only ld.so can relocate the object. Returns 1 if so, 0 if not, -1 on error. */
static int must_stay_untouched(const struct matr_object *object, struct matr_error *err)
{
	if ((object->flags & MATR_OBJECT_TEXTREL) || has_tag(object, DT_REL, 0, true) ||
	    has_tag(object, DT_PLTREL, DT_REL, false))
		return 1;
	int separate = words_are_separate(object, err);
	return separate < 0 ? -1 : !separate;
}

const char *mapping_object_reason(const struct matr_mapping *mapping, size_t index)
{
	const struct matr_object *object = mapping->scope[index].object;

	if (!object->n_dynamic)
		return "%s has no dynamic section";
	for (size_t n = 0; n < object->n_segments; n++) {
		if ((object->segments[n].vaddr + object->segments[n].memory_size) >> 48)
			return "%s has addresses of more than 48 bits";
	}
	return NULL;
}

/* ---- adding to the plan ---- */

static int add_residual(struct object_plan *object, const struct matr_relocation *relocation,
			struct matr_error *err)
{
	if (array_reserve(&object->residual, &object->residual_capacity, object->n_residual + 1,
			  sizeof *object->residual, err) != 0)
		return -1;
	object->residual[object->n_residual++] = (Elf64_Rela){
		.r_offset = relocation->offset,
		.r_info = ELF64_R_INFO((uint64_t)relocation->symbol, relocation->type),
		.r_addend = relocation->addend,
	};
	return 0;
}

static int add_ifunc(struct relocation_plan *plan, uint32_t provider, uint64_t vaddr,
		     uint32_t object, uint64_t offset, struct matr_error *err)
{
	if (array_reserve(&plan->ifuncs, &plan->ifunc_capacity, plan->n_ifuncs + 1,
			  sizeof *plan->ifuncs, err) != 0)
		return -1;
	plan->ifuncs[plan->n_ifuncs++] =
		(struct ifunc_plan){provider, vaddr, MATR_SLOT(object, offset)};
	return 0;
}

static int plan_copy(struct relocation_plan *plan, const struct matr_mapping *mapping,
		     uint32_t index, const struct matr_relocation *relocation,
		     const struct matr_binding *binding, struct matr_error *err)
{
	const struct matr_object *object = mapping->scope[index].object;

	if (binding->provider >= mapping->n_scope) /* weak and defined nowhere: nothing to copy */
		return 0;
	const struct matr_object *provider = mapping->scope[binding->provider].object;
	const struct matr_symbol *source = &provider->symbols[binding->symbol];
	uint64_t size = object->symbols[relocation->symbol].size;
	if (source->size < size)
		size = source->size;
	if (index != 0 || plan->objects[binding->provider].untouched ||
	    source->section == SHN_ABS || source->visibility == STV_PROTECTED ||
	    source->size > object->symbols[relocation->symbol].size ||
	    !writable_segment(object, relocation->offset, size))
		return add_residual(&plan->objects[index], relocation, err);

	if (array_reserve(&plan->copies, &plan->copy_capacity, plan->n_copies + 1,
			  sizeof *plan->copies, err) != 0)
		return -1;
	plan->copies[plan->n_copies++] = (struct matr_image_copy){
		.target_vaddr = relocation->offset,
		.source_vaddr = source->value,
		.size = size,
		.object = binding->provider,
	};
	return 0;
}

/* ld.so takes no notice of an addend of GLOB_DAT and JUMP_SLOT. */
static uint64_t addend_of(const struct matr_relocation *relocation)
{
	return relocation->type == R_X86_64_64 ? (uint64_t)relocation->addend : 0;
}

/* A function that ld.so binds when it is first called: the slot leads back into the PLT. */
static int add_lazy(struct object_plan *object, const struct matr_relocation *relocation,
		    struct matr_error *err)
{
	if (array_reserve(&object->lazy, &object->lazy_capacity, object->n_lazy + 1,
			  sizeof *object->lazy, err) != 0)
		return -1;
	object->lazy[object->n_lazy++] = relocation->offset;
	return words_add(&object->words, relocation->offset, relocation->word, WORD_OWN, err);
}

/* A word-sized reference that is bound to a symbol. */
static int plan_bound(struct relocation_plan *plan, const struct matr_mapping *mapping,
		      uint32_t index, const struct matr_relocation *relocation,
		      const struct matr_binding *binding, bool *unique_seen, struct matr_error *err)
{
	const struct matr_object *requester = mapping->scope[index].object;
	struct object_plan *object = &plan->objects[index];
	const struct object_plan *provider_plan = &plan->objects[binding->provider];
	const struct matr_symbol *symbol =
		&mapping->scope[binding->provider].object->symbols[binding->symbol];

	if (symbol->type == STT_TLS)
		return add_residual(object, relocation, err);
	/* Leave to ld.so: it warns of a protected function that has its canonical address in the
	 * application, of a lazily bound one at the first call. */
	if (index == 0 && symbol->visibility == STV_PROTECTED &&
	    requester->symbols[relocation->symbol].value)
		return is_lazy(requester, relocation) ? add_lazy(object, relocation, err)
						      : add_residual(object, relocation, err);
	if (symbol->binding == STB_GNU_UNIQUE && !unique_seen[relocation->symbol]) {
		unique_seen[relocation->symbol] = true;
		return add_residual(object, relocation, err);
	}
	if (symbol->type == STT_GNU_IFUNC && symbol->section != SHN_UNDEF) {
		if (!provider_plan->ifunc_safe && !plan->of_closure &&
		    is_lazy(requester, relocation))
			return add_lazy(object, relocation, err);
		if (!provider_plan->ifunc_safe || addend_of(relocation))
			return add_residual(object, relocation, err);
		return add_ifunc(plan, binding->provider, symbol->value, index, relocation->offset,
				 err);
	}
	uint32_t provider = symbol->section == SHN_ABS ? WORD_ABSOLUTE : binding->provider;
	return words_add(&object->words, relocation->offset, symbol->value + addend_of(relocation),
			 provider, err);
}

static int plan_relocation(struct relocation_plan *plan, const struct matr_mapping *mapping,
			   uint32_t index, size_t n, bool *unique_seen, bool unsettled,
			   struct matr_error *err)
{
	const struct matr_object *object = mapping->scope[index].object;
	const struct matr_relocation *relocation = &object->relocations[n];
	const struct matr_binding *binding = &mapping->objects[index].bindings[n];
	struct object_plan *object_plan = &plan->objects[index];

	if (relocation->type == R_X86_64_NONE)
		return 0;
	/* To a slot that it binds lazily ld.so adds the load address: it must hold the file's
	 * word. */
	if (object_plan->keep_plt && relocation->table == MATR_TABLE_JMPREL) {
		if (relocation->type != R_X86_64_JUMP_SLOT)
			return 0;
		object_plan->n_kept++;
		return words_add(&object_plan->words, relocation->offset, relocation->word,
				 WORD_ABSOLUTE, err);
	}
	if (unsettled)
		return add_residual(object_plan, relocation, err);
	switch (relocation->type) {
	case R_X86_64_COPY:
		return plan_copy(plan, mapping, index, relocation, binding, err);
	case R_X86_64_IRELATIVE:
		if (!object_plan->ifunc_safe || relocation->offset & 7)
			return add_residual(object_plan, relocation, err);
		return add_ifunc(plan, index, (uint64_t)relocation->addend, index,
				 relocation->offset, err);
	case R_X86_64_64:
	case R_X86_64_GLOB_DAT:
	case R_X86_64_JUMP_SLOT:
		break;
	default:
		return add_residual(object_plan, relocation, err);
	}
	if (relocation->offset & 7)
		return add_residual(object_plan, relocation, err);
	switch (binding->provider) {
	case MATR_PROVIDER_NONE:
		return add_residual(object_plan, relocation, err);
	case MATR_PROVIDER_UNDEFINED:
	case MATR_PROVIDER_WEAK_NULL:
		/* A lazily bound call stays lazy: dlopen may still bring a definition. */
		if (is_lazy(object, relocation))
			return add_lazy(object_plan, relocation, err);
		if (binding->provider == MATR_PROVIDER_UNDEFINED)
			return add_residual(object_plan, relocation, err);
		return words_add(&object_plan->words, relocation->offset, addend_of(relocation),
				 WORD_ABSOLUTE, err);
	default:
		return plan_bound(plan, mapping, index, relocation, binding, unique_seen, err);
	}
}

static int plan_relative(struct object_plan *plan, const struct matr_relative *list, size_t n,
			 struct matr_error *err)
{
	for (size_t i = 0; i < n; i++) {
		struct matr_relocation as_rela = {
			.offset = list[i].offset,
			.addend = list[i].addend,
			.type = R_X86_64_RELATIVE,
		};
		int result = list[i].offset & 7
				     ? add_residual(plan, &as_rela, err)
				     : words_add(&plan->words, list[i].offset,
						 (uint64_t)list[i].addend, WORD_OWN, err);
		if (result < 0)
			return -1;
		plan->n_relative += !(list[i].offset & 7);
	}
	return 0;
}

static int plan_object(struct relocation_plan *plan, const struct matr_mapping *mapping,
		       const struct closure_terms *terms, uint32_t index, struct matr_error *err)
{
	const struct matr_object *object = mapping->scope[index].object;
	struct object_plan *object_plan = &plan->objects[index];
	const bool *unsettled = terms ? terms->unsettled[index - terms->n_start] : NULL;
	bool *unique_seen = calloc(object->n_symbols + 1, sizeof *unique_seen);
	int result = unique_seen ? 0 : matr_fail_memory(err);

	if (!result)
		result = plan_relative(object_plan, object->relatives, object->n_relatives, err);
	if (!result)
		result = plan_relative(object_plan, object->relr, object->n_relr, err);
	for (size_t n = 0; n < object->n_relocations && !result; n++)
		result = plan_relocation(plan, mapping, index, n, unique_seen,
					 unsettled && unsettled[n], err);
	free(unique_seen);
	return result;
}

/* ---- copy relocations against data that is complete only later ---- */

static bool range_has(uint64_t start, uint64_t size, uint64_t offset)
{
	return offset + 8 > start && offset < start + size;
}

/* A copy must be the one that ld.so would make, of the relocated source. IFUNC results in the
 * source go to the copy as well. If the source has a residual, ld.so does the copying: it relocates
 * the application last. */
static int complete_copies(struct relocation_plan *plan, const struct matr_mapping *mapping,
			   struct matr_error *err)
{
	size_t n_ifuncs = plan->n_ifuncs, kept = 0;

	for (size_t i = 0; i < plan->n_copies; i++) {
		struct matr_image_copy copy = plan->copies[i];
		const struct object_plan *source = &plan->objects[copy.object];
		bool leave = source->untouched;
		for (size_t n = 0; n < source->n_residual && !leave; n++)
			leave = range_has(copy.source_vaddr, copy.size,
					  source->residual[n].r_offset);
		if (leave) {
			const struct matr_object *object = mapping->scope[0].object;
			for (size_t n = 0; n < object->n_relocations; n++) {
				const struct matr_relocation *relocation = &object->relocations[n];
				if (relocation->type == R_X86_64_COPY &&
				    relocation->offset == copy.target_vaddr &&
				    add_residual(&plan->objects[0], relocation, err) < 0)
					return -1;
			}
			continue;
		}
		plan->copies[kept++] = copy;
		for (size_t n = 0; n < n_ifuncs; n++) {
			struct ifunc_plan ifunc = plan->ifuncs[n];
			uint64_t vaddr = MATR_SLOT_VADDR(ifunc.slot);
			if (MATR_SLOT_OBJECT(ifunc.slot) == copy.object &&
			    range_has(copy.source_vaddr, copy.size, vaddr) &&
			    add_ifunc(plan, ifunc.object, ifunc.vaddr, 0,
				      copy.target_vaddr + vaddr - copy.source_vaddr, err) < 0)
				return -1;
		}
	}
	plan->n_copies = kept;
	return 0;
}

/* Plan an object as a provider. Resolvers of the start's objects may be called when a closure is
 * loaded. A member's may not: it may be waiting for its residual. */
static int judge_object(struct relocation_plan *plan, const struct matr_mapping *mapping,
			const struct closure_terms *terms, uint32_t index, struct matr_error *err)
{
	struct object_plan *object = &plan->objects[index];

	if (terms && index < terms->n_start) {
		object->ifunc_safe = true;
		return 0;
	}
	int untouched = 1;
	object->interpreter = index == mapping->interpreter;
	if (!object->interpreter)
		untouched = must_stay_untouched(mapping->scope[index].object, err);
	if (untouched < 0)
		return -1;
	object->untouched = untouched;
	object->ifunc_safe =
		!terms && !untouched && resolvers_are_safe(mapping->scope[index].object);
	object->keep_plt = terms && terms->keep_plt[index - terms->n_start];
	return 0;
}

int relocation_plan_make(struct relocation_plan *plan, const struct matr_mapping *mapping,
			 const struct closure_terms *terms, struct matr_error *err)
{
	uint32_t first = terms ? terms->n_start : 0;
	int result = 0;

	plan->n_objects = mapping->n_scope;
	plan->of_closure = terms != NULL;
	plan->objects = calloc(mapping->n_scope, sizeof *plan->objects);
	if (!plan->objects)
		return matr_fail_memory(err);
	/* All of them first, since any may refer to any. */
	for (uint32_t i = 0; i < mapping->n_scope && !result; i++)
		result = judge_object(plan, mapping, terms, i, err);
	for (uint32_t i = first; i < mapping->n_scope && !result; i++) {
		if (!plan->objects[i].untouched)
			result = plan_object(plan, mapping, terms, i, err);
	}
	return result ? -1 : complete_copies(plan, mapping, err);
}
