/* fuzz_file.c - a file in memory for a fuzzer. A fuzzer is one process with one thread: a static
 * buffer will do. */
#include "fuzz_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];

static void remove_file(void)
{
	unlink(path);
}

const char *fuzz_file(const void *data, size_t size)
{
	FILE *file;

	if (!path[0]) {
		snprintf(path, sizeof path, "/dev/shm/matr-fuzz-%ld", (long)getpid());
		atexit(remove_file);
	}
	file = fopen(path, "w");
	if (!file || (size > 0 && fwrite(data, size, 1, file) != 1) || fclose(file) != 0) {
		perror(path);
		abort();
	}
	return path;
}

void fuzz_use(const void *data, size_t size)
{
	const volatile unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		(void)bytes[i];
}

void fuzz_use_string(const char *string)
{
	if (string)
		fuzz_use(string, strlen(string));
}
