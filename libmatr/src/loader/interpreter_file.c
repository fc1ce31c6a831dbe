/* interpreter_file.c - the real ld.so with ld-stable behind it (interpreter_file.h). */
#include "loader/interpreter_file.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "loader/call_sites.h"
#include "loader/interpreter_check.h"
#include "loader/machine.h"
#include "loader/thunk.h"

enum {
	PAGE = 4096,
	MAX_SEGMENTS = 32,
	MAX_SECTIONS = 256,
	MAX_IMAGE = 16 << 20, /* bytes of ld.so in memory; it has a quarter of a megabyte */
};

struct build {
	struct elf_image real, stable;
	const Elf64_Phdr *first, *second, *last; /* ld.so's PT_LOAD segments */
	const Elf64_Phdr *data, *text;		 /* ld-stable's */
	struct buffer out;
	uint64_t base;
	Elf64_Phdr segments[MAX_SEGMENTS];
	size_t n_segments;
	Elf64_Shdr sections[MAX_SECTIONS];
	size_t n_sections;
};

static uint64_t page_up(uint64_t address)
{
	return (address + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/* ---- requirements on the parts ---- */

/* File offsets are addresses, so that what is added behind is found at the same distance by the
 * kernel and by those who read the file. The last segment is writable, so that ld-stable's data can
 * join it. */
static int check_real(struct build *build, struct matr_error *err)
{
	const struct elf_image *real = &build->real;
	size_t n = 0;

	if (elf_image_segment(real, PT_INTERP))
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, real->path,
				 "is a program, not an ld.so: it has a PT_INTERP");
	for (size_t i = 0; i < real->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &real->segments[i];
		if (segment->p_type != PT_LOAD)
			continue;
		if (segment->p_offset != segment->p_vaddr || segment->p_align > PAGE ||
		    segment->p_vaddr > MAX_IMAGE || segment->p_memsz > MAX_IMAGE ||
		    (n == 0 && segment->p_vaddr != 0) ||
		    (n > 0 && segment->p_vaddr < build->last->p_vaddr + build->last->p_memsz))
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, real->path,
					 "its segments are not laid out as those of ld.so");
		build->second = n == 1 ? segment : build->second;
		build->first = n == 0 ? segment : build->first;
		build->last = segment;
		n++;
	}
	if (n < 2 || !(build->last->p_flags & PF_W) || (build->first->p_flags & PF_W) ||
	    build->first->p_filesz != build->first->p_memsz ||
	    real->header.e_phnum >= MAX_SEGMENTS || !elf_image_segment(real, PT_DYNAMIC))
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, real->path,
				 "its segments are not laid out as those of ld.so");
	if (!real->sections || real->header.e_shnum > MAX_SECTIONS)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, real->path,
				 "has no section headers (was it stripped of them?)");
	return 0;
}

static int check_stable(struct build *build, struct matr_error *err)
{
	const struct elf_image *stable = &build->stable;
	const Elf64_Phdr *loads[2] = {NULL, NULL};
	size_t n = 0;

	for (size_t i = 0; i < stable->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &stable->segments[i];
		if (segment->p_type != PT_LOAD)
			continue;
		if (n == 2 || segment->p_offset != segment->p_vaddr ||
		    segment->p_vaddr % PAGE != 0 || segment->p_filesz != segment->p_memsz)
			return matr_fail(err, MATR_ERROR_MALFORMED, stable->path,
					 "its segments are not laid out as those of ld-stable");
		loads[n++] = segment;
	}
	build->data = loads[0];
	build->text = loads[1];
	if (n != 2 || build->data->p_vaddr != 0 || build->data->p_flags != (PF_R | PF_W) ||
	    build->text->p_flags != (PF_R | PF_X) || build->text->p_vaddr < build->data->p_filesz)
		return matr_fail(err, MATR_ERROR_MALFORMED, stable->path,
				 "its segments are not laid out as those of ld-stable");
	return 0;
}

/* ---- segments ---- */

static int extend_to(struct buffer *out, uint64_t size, struct matr_error *err)
{
	uint64_t at;

	return size > out->size ? buffer_extend(out, size - out->size, 1, &at, err) : 0;
}

/* ld.so's segments, its .bss as zeros, then ld-stable's. */
static int add_contents(struct build *build, struct matr_error *err)
{
	const struct elf_image *real = &build->real, *stable = &build->stable;
	uint64_t at;

	build->base = page_up(build->last->p_vaddr + build->last->p_memsz);
	if (buffer_append(&build->out, real->bytes, build->last->p_offset + build->last->p_filesz,
			  1, &at, err) < 0 ||
	    extend_to(&build->out, build->base, err) < 0 ||
	    buffer_append(&build->out, stable->bytes, build->data->p_filesz, 1, &at, err) < 0 ||
	    extend_to(&build->out, build->base + build->text->p_vaddr, err) < 0 ||
	    buffer_append(&build->out, stable->bytes + build->text->p_offset, build->text->p_filesz,
			  1, &at, err) < 0)
		return -1;
	return extend_to(&build->out, page_up(build->out.size), err);
}

/* ld.so's program headers, ld-stable's text behind its loaded segments. The last of those takes in
 * the .bss, which kernels before 6.9 do not map in the middle of an interpreter, and ld-stable's
 * data. The text ends with a page, as those kernels clear the rest. */
static void list_segments(struct build *build)
{
	const struct elf_image *real = &build->real;
	uint64_t text = build->base + build->text->p_vaddr;

	for (size_t i = 0; i < real->header.e_phnum; i++) {
		Elf64_Phdr *segment = &build->segments[build->n_segments++];
		*segment = real->segments[i];
		if (&real->segments[i] != build->last)
			continue;
		segment->p_filesz = build->base + build->data->p_filesz - segment->p_vaddr;
		segment->p_filesz =
			page_up(segment->p_vaddr + segment->p_filesz) - segment->p_vaddr;
		segment->p_memsz = segment->p_filesz;
		build->segments[build->n_segments++] = (Elf64_Phdr){
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_X,
			.p_offset = text,
			.p_vaddr = text,
			.p_paddr = text,
			.p_filesz = build->out.size - text,
			.p_memsz = build->out.size - text,
			.p_align = PAGE,
		};
	}
}

static Elf64_Phdr *text_segment(struct build *build)
{
	for (size_t i = 0; i < build->n_segments; i++) {
		if (build->segments[i].p_type == PT_LOAD &&
		    build->segments[i].p_vaddr == build->base + build->text->p_vaddr)
			return &build->segments[i];
	}
	return NULL; /* cannot be: list_segments() has added it */
}

/* ---- sections that make room ---- */

/* Move a loaded section within its segment. Possible if it is read only by way of its program
 * header, section header, or DT_HASH. `end`: of the room. */
static bool move_section(struct build *build, Elf64_Shdr *section, uint64_t to, uint64_t end)
{
	uint64_t from = section->sh_addr, size = section->sh_size;
	const Elf64_Phdr *dynamic = elf_image_segment(&build->real, PT_DYNAMIC);

	if ((section->sh_type != SHT_NOTE && section->sh_type != SHT_HASH) ||
	    section->sh_addralign > 8 || to > end || size > end - to)
		return false;
	for (size_t i = 0; i < build->n_segments; i++) {
		Elf64_Phdr *segment = &build->segments[i];
		if (segment->p_type == PT_LOAD || segment->p_vaddr >= from + size ||
		    segment->p_vaddr + segment->p_filesz <= from)
			continue;
		if (segment->p_vaddr != from || segment->p_filesz != size)
			return false;
		segment->p_offset = segment->p_vaddr = segment->p_paddr = to;
	}
	for (uint64_t at = 0; at + sizeof(Elf64_Dyn) <= dynamic->p_filesz;
	     at += sizeof(Elf64_Dyn)) {
		Elf64_Dyn *entry = (Elf64_Dyn *)(build->out.bytes + dynamic->p_offset + at);
		if (entry->d_tag == DT_HASH && entry->d_un.d_ptr == from)
			entry->d_un.d_ptr = to;
	}
	memmove(build->out.bytes + to, build->out.bytes + from, size);
	section->sh_addr = section->sh_offset = to;
	return true;
}

/* ---- call frame information ---- */

/* The entries are moved from ld-stable to `to`: what they describe is at another distance. */
static bool write_frames(struct build *build, const Elf64_Shdr *frames, uint64_t to)
{
	enum { LENGTH = 4, ID = 4, START = 8, LEAST = 16 };
	unsigned char *out = build->out.bytes + to;
	uint64_t moved = build->base + frames->sh_addr - to;

	memcpy(out, build->stable.bytes + frames->sh_offset, frames->sh_size);
	for (uint64_t at = 0; at < frames->sh_size;) {
		uint32_t length, id, start;
		if (frames->sh_size - at < LEAST)
			return false;
		memcpy(&length, out + at, sizeof length);
		memcpy(&id, out + at + ID, sizeof id);
		if (length < LEAST - LENGTH || length > frames->sh_size - at - LENGTH)
			return false;
		if (id != 0) { /* 0: common to the entries that follow */
			memcpy(&start, out + at + START, sizeof start);
			start += (uint32_t)moved;
			memcpy(out + at + START, &start, sizeof start);
		}
		at += LENGTH + length;
	}
	return true;
}

/* Append ld-stable's entries to .eh_frame, which ends its segment except for notes. Debuggers
 * need them to walk the stack out of ld-stable, which is stripped. False if there is no room. */
static bool add_frames(struct build *build)
{
	const struct elf_image *real = &build->real;
	const Elf64_Shdr *own = elf_image_section(&build->stable, ".matr_frames");
	const Elf64_Shdr *frames = elf_image_section(real, ".eh_frame");
	const Elf64_Phdr *segment = frames ? elf_image_load_at(real, frames->sh_addr) : NULL;

	if (!own || !segment || (segment->p_flags & PF_W) || own->sh_size > PAGE)
		return false;
	uint64_t from = frames->sh_addr + frames->sh_size;
	uint64_t old_end = segment->p_vaddr + segment->p_filesz;
	uint64_t size = (own->sh_size + 7) & ~UINT64_C(7);
	uint64_t room = page_up(old_end) - old_end;
	if (from > old_end || size > room)
		return false;
	for (uint64_t at = old_end; at < old_end + size; at++) {
		if (build->out.bytes[at] != 0)
			return false;
	}
	for (size_t i = build->n_sections; i-- > 0;) { /* the last one first */
		Elf64_Shdr *section = &build->sections[i];
		if ((section->sh_flags & SHF_ALLOC) && section->sh_addr >= from &&
		    section->sh_addr < old_end &&
		    !move_section(build, section, section->sh_addr + size, old_end + size))
			return false;
	}
	if (!write_frames(build, own, from))
		return false;
	build->sections[frames - real->sections].sh_size += own->sh_size;
	for (size_t i = 0; i < build->n_segments; i++) {
		if (build->segments[i].p_type == PT_LOAD &&
		    build->segments[i].p_vaddr == segment->p_vaddr)
			build->segments[i].p_filesz = build->segments[i].p_memsz += size;
	}
	return true;
}

/* ---- the program header table ---- */

/* The unused rest of page 0: from here to the next segment. */
static uint64_t rest_of_page(const struct build *build, uint64_t *end)
{
	*end = build->second->p_offset < PAGE ? build->second->p_offset : PAGE;
	return (build->first->p_filesz + 7) & ~UINT64_C(7);
}

static bool is_unused(const struct build *build, uint64_t end)
{
	for (uint64_t at = build->first->p_filesz; at < end; at++) {
		if (build->real.bytes[at] != 0)
			return false;
	}
	return true;
}

static void grow_first(struct build *build, uint64_t size)
{
	for (size_t i = 0; i < build->n_segments; i++) {
		if (build->segments[i].p_type == PT_LOAD && build->segments[i].p_vaddr == 0)
			build->segments[i].p_filesz = build->segments[i].p_memsz = size;
	}
}

static bool table_in_page(struct build *build, uint64_t *at)
{
	uint64_t end, size = build->n_segments * sizeof *build->segments;

	*at = rest_of_page(build, &end);
	if (*at > end || size > end - *at || !is_unused(build, end))
		return false;
	grow_first(build, *at + size);
	return true;
}

/* If this fails, the caller starts over. */
static bool table_in_place(struct build *build, uint64_t *at)
{
	const struct elf_image *real = &build->real;
	uint64_t end, to = rest_of_page(build, &end);
	uint64_t old_end = real->header.e_phoff + real->header.e_phnum * sizeof *real->segments;

	*at = real->header.e_phoff;
	uint64_t new_end = *at + build->n_segments * sizeof *build->segments;
	if (to > end || !is_unused(build, end) || new_end > build->first->p_filesz)
		return false;
	for (size_t i = 0; i < build->n_sections; i++) {
		Elf64_Shdr *section = &build->sections[i];
		uint64_t start = real->sections[i].sh_addr;
		if (!(section->sh_flags & SHF_ALLOC) || start >= new_end || start < old_end)
			continue;
		to = (to + 7) & ~UINT64_C(7);
		if (!move_section(build, section, to, end))
			return false;
		to += section->sh_size;
	}
	grow_first(build, to);
	return true;
}

/* Core files lack it there: of file mappings the kernel dumps only an ELF header's page. */
static int table_in_segment(struct build *build, uint64_t *at, struct matr_error *err)
{
	Elf64_Phdr *text = text_segment(build);

	if (buffer_extend(&build->out, build->n_segments * sizeof *build->segments, 8, at, err) <
		    0 ||
	    extend_to(&build->out, page_up(build->out.size), err) < 0)
		return -1;
	text->p_filesz = text->p_memsz = build->out.size - text->p_vaddr;
	return 0;
}

enum fit {
	FIT_FAILED = -1,
	FITS,
	NO_ROOM, /* at the place that was asked for */
};

static enum fit place_table(struct build *build, enum interpreter_table where,
			    struct matr_error *err)
{
	Elf64_Ehdr *header;
	uint64_t at = 0;
	bool done = false;

	if (where == INTERPRETER_TABLE_PAGE)
		done = table_in_page(build, &at);
	else if (where == INTERPRETER_TABLE_PLACE)
		done = table_in_place(build, &at);
	else if (table_in_segment(build, &at, err) < 0)
		return FIT_FAILED;
	else
		done = true;
	if (!done)
		return NO_ROOM;
	for (size_t i = 0; i < build->n_segments; i++) {
		if (build->segments[i].p_type == PT_PHDR) {
			build->segments[i].p_offset = at;
			build->segments[i].p_vaddr = build->segments[i].p_paddr = at;
			build->segments[i].p_filesz = build->segments[i].p_memsz =
				build->n_segments * sizeof *build->segments;
		}
	}
	memcpy(build->out.bytes + at, build->segments, build->n_segments * sizeof *build->segments);
	header = (Elf64_Ehdr *)build->out.bytes;
	header->e_phoff = at;
	header->e_phnum = (uint16_t)build->n_segments;
	header->e_entry = build->base + build->stable.header.e_entry;
	return FITS;
}

/* ---- content that is not loaded ---- */

/* ld.so's other sections: their contents move behind ld-stable. */
static int add_unloaded(struct build *build, struct matr_error *err)
{
	const struct elf_image *real = &build->real;

	for (size_t i = 0; i < build->n_sections; i++) {
		Elf64_Shdr *section = &build->sections[i];
		if (section->sh_type == SHT_NULL || section->sh_type == SHT_NOBITS ||
		    (section->sh_flags & SHF_ALLOC) || i == real->header.e_shstrndx)
			continue;
		if (buffer_append(&build->out, real->bytes + section->sh_offset, section->sh_size,
				  8, &section->sh_offset, err) < 0)
			return -1;
	}
	return 0;
}

/* Section headers. No .symtab is added: valgrind would take its symbols instead of those of the
 * separate debug file. No section at all, as gdb would miss it in that file. */
static int add_sections(struct build *build, struct matr_error *err)
{
	Elf64_Shdr *names = &build->sections[build->real.header.e_shstrndx];
	uint64_t at;

	if (add_unloaded(build, err) < 0 ||
	    buffer_append(&build->out, build->real.bytes + names->sh_offset, names->sh_size, 1,
			  &names->sh_offset, err) < 0 ||
	    buffer_append(&build->out, build->sections, build->n_sections * sizeof *build->sections,
			  8, &at, err) < 0)
		return -1;
	((Elf64_Ehdr *)build->out.bytes)->e_shoff = at;
	return 0;
}

/* ---- sites ---- */

static bool write_site(struct build *build, const struct thunks *thunks,
		       const struct matr_site *site, size_t index)
{
	const struct matr_sites *sites = &thunks->sites;
	const unsigned char *real = build->real.bytes; /* file offsets are addresses */
	uint64_t slot = build->base + thunks->slots + index * sites->slot_size;
	unsigned char *out = build->out.bytes;
	size_t before = site->call - site->address;
	uint64_t after = site->call + machine.call_size;

	memcpy(out + slot + sites->before, real + site->address, before);
	machine_write_padding(out + slot + sites->before + before, sites->before_size - before);
	memcpy(out + slot + sites->after, real + after, site->back - after);
	machine_write_padding(out + slot + sites->after + (site->back - after),
			      sites->after_size - (site->back - after));
	return machine_write_jump(out + slot + sites->back, sites->back_size, slot + sites->back,
				  site->back) &&
	       machine_write_jump(out + site->address, site->back - site->address, site->address,
				  slot);
}

static int write_sites(struct build *build, const struct thunks *thunks,
		       const struct call_sites *found, struct matr_error *err)
{
	struct matr_sites table = thunks->sites;

	for (size_t i = 0; i < found->n; i++) {
		if (!write_site(build, thunks, &found->sites[i], i))
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, build->real.path,
					 "is too large for jumps to ld-stable");
	}
	table.n_sites = (uint32_t)found->n;
	memcpy(table.sites, found->sites, found->n * sizeof *found->sites);
	memcpy(build->out.bytes + build->base + thunks->table, &table, sizeof table);
	return 0;
}

/* Replace the sites, decode what has become of them, and undo it all if that is not as intended. */
static int replace_sites(struct build *build, struct matr_error *err)
{
	struct elf_image file;
	struct call_sites found;
	struct thunks thunks;

	if (thunks_find(&build->stable, &thunks, err) < 0)
		return -1;
	struct call_site_room room = {thunks.sites.before_size, thunks.sites.after_size};
	if (call_sites_find(&build->real, &room, &found, err) < 0)
		return -1;
	unsigned char *saved = malloc(build->out.size);
	if (!saved)
		return matr_fail_memory(err);
	memcpy(saved, build->out.bytes, build->out.size);
	int result = write_sites(build, &thunks, &found, err);
	if (!result)
		result = elf_image_open(&file, build->real.path, build->out.bytes, build->out.size,
					err);
	if (!result)
		result = interpreter_check_sites(&file, &build->real, &build->stable, build->base,
						 err);
	if (result)
		memcpy(build->out.bytes, saved, build->out.size);
	free(saved);
	return result;
}

/* ---- all of it ---- */

static int open_parts(struct build *build, const struct interpreter_source *ld_so,
		      const struct interpreter_source *ld_stable, struct matr_error *err)
{
	if (elf_image_open(&build->real, ld_so->path, ld_so->bytes, ld_so->size, err) < 0 ||
	    check_real(build, err) < 0 ||
	    elf_image_open(&build->stable, ld_stable->path, ld_stable->bytes, ld_stable->size,
			   err) < 0)
		return -1;
	return check_stable(build, err);
}

static int start_over(struct build *build, struct matr_error *err)
{
	buffer_free(&build->out);
	build->n_segments = 0;
	build->n_sections = build->real.header.e_shnum;
	memcpy(build->sections, build->real.sections, build->n_sections * sizeof *build->sections);
	if (add_contents(build, err) < 0)
		return -1;
	list_segments(build);
	return 0;
}

static enum fit add_parts(struct build *build, enum interpreter_table table, struct matr_error *err)
{
	if (start_over(build, err) < 0 || (!add_frames(build) && start_over(build, err) < 0))
		return FIT_FAILED;
	enum fit fit = place_table(build, table, err);
	return fit == FITS && add_sections(build, err) < 0 ? FIT_FAILED : fit;
}

static int make(struct build *build, enum interpreter_table table, struct interpreter_file *out,
		struct matr_error *err)
{
	enum interpreter_table last = table ? table : INTERPRETER_TABLE_SEGMENT;
	struct matr_error why = {.code = MATR_OK};
	struct elf_image file;
	enum fit fit = NO_ROOM;

	for (enum interpreter_table i = table ? table : INTERPRETER_TABLE_PAGE;
	     fit == NO_ROOM && i <= last; i++)
		fit = add_parts(build, i, err);
	if (fit == NO_ROOM)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, build->real.path,
				 "has no room for another program header");
	if (fit == FIT_FAILED)
		return -1;
	if (replace_sites(build, &why) < 0) {
		if (why.code == MATR_ERROR_RESOURCES)
			return matr_error_copy(err, &why);
		snprintf(out->unserved, sizeof out->unserved, "%.100s: %.150s", why.file,
			 why.message);
	}
	if (elf_image_open(&file, build->real.path, build->out.bytes, build->out.size, err) < 0)
		return -1;
	return interpreter_check_layout(&file, &build->real, &build->stable, build->base, err);
}

/* The address of _r_debug, from which ld-stable learns what ld.so is at; 0: no such symbol. */
static uint64_t find_debug(const struct elf_image *real)
{
	const Elf64_Shdr *symbols = elf_image_section(real, ".dynsym");
	const Elf64_Shdr *strings = elf_image_section(real, ".dynstr");
	static const char name[] = "_r_debug";

	if (!symbols || !strings || symbols->sh_offset % sizeof(uint64_t))
		return 0;
	const Elf64_Sym *symbol = (const void *)(real->bytes + symbols->sh_offset);
	for (uint64_t n = symbols->sh_size / sizeof *symbol; n > 0; n--, symbol++) {
		if (symbol->st_name < strings->sh_size &&
		    strings->sh_size - symbol->st_name >= sizeof name &&
		    memcmp(real->bytes + strings->sh_offset + symbol->st_name, name, sizeof name) ==
			    0)
			return symbol->st_value;
	}
	return 0;
}

int interpreter_file_make(const struct interpreter_source *ld_so,
			  const struct interpreter_source *ld_stable, enum interpreter_table table,
			  struct interpreter_file *out, struct matr_error *err)
{
	*out = (struct interpreter_file){.size = 0};
	struct build *build = calloc(1, sizeof *build);
	if (!build)
		return matr_fail_memory(err);
	int result = open_parts(build, ld_so, ld_stable, err);
	if (!result)
		result = make(build, table, out, err);
	if (!result) {
		out->bytes = build->out.bytes;
		out->size = build->out.size;
		out->base = build->base;
		out->entry = build->real.header.e_entry;
		out->debug = find_debug(&build->real);
		build->out.bytes = NULL;
	}
	buffer_free(&build->out);
	free(build);
	return result;
}
