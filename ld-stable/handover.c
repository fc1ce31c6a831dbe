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

extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const struct r_debug_public _r_debug;

/* Set in the interpreter's mapping of ld-stable only. Small programs' handovers lie there too: the space is
 * what the data segment leaves of its page, which is there anyway. (Not .bss: older kernels zero that of an
 * interpreter's last segment only.) */
__attribute__((section(".data"))) static struct handover *handover_cell;
__attribute__((section(".data"))) static uint64_t handover_space[2048 / sizeof(uint64_t)];

/* What follows the ELF header has the program headers and the build-id: it tells builds apart. */
enum { HEAD = sizeof(Elf64_Ehdr), HEAD_END = 512 };

bool is_ld_stable(uint64_t base)
{
	return bytes_equal((const char *)base + HEAD, __ehdr_start + HEAD, HEAD_END - HEAD);
}

/* What ld.so looks at before it maps a file, and what tells builds apart: so ld.so will take it. */
static bool head_is_ours(const char *head, uint64_t size)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)head;
	const Elf64_Phdr *segment = (const Elf64_Phdr *)(head + sizeof *header);

	if (!bytes_equal(head, __ehdr_start, offsetof(Elf64_Ehdr, e_phoff)) ||
	    !bytes_equal(head + HEAD, __ehdr_start + HEAD, HEAD_END - HEAD) ||
	    header->e_phoff != sizeof *header || header->e_phentsize != sizeof *segment ||
	    header->e_phnum > (HEAD_END - HEAD) / sizeof *segment)
		return false;
	for (size_t i = 0; i < header->e_phnum; i++) {
		if (segment[i].p_offset + segment[i].p_filesz > size)
			return false;
	}
	return true;
}

/* It is mapped as ld.so will map it: that fails on a file system that is mounted noexec, or where a policy forbids it. */
static const char *file_reason(int fd, uint32_t euid)
{
	struct file_status status;

	if (!file_status_fd(fd, &status) || !file_is_trusted(&status, euid))
		return "ld-stable in the prefix is not to be trusted";
	if (status.size < HEAD_END)
		return "ld-stable in the prefix is damaged";
	long at = system_call(CALL_MMAP, 0, HEAD_END, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (system_call_failed(at))
		return "ld-stable in the prefix may not be mapped";
	bool ours = head_is_ours((const char *)at, status.size);
	system_call(CALL_MUNMAP, at, HEAD_END, 0, 0, 0, 0);
	return ours ? NULL : "ld-stable in the prefix is another, or damaged";
}

const char *self_reason(const char *self, uint32_t euid)
{
	long fd = file_open(self);
	if (fd < 0)
		return "ld-stable is gone from its prefix";
	const char *reason = file_reason((int)fd, euid);
	system_call(CALL_CLOSE, fd, 0, 0, 0, 0, 0);
	return reason;
}

/* The interpreter in the system loader's place may be older or newer than the hook in the prefix. Then they do not
 * know each other's structures, and the hook is to do nothing. */
uint64_t handover_magic(void)
{
	return matr_image_checksum64(__ehdr_start + HEAD, HEAD_END - HEAD, 0);
}

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
	size_t n_objects = image->manifest->n_objects, n_loaded = image->manifest->n_loaded;
	size_t n_dynamic = dynamic_count(program->dynamic) + image->manifest->n_needed + 3;
	size_t phdr_size = program->phnum * sizeof(Elf64_Phdr);
	size_t size = sizeof(struct handover) + phdr_size + n_dynamic * sizeof(Elf64_Dyn) +
		      n_objects * (sizeof(uint64_t) + sizeof(Elf64_Dyn *)) +
		      n_loaded * (sizeof(uint64_t) + sizeof(struct loaded_object));

	if (!string_table(program))
		return "the program has no string table";
	struct handover *handover = (struct handover *)handover_space;
	if (size > sizeof handover_space) {
		long at = system_call(CALL_MMAP, 0, (long)page_up(size), PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (system_call_failed(at))
			return "no memory";
		handover = (struct handover *)at;
	}
	*handover = (struct handover){
		.magic = handover_magic(),
		.image = *image,
		.sysinfo_ehdr = start->sysinfo_ehdr,
		.debug = start->debug,
		.verify_fd = start->verify_fd,
		.verify_loads = start->verify_loads,
		.bind_now = start->bind_now,
		.auxv_phdr = start->phdr,
		.phdr = (uint64_t)program->phdr,
		.dynamic = (Elf64_Dyn *)program->dynamic,
		.loader = loader,
		.interpreter = program->interpreter,
		.phdr_copy = (Elf64_Phdr *)(handover + 1),
	};
	handover->dynamic_copy = (Elf64_Dyn *)(handover->phdr_copy + program->phnum);
	handover->bases = (uint64_t *)(handover->dynamic_copy + n_dynamic);
	handover->dynamics = (Elf64_Dyn **)(handover->bases + n_objects + n_loaded);
	handover->loaded = (struct loaded_object *)(handover->dynamics + n_objects);
	copy_headers(handover, program, loader);
	copy_dynamic(handover, program, config->self);
	handover_cell = handover;
	*out = handover;
	return NULL;
}

/* ---- the way back: from the hook's mapping of ld-stable to the handover ---- */

static struct handover *checked(struct handover *handover)
{
	return handover && handover->magic == handover_magic() ? handover : NULL;
}

static struct handover *from_link_map(const struct r_debug_public *debug)
{
	if (!debug->r_map || !debug->r_map->l_ld)
		return NULL;
	for (const Elf64_Dyn *dyn = debug->r_map->l_ld; dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == HANDOVER_TAG)
			return checked((struct handover *)dyn->d_un.d_ptr);
	}
	return NULL;
}

/* Where ld-stable is in the file mapped at `base`, the interpreter file or ld-stable itself: the file's
 * entry point is ld-stable's. 0: it is neither. */
static uint64_t interpreter_own(uint64_t base)
{
	uint64_t entry = ((const Elf64_Ehdr *)base)->e_entry;
	uint64_t distance = ((const Elf64_Ehdr *)__ehdr_start)->e_entry;

	return entry >= distance && (entry - distance) % 4096 == 0 ? base + entry - distance : 0;
}

/* By way of the interpreter's mapping, which the kernel's own copy of the auxiliary vector leads to: for a
 * program that has _r_debug in a copy relocation, which is still empty when the hook runs. */
static struct handover *from_interpreter(void)
{
	Elf64_auxv_t auxv[64];
	uint64_t base = 0, phdr = 0;

	long fd = file_open("/proc/self/auxv");
	if (fd < 0)
		return NULL;
	long size = system_call(CALL_PREAD, fd, (long)auxv, sizeof auxv, 0, 0, 0);
	system_call(CALL_CLOSE, fd, 0, 0, 0, 0, 0);
	for (long i = 0; i < size / (long)sizeof *auxv && auxv[i].a_type != AT_NULL; i++) {
		if (auxv[i].a_type == AT_BASE)
			base = auxv[i].a_un.a_val;
		else if (auxv[i].a_type == AT_PHDR)
			phdr = auxv[i].a_un.a_val;
	}
	if (!base) /* started as a program */
		base = page_down(phdr);
	uint64_t own = base ? interpreter_own(base) : 0;
	if (!own || !is_ld_stable(own))
		return NULL;
	uint64_t offset = (uint64_t)&handover_cell - (uint64_t)__ehdr_start;
	return checked(*(struct handover **)(own + offset));
}

struct handover *handover_find(void)
{
	struct handover *handover = from_link_map(&_r_debug);

	return handover || _r_debug.r_map ? handover : from_interpreter();
}

/* ld.so's own _r_debug, whatever the symbol is bound to. */
const struct r_debug_public *handover_debug(const struct handover *handover)
{
	for (const Elf64_Dyn *dyn = handover->dynamic_copy; dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == DT_DEBUG && dyn->d_un.d_ptr)
			return (const struct r_debug_public *)dyn->d_un.d_ptr;
	}
	return &_r_debug;
}

/* ---- giving back ---- */

/* dl_iterate_phdr reports the program headers that ld.so was given. Where it keeps that pointer is private to
 * glibc, but its value is an address that only we know: if exactly one word of the link map is it, that is
 * the one. */
static void give_back_headers(const struct handover *handover, struct link_map_public *map)
{
	enum { LINK_MAP_WORDS = 128 }; /* less than any glibc's link map has */
	uint64_t *words = (uint64_t *)map, *found = NULL;

	for (size_t i = sizeof *map / 8; i < LINK_MAP_WORDS; i++) {
		if (words[i] != (uint64_t)handover->phdr_copy)
			continue;
		if (found)
			return;
		found = &words[i];
	}
	if (found)
		*found = handover->phdr;
}

/* ld.so has read the copies and keeps pointers to what it needs of them. From here on the program and its
 * debuggers see their own: the dynamic section with what ld.so wrote to the copy (DT_DEBUG, addresses instead
 * of offsets), the program headers, AT_PHDR, and the name the program has for ld.so. */
void give_back(struct handover *handover, struct link_map_public *maps)
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
	maps->l_ld = handover->dynamic;
	give_back_headers(handover, maps);
	for (struct link_map_public *map = maps; map; map = map->l_next) {
		if (map->l_name == handover->loader)
			map->l_name = (char *)handover->interpreter;
	}
}
