/* interpreter.h - where in its file a program names its interpreter. */
#ifndef MATR_PROGRAM_INTERPRETER_H
#define MATR_PROGRAM_INTERPRETER_H

#include <stdbool.h>
#include <stddef.h>

/* The string of PT_INTERP in the bytes of a program. *room: bytes it takes there, the NUL included.
 * NULL: there is none, or it is not that of a well-formed 64-bit x86 program. */
char *elf_interpreter(void *bytes, size_t size, size_t *room);

/* Put another path there; the rest of the room becomes zero. The kernel wants a zero as the last
 * byte, and takes the string up to the first one. false: it does not fit. */
bool elf_set_interpreter(char *interpreter, size_t room, const char *path);

#endif
