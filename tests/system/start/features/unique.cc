// unique.cc - the program, its library and its plugins share one unique variable.
#include "unique.h"

#include <cstdio>
#include <dlfcn.h>

extern "C" int *unique_next();

int main(int argc, char **argv)
{
	int *ours = Unique<int>::next();
	int *theirs = unique_next();
	std::printf("library %d %d\n", ours == theirs, *ours);
	for (int i = 1; i < argc; i++) {
		void *plugin = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
		if (plugin == nullptr) {
			std::printf("%s\n", dlerror());
			return 1;
		}
		auto *next = reinterpret_cast<int *(*)()>(dlsym(plugin, "unique_next"));
		std::printf("plugin %d %d\n", next() == ours, *ours);
	}
	return 0;
}
