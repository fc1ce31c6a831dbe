/* cpu_record.h - making a CPU record for the epoch image. */
#ifndef MATR_LOADER_CPU_RECORD_H
#define MATR_LOADER_CPU_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include <matr/error.h>
#include <matr/image_format.h>

/* Make the record of this machine's CPU for the interpreter file in memory (size bytes), which
 * holds the ld.so at the path `ld_so`. ld.so is run as far as mapping `program`; none of the
 * program's code runs. *out: the record, its words behind it; free(). Errors: UNSUPPORTED (the
 * message has the reason: starts go on without a record), SYSTEM, RESOURCES. */
int loader_cpu_record_make(const void *interpreter, size_t size, const char *ld_so,
			   const char *program, struct matr_image_cpu **out,
			   struct matr_error *err);

/* Test whether the record is one of this machine's CPU. */
bool loader_cpu_record_is_current(const struct matr_image_cpu *cpu);

#endif
