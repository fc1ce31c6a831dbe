/* interpreter_check.c - checking an interpreter file from its bytes (interpreter_check.h). */
#include "loader/interpreter_check.h"

#include <stdbool.h>
#include <string.h>

#include "loader/call_sites.h"
#include "loader/code.h"
#include "loader/machine.h"
#include "loader/thunk.h"

enum { PAGE = 4096 };

static int fail(const struct elf_image *file, struct matr_error *err, const char *what,
		uint64_t address)
{
	return matr_fail(err, MATR_ERROR_MALFORMED, file->path,
			 "the interpreter made of it is wrong: %s at 0x%lx", what,
			 (unsigned long)address);
}

/* ---- the kernel's rules ---- */

static int check_loads(const struct elf_image *file, struct matr_error *err)
{
	const Elf64_Phdr *last = NULL;

	for (size_t i = 0; i < file->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &file->segments[i];
		if (segment->p_type != PT_LOAD)
			continue;
		if (last && segment->p_vaddr / PAGE * PAGE < last->p_vaddr + last->p_memsz)
			return fail(file, err, "segments overlap", segment->p_vaddr);
		if (!last && segment->p_vaddr != 0)
			return fail(file, err, "the first segment is not", 0);
		if (segment->p_offset != segment->p_vaddr)
			return fail(file, err, "file offset and address differ", segment->p_vaddr);
		if ((segment->p_flags & PF_W) && (segment->p_flags & PF_X))
			return fail(file, err, "a segment is writable and executable",
				    segment->p_vaddr);
		/* Kernels before 6.9 map only the largest one's .bss, by its end. */
		if (segment->p_filesz != segment->p_memsz)
			return fail(file, err, "a segment has .bss", segment->p_vaddr);
		last = segment;
	}
	/* Such kernels clear the rest of the page behind it, or kill the process. */
	if (!last || (!(last->p_flags & PF_W) && (last->p_vaddr + last->p_filesz) % PAGE != 0))
		return fail(file, err, "the last segment does not fill its page",
			    last ? last->p_vaddr : 0);
	if (file->header.e_entry < last->p_vaddr || !(last->p_flags & PF_X) ||
	    file->header.e_entry >= last->p_vaddr + last->p_filesz)
		return fail(file, err, "the entry point is not in the last segment",
			    file->header.e_entry);
	return 0;
}

/* The table is loaded, and found at the address that is its file offset. */
static int check_table(const struct elf_image *file, struct matr_error *err)
{
	uint64_t at = file->header.e_phoff;

	if (!elf_image_at(file, at, file->header.e_phnum * sizeof(Elf64_Phdr)))
		return fail(file, err, "the program headers are not loaded", at);
	return 0;
}

static int check_sections(const struct elf_image *file, struct matr_error *err)
{
	for (size_t i = 0; file->sections && i < file->header.e_shnum; i++) {
		const Elf64_Shdr *section = &file->sections[i];
		if (!(section->sh_flags & SHF_ALLOC) || section->sh_size == 0)
			continue;
		const Elf64_Phdr *segment = elf_image_load_at(file, section->sh_addr);
		if (!segment ||
		    section->sh_addr + section->sh_size > segment->p_vaddr + segment->p_memsz)
			return fail(file, err, "a section is in no segment", section->sh_addr);
	}
	return 0;
}

/* ---- ld.so's own ---- */

static const Elf64_Phdr *last_load(const struct elf_image *image)
{
	const Elf64_Phdr *last = NULL;

	for (size_t i = 0; i < image->header.e_phnum; i++) {
		if (image->segments[i].p_type == PT_LOAD)
			last = &image->segments[i];
	}
	return last;
}

static bool is_note(const Elf64_Phdr *segment)
{
	return segment->p_type == PT_NOTE || segment->p_type == PT_GNU_PROPERTY;
}

/* Test whether the segments are the same. Notes may have moved, with their contents. */
static bool is_same(const struct elf_image *file, const Elf64_Phdr *new,
		    const struct elf_image *ld_so, const Elf64_Phdr *old)
{
	if (new->p_type != old->p_type || new->p_flags != old->p_flags ||
	    new->p_filesz != old->p_filesz || new->p_memsz != old->p_memsz)
		return false;
	if (!is_note(old))
		return new->p_vaddr == old->p_vaddr &&new->p_offset == old->p_offset;
	const unsigned char *now = elf_image_at(file, new->p_vaddr, new->p_filesz);
	return now &&
	       new->p_offset ==
		       new->p_vaddr &&memcmp(now, ld_so->bytes + old->p_offset, old->p_filesz) == 0;
}

static int check_segments(const struct elf_image *file, const struct elf_image *ld_so,
			  struct matr_error *err)
{
	for (size_t i = 0; i < ld_so->header.e_phnum; i++) {
		const Elf64_Phdr *old = &ld_so->segments[i];
		bool found = old->p_type == PT_LOAD || old->p_type == PT_PHDR;
		for (size_t k = 0; k < file->header.e_phnum && !found; k++)
			found = is_same(file, &file->segments[k], ld_so, old);
		if (!found)
			return fail(file, err, "a segment is missing that ld.so has", old->p_vaddr);
	}
	return 0;
}

static bool is_in(uint64_t at, uint64_t start, uint64_t size)
{
	return at >= start && at - start < size;
}

static bool in_section(const struct elf_image *ld_so, uint64_t at)
{
	for (size_t i = 0; ld_so->sections && i < ld_so->header.e_shnum; i++) {
		const Elf64_Shdr *section = &ld_so->sections[i];
		if ((section->sh_flags & SHF_ALLOC) && section->sh_type != SHT_NOBITS &&
		    is_in(at, section->sh_addr, section->sh_size))
			return true;
	}
	return false;
}

/* Test whether this byte of ld.so's segments may differ from the one in ld.so. */
static bool may_differ(const struct elf_image *file, const struct elf_image *ld_so,
		       const struct matr_sites *sites, uint64_t at)
{
	const Elf64_Phdr *dynamic = elf_image_segment(ld_so, PT_DYNAMIC);
	const uint64_t entry = sizeof(Elf64_Dyn);

	if (is_in(at, offsetof(Elf64_Ehdr, e_entry), 3 * sizeof(uint64_t)) ||
	    is_in(at, offsetof(Elf64_Ehdr, e_phnum), sizeof(uint16_t)) ||
	    is_in(at, offsetof(Elf64_Ehdr, e_shnum), sizeof(uint16_t)) ||
	    is_in(at, file->header.e_phoff, file->header.e_phnum * sizeof(Elf64_Phdr)))
		return true;
	/* room between its sections, and what has moved there */
	if (at >= sizeof(Elf64_Ehdr) && !in_section(ld_so, at))
		return true;
	for (size_t i = 0; i < ld_so->header.e_phnum; i++) {
		if (is_note(&ld_so->segments[i]) &&
		    is_in(at, ld_so->segments[i].p_vaddr, ld_so->segments[i].p_filesz))
			return true;
	}
	if (dynamic && is_in(at, dynamic->p_vaddr, dynamic->p_filesz)) {
		const Elf64_Dyn *old = (const Elf64_Dyn *)(ld_so->bytes + dynamic->p_offset) +
				       (at - dynamic->p_vaddr) / entry;
		return old->d_tag == DT_HASH && file->header.e_phoff == ld_so->header.e_phoff;
	}
	for (size_t i = 0; i < sites->n_sites && i < MATR_SITES_MAX; i++) {
		const struct matr_site *site = &sites->sites[i];
		if (is_in(at, site->address, site->back - site->address))
			return true;
	}
	return false;
}

static int check_bytes(const struct elf_image *file, const struct elf_image *ld_so, uint64_t base,
		       const struct matr_sites *sites, struct matr_error *err)
{
	const Elf64_Phdr *last = last_load(ld_so);
	uint64_t end = last->p_offset + last->p_filesz;

	if (base > file->size || end > base)
		return fail(file, err, "ld-stable begins", base);
	for (uint64_t at = 0; at < end; at++) {
		if (file->bytes[at] != ld_so->bytes[at] && !may_differ(file, ld_so, sites, at))
			return fail(file, err, "a byte differs from ld.so's", at);
	}
	for (uint64_t at = end; at < base; at++) {
		if (file->bytes[at] != 0)
			return fail(file, err, "ld.so's .bss is not zero", at);
	}
	return 0;
}

/* The table of sites in the file. */
static int read_sites(const struct elf_image *file, const struct elf_image *ld_stable,
		      uint64_t base, struct thunks *thunks, struct matr_sites *sites,
		      struct matr_error *err)
{
	if (thunks_find(ld_stable, thunks, err) < 0)
		return -1;
	const unsigned char *at = elf_image_at(file, base + thunks->table, sizeof *sites);
	if (!at)
		return fail(file, err, "the table of sites is not", base + thunks->table);
	memcpy(sites, at, sizeof *sites);
	if (sites->n_sites > MATR_SITES_MAX || sites->n_sites > sites->n_slots)
		return fail(file, err, "the table of sites is too large", base + thunks->table);
	return 0;
}

int interpreter_check_layout(const struct elf_image *file, const struct elf_image *ld_so,
			     const struct elf_image *ld_stable, uint64_t base,
			     struct matr_error *err)
{
	struct thunks thunks;
	struct matr_sites sites;

	if (read_sites(file, ld_stable, base, &thunks, &sites, err) < 0 ||
	    check_loads(file, err) < 0 || check_table(file, err) < 0 ||
	    check_sections(file, err) < 0 || check_segments(file, ld_so, err) < 0)
		return -1;
	return check_bytes(file, ld_so, base, &sites, err);
}

/* ---- sites ---- */

struct checked { /* one site */
	const struct elf_image *file, *ld_so, *ld_stable;
	struct disassembler *disassembler;
	const struct matr_sites *sites;
	const struct matr_site *site;
	uint64_t slot;	      /* address in the file */
	uint64_t slot_before; /* address in ld-stable */
};

static bool decode(const struct checked *c, uint64_t at, struct instruction *out)
{
	const Elf64_Phdr *segment = elf_image_load_at(c->file, at);

	return segment && disassembler_decode(c->disassembler, c->file->bytes + at,
					      segment->p_vaddr + segment->p_filesz - at, at, out);
}

/* Test whether there is a direct jump at `at` to `target`. *end receives the jump's end. */
static bool is_jump(const struct checked *c, uint64_t at, uint64_t target, uint64_t *end)
{
	struct instruction jump;

	if (!decode(c, at, &jump) || jump.flow != FLOW_JUMP || jump.target != target)
		return false;
	*end = at + jump.size;
	return true;
}

static bool is_padding(const struct checked *c, uint64_t at, uint64_t end)
{
	struct instruction next;

	while (at < end) {
		if (!decode(c, at, &next) || !next.is_padding)
			return false;
		at += next.size;
	}
	return at == end;
}

/* ld.so's bytes from `from` to `to`, at `at` in the slot, then instructions without effect. */
static bool is_copy(const struct checked *c, uint16_t at, uint16_t size, uint64_t from, uint64_t to)
{
	uint64_t start = c->slot + at, length = to - from;

	return from <= to && length <= size &&
	       memcmp(c->file->bytes + start, c->ld_so->bytes + from, length) == 0 &&
	       is_padding(c, start + length, start + size);
}

/* Bytes of the slot that must be unchanged. */
static bool is_as_assembled(const struct checked *c, size_t from, size_t to)
{
	const unsigned char *before = elf_image_at(c->ld_stable, c->slot_before + from, to - from);

	return from <= to && before &&
	       memcmp(c->file->bytes + c->slot + from, before, to - from) == 0;
}

/* Between the two copies, the system call is the last instruction and the only one of its kind. */
static bool makes_the_call(const struct checked *c)
{
	uint64_t at = c->slot + c->sites->before + c->sites->before_size;
	uint64_t end = c->slot + c->sites->after;
	struct instruction next = {.flow = FLOW_NEXT};

	while (at < end) {
		if (next.flow == FLOW_SYSTEM_CALL || !decode(c, at, &next))
			return false;
		at += next.size;
	}
	return at == end && next.flow == FLOW_SYSTEM_CALL;
}

static int check_site(const struct checked *c, struct matr_error *err)
{
	const struct matr_sites *sites = c->sites;
	const struct matr_site *site = c->site;
	uint64_t end;

	if (site->address > site->call || site->call + machine.call_size > site->back ||
	    !elf_image_at(c->ld_so, site->address, site->back - site->address) ||
	    memcmp(c->ld_so->bytes + site->call, machine.call, machine.call_size) != 0)
		return fail(c->file, err, "a site is no system call of ld.so", site->address);
	if (!is_jump(c, site->address, c->slot, &end) || !is_padding(c, end, site->back))
		return fail(c->file, err, "a site does not jump to its thunk", site->address);
	if (!is_copy(c, sites->before, sites->before_size, site->address, site->call) ||
	    !is_copy(c, sites->after, sites->after_size, site->call + machine.call_size,
		     site->back) ||
	    !makes_the_call(c))
		return fail(c->file, err, "a thunk does not do what its site did", c->slot);
	if (!is_as_assembled(c, sites->before + sites->before_size, sites->after) ||
	    !is_as_assembled(c, sites->back + sites->back_size, sites->slot_size))
		return fail(c->file, err, "a thunk is not as assembled", c->slot);
	if (!is_jump(c, c->slot + sites->back, site->back, &end))
		return fail(c->file, err, "a thunk does not jump back", c->slot);
	return 0;
}

/* ld.so's part of the file as an image of its own: by ld.so's own headers. */
static struct elf_image part_of(const struct elf_image *file, const struct elf_image *ld_so)
{
	struct elf_image part = *ld_so;

	part.bytes = file->bytes;
	part.size = file->size;
	return part;
}

/* The functions with sites still decode, and their branches lead to instructions. */
static int check_functions(const struct elf_image *part, const struct matr_sites *sites,
			   struct matr_error *err)
{
	struct code_function function;
	struct code code;

	int result = code_open(&code, part, err);
	for (size_t i = 0; i < sites->n_sites && !result; i++) {
		const struct function_range *range =
			function_range_at(&code.functions, sites->sites[i].address);
		result = range ? code_function_read(&code, range, &function, err)
			       : fail(part, err, "a site is in no function",
				      sites->sites[i].address);
		if (!result)
			code_function_free(&function);
	}
	code_close(&code);
	return result;
}

int interpreter_check_sites(const struct elf_image *file, const struct elf_image *ld_so,
			    const struct elf_image *ld_stable, uint64_t base,
			    struct matr_error *err)
{
	struct matr_sites sites;
	struct thunks thunks;
	struct checked c = {.file = file, .ld_so = ld_so, .ld_stable = ld_stable, .sites = &sites};
	struct elf_image part = part_of(file, ld_so);

	if (read_sites(file, ld_stable, base, &thunks, &sites, err) < 0 ||
	    disassembler_open(&c.disassembler, err) < 0)
		return -1;
	int result = 0;
	for (size_t i = 0; i < sites.n_sites && !result; i++) {
		c.site = &sites.sites[i];
		c.slot_before = thunks.slots + i * sites.slot_size;
		c.slot = base + c.slot_before;
		result = check_site(&c, err);
	}
	disassembler_close(c.disassembler);
	if (!result)
		result = check_functions(&part, &sites, err);
	return result ? result : call_sites_check_none(&part, err);
}
