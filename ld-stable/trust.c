/* trust.c - the owner of the image.
 *
 * A user who can write the image can run code in every process that uses it. So it, and every
 * directory above it, must belong to root or to the caller and be writable by no other user. A
 * directory with the sticky bit (/tmp) may be, since users cannot rename or remove files of others
 * in it.
 */
#include "ld_stable.h"

enum {
	MODE_TYPE = 0170000,
	MODE_REGULAR = 0100000,
	MODE_STICKY = 01000,
	MODE_OTHERS_WRITE = 022,
	UID_OVERFLOW = 65534, /* what a user that a user namespace does not map is shown as */
};

/* In a user namespace that maps only the caller (an ordinary user's `matr run`), root's directories
 * seem to belong to the overflow user. Only believed where that user itself is not mapped. */
static bool overflow_is_unmapped(void)
{
	char text[512];
	long fd = file_open("/proc/self/uid_map");
	if (fd < 0)
		return false;
	long size = system_call(CALL_PREAD, fd, (long)text, sizeof text - 1, 0, 0, 0);
	file_close(fd);
	if (size <= 0)
		return false;
	text[size] = 0;

	uint64_t field[3] = {0, 0, 0}; /* inside, outside, count */
	int at = 0;
	bool in_number = false;
	for (const char *c = text; *c; c++) {
		if (*c >= '0' && *c <= '9') {
			field[at] = field[at] * 10 + (uint64_t)(*c - '0');
			in_number = true;
			continue;
		}
		if (in_number && at < 2)
			at++;
		in_number = false;
		if (*c == '\n') {
			if (field[0] <= UID_OVERFLOW && UID_OVERFLOW - field[0] < field[2])
				return false;
			field[0] = field[1] = field[2] = 0;
			at = 0;
		}
	}
	return true;
}

const char *trust_reason(const char *path, const struct file_status *status, uint32_t euid)
{
	if ((status->mode & MODE_TYPE) != MODE_REGULAR)
		return "epoch image is not a regular file";
	if (status->uid != 0 && status->uid != euid)
		return "epoch image is owned by somebody else";
	if (status->mode & MODE_OTHERS_WRITE)
		return "epoch image is writable by others";

	/* The directories, deepest first; the deepest is the prefix itself. */
	char directory[MATR_CONFIG_PATH];
	size_t length = string_length(path);
	bytes_copy(directory, path, length + 1);
	for (bool prefix = true; length > 1; prefix = false) {
		while (length > 0 && directory[length - 1] != '/')
			length--;
		if (length > 1)
			length--;
		directory[length] = 0;
		struct file_status above;
		if (length == 0 || !file_status(directory, &above))
			return "epoch image's directory cannot be read";
		if (above.uid != 0 && above.uid != euid &&
		    (prefix || above.uid != UID_OVERFLOW || !overflow_is_unmapped()))
			return "epoch image's directory is owned by somebody else";
		if ((above.mode & MODE_OTHERS_WRITE) && !(above.mode & MODE_STICKY))
			return "epoch image's directory is writable by others";
	}
	return NULL;
}
