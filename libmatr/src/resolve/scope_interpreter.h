/* scope_interpreter.h - the dynamic linker of an application, if it is the one that is
 * reproduced. */
#ifndef MATR_SCOPE_INTERPRETER_H
#define MATR_SCOPE_INTERPRETER_H

#include "resolve/session.h"

/* Find the session object behind the application's PT_INTERP.
 * Errors: NOT_FOUND, UNSUPPORTED (not the system's glibc, or another one in another process). */
int scope_interpreter(struct matr_session *session, const struct matr_object *application,
		      uint32_t *object, struct matr_error *err);

#endif
