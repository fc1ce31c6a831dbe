/* fuzz_file.h - a fuzzer's input as a file, for functions that take a path. */
#ifndef MATR_FUZZ_FILE_H
#define MATR_FUZZ_FILE_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's entry point, which it declares nowhere. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Write the input to a file in memory, the same one each time, removed at exit. Returns its
 * path. */
const char *fuzz_file(const void *data, size_t size);

/* Read what a pointer leads to, so that AddressSanitizer sees a stale or wild one. */
void fuzz_use(const void *data, size_t size);
void fuzz_use_string(const char *string); /* NULL is allowed */

#endif
