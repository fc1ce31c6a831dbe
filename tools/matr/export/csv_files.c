/* csv_files.c - an export as a directory with a CSV file for each table.
 *
 * The directory is made when all files are written. Until then they have no names, so that an
 * export that is killed leaves nothing.
 */
#include "matr/export/sinks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/path.h"

struct export_csv_files {
	char path[PATH_MAX], temporary[PATH_MAX];
	unsigned tables;
	struct export_csv csv[EXPORT_TABLES];
	struct export_out outs[EXPORT_TABLES];
	char names[EXPORT_TABLES][PATH_MAX];
	bool zstd;
};

/* Get the path of a table's file in the directory. */
static int name_file(const struct export_csv_files *files, const char *directory, int table,
		     char path[PATH_MAX], struct matr_error *err)
{
	if (snprintf(path, PATH_MAX, "%s/%s.csv%s", directory, export_schemas[table].name,
		     files->zstd ? ".zst" : "") >= PATH_MAX)
		return matr_fail(err, MATR_ERROR_USAGE, directory, "path is too long");
	return 0;
}

int export_csv_files_open(const char *directory, unsigned tables, bool zstd,
			  struct export_csv_files **out, struct matr_error *err)
{
	struct export_csv_files *files = calloc(1, sizeof *files);
	struct stat status;

	*out = files;
	if (!files)
		return matr_fail_memory(err);
	files->tables = tables;
	files->zstd = zstd;
	for (int table = 0; table < EXPORT_TABLES; table++)
		files->outs[table].fd = -1;
	if (snprintf(files->path, sizeof files->path, "%s", directory) >= PATH_MAX - 64)
		return matr_fail(err, MATR_ERROR_USAGE, directory, "path is too long");
	size_t length = strlen(files->path);
	while (length > 1 && files->path[length - 1] == '/')
		files->path[--length] = 0;
	if (lstat(files->path, &status) == 0)
		return matr_fail(err, MATR_ERROR_STATE, directory,
				 "is there already; CSV of several tables makes a new directory");
	for (int table = 0; table < EXPORT_TABLES; table++) {
		if (!(tables & 1U << table))
			continue;
		if (name_file(files, files->path, table, files->names[table], err) != 0 ||
		    export_out_open_later(&files->outs[table], files->path, files->names[table],
					  zstd, err) != 0)
			return -1;
		files->csv[table] = (struct export_csv){.text = {.out = &files->outs[table]},
							.only = (enum export_table)table};
		if (export_csv_header(&files->csv[table], err) != 0)
			return -1;
	}
	return 0;
}

int export_csv_files_row(void *context, enum export_table table, const struct export_value *values,
			 struct matr_error *err)
{
	struct export_csv_files *files = context;

	return export_csv_row(&files->csv[table], table, values, err);
}

int export_csv_files_finish(struct export_csv_files *files, struct matr_error *err)
{
	char path[PATH_MAX];

	if (export_temporary(files->path, files->temporary, err) != 0)
		return -1;
	if (!mkdtemp(files->temporary)) {
		files->temporary[0] = 0;
		return matr_fail_errno(err, files->path, "cannot be made");
	}
	for (int table = 0; table < EXPORT_TABLES; table++) {
		if (!(files->tables & 1U << table))
			continue;
		if (name_file(files, files->temporary, table, path, err) != 0 ||
		    export_out_place(&files->outs[table], path, err) != 0 ||
		    export_out_finish(&files->outs[table], err) != 0)
			return -1;
	}
	if (chmod(files->temporary, 0777 & ~path_umask()) != 0 ||
	    rename(files->temporary, files->path) != 0)
		return matr_fail_errno(err, files->path, "cannot be made");
	files->temporary[0] = 0;
	return 0;
}

void export_csv_files_free(struct export_csv_files *files)
{
	char path[PATH_MAX];
	struct matr_error ignored; /* a path that is too long names no file */

	if (!files)
		return;
	for (int table = 0; table < EXPORT_TABLES; table++) {
		export_text_free(&files->csv[table].text);
		if (!(files->tables & 1U << table))
			continue;
		export_out_close(&files->outs[table]);
		if (files->temporary[0] &&
		    name_file(files, files->temporary, table, path, &ignored) == 0)
			unlink(path);
	}
	if (files->temporary[0])
		rmdir(files->temporary);
	free(files);
}
