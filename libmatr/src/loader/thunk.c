/* thunk.c - finding ld-stable's thunks (thunk.h). */
#include "loader/thunk.h"

#include <stdbool.h>
#include <string.h>

#include "loader/machine.h"

static bool place_is_valid(const struct matr_sites *sites, uint16_t at, uint16_t size)
{
	return at <= sites->slot_size && size <= sites->slot_size - at;
}

static bool is_valid(const struct elf_image *ld_stable, const struct thunks *thunks)
{
	const struct matr_sites *sites = &thunks->sites;

	return sites->n_slots >= MATR_SITES_MAX && sites->n_sites == 0 &&
	       place_is_valid(sites, sites->before, sites->before_size) &&
	       place_is_valid(sites, sites->after, sites->after_size) &&
	       place_is_valid(sites, sites->back, sites->back_size) &&
	       sites->back_size == machine.jump_size &&
	       elf_image_at(ld_stable, thunks->slots, (uint64_t)sites->n_slots * sites->slot_size);
}

/* The table in one segment; 0 if it is not there, -1 if there are two. */
static int find_in(const struct elf_image *ld_stable, const Elf64_Phdr *segment, struct thunks *out)
{
	const uint64_t magic = MATR_SITES_MAGIC;
	const unsigned char *bytes = ld_stable->bytes + segment->p_offset;
	int found = 0;

	for (uint64_t at = 0; at + sizeof out->sites <= segment->p_filesz; at += 8) {
		if (memcmp(bytes + at, &magic, sizeof magic) != 0)
			continue;
		if (found)
			return -1;
		found = 1;
		out->table = segment->p_vaddr + at;
		memcpy(&out->sites, bytes + at, sizeof out->sites);
		out->slots = out->table + offsetof(struct matr_sites, slots) +
			     (uint64_t)(int64_t)out->sites.slots;
	}
	return found;
}

int thunks_find(const struct elf_image *ld_stable, struct thunks *out, struct matr_error *err)
{
	*out = (struct thunks){.table = 0};
	for (size_t i = 0; i < ld_stable->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &ld_stable->segments[i];
		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
			continue;
		int found = find_in(ld_stable, segment, out);
		if (found > 0 && is_valid(ld_stable, out))
			return 0;
		if (found != 0)
			break;
	}
	return matr_fail(err, MATR_ERROR_MALFORMED, ld_stable->path,
			 "is not an ld-stable of this version");
}
