/* compare.c - comparing what ld.so has written with what the image holds.
 *
 * Of a library, every word that one of its relocations is for, with the page data and the patches;
 * of the application, every word that the image writes. What is left to ld.so is not compared.
 */
#include <linux/mman.h>

#include "program.h"
#include "sites.h"

static void compare(struct comparison *comparison, uint32_t index,
		    const struct matr_image_object *object, uint64_t vaddr, uint64_t expected,
		    uint64_t found)
{
	struct line line = {.length = 0};

	comparison->words++;
	if (expected == found)
		return;
	comparison->differences++;
	line_text(&line, "diff ");
	if (!comparison->loads) {
		line_number(&line, index);
		line_text(&line, " ");
	}
	line_hex(&line, vaddr);
	line_text(&line, " ");
	line_hex(&line, expected);
	line_text(&line, " ");
	line_hex(&line, found);
	if (comparison->loads) {
		line_text(&line, " ");
		line_text(&line, at_place(&comparison->served->bases, object->path));
	}
	line_write(&line, comparison->fd);
}

/* A library as the image has it, at another address: `at` plus its base is where a word is. */
struct expected {
	const struct matr_image_library *library;
	uint64_t at; /* of vaddr `low` */
	uint64_t low, size;
};

static const uint64_t *expected_word(const struct expected *expected, uint64_t vaddr)
{
	if (vaddr < expected->low || vaddr - expected->low >= expected->size)
		return NULL;
	return (const uint64_t *)(expected->at + vaddr - expected->low);
}

/* Map the library's page data, and write the patches to it. */
static bool make_expected(const struct served *served, const struct matr_image_object *object,
			  long image_fd, struct expected *out)
{
	const struct matr_image_library *library = object_library(served, object);
	const struct matr_image_segment *segments = at_place(&served->bases, library->segments);
	uint64_t end = 0;

	*out = (struct expected){.library = library, .low = UINT64_MAX};
	for (uint32_t i = 0; i < library->n_segments; i++) {
		if (segments[i].source != MATR_SEGMENT_IMAGE)
			continue;
		if (segments[i].vaddr < out->low)
			out->low = segments[i].vaddr;
		end = segments[i].vaddr + segments[i].size;
	}
	if (!end)
		return true;
	long at = system_call(CALL_MMAP, 0, (long)(end - out->low), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (system_call_failed(at))
		return false;
	out->at = (uint64_t)at;
	out->size = end - out->low;
	for (uint32_t i = 0; i < library->n_segments; i++) {
		const struct matr_image_segment *segment = &segments[i];
		if (segment->source == MATR_SEGMENT_IMAGE &&
		    system_call_failed(
			    system_call(CALL_MMAP, (long)(out->at + segment->vaddr - out->low),
					(long)segment->size, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_FIXED, image_fd, (long)segment->offset)))
			return false;
	}
	return true;
}

/* A patch program writes relative to its object; here the object is elsewhere, but MATR_BASE_OWN is
 * still the library's base. */
static void apply_patches(const struct served *served, const struct matr_image_object *object,
			  const struct expected *expected)
{
	if (!object->patches)
		return;
	const struct matr_image_program *program = at_place(&served->bases, object->patches);
	const struct matr_image_group *group = matr_image_program_groups(program);
	uint64_t own = served->bases.place + expected->library->base;
	for (uint32_t i = 0; i < program->n_groups; i++, group = group_next(group)) {
		const uint32_t *value = group_values(group);
		struct matr_image_places places = matr_image_places(
			group + 1, group->n_entries, expected->at - expected->low + group->start);
		for (uint64_t at; matr_image_next_place(&places, &at);)
			*(uint64_t *)at =
				base_of(&served->bases, group->base, own) + group->bias + *value++;
	}
}

/* Results of resolvers, recorded or not: at exec each is called and a changed one replaces what the
 * pages hold. */
static void apply_ifuncs(const struct served *served, const struct ifunc_list *list, uint32_t index,
			 const struct expected *expected)
{
	const struct matr_image_ifunc *ifunc = list->ifuncs;

	for (uint32_t i = 0; i < list->n; i++, ifunc++) {
		uint64_t result = 0;
		for (uint32_t n = 0; n < ifunc->n_slots; n++) {
			uint64_t slot = list->slots[ifunc->first_slot + n];
			uint64_t *word = (uint64_t *)expected_word(expected, MATR_SLOT_VADDR(slot));
			if (MATR_SLOT_OBJECT(slot) != index || !word)
				continue;
			if (!result)
				result = call_resolver(object_base(served, ifunc->object) +
						       ifunc->vaddr);
			*word = result;
		}
	}
}

/* The relocation tables of an object, as its own dynamic section has them. */
struct tables {
	const Elf64_Rela *rela, *jmprel;
	const uint64_t *relr;
	uint64_t rela_size, jmprel_size, relr_size; /* bytes */
	const Elf64_Sym *symbols;
};

/* More than any object's address range; offsets in copies are differences of any size. */
#define SPAN_MAX (UINT64_C(1) << 40)

static struct tables tables_of(uint64_t base, const Elf64_Dyn *dyn)
{
	struct tables tables = {.rela = NULL};

	for (; dyn->d_tag != DT_NULL; dyn++) {
		uint64_t value = dyn->d_un.d_val;
		/* ld.so adds the load address where it can write. */
		uint64_t address = value - base < SPAN_MAX ? value : base + value;
		switch (dyn->d_tag) {
		case DT_RELA:
			tables.rela = (const Elf64_Rela *)address;
			break;
		case DT_RELASZ:
			tables.rela_size = value;
			break;
		case DT_JMPREL:
			tables.jmprel = (const Elf64_Rela *)address;
			break;
		case DT_PLTRELSZ:
			tables.jmprel_size = value;
			break;
		case DT_RELR:
			tables.relr = (const uint64_t *)address;
			break;
		case DT_RELRSZ:
			tables.relr_size = value;
			break;
		case DT_SYMTAB:
			tables.symbols = (const Elf64_Sym *)address;
			break;
		default:
			break;
		}
	}
	return tables;
}

/* Tables of relocations that the served copy of the dynamic section leaves to ld.so. */
static struct tables residual_of(const struct served *served,
				 const struct matr_image_object *object)
{
	uint64_t base = served->bases.place + object_library(served, object)->base;
	const Elf64_Phdr *segment = object_segment(served, object, PT_DYNAMIC);

	return segment ? tables_of(base, (const Elf64_Dyn *)(base + segment->p_vaddr))
		       : (struct tables){.rela = NULL};
}

static bool is_residual(const struct tables *residual, uint64_t vaddr)
{
	for (uint64_t i = 0; i < residual->rela_size / sizeof(Elf64_Rela); i++) {
		if (residual->rela[i].r_offset == vaddr)
			return true;
	}
	return false;
}

/* Test whether the slot is left for lazy binding, by ld.so without LD_BIND_NOW or by the image. The
 * image does so for functions that nothing defines, and for IFUNCs whose resolver ld.so is to call.
 * Such a slot leads into the object's own PLT, though the object does not define such a
 * function. */
static bool is_unbound(const struct served *served, const struct tables *tables,
		       const Elf64_Rela *rela, uint64_t base, uint64_t expected, uint64_t found)
{
	if (ELF64_R_TYPE(rela->r_info) != R_MACHINE_JUMP_SLOT)
		return false;
	if (!served->bind_now)
		return found - base < SPAN_MAX;
	const Elf64_Sym *symbol = tables->symbols + ELF64_R_SYM(rela->r_info);
	return expected - base < SPAN_MAX && tables->symbols &&
	       (symbol->st_shndx == SHN_UNDEF || ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC);
}

/* One library, while it is compared. */
struct subject {
	struct comparison *comparison;
	const struct matr_image_object *object;
	uint32_t index;
	uint64_t base;
	struct expected expected;
	struct tables residual;
};

static void compare_word(const struct subject *subject, uint64_t vaddr)
{
	const uint64_t *word = expected_word(&subject->expected, vaddr);

	/* Words of another alignment are left to ld.so. */
	if (word && !(vaddr & 7))
		compare(subject->comparison, subject->index, subject->object, vaddr, *word,
			*(const uint64_t *)(subject->base + vaddr));
}

static void compare_table(const struct subject *subject, const struct tables *tables,
			  const Elf64_Rela *table, uint64_t size)
{
	const struct served *served = subject->comparison->served;

	for (uint64_t i = 0; table && i < size / sizeof *table; i++) {
		uint64_t vaddr = table[i].r_offset;
		const uint64_t *word = expected_word(&subject->expected, vaddr);
		if (ELF64_R_TYPE(table[i].r_info) == R_MACHINE_NONE || !word ||
		    is_residual(&subject->residual, vaddr) ||
		    is_unbound(served, tables, &table[i], subject->base, *word,
			       *(uint64_t *)(subject->base + vaddr)))
			continue;
		compare_word(subject, vaddr);
	}
}

static void compare_relr(const struct subject *subject, const struct tables *tables)
{
	const uint64_t *entry = tables->relr;
	uint64_t vaddr = 0;

	for (uint64_t n = tables->relr ? tables->relr_size / sizeof *entry : 0; n > 0; n--) {
		uint64_t bits = *entry++;
		if (!(bits & 1)) {
			compare_word(subject, bits);
			vaddr = bits + 8;
			continue;
		}
		for (uint64_t at = vaddr; bits >>= 1; at += 8) {
			if (bits & 1)
				compare_word(subject, at);
		}
		vaddr += UINT64_C(63) * 8;
	}
}

const char *compare_library(struct comparison *comparison, const struct matr_image_object *object,
			    uint32_t index, const struct ifunc_list *ifuncs, long image_fd)
{
	const struct served *served = comparison->served;
	const struct matr_image_library *library = object_library(served, object);
	struct subject subject = {
		.comparison = comparison,
		.object = object,
		.index = index,
		.base = served->bases.place + library->base,
		.residual = residual_of(served, object),
	};

	if (!make_expected(served, object, image_fd, &subject.expected))
		return "no memory to compare with";
	apply_patches(served, object, &subject.expected);
	apply_ifuncs(served, ifuncs, index, &subject.expected);
	struct tables tables =
		tables_of(subject.base, (const Elf64_Dyn *)(subject.base + library->dynamic));
	/* All of what is left to ld.so whole. */
	if (subject.residual.rela == tables.rela && tables.rela)
		tables = (struct tables){.rela = NULL};
	compare_relr(&subject, &tables);
	compare_table(&subject, &tables, tables.rela, tables.rela_size);
	if (!subject.residual.jmprel_size) /* else ld.so relocates the PLT */
		compare_table(&subject, &tables, tables.jmprel, tables.jmprel_size);
	if (subject.expected.size)
		memory_unmap(subject.expected.at, subject.expected.size);
	return NULL;
}

/* Test whether the word is the slot of a function that is left for lazy binding. */
static bool is_unbound_slot(const struct served *served, const struct tables *tables,
			    uint64_t vaddr, uint64_t expected, uint64_t found)
{
	for (uint64_t i = 0; tables->jmprel && i < tables->jmprel_size / sizeof(Elf64_Rela); i++) {
		if (tables->jmprel[i].r_offset == vaddr)
			return is_unbound(served, tables, &tables->jmprel[i],
					  served->bases.application, expected, found);
	}
	return false;
}

void compare_application(struct comparison *comparison)
{
	const struct served *served = comparison->served;
	uint64_t base = served->bases.application;
	struct tables tables = tables_of(base, served->dynamic_copy);

	if (!served->manifest->words)
		return;
	const struct matr_image_program *program =
		at_place(&served->bases, served->manifest->words);
	const struct matr_image_group *group = matr_image_program_groups(program);
	for (uint32_t i = 0; i < program->n_groups; i++, group = group_next(group)) {
		const uint32_t *value = group_values(group);
		struct matr_image_places places =
			matr_image_places(group + 1, group->n_entries, group->start);
		for (uint64_t vaddr; matr_image_next_place(&places, &vaddr);) {
			uint64_t add = base_of(&served->bases, group->base, base) + group->bias;
			uint64_t expected = add + *value++;
			uint64_t found = *(const uint64_t *)(base + vaddr);
			if (expected != found &&
			    is_unbound_slot(served, &tables, vaddr, expected, found))
				continue;
			compare(comparison, 0, served->objects, vaddr, expected, found);
		}
	}
}

void compare_copies(struct comparison *comparison)
{
	const struct served *served = comparison->served;
	const struct matr_image_manifest *manifest = served->manifest;
	const struct matr_image_copy *copy = at_place(&served->bases, manifest->copies);

	for (uint32_t i = 0; i < manifest->n_copies; i++, copy++) {
		const unsigned char *source =
			(const unsigned char *)(object_base(served, copy->object) +
						copy->source_vaddr);
		const unsigned char *target =
			(const unsigned char *)(served->bases.application + copy->target_vaddr);
		uint64_t at = 0;
		while (at + 1 < copy->size && source[at] == target[at])
			at++;
		if (copy->size)
			compare(comparison, 0, served->objects, copy->target_vaddr + at, source[at],
				target[at]);
	}
}

/* Results that are not recorded: no page and no program has them. */
void compare_ifuncs(struct comparison *comparison)
{
	const struct served *served = comparison->served;
	const struct matr_image_manifest *manifest = served->manifest;
	const struct matr_image_ifunc *ifunc = at_place(&served->bases, manifest->ifuncs);
	const uint64_t *slots = at_place(&served->bases, manifest->ifunc_slots);

	for (uint32_t i = 0; i < manifest->n_ifuncs; i++, ifunc++) {
		uint64_t base = object_base(served, ifunc->object);
		uint64_t result = call_resolver(base + ifunc->vaddr);
		for (uint32_t n = 0; n < ifunc->n_slots; n++) {
			uint64_t slot = slots[ifunc->first_slot + n];
			uint32_t object = MATR_SLOT_OBJECT(slot);
			uint64_t vaddr = MATR_SLOT_VADDR(slot);
			uint64_t found = *(uint64_t *)(object_base(served, object) + vaddr);
			if (served->bind_now)
				compare(comparison, object, &served->objects[object], vaddr, result,
					found);
		}
	}
}
