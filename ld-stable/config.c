/* config.c - the configuration of this copy of ld-stable.
 *
 * A loader cannot take such paths from its environment, which belongs to the user who starts the
 * program. loader_stamp() stamps them into the copy of ld-stable it makes for a prefix: it looks
 * for the magic number in the file and fills in the rest. An unstamped ld-stable starts everything
 * plainly.
 */
#include "ld_stable.h"

/* Read-only for the process, and in no other file's sight as an initialised constant: what the
 * compiler sees here is not what a stamped copy holds. */
__attribute__((used, section(".matr_config"), aligned(8)))
const struct matr_loader_config config_stamped = {
	.magic = MATR_CONFIG_MAGIC,
	.format = MATR_IMAGE_FORMAT,
};
