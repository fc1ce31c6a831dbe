/* spoilt_file.c - damaged copies of a file, for the readers.
 *
 * Failures are reported with ck_abort_msg(): libcheck notes down every assertion that passes, and
 * there are tens of thousands.
 */
#include "spoilt_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

void spoilt_file_setup(struct spoilt_file *file)
{
	strcpy(file->directory, "/tmp/matr-test-object.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(file->directory));
	snprintf(file->path, sizeof file->path, "%s/file", file->directory);
}

void spoilt_file_teardown(struct spoilt_file *file)
{
	unlink(file->path);
	rmdir(file->directory);
}

void spoilt_file_write(struct spoilt_file *file, const void *data, size_t size)
{
	int fd = open(file->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd) != 0)
		ck_abort_msg("%s: %s", file->path, strerror(errno));
}

enum matr_code spoilt_file_open(struct spoilt_file *file)
{
	struct matr_error *err = &file->err;
	struct matr_object *object = NULL;

	memset(err, 0, sizeof *err);
	if (matr_object_open(file->path, &object, err) == 0) {
		matr_object_free(object);
		return MATR_OK;
	}
	if (object || err->code == MATR_OK || !err->message[0] ||
	    strcmp(err->file, file->path) != 0 || strchr(err->message, '\n'))
		ck_abort_msg("unclear error %d: %s: %s", err->code, err->file, err->message);
	return err->code;
}
