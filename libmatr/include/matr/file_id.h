/* file_id.h - which file it is, and whether it has changed. */
#ifndef MATR_FILE_ID_H
#define MATR_FILE_ID_H

#include <stdint.h>

/* Identity of a file, different for another file and for a changed one. Times are in nanoseconds
 * since 1970. */
struct matr_file_id {
	uint64_t device, inode, size;
	int64_t mtime, ctime;
};

#endif
