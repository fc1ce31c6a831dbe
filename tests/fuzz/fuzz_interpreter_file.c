/* fuzz_interpreter_file.c - an ld.so of any bytes: the interpreter file made of it, or one error.
 *
 * What is made has been checked from its bytes; that check is part of making it.
 */
#include "loader/interpreter_file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { MAX_FILE = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct interpreter_source ld_stable = {.path = LD_STABLE};
	struct interpreter_file file;
	void *stable;

	if (!ld_stable.bytes) {
		if (file_read(LD_STABLE, MAX_FILE, &stable, &ld_stable.size, NULL) != 0)
			abort();
		ld_stable.bytes = stable;
	}
	void *copy = malloc(size + 1); /* aligned, and of the size that the file has */
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	const struct interpreter_source ld_so = {"input", copy, size};
	if (interpreter_file_make(&ld_so, &ld_stable, INTERPRETER_TABLE_AUTO, &file, NULL) == 0)
		free(file.bytes);
	free(copy);
	return 0;
}
