/* resources.h - errors that say something of this process, not of the file that it was about.
 *
 * When memory or file descriptors run out, a file that is there cannot be opened. To pass it over
 * would be a wrong answer: what was begun ends instead (MATR_ERROR_RESOURCES).
 */
#ifndef RESOURCES_H
#define RESOURCES_H

#include <stdbool.h>

/* Tell errors of exhaustion (an errno: ENOMEM, EMFILE, ENFILE) from errors of a file. */
bool resources_ran_out(int error);

/* Callback for glob(3): expanding goes on past directories that cannot be read, and ends with
 * GLOB_ABORTED and errno where resources ran out. */
int resources_glob_error(const char *directory, int error);

#endif
