/* call_sites.c - finding and proving ld.so's system-call sites (call_sites.h). */
#include "loader/call_sites.h"

#include <string.h>

#include "loader/code.h"
#include "loader/machine.h"

enum { MAX_AROUND = 3, MAX_FOLLOWED = 64 }; /* instructions */

/* ---- the number of a system call ---- */

/* Find the instruction that last writes the register before `at`, with no branch target in
 * between. NULL: unknown. */
static const struct instruction *last_write(const struct code *code,
					    const struct code_function *function, size_t at,
					    unsigned number)
{
	while (at > 0 && !code_is_marked(code, function->instructions[at].address)) {
		const struct instruction *before = &function->instructions[--at];
		if (before->flow == FLOW_JUMP || before->flow == FLOW_JUMP_INDIRECT ||
		    before->flow == FLOW_END || before->flow == FLOW_CALL)
			return NULL;
		if (before->written & (UINT32_C(1) << number))
			return before;
	}
	return NULL;
}

/* Test whether this function sets the register to constants only, none of them the number of a call
 * that matters. Loops keep such numbers in a register. */
static bool is_never_of_interest(const struct code_function *function, unsigned number)
{
	bool written = false;

	for (size_t i = 0; i < function->n; i++) {
		const struct instruction *at = &function->instructions[i];
		if (!(at->written & (UINT32_C(1) << number)) || at->flow == FLOW_SYSTEM_CALL)
			continue;
		written = true;
		if (at->value != VALUE_CONSTANT || at->destination != number ||
		    machine_call_kind(at->constant) != MATR_SITE_NONE)
			return false;
	}
	return written;
}

/* The kind of the call at index `at`; fails if that is not certain. */
static int call_kind(const struct code *code, const struct code_function *function, size_t at,
		     int *kind, uint64_t *number, struct matr_error *err)
{
	unsigned long address = (unsigned long)function->instructions[at].address;
	const struct instruction *write = last_write(code, function, at, machine.number_register);

	*number = 0;
	*kind = MATR_SITE_NONE;
	if (write && write->value == VALUE_COPY && is_never_of_interest(function, write->source))
		return 0;
	if (!write || write->value != VALUE_CONSTANT)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, code->image->path,
				 "the number of its system call at 0x%lx is not known", address);
	*number = write->constant;
	*kind = machine_call_kind(write->constant);
	if (*kind == MACHINE_CALL_UNEXPECTED)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, code->image->path,
				 "makes the unexpected system call %lu at 0x%lx",
				 (unsigned long)*number, address);
	return 0;
}

/* ---- instructions that the jump replaces ---- */

static bool is_free(const struct code *code, uint64_t address, uint64_t back)
{
	for (uint64_t inside = address + 1; inside < back; inside++) {
		if (code_is_marked(code, inside))
			return false;
	}
	return true;
}

/* The instructions from first to last, a call at `at` among them. */
static bool fits(const struct code *code, const struct code_function *function, size_t first,
		 size_t at, size_t last, const struct call_site_room *room)
{
	const struct instruction *list = function->instructions;
	uint64_t address = list[first].address, back = list[last].address + list[last].size;
	uint64_t after = list[at].address + list[at].size;

	for (size_t i = first; i <= last; i++) {
		if (i != at && !list[i].movable)
			return false;
	}
	return back - address >= machine.jump_size && list[at].address - address <= room->before &&
	       back - after <= room->after && is_free(code, address, back);
}

/* The fewest instructions around the call that make room for a jump, rather those before it. */
static bool choose(const struct code *code, const struct code_function *function, size_t at,
		   const struct call_site_room *room, struct matr_site *site)
{
	const struct instruction *list = function->instructions;

	for (size_t around = 0; around <= MAX_AROUND; around++) {
		for (size_t after = 0; after <= around; after++) {
			size_t before = around - after;
			if (before > at || at + after >= function->n ||
			    !fits(code, function, at - before, at, at + after, room))
				continue;
			const struct instruction *last = &list[at + after];
			site->address = (uint32_t)list[at - before].address;
			site->call = (uint32_t)list[at].address;
			site->back = (uint32_t)(last->address + last->size);
			return true;
		}
	}
	return false;
}

/* ---- flags ---- */

static size_t index_of(const struct code_function *function, uint64_t address)
{
	size_t i = 0;

	while (i < function->n && function->instructions[i].address != address)
		i++;
	return i;
}

/* Flags are dead if they are written before they are read, whichever way the code goes. */
static bool flags_are_dead(const struct code_function *function, size_t at, int budget)
{
	while (at < function->n && budget-- > 0) {
		const struct instruction *next = &function->instructions[at];
		if (next->reads_flags)
			return false;
		if (next->writes_flags || next->flow == FLOW_CALL || next->flow == FLOW_END)
			return true;
		if (next->flow == FLOW_BRANCH || next->flow == FLOW_JUMP_INDIRECT)
			return false;
		at = next->flow == FLOW_JUMP ? index_of(function, next->target) : at + 1;
	}
	return false;
}

/* ---- all of them ---- */

static int add_site(struct code *code, const struct code_function *function, size_t at,
		    const struct call_site_room *room, struct call_sites *out,
		    struct matr_error *err)
{
	unsigned long address = (unsigned long)function->instructions[at].address;
	struct matr_site site = {0};
	uint64_t number;
	int kind;

	if (call_kind(code, function, at, &kind, &number, err) < 0)
		return -1;
	if (kind == MATR_SITE_NONE)
		return 0;
	if (!room)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, code->image->path,
				 "has a system call %lu at 0x%lx", (unsigned long)number, address);
	if (out->n == MATR_SITES_MAX)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, code->image->path,
				 "has more than %d system-call sites", MATR_SITES_MAX);
	site.kind = (uint16_t)kind;
	site.number = (uint16_t)number;
	if (!choose(code, function, at, room, &site))
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, code->image->path,
				 "its system call at 0x%lx cannot be replaced", address);
	if (!flags_are_dead(function, at + 1, MAX_FOLLOWED))
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, code->image->path,
				 "flags may be read after its system call at 0x%lx", address);
	out->sites[out->n++] = site;
	return 0;
}

static int add_function(struct code *code, const struct function_range *range,
			const struct call_site_room *room, struct call_sites *out,
			struct matr_error *err)
{
	struct code_function function;

	if (code_function_read(code, range, &function, err) < 0)
		return -1;
	int result = 0;
	for (size_t i = 0; i < function.n && !result; i++) {
		if (function.instructions[i].flow == FLOW_SYSTEM_CALL)
			result = add_site(code, &function, i, room, out, err);
	}
	code_function_free(&function);
	return result;
}

/* Every occurrence of the instruction's bytes lies in some function: either it is one there, or
 * part of another instruction. */
static int add_segment(struct code *code, const Elf64_Phdr *segment,
		       const struct call_site_room *room, struct call_sites *out,
		       struct matr_error *err)
{
	const unsigned char *bytes = code->image->bytes + segment->p_offset;
	uint64_t at = 0;

	while (at + machine.call_size <= segment->p_filesz) {
		if (memcmp(bytes + at, machine.call, machine.call_size) != 0) {
			at++;
			continue;
		}
		const struct function_range *range =
			function_range_at(&code->functions, segment->p_vaddr + at);
		if (!range)
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, code->image->path,
					 "has a system call outside of its functions at 0x%lx",
					 (unsigned long)(segment->p_vaddr + at));
		if (add_function(code, range, room, out, err) < 0)
			return -1;
		at = range->end - segment->p_vaddr;
	}
	return 0;
}

/* Functions near a site may branch into it by short jumps, which only decoding finds. */
static int check_neighbours(struct code *code, const struct matr_site *site, struct matr_error *err)
{
	uint64_t reach = machine.short_jump_reach;
	uint64_t start = site->address > reach ? site->address - reach : 0;

	if (code_mark_range(code, start, site->back + reach, err) < 0)
		return -1;
	if (is_free(code, site->address, site->back))
		return 0;
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, code->image->path,
			 "something leads into its system-call site at 0x%lx",
			 (unsigned long)site->address);
}

static int check_kinds(const struct code *code, const struct call_sites *sites,
		       struct matr_error *err)
{
	static const char *const names[MATR_SITE_KINDS] = {
		[MATR_SITE_OPENAT] = "openat",
		[MATR_SITE_READ] = "read",
		[MATR_SITE_PREAD] = "pread64",
		[MATR_SITE_FSTAT] = "fstat",
		[MATR_SITE_MMAP] = "mmap",
		[MATR_SITE_MPROTECT] = "mprotect",
		[MATR_SITE_CLOSE] = "close",
		[MATR_SITE_ACCESS] = "access",
		[MATR_SITE_SET_TID_ADDRESS] = "set_tid_address",
	};
	size_t counts[MATR_SITE_KINDS] = {0};

	for (size_t i = 0; i < sites->n; i++)
		counts[sites->sites[i].kind]++;
	counts[MATR_SITE_FSTAT] += counts[MATR_SITE_NEWFSTATAT]; /* one or the other */
	for (size_t kind = 0; kind < MATR_SITE_KINDS; kind++) {
		if (names[kind] && counts[kind] == 0)
			return matr_fail(err, MATR_ERROR_UNSUPPORTED, code->image->path,
					 "makes no system call %s", names[kind]);
	}
	if (counts[MATR_SITE_SET_TID_ADDRESS] != 1)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, code->image->path,
				 "calls set_tid_address in %zu places",
				 counts[MATR_SITE_SET_TID_ADDRESS]);
	return 0;
}

static int find(struct code *code, const struct call_site_room *room, struct call_sites *out,
		struct matr_error *err)
{
	const struct elf_image *image = code->image;

	for (size_t i = 0; i < image->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &image->segments[i];
		if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) &&
		    add_segment(code, segment, room, out, err) < 0)
			return -1;
	}
	return 0;
}

int call_sites_find(const struct elf_image *ld_so, const struct call_site_room *room,
		    struct call_sites *out, struct matr_error *err)
{
	struct code code;

	*out = (struct call_sites){.n = 0};
	int result = code_open(&code, ld_so, err);
	if (!result)
		result = find(&code, room, out, err);
	for (size_t i = 0; i < out->n && !result; i++)
		result = check_neighbours(&code, &out->sites[i], err);
	if (!result)
		result = check_kinds(&code, out, err);
	code_close(&code);
	if (result)
		out->n = 0;
	return result;
}

int call_sites_check_none(const struct elf_image *ld_so, struct matr_error *err)
{
	struct call_sites none = {.n = 0};
	struct code code;

	int result = code_open(&code, ld_so, err);
	if (!result)
		result = find(&code, NULL, &none, err);
	code_close(&code);
	return result;
}
