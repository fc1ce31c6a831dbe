/* fuzz_object.c - libFuzzer over the reader of ELF files: whatever bytes a file has, matr_object_open()
 * returns an object or an error. Seed it with real libraries:
 *
 *	cmake -S . -B build-fuzz -G Ninja -DCMAKE_C_COMPILER=clang-14 -DMATR_FUZZ=ON -DMATR_SANITIZE=ON
 *	cmake --build build-fuzz && tests/fuzz/run build-fuzz 600
 */
#include <matr/object.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[64];
	if (fd < 0) {
		fd = memfd_create("object", MFD_CLOEXEC);
		if (fd < 0)
			abort();
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();

	struct matr_object *object = NULL;
	struct matr_error err = {.code = MATR_OK};
	if (matr_object_open(path, &object, &err) < 0) {
		if (object != NULL || err.code == MATR_OK || err.message[0] == '\0')
			abort();
		return 0;
	}
	/* What the rest of libmatr follows: strings and indices must be within bounds. */
	size_t sum = 0;
	for (size_t i = 0; i < object->n_needed; i++)
		sum += object->needed[i][0] != '\0';
	for (size_t i = 0; i < object->n_symbols; i++) {
		const struct matr_version *version =
			matr_object_symbol_version(object, &object->symbols[i]);
		sum += object->symbols[i].name[0] != '\0';
		sum += version != NULL && version->name != NULL && version->name[0] != '\0';
	}
	for (size_t i = 0; i < object->n_relocations; i++)
		if (object->relocations[i].symbol > object->n_symbols)
			abort();
	matr_object_free(object);
	return sum == SIZE_MAX;
}
