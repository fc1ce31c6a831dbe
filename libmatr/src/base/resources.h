/* resources.h - errors that concern this process, not the file that it was about.
 *
 * When memory or file descriptors run out, a file that is there cannot be opened. To pass it over
 * would be a wrong answer: what was begun ends instead (MATR_ERROR_RESOURCES).
 */
#ifndef MATR_RESOURCES_H
#define MATR_RESOURCES_H

#include <stdbool.h>

/* Tell errors of exhaustion (an errno: ENOMEM, EMFILE, ENFILE) from errors of a file. */
bool resources_ran_out(int error);

#endif
