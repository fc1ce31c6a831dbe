/* interpreter.c - the first role: started by the kernel in the place of ld.so.
 *
 * Decides between a mapped and a plain start. A plain start is what the program would have had
 * without MatR: the real ld.so, with the kernel's own program headers, AT_BASE set to where it is.
 */
#include "ld_stable.h"
#include "sites.h"

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

struct entry { /* returned in rax and rdx */
	uint64_t address;
	long *stack;
};

/* Called by start.S. `own_entry`: ld-stable's entry point. */
struct entry interpreter_main(long *stack, uint64_t own_entry);

static size_t align_up(size_t n, size_t align)
{
	return (n + align - 1) & ~(align - 1);
}

/* The GNU build-id among the notes of one PT_NOTE segment. Linkers other than GNU ld put notes of
 * both alignments in one segment. */
static void read_build_id(struct program *program, const Elf64_Phdr *segment)
{
	const char *at = (const char *)(program->base + segment->p_vaddr);
	const char *end = at + segment->p_memsz;
	uint64_t align = segment->p_align == 8 ? 8 : 4;

	while ((size_t)(end - at) >= sizeof(Elf64_Nhdr)) {
		const Elf64_Nhdr *note = (const Elf64_Nhdr *)at;
		size_t descriptor = align_up(sizeof *note + note->n_namesz, align);
		if (descriptor + note->n_descsz > (size_t)(end - at))
			return;
		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
		    bytes_equal(note + 1, "GNU", 4) && note->n_descsz <= MATR_BUILD_ID_SIZE) {
			program->build_id = (const unsigned char *)at + descriptor;
			program->build_id_size = note->n_descsz;
			return;
		}
		size_t whole = align_up(descriptor + note->n_descsz, align);
		if (whole > (size_t)(end - at)) /* the last one, not padded */
			return;
		at += whole;
	}
}

/* Read the program headers. `base` is only used if there is no PT_PHDR. */
static const char *program_read(struct program *program, uint64_t phdr, size_t phnum, uint64_t base)
{
	bool has_phdr = false;

	program->phdr = (const Elf64_Phdr *)phdr;
	program->phnum = phnum;
	program->base = base;
	for (size_t i = 0; i < phnum; i++) {
		if (program->phdr[i].p_type == PT_PHDR) {
			program->base = phdr - program->phdr[i].p_vaddr;
			has_phdr = true;
		}
	}
	for (size_t i = 0; i < phnum; i++) {
		const Elf64_Phdr *segment = &program->phdr[i];
		uint64_t address = program->base + segment->p_vaddr;
		if (segment->p_type == PT_DYNAMIC)
			program->dynamic = (const Elf64_Dyn *)address;
		else if (segment->p_type == PT_INTERP)
			program->interpreter = (const char *)address;
		else if (segment->p_type == PT_NOTE && !program->build_id_size)
			read_build_id(program, segment);
	}
	if (!program->dynamic || !program->interpreter)
		return "the program is not dynamically linked";
	/* ld.so computes the load address from PT_PHDR and takes it for 0 where there is none. */
	if (!has_phdr && program->base)
		return "the program has no PT_PHDR";
	return NULL;
}

static void plain_start(const struct start *start, const char *reason, const char *object)
{
	bool trial = start->trial_fd >= 0 && !start->trial_plain;

	report_plain(start->debug || start->debug_plain, trial ? start->trial_fd : start->verify_fd,
		     reason, object);
}

/* Make the decision of an exec, before ld.so runs. Returns NULL if everything is mapped and ld.so
 * will be answered, else the reason. */
static const char *prepare(struct served *served, const struct start *start,
			   const struct program *program, const char **culprit)
{
	const char *reason = environment_reason(start);
	if (!reason && !ld_so_sites.n_sites)
		reason = "this ld.so's system calls cannot be answered";
	if (!reason)
		reason = image_find(served, &config_stamped, start, program);
	if (reason)
		return reason;
	reason = start->verify_fd < 0 ? place_libraries(served, culprit)
				      : place_check_libraries(served, culprit);
	if (reason)
		return reason;
	if (start->verify_fd < 0)
		populate_application(served, program);
	reason = handover_make(served, program);
	if (reason && start->verify_fd < 0)
		place_unmap(served, served->manifest->n_objects);
	return reason;
}

/* ld.so does the whole start, but need not find out about the CPU.
 * program: NULL: /proc/self/exe is it. */
static void start_plainly(struct served *served, const char *program)
{
	bool cpu = cpu_record_use_plain(served);

	served->manifest = NULL; /* it may not be this program's */
	record_prepare(served, program);
	served->plain = cpu || record_is_on();
	if (served->plain)
		dispatch_start(served);
}

/* A plain start, whose end is when ld.so has mapped everything. */
static uint64_t try_cpu_record(struct served *served, const struct program *program)
{
	if (!ld_so_sites.n_sites || environment_reason(&served->start) ||
	    cpu_record_try(served, served->cpu_fd))
		return 0;
	dispatch_start(served);
	return (uint64_t)program->phdr;
}

/* The mapped start up to the point where only ld.so remains to be entered. Returns the program
 * headers that ld.so is shown. 0: the start is a plain one, and image_unmap() is still to be
 * called. */
static uint64_t mapped_start(struct served *served, const struct start *start,
			     const struct program *program, uint64_t loader)
{
	*served = (struct served){
		.bases = {.application = program->base, .loader = loader},
		.image_fd = -1,
		.next = 1,
		.vdso = start->vdso,
		.debug = start->debug,
		.bind_now = start->bind_now,
		.by_name = program->by_name,
		.verify_fd = start->verify_fd,
		.verify_loads = start->verify_loads,
		.start = *start,
		.cpu_fd = start->cpu_fd,
		.open_fd = -1,
	};
	const char *culprit = NULL;

	if (start->cpu_fd >= 0)
		return try_cpu_record(served, program);
	const char *reason = prepare(served, start, program, &culprit);
	if (reason) {
		plain_start(start, reason, culprit);
		return 0;
	}
	file_close(served->image_fd);
	cpu_record_use(served);
	if (start->verify_fd < 0 && !start->verify_loads && start->trial_fd < 0)
		record_prepare(served, program->by_name ? start->argv[1] : NULL);
	dispatch_start(served);
	return (uint64_t)served->phdr_copy;
}

static void map_loader(const char *path, struct elf_file *loader)
{
	const char *failure = path[0] ? elf_file_map(path, loader) : "this ld-stable has no prefix";
	if (failure)
		report_fatal(failure, path);
}

/* The ld.so that the kernel has mapped with ld-stable, as one file. */
static void embedded_loader(struct elf_file *loader)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)(__ehdr_start + config_stamped.embedded);

	*loader = (struct elf_file){
		.base = (uint64_t)header,
		.entry = (uint64_t)header + config_stamped.loader_entry,
		.phdr = (uint64_t)header + header->e_phoff,
		.phnum = header->e_phnum,
	};
}

/* The ld.so for a plain start: the embedded one while the file it was taken from is as it was,
 * or is not there at all, as in an initramfs into which only the path in PT_INTERP was copied. */
static void take_loader(struct elf_file *loader)
{
	const struct matr_loader_config *config = &config_stamped;
	struct file_status status;

	bool there = file_status(config->loader, &status);
	if (!config->embedded || (there && (status.file.size != config->loader_size ||
					    status.file.mtime != config->loader_mtime)))
		map_loader(config->loader, loader);
	else
		embedded_loader(loader);
}

/* The configuration in one segment of an ld-stable, of whatever version. */
static const struct matr_loader_config *find_in(const char *start, uint64_t size)
{
	/* Not a constant in the code: libmatr searches the file for it, and it must occur once. */
	const uint64_t magic = *(const volatile uint64_t *)&config_stamped.magic;
	const uint64_t *at = (const uint64_t *)start;

	for (uint64_t left = size; left >= sizeof(struct matr_loader_config);
	     left -= sizeof *at, at++) {
		if (*at == magic)
			return (const struct matr_loader_config *)at;
	}
	return NULL;
}

/* The configuration of what was mapped, if it is an ld-stable. */
static const struct matr_loader_config *find_config(const struct elf_file *file)
{
	const Elf64_Phdr *segments = (const Elf64_Phdr *)file->phdr;

	for (size_t i = 0; segments && i < file->phnum; i++) {
		if (segments[i].p_type != PT_LOAD || segments[i].p_vaddr % sizeof(uint64_t))
			continue;
		const struct matr_loader_config *config = find_in(
			(const char *)(file->base + segments[i].p_vaddr), segments[i].p_filesz);
		if (config)
			return config;
	}
	return NULL;
}

/* The real ld.so for `ld-stable PROGRAM`: at its usual place, unless an ld-stable is there. */
static void map_usual_loader(struct elf_file *loader)
{
	static const char usual[] = "/lib64/ld-linux-x86-64.so.2";

	if (config_stamped.embedded) { /* made for that place */
		take_loader(loader);
		return;
	}
	map_loader(usual, loader);
	const struct matr_loader_config *other = find_config(loader);
	if (!other)
		return;
	/* It stays mapped, since the path is in it. */
	map_loader(other->loader[0] ? other->loader : config_stamped.loader, loader);
}

static bool has_slash(const char *path)
{
	while (*path && *path != '/')
		path++;
	return *path;
}

/* ld.so is the program, and maps the one that is named. */
static void start_plainly_by_name(const struct start *start, const struct elf_file *loader)
{
	struct elf_file embedded = {.base = 0};
	struct served served = {
		.bases = {.loader = loader->base},
		.image_fd = -1,
		.start = *start,
		.cpu_fd = -1,
		.verify_fd = -1,
		.open_fd = -1,
	};

	if (config_stamped.embedded)
		embedded_loader(&embedded);
	if (loader->base == embedded.base && start->stack[0] > 1)
		start_plainly(&served, start->argv[1]);
}

/* As ld.so itself, `ld-stable PROGRAM ARGS...`. Everything that is not plainly that goes to the
 * real ld.so as it is: its options, no program, a program without an entry. */
static struct entry started_as_program(struct start *start)
{
	const char *name = start->stack[0] > 1 ? start->argv[1] : "-";
	const char *reason = "started as a program";
	struct program program = {.by_name = true};
	struct elf_file file = {.base = 0}, loader;
	struct served served;
	uint64_t phdr = 0;

	if (name[0] != '-' && has_slash(name) && config_stamped.embedded)
		reason = elf_file_map(name, &file);
	if (!reason) {
		reason = program_read(&program, file.phdr, file.phnum, file.base);
		program.file = file.status;
		if (!reason) {
			embedded_loader(&loader);
			phdr = mapped_start(&served, start, &program, loader.base);
			if (!phdr)
				image_unmap(&served);
		}
		if (!phdr)
			memory_unmap(file.start, file.size);
	}
	if (reason)
		plain_start(start, reason, NULL);
	if (!phdr && start->trial_fd >= 0) /* ld.so, which is the program then, ends at no main() */
		report_plain(false, start->trial_fd, "started by name", NULL);
	if (!phdr) {
		map_usual_loader(&loader);
		start_plainly_by_name(start, &loader);
		start->phdr->a_un.a_val = loader.phdr;
		start->phnum->a_un.a_val = loader.phnum;
		start->entry->a_un.a_val = loader.entry;
	} else {
		start_drop_arguments(start, 1);
		dispatch_auxv(start);
		start->phdr->a_un.a_val = phdr;
		start->phnum->a_un.a_val = file.phnum;
		start->entry->a_un.a_val = file.entry;
		start->base->a_un.a_val = loader.base;
		if (start->execfn)
			start->execfn->a_un.a_val = (uint64_t)start->argv[0];
		trial_prepare(start, &program, trial_entry, trial_start_main);
	}
	return (struct entry){loader.entry, start->stack};
}

struct entry interpreter_main(long *stack, uint64_t own_entry)
{
	struct program program = {.base = 0};
	struct elf_file loader = {.base = 0};
	struct served served;
	struct start start;
	uint64_t phdr = 0;

	if (!start_read(&start, stack))
		report_fatal("the kernel gave no program headers", NULL);
	if (start.entry->a_un.a_val == own_entry)
		return started_as_program(&start);

	const char *reason =
		program_read(&program, start.phdr->a_un.a_val, start.phnum->a_un.a_val, 0);
	if (!reason && !config_stamped.embedded)
		reason = "this ld-stable has no ld.so with it";
	if (reason) {
		plain_start(&start, reason, NULL);
		take_loader(&loader);
	} else {
		embedded_loader(&loader);
		phdr = mapped_start(&served, &start, &program, loader.base);
		if (!phdr) {
			take_loader(&loader);
			if (loader.base == served.bases.loader)
				start_plainly(&served, NULL);
			image_unmap(&served);
		}
	}
	if (phdr)
		start.phdr->a_un.a_val = phdr;
	start.base->a_un.a_val = loader.base;
	trial_prepare(&start, &program, trial_entry, trial_start_main);
	return (struct entry){loader.entry, start.stack};
}
