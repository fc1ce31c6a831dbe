/* secure_exec.h - programs that ld.so starts in secure-execution mode (ld.so(8)). */
#ifndef MATR_SECURE_EXEC_H
#define MATR_SECURE_EXEC_H

#include <stdbool.h>

#include <matr/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Test whether the program gains privileges when it is started (set-user-ID, set-group-ID,
 * capabilities). ld-stable then starts it plainly, even if it has a mapping. Edits of its mapping
 * are refused.
 * program: a path. Returns false also if there is no such file. */
MATR_API bool matr_is_secure_exec(const char *program);

#ifdef __cplusplus
}
#endif

#endif
