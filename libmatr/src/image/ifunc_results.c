/* ifunc_results.c - what IFUNC resolvers of glibc's own libraries return on this machine.
 *
 * Page data can hold a resolver's result if it is known when the epoch begins. An exec calls the
 * resolver nevertheless and corrects what has changed. So results are worth recording, and never
 * trusted. Resolvers are called in this process, which is only right for the very libraries that it
 * has itself.
 */
#include "image/image.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file_id.h"
#include "base/path.h"

static bool is_file(const char *path, const struct matr_file_id *id)
{
	struct stat status;

	if (!path || !path[0] || stat(path, &status) != 0)
		return false;
	struct matr_file_id now = file_id_of(&status);
	return file_id_equal(&now, id);
}

/* The library among those that this process has. */
static struct link_map *loaded(const struct image_binary *binary)
{
	struct link_map *map = NULL;
	void *self = dlopen(NULL, RTLD_LAZY | RTLD_NOLOAD);

	if (!self || dlinfo(self, RTLD_DI_LINKMAP, &map) != 0)
		map = NULL;
	while (map && !is_file(map->l_name, &binary->id))
		map = map->l_next;
	if (self)
		dlclose(self);
	return map;
}

/* libm.so.6 belongs to the libc.so.6 beside it; if that one is ours, libm.so.6 can be loaded. */
static struct link_map *load_companion(const struct image_builder *builder,
				       const struct image_binary *binary)
{
	const char *name = path_name(binary->path);
	size_t length = (size_t)(name - binary->path);
	struct link_map *map = NULL;

	if (strcmp(name, "libm.so.6") != 0)
		return NULL;
	for (size_t i = 0; i < builder->n_binaries; i++) {
		const struct image_binary *other = &builder->binaries[i];
		if (strncmp(other->path, binary->path, length) != 0 ||
		    strcmp(other->path + length, "libc.so.6") != 0 || !loaded(other))
			continue;
		void *handle = dlopen(binary->path, RTLD_LAZY | RTLD_LOCAL);
		if (handle && dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 &&
		    is_file(map->l_name, &binary->id))
			return map; /* stays loaded: resolvers of it are called again */
		if (handle)
			dlclose(handle);
		return NULL;
	}
	return NULL;
}

uint64_t image_ifunc_result(struct image_builder *builder, uint32_t index, uint64_t vaddr)
{
	const struct image_binary *binary = &builder->binaries[index];
	uint64_t key = (uint64_t)index << 48 ^ vaddr, result = 0;

	if (builder->portable || map_get(&builder->ifunc_results, key, &result))
		return result;
	const struct link_map *map = loaded(binary);
	if (!map)
		map = load_companion(builder, binary);
	if (map) {
		uint64_t (*resolver)(void) = (uint64_t(*)(void))(uintptr_t)(map->l_addr + vaddr);
		result = resolver() - map->l_addr;
		if (result < binary->first || result - binary->first >= binary->span)
			result = 0; /* the vDSO's function */
	}
	/* Not remembered for want of memory: it is asked for again. */
	(void)map_set(&builder->ifunc_results, key, result);
	return result;
}
