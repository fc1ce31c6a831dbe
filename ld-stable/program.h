/* program.h - walking through a relocation program (matr/image_format.h). */
#ifndef LD_STABLE_PROGRAM_H
#define LD_STABLE_PROGRAM_H

#include "ld_stable.h"

static inline const uint32_t *group_values(const struct matr_image_group *group)
{
	return (const uint32_t *)(group + 1) + group->n_entries;
}

static inline const struct matr_image_group *group_next(const struct matr_image_group *group)
{
	return (const void *)((const char *)group + matr_image_group_size(group));
}

#endif
