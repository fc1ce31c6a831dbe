/* system_paths.h - what the system's ld.so was built with and what it found out about the CPU. */
#ifndef MATR_SYSTEM_PATHS_H
#define MATR_SYSTEM_PATHS_H

#include <stddef.h>
#include <stdint.h>

#include <matr/error.h>

struct system_paths {
	char *directories[16]; /* default library directories, without trailing slashes */
	size_t n_directories;
	char *levels[9]; /* active glibc-hwcaps names, best first, NULL-terminated */
	char *subdirectories
		[64]; /* searched in every directory before the directory itself, in order:
				     glibc-hwcaps/..., then the legacy ones */
	size_t n_subdirectories;
	uint32_t isa;	/* GNU_PROPERTY_X86_ISA_1_* of the CPU; 0: this ld.so does not ask */
	char *platform; /* $PLATFORM */
	char *lib;	/* $LIB */
	unsigned glibc; /* minor number of its version, for glibc_has() */
};

/* Ask the ld.so at `interpreter`. */
int system_paths_open(const char *interpreter, struct system_paths *paths, struct matr_error *err);
void system_paths_close(struct system_paths *paths);

#endif
