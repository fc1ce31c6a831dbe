/* trial.c - a start up to main(), by which `matr rebind` tries an edit before it is in force.
 *
 * The program is entered at trial_entry instead of its own entry point: by then ld.so has relocated
 * everything and the libraries' constructors have run. There its reference to __libc_start_main is
 * diverted, and the program goes on. __libc_start_main runs the program's own constructors and
 * calls trial_main() in the place of main(). What comes out is one line on the descriptor that
 * `matr` gave: "main"; "entry" where the program has no such reference, and ends at its entry
 * point; or "plain REASON", where the start would have been a plain one. The program's main() never
 * runs.
 */
#include <linux/mman.h>

#include "ld_stable.h"

/* Called by trial.S. */
uint64_t trial_at_entry(void);
_Noreturn void trial_main(void);
extern uint64_t trial_real_start_main;

uint64_t trial_real_start_main;

static struct {
	int fd;
	uint64_t entry;	     /* the program's own */
	uint64_t *slot;	     /* where it has the address of __libc_start_main; NULL: nowhere */
	uint64_t start_main; /* what comes there */
} trial;

static _Noreturn void end_with(const char *what)
{
	struct line line = {.length = 0};

	line_text(&line, what);
	line_write(&line, trial.fd);
	process_exit(0);
}

static uint64_t dynamic_value_of(const struct program *program, int64_t tag)
{
	for (const Elf64_Dyn *dyn = program->dynamic; dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == tag)
			return dyn->d_un.d_val;
	}
	return 0;
}

static uint64_t *find_in_table(const struct program *program, uint64_t table, uint64_t size)
{
	const char *strings = (const char *)(program->base + dynamic_value_of(program, DT_STRTAB));
	const Elf64_Sym *symbols =
		(const Elf64_Sym *)(program->base + dynamic_value_of(program, DT_SYMTAB));
	const Elf64_Rela *rela = (const Elf64_Rela *)(program->base + table);

	for (size_t i = 0; table && i < size / sizeof *rela; i++) {
		uint32_t symbol = (uint32_t)ELF64_R_SYM(rela[i].r_info);
		if (symbol && string_equal(strings + symbols[symbol].st_name, "__libc_start_main"))
			return (uint64_t *)(program->base + rela[i].r_offset);
	}
	return NULL;
}

/* Before ld.so turns the offsets in the dynamic section into addresses. */
void trial_prepare(const struct start *start, const struct program *program, void (*entry)(void),
		   void (*start_main)(void))
{
	if (start->trial_fd < 0)
		return;
	trial.fd = start->trial_fd;
	trial.entry = start->entry->a_un.a_val;
	trial.slot = NULL;
	trial.start_main = (uint64_t)start_main;
	if (program->dynamic) {
		trial.slot = find_in_table(program, dynamic_value_of(program, DT_RELA),
					   dynamic_value_of(program, DT_RELASZ));
		if (!trial.slot)
			trial.slot = find_in_table(program, dynamic_value_of(program, DT_JMPREL),
						   dynamic_value_of(program, DT_PLTRELSZ));
	}
	start->entry->a_un.a_val = (uint64_t)entry;
}

uint64_t trial_at_entry(void)
{
	enum { PAGE_MASK = 4095 };

	if (!trial.slot || !*trial.slot)
		end_with("entry");
	/* The slot is read-only by now, and may lie across no page: it is aligned. */
	system_call(CALL_MPROTECT, (long)((uint64_t)trial.slot & ~(uint64_t)PAGE_MASK),
		    PAGE_MASK + 1, PROT_READ | PROT_WRITE, 0, 0, 0);
	trial_real_start_main = *trial.slot;
	*trial.slot = trial.start_main;
	return trial.entry;
}

_Noreturn void trial_main(void)
{
	end_with("main");
}
