/* handover.c - the altered copies that make ld.so load exactly the recorded scope.
 *
 * ld.so finds the application through AT_PHDR. It gets a copy of the program headers in which
 * PT_DYNAMIC is a copy too. There DT_NEEDED lists the whole scope by absolute path, so that nothing
 * is searched, and behind each path the names by which objects need it, which ld.so then finds
 * loaded. The relocation tables hold what is left to ld.so.
 */
#include <linux/mman.h>

#include "ld_stable.h"

/* Most programs' copies fit here, in a page that is written anyway. */
static uint64_t space[2048 / sizeof(uint64_t)];

static size_t dynamic_count(const Elf64_Dyn *dyn)
{
	size_t n = 0;
	while (dyn[n].d_tag != DT_NULL)
		n++;
	return n;
}

/* p_vaddr is relative to the load address, which ld.so takes from PT_PHDR. */
static void copy_headers(struct served *served, const struct program *program)
{
	Elf64_Phdr *copy = served->phdr_copy;

	bytes_copy(copy, program->phdr, program->phnum * sizeof *copy);
	for (size_t i = 0; i < program->phnum; i++) {
		if (copy[i].p_type == PT_PHDR) {
			copy[i].p_vaddr = (uint64_t)copy - program->base;
		} else if (copy[i].p_type == PT_DYNAMIC) {
			served->dynamic_is_writable = copy[i].p_flags & PF_W;
			copy[i].p_vaddr = (uint64_t)served->dynamic_copy - program->base;
			copy[i].p_flags |= PF_W; /* so that ld.so treats it as usual */
		}
	}
}

static uint64_t dynamic_value(const Elf64_Dyn *dyn, int64_t tag, bool *found)
{
	for (; dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == tag) {
			*found = true;
			return dyn->d_un.d_val;
		}
	}
	*found = false;
	return 0;
}

/* Point the relocation tables at what is left to ld.so. DT_JMPREL stays: lazily bound functions are
 * looked up in it by index. */
static void leave_residual(const struct served *served, Elf64_Dyn *dyn)
{
	const struct matr_image_manifest *manifest = served->manifest;

	if (served->objects->flags & MATR_OBJECT_ENTRY_UNTOUCHED)
		return;
	uint64_t table = (uint64_t)at_place(&served->bases, manifest->residual);

	switch (dyn->d_tag) {
	case DT_RELA:
		if (manifest->n_residual)
			dyn->d_un.d_ptr = table - served->bases.application;
		break;
	case DT_RELASZ:
		dyn->d_un.d_val = manifest->n_residual * sizeof(Elf64_Rela);
		break;
	case DT_PLTRELSZ:
	case DT_RELACOUNT:
	case DT_RELRSZ:
		dyn->d_un.d_val = 0;
		break;
	default:
		break;
	}
}

/* Entries that the copy opens with: ld.so takes the last of a tag, and DT_NEEDED in order. */
static Elf64_Dyn *copy_leading(struct served *served, uint64_t strings, bool has_rela,
			       bool has_debug)
{
	const struct matr_image_manifest *manifest = served->manifest;
	const uint64_t *needed = at_place(&served->bases, manifest->needed);
	Elf64_Dyn *to = served->dynamic_copy;

	for (uint32_t i = 0; i < manifest->n_needed; i++) {
		uint64_t name = (uint64_t)at_place(&served->bases, needed[i]);
		*to++ = (Elf64_Dyn){DT_NEEDED, {name - strings}};
	}
	if (!has_debug)
		*to++ = (Elf64_Dyn){DT_DEBUG, {0}};
	if (served->verify_fd >= 0) {
		verify_prepare(served, to, to + 1);
		to += 2;
	} else if (!has_rela && manifest->n_residual) {
		*to++ = (Elf64_Dyn){DT_RELA, {0}};
		*to++ = (Elf64_Dyn){DT_RELASZ, {0}};
		*to++ = (Elf64_Dyn){DT_RELAENT, {sizeof(Elf64_Rela)}};
		for (Elf64_Dyn *dyn = to - 3; dyn < to; dyn++)
			leave_residual(served, dyn);
	}
	return to;
}

static void copy_dynamic(struct served *served, const struct program *program, uint64_t strings)
{
	bool verify = served->verify_fd >= 0, has_rela, has_debug;

	dynamic_value(program->dynamic, DT_RELA, &has_rela);
	dynamic_value(program->dynamic, DT_DEBUG, &has_debug);
	Elf64_Dyn *to = copy_leading(served, strings, has_rela, has_debug);
	served->n_needed_copy = (size_t)(to - served->dynamic_copy);
	for (const Elf64_Dyn *dyn = program->dynamic;; dyn++) {
		bool replaced =
			dyn->d_tag == DT_NEEDED || (verify && (dyn->d_tag == DT_PREINIT_ARRAY ||
							       dyn->d_tag == DT_PREINIT_ARRAYSZ));
		if (!replaced) {
			*to = *dyn;
			if (!verify)
				leave_residual(served, to);
			to++;
		}
		if (dyn->d_tag == DT_NULL)
			return;
	}
}

const char *handover_make(struct served *served, const struct program *program)
{
	enum { LEADING = 6 }; /* what copy_leading() may add to the names */
	size_t phdr_size = program->phnum * sizeof(Elf64_Phdr);
	size_t n_dynamic = dynamic_count(program->dynamic) + served->manifest->n_needed + LEADING;
	size_t size = phdr_size + n_dynamic * sizeof(Elf64_Dyn);
	char *at = (char *)space;
	bool found;

	uint64_t strings = dynamic_value(program->dynamic, DT_STRTAB, &found);
	if (!found)
		return "the program has no string table";
	if (size > sizeof space) {
		long mapped = system_call(CALL_MMAP, 0, (long)page_up(size), PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (system_call_failed(mapped))
			return "no memory";
		at = (char *)mapped;
	}
	served->phdr_copy = (Elf64_Phdr *)at;
	served->dynamic_copy = (Elf64_Dyn *)(at + phdr_size);
	served->phdr = (uint64_t)program->phdr;
	served->dynamic = (Elf64_Dyn *)program->dynamic;
	copy_headers(served, program);
	copy_dynamic(served, program, program->base + strings);
	return NULL;
}

const struct r_debug_public *handover_debug(const struct served *served)
{
	bool found;

	return (const struct r_debug_public *)dynamic_value(served->dynamic_copy, DT_DEBUG, &found);
}

/* dl_iterate_phdr reports the program headers that ld.so was given. Where ld.so keeps that pointer
 * is private to glibc, but its value is an address that nothing else has: if exactly one word of
 * the link map is it, that is the one. */
static void give_back_headers(const struct served *served, struct link_map_public *map)
{
	enum { LINK_MAP_WORDS = 128 }; /* fewer than any glibc's link map has */
	uint64_t *words = (uint64_t *)map, *found = NULL;

	for (size_t i = sizeof *map / 8; i < LINK_MAP_WORDS; i++) {
		if (words[i] != (uint64_t)served->phdr_copy)
			continue;
		if (found)
			return;
		found = &words[i];
	}
	if (found)
		*found = served->phdr;
}

/* In the application's own dynamic section ld.so would have written DT_DEBUG and turned offsets
 * into addresses. What was altered for ld.so is not given back. */
static void give_back_dynamic(const struct served *served)
{
	const Elf64_Dyn *from = served->dynamic_copy + served->n_needed_copy;

	for (Elf64_Dyn *to = served->dynamic; to->d_tag != DT_NULL; to++) {
		if (to->d_tag == DT_NEEDED)
			continue;
		switch (to->d_tag) {
		case DT_RELA:
			to->d_un.d_val += served->bases.application;
			break;
		case DT_RELASZ:
		case DT_RELACOUNT:
		case DT_RELRSZ:
		case DT_PLTRELSZ:
			break;
		default:
			if (to->d_un.d_val != from->d_un.d_val)
				to->d_un.d_val = from->d_un.d_val;
			break;
		}
		from++;
	}
}

void handover_give_back(const struct served *served)
{
	struct link_map_public *map = served->link->r_map;

	if (served->dynamic_is_writable)
		give_back_dynamic(served);
	served->start.phdr->a_un.a_val = served->phdr;
	cpu_record_give_back(served);
	map->l_ld = served->dynamic;
	give_back_headers(served, map);
}
