/* handover.c - the altered copies that make ld.so load exactly the recorded scope.
 *
 * ld.so learns of the application through AT_PHDR. It gets a copy of the program headers in which
 * PT_DYNAMIC is a copy too. There DT_NEEDED lists, in this order: the whole scope by absolute path, so
 * that nothing is searched; ld-stable itself, which being last and depending on nothing is relocated
 * first; the original names, which ld.so then finds loaded and needs for its version check. A private
 * tag leads the hook back to the handover.
 */
#include <linux/mman.h>

#include "ld_stable.h"

static size_t dynamic_count(const Elf64_Dyn *dyn)
{
	size_t n = 0;
	while (dyn[n].d_tag != DT_NULL)
		n++;
	return n;
}

/* In the copies p_vaddr is relative to the load address, which for ld.so comes from PT_PHDR. */
static void copy_headers(struct handover *handover, const struct program *program,
			 const char *loader)
{
	Elf64_Phdr *copy = handover->phdr_copy;

	bytes_copy(copy, program->phdr, program->phnum * sizeof *copy);
	for (size_t i = 0; i < program->phnum; i++) {
		switch (copy[i].p_type) {
		case PT_PHDR:
			copy[i].p_vaddr = (uint64_t)copy - program->base;
			break;
		case PT_DYNAMIC:
			copy[i].p_vaddr = (uint64_t)handover->dynamic_copy - program->base;
			break;
		case PT_INTERP: /* not the path that leads to ld-stable: ld.so would take the
				   DT_NEEDED entry for ld-stable to be itself */
			copy[i].p_vaddr = (uint64_t)loader - program->base;
			copy[i].p_filesz = copy[i].p_memsz = string_length(loader) + 1;
			break;
		default:
			break;
		}
	}
}

static uint64_t string_table(const struct program *program)
{
	for (const Elf64_Dyn *dyn = program->dynamic; dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == DT_STRTAB)
			return program->base + dyn->d_un.d_ptr;
	}
	return 0;
}

static void copy_dynamic(struct handover *handover, const struct program *program, const char *self)
{
	const struct image *image = &handover->image;
	const uint64_t *needed = image_at(image, image->manifest->needed);
	uint32_t n_scope = image->manifest->n_scope_needed;
	uint64_t strings = string_table(program);
	Elf64_Dyn *to = handover->dynamic_copy;

	for (uint32_t i = 0; i <= image->manifest->n_needed; i++) {
		uint32_t at = i < n_scope ? i : i - 1;
		const char *name = i == n_scope ? self : image_at(image, needed[at]);
		*to++ = (Elf64_Dyn){DT_NEEDED, {(uint64_t)name - strings}};
	}
	handover->n_needed_copy = (size_t)(to - handover->dynamic_copy);
	*to++ = (Elf64_Dyn){HANDOVER_TAG, {(uint64_t)handover}};
	for (const Elf64_Dyn *dyn = program->dynamic;; dyn++) {
		if (dyn->d_tag != DT_NEEDED)
			*to++ = *dyn;
		if (dyn->d_tag == DT_NULL)
			return;
	}
}

const char *handover_make(struct handover **out, const struct start *start,
			  const struct program *program, const struct image *image,
			  const struct matr_loader_config *config, const char *loader)
{
	size_t n_objects = image->manifest->n_objects;
	size_t n_dynamic = dynamic_count(program->dynamic) + image->manifest->n_needed + 3;
	size_t phdr_size = program->phnum * sizeof(Elf64_Phdr);
	size_t size = sizeof(struct handover) + phdr_size + n_dynamic * sizeof(Elf64_Dyn) +
		      n_objects * (sizeof(uint64_t) + sizeof(Elf64_Dyn *));

	if (!string_table(program))
		return "the program has no string table";
	long at = system_call(CALL_MMAP, 0, (long)page_up(size), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (system_call_failed(at))
		return "no memory";

	struct handover *handover = (struct handover *)at;
	*handover = (struct handover){
		.magic = HANDOVER_MAGIC,
		.image = *image,
		.sysinfo_ehdr = start->sysinfo_ehdr,
		.debug = start->debug,
		.verify_fd = start->verify_fd,
		.auxv_phdr = start->phdr,
		.phdr = (uint64_t)program->phdr,
		.dynamic = (Elf64_Dyn *)program->dynamic,
		.phdr_copy = (Elf64_Phdr *)(handover + 1),
	};
	handover->dynamic_copy = (Elf64_Dyn *)(handover->phdr_copy + program->phnum);
	handover->bases = (uint64_t *)(handover->dynamic_copy + n_dynamic);
	handover->dynamics = (Elf64_Dyn **)(handover->bases + n_objects);
	copy_headers(handover, program, loader);
	copy_dynamic(handover, program, config->self);
	*out = handover;
	return NULL;
}

struct handover *handover_find(const struct r_debug_public *debug)
{
	if (!debug->r_map || !debug->r_map->l_ld)
		return NULL;
	for (const Elf64_Dyn *dyn = debug->r_map->l_ld; dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag != HANDOVER_TAG)
			continue;
		struct handover *handover = (struct handover *)dyn->d_un.d_ptr;
		return handover->magic == HANDOVER_MAGIC ? handover : NULL;
	}
	return NULL;
}

/* What ld.so wrote to the copy of the dynamic section, debuggers and the program expect in the original:
 * DT_DEBUG, and addresses instead of offsets. And getauxval(AT_PHDR) is the program's own again. */
void give_back(struct handover *handover)
{
	const Elf64_Dyn *from = handover->dynamic_copy + handover->n_needed_copy + 1;
	for (Elf64_Dyn *to = handover->dynamic; to->d_tag != DT_NULL; to++) {
		if (to->d_tag == DT_NEEDED)
			continue;
		if (to->d_un.d_val != from->d_un.d_val)
			to->d_un.d_val = from->d_un.d_val;
		from++;
	}
	handover->auxv_phdr->a_un.a_val = handover->phdr;
}
