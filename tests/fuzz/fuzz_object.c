/* fuzz_object.c - matr_object_open() with any file.
 *
 * Whatever it accepts has to keep the promises of matr/object.h: every string and array can be
 * read, every index leads somewhere.
 */
#include "fuzz_file.h"

#include <stdlib.h>

#include <matr/object.h>

static void require(int condition)
{
	if (!condition)
		abort();
}

static void check_symbols(const struct matr_object *object)
{
	for (size_t i = 0; i < object->n_symbols; i++) {
		const struct matr_symbol *symbol = &object->symbols[i];
		const struct matr_version *version = matr_object_symbol_version(object, symbol);
		require(symbol->name != NULL);
		fuzz_use_string(symbol->name);
		require(!version || version->name);
	}
	for (size_t i = 0; i < object->n_versions; i++) {
		fuzz_use_string(object->versions[i].name);
		fuzz_use_string(object->versions[i].file);
	}
}

static void check_object(const struct matr_object *object)
{
	fuzz_use_string(object->path);
	fuzz_use_string(object->interpreter);
	fuzz_use_string(object->soname);
	fuzz_use_string(object->rpath);
	fuzz_use_string(object->runpath);
	for (size_t i = 0; i < object->n_needed; i++)
		fuzz_use_string(object->needed[i]);
	fuzz_use(object->segments, object->n_segments * sizeof *object->segments);
	fuzz_use(object->dynamic, object->n_dynamic * sizeof *object->dynamic);
	fuzz_use(object->relatives, object->n_relatives * sizeof *object->relatives);
	fuzz_use(object->relr, object->n_relr * sizeof *object->relr);
	for (size_t i = 0; i < object->n_relocations; i++)
		require(object->relocations[i].symbol == 0 ||
			object->relocations[i].symbol < object->n_symbols);
	require(object->build_id.size <= MATR_BUILD_ID_MAX);
	check_symbols(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct matr_object *object = NULL;
	struct matr_error err = {0};

	if (matr_object_open(fuzz_file(data, size), &object, &err) != 0) {
		require(err.code != MATR_OK && err.message[0] && err.file[0]);
		return 0;
	}
	check_object(object);
	matr_object_free(object);
	return 0;
}
