/* process_path.h - paths that lead elsewhere in another process. */
#ifndef MATR_PROCESS_PATH_H
#define MATR_PROCESS_PATH_H

#include <stdbool.h>

/* Does an absolute path lead through procfs, as /proc/self/cwd, /dev/fd/3 and symbolic links to
 * them do? Whatever lies behind that is the process's own. Files that are missing do not matter. */
bool path_depends_on_process(const char *path);

#endif
