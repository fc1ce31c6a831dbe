/* noted.h - what programs with record = always have noted of what they load (matr.conf(5)). */
#ifndef MATR_INPUTS_NOTED_H
#define MATR_INPUTS_NOTED_H

#include <matr/config.h>
#include <matr/error.h>

/* Move what was noted to the prefix's recordings, and make the directory for more, or remove it if
 * no program is to note anything. Only while holding the lock.
 * Errors: those of matr_recordings_read() and matr_recordings_write(); SYSTEM. */
int noted_collect(const char *canonical, const struct matr_config *config, struct matr_error *err);

#endif
