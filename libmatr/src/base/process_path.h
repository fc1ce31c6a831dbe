/* process_path.h - paths that lead elsewhere in another process. */
#ifndef MATR_PROCESS_PATH_H
#define MATR_PROCESS_PATH_H

#include <stdbool.h>

/* Test whether an absolute path leads through procfs, as /proc/self/cwd, /dev/fd/3 and symbolic
 * links to them do. The files behind such a path are the process's own. Missing files do not
 * matter. */
bool path_depends_on_process(const char *path);

#endif
