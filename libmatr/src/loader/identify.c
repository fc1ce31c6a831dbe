/* identify.c - telling an installed ld-stable from a real dynamic linker.
 *
 * In a namespace of `matr run`, or on a system whose loader path was handed to ld-stable, the path
 * in PT_INTERP leads to an ld-stable. It must not be taken for the real dynamic linker and copied,
 * or bound over twice. The configuration that was stamped into it identifies it.
 */
#include <matr/loader.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <matr/loader_format.h>

#include "base/file.h"

enum { LOADER_SIZE_MAX = 4 << 20 }; /* bytes; a real one has about 200 KiB */

int matr_loader_identify(const char *path, struct matr_loader_config *config,
			 struct matr_error *err)
{
	const uint64_t magic = MATR_CONFIG_MAGIC;
	struct matr_loader_config found;
	size_t size;
	void *data;

	if (file_read(path, LOADER_SIZE_MAX, &data, &size, err) != 0)
		return -1;
	/* The code that searches for the magic number contains it too, but not at a multiple of
	 * 8. */
	size_t at = 0;
	while (at + sizeof found <= size && memcmp((char *)data + at, &magic, sizeof magic) != 0)
		at += sizeof magic;
	bool is_ours = at + sizeof found <= size;
	if (is_ours)
		memcpy(&found, (char *)data + at, sizeof found);
	free(data);
	if (!is_ours)
		return 0;
	found.prefix[sizeof found.prefix - 1] = 0;
	found.self[sizeof found.self - 1] = 0;
	found.loader[sizeof found.loader - 1] = 0;
	found.image[sizeof found.image - 1] = 0;
	found.unserved[sizeof found.unserved - 1] = 0;
	if (found.embedded >= 0) /* no ld.so in it, or an earlier version's file */
		found.unserved[0] = 0;
	if (config)
		*config = found;
	return 1;
}
