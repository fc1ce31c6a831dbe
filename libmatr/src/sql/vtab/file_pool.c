/* file_pool.c - open ELF files. */
#include "sql/vtab/file_pool.h"

#include <stdlib.h>
#include <string.h>

#include <matr/resolve.h>

#include "base/array.h"
#include "base/file_id.h"
#include "sql/reader/dynamic_sections.h"

enum {
	MOST_OPEN = 400,	/* unused files in the pool */
	MOST_NUMBERS = 1 << 19, /* file numbers: the upper bits of a rowid */
};
#define MOST_LOADED (UINT64_C(256) << 20) /* bytes of such files in memory */

struct file_pool *file_pool_new(struct matr_sql *sql, struct matr_error *err)
{
	struct file_pool *pool = calloc(1, sizeof *pool);

	if (!pool) {
		matr_fail_memory(err);
		return NULL;
	}
	pool->sql = sql;
	pool->references = 1;
	return pool;
}

static void unlink_idle(struct file_pool *pool, struct elf_file *file)
{
	*(file->newer ? &file->newer->older : &pool->newest) = file->older;
	*(file->older ? &file->older->newer : &pool->oldest) = file->newer;
	file->newer = file->older = NULL;
	pool->n_idle--;
	pool->loaded -= file->loaded;
}

static void drop(struct file_pool *pool, struct elf_file *file)
{
	if (pool->files[file->number] == file)
		pool->files[file->number] = NULL;
	elf_file_free(file);
}

static void make_idle(struct file_pool *pool, struct elf_file *file)
{
	file->older = pool->newest;
	*(pool->newest ? &pool->newest->newer : &pool->oldest) = file;
	pool->newest = file;
	pool->n_idle++;
	pool->loaded += file->loaded;
	while (pool->n_idle > MOST_OPEN || (pool->loaded > MOST_LOADED && pool->n_idle > 1)) {
		struct elf_file *oldest = pool->oldest;
		unlink_idle(pool, oldest);
		drop(pool, oldest);
	}
}

void file_pool_release(struct file_pool *pool)
{
	if (!pool || --pool->references > 0)
		return;
	while (pool->oldest) {
		struct elf_file *oldest = pool->oldest;
		unlink_idle(pool, oldest);
		drop(pool, oldest);
	}
	for (uint32_t i = 0; i < pool->numbers.n; i++)
		free(pool->names[i]);
	matr_session_close(pool->session);
	free(pool->names);
	free(pool->files);
	intern_free(&pool->numbers);
	free(pool);
}

static int number_of(struct file_pool *pool, const char *path, uint32_t *number,
		     struct matr_error *err)
{
	*number = intern_find(&pool->numbers, path);
	if (*number != UINT32_MAX)
		return 0;
	if (pool->numbers.n >= MOST_NUMBERS)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, path,
				 "one file too many for one connection");
	size_t names = pool->capacity, files = pool->capacity;
	if (array_reserve(&pool->names, &names, pool->numbers.n + 1, sizeof *pool->names, err) !=
		    0 ||
	    array_reserve(&pool->files, &files, pool->numbers.n + 1, sizeof(struct elf_file *),
			  err) != 0)
		return -1;
	pool->capacity = files;
	char *name = strdup(path);
	if (!name)
		return matr_fail_memory(err);
	if (intern_add(&pool->numbers, name, number, err) < 0) {
		free(name);
		return -1;
	}
	pool->names[*number] = name;
	pool->files[*number] = NULL;
	return 0;
}

static bool is_same(const struct elf_file *file)
{
	struct matr_file_id now;

	return elf_file_identify(file->path, &now) == 0 && file_id_equal(&now, &file->id);
}

static void warn(void *context, const struct matr_error *warning)
{
	sql_warn(context, warning);
}

static int open_new(struct file_pool *pool, const char *path, struct elf_file **out,
		    struct matr_error *err)
{
	struct elf_file *file;
	struct matr_error warning;

	if (elf_file_open(path, &file, err) < 0)
		return -1;
	file->session = &pool->session;
	file->warn = warn;
	file->warn_context = pool->sql;
	if (dynamic_sections_add(file, &warning) < 0) {
		if (warning.code == MATR_ERROR_RESOURCES) {
			elf_file_free(file);
			return matr_error_copy(err, &warning);
		}
		elf_file_warn(file, &warning);
	}
	*out = file;
	return 0;
}

int file_pool_open(struct file_pool *pool, const char *path, struct elf_file **out,
		   struct matr_error *err)
{
	uint32_t number;

	if (number_of(pool, path, &number, err) < 0)
		return -1;
	struct elf_file *file = pool->files[number];
	if (file && file->checked != pool->sql->generation && !is_same(file)) {
		pool->files[number] = NULL; /* goes when its last user is done */
		if (file->references == 0) {
			unlink_idle(pool, file);
			elf_file_free(file);
		}
		file = NULL;
	}
	if (!file) {
		if (open_new(pool, path, &file, err) < 0)
			return -1;
		file->number = number;
		pool->files[number] = file;
	} else if (file->references == 0) {
		unlink_idle(pool, file);
	}
	file->checked = pool->sql->generation;
	file->references++;
	*out = file;
	return 0;
}

void file_pool_close(struct file_pool *pool, struct elf_file *file)
{
	if (--file->references > 0)
		return;
	if (pool->files[file->number] == file)
		make_idle(pool, file);
	else
		elf_file_free(file);
}
