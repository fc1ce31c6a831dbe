/* cpu_record.c - ld.so's data about the CPU, written before it runs.
 *
 * ld.so executes some forty cpuid instructions at every start. In a virtual machine each is an exit
 * to the hypervisor. Their results are in the image (struct matr_image_cpu). One cpuid identifies
 * the recorded CPU; ld.so then finds its work done.
 *
 * The record is made by comparison (libmatr/src/loader/cpu_record.c): with LD_STABLE_CPU this file
 * writes a record that it is given, and when ld.so has mapped everything, gives back ld.so's data.
 */
#include <linux/mman.h>

#include "ld_stable.h"

static const struct matr_image_cpu_word *words_of(const struct matr_image_cpu *cpu)
{
	return (const struct matr_image_cpu_word *)(cpu + 1);
}

static uint64_t auxv_value(const Elf64_auxv_t *aux)
{
	return aux ? aux->a_un.a_val : 0;
}

static struct matr_image_cpu_identity this_cpu(const struct start *start)
{
	struct machine_cpuid leaf = machine_cpuid(1, 0);

	return (struct matr_image_cpu_identity){
		.leaf1_a = leaf.a,
		.leaf1_c = leaf.c,
		.leaf1_d = leaf.d,
		.xcr0 = machine_xcr0(&leaf),
		.hwcap2 = auxv_value(start->hwcap2),
		.minsigstksz = auxv_value(start->minsigstksz),
	};
}

/* ld.so takes AT_HWCAP and AT_PLATFORM from the kernel and replaces them by its own: what it is
 * shown is what it would have had in the end. The program gets the kernel's back
 * (cpu_record_give_back()). */
static void show(const struct matr_image_cpu *cpu, struct served *served)
{
	struct start *start = &served->start;

	served->hwcap = auxv_value(start->hwcap);
	served->platform = auxv_value(start->platform);
	if (start->hwcap && cpu->hwcap)
		start->hwcap->a_un.a_val = cpu->hwcap;
	if (start->platform && cpu->platform)
		start->platform->a_un.a_val = served->bases.loader + cpu->platform;
}

static void write(const struct matr_image_cpu *cpu, struct served *served)
{
	const struct matr_image_cpu_word *word = words_of(cpu);

	for (uint64_t i = 0; i < cpu->n_words; i++)
		*(uint64_t *)(served->bases.loader + word[i].vaddr) =
			word[i].value + base_of(&served->bases, word[i].base, 0);
	show(cpu, served);
	served->cpu_recorded = true;
}

static void write_if_recorded(const struct matr_image_cpu *cpu, struct served *served)
{
	const struct matr_image_cpu_identity identity = this_cpu(&served->start);

	if (bytes_equal(&identity, &cpu->identity, sizeof identity))
		write(cpu, served);
}

void cpu_record_use(struct served *served)
{
	/* Tunables are among what the record has, as they are without the variable. */
	if (served->cpu && !served->start.tunables)
		write_if_recorded(at_place(&served->bases, served->cpu), served);
}

bool cpu_record_use_plain(struct served *served)
{
	struct {
		struct matr_image_cpu cpu;
		struct matr_image_cpu_word words[160];
	} record;

	if (!served->cpu || served->start.tunables)
		return false;
	long size = system_call(CALL_PREAD, served->image_fd, (long)&record, sizeof record,
				(long)served->cpu, 0, 0);
	if (size < (long)sizeof record.cpu ||
	    record.cpu.n_words > ((size_t)size - sizeof record.cpu) / sizeof *record.words)
		return false;
	write_if_recorded(&record.cpu, served);
	return served->cpu_recorded;
}

void cpu_record_give_back(const struct served *served)
{
	const struct start *start = &served->start;

	if (!served->cpu_recorded)
		return;
	if (start->hwcap)
		start->hwcap->a_un.a_val = served->hwcap;
	if (start->platform)
		start->platform->a_un.a_val = served->platform;
}

/* ---- making the record ---- */

const char *cpu_record_try(struct served *served, int fd)
{
	long at = system_call(CALL_MMAP, 0, MATR_CPU_DATA, PROT_READ, MAP_PRIVATE, fd, 0);

	if (system_call_failed(at))
		return "the record to try cannot be mapped";
	const struct matr_image_cpu *cpu = (const struct matr_image_cpu *)at;
	if (cpu->n_words > (MATR_CPU_DATA - sizeof *cpu) / sizeof *words_of(cpu))
		return "the record to try is too large";
	if (cpu->n_words)
		write(cpu, served);
	memory_unmap((uint64_t)at, MATR_CPU_DATA);
	return NULL;
}

/* ld.so's writable segment, without the part that is ld-stable's. */
static bool data_range(const struct served *served, uint64_t *start, uint64_t *size)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)served->bases.loader;
	const Elf64_Phdr *segment = (const Elf64_Phdr *)((const char *)header + header->e_phoff);
	uint64_t end = (uint64_t)-config_stamped.embedded;

	for (size_t i = 0; i < header->e_phnum; i++, segment++) {
		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_W))
			continue;
		*start = page_down(segment->p_vaddr);
		*size = end - *start;
		return *start < end;
	}
	return false;
}

void cpu_record_report(const struct served *served, int fd)
{
	const Elf64_auxv_t *hwcap = served->start.hwcap, *platform = served->start.platform;
	struct matr_cpu_data data = {
		.loader = served->bases.loader,
		.hwcap = served->cpu_recorded ? served->hwcap : auxv_value(hwcap),
		.platform = auxv_value(platform),
		.identity = this_cpu(&served->start),
	};

	if (data_range(served, &data.vaddr, &data.size)) {
		system_call(CALL_PWRITE, fd, (long)&data, sizeof data, MATR_CPU_DATA, 0, 0);
		system_call(CALL_PWRITE, fd, (long)(served->bases.loader + data.vaddr),
			    (long)data.size, MATR_CPU_DATA + sizeof data, 0, 0);
	}
	process_exit(0);
}
