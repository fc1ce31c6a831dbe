/* fuzz_ld_so_cache.c - /etc/ld.so.cache with any contents, and every name it lists looked up. */
#include "fuzz_file.h"

#include "resolve/ld_so_cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const levels[] = {"x86-64-v3", "x86-64-v2", NULL};
	struct ld_so_cache cache;
	struct matr_error err = {0};
	bool by_level = false;

	if (ld_so_cache_open(fuzz_file(data, size), &cache, &err) != 0)
		return 0;
	for (size_t i = 0; i < cache.n_entries; i++) {
		fuzz_use_string(cache.entries[i].path);
		fuzz_use_string(cache.entries[i].level);
	}
	for (size_t i = 0; i < cache.names.n_slots; i++)
		if (cache.names.entries[i].text)
			fuzz_use_string(ld_so_cache_find(&cache, cache.names.entries[i].text,
							 levels, &by_level));
	fuzz_use_string(ld_so_cache_find(&cache, "libc.so.6", levels, &by_level));
	ld_so_cache_close(&cache);
	return 0;
}
