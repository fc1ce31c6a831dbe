/* file_set.c - which files there are, found out step by step.
 *
 * The list of paths only grows: first what the user named, directories being walked one at a time
 * when the list has been used up, then the libraries of one file after the other. So a query with
 * a LIMIT over a large tree stops early, and a file keeps its number.
 */
#include "sql/vtab/file_set.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/intern.h"
#include "sql/reader/libraries.h"
#include "sql/vtab/file_pool.h"

enum {
	MOST_RECENT = 8,       /* sets of arguments remembered */
	MOST_LOOKS = 16,       /* at what the user named, to guess */
	GUESS_DIRECTORY = 300, /* files in a directory, for want of anything better */
	GUESS_LIBRARIES = 12,  /* libraries of a program */
};

struct file_set {
	unsigned references;
	struct file_pool *pool;
	char **roots;
	size_t n_roots, next_root;
	char **directories; /* still to be walked, last one first */
	size_t n_directories, directory_capacity;
	struct listed {
		char *path;
		bool named;  /* by the user */
		bool no_elf; /* as it turned out */
	} * list;
	size_t n, capacity;
	struct intern index; /* path -> index into list */
	bool recursive;
	size_t next_derived; /* whose libraries come next */
	size_t n_chosen;     /* files that are not there as libraries of others */

	struct file_set_names names;

	/* Sets of arguments that were asked for last: a join comes with the same one for every
	 * row. */
	struct recent {
		struct file_set *set;
		uint64_t generation;
	} recent[MOST_RECENT];
	unsigned next_recent;
};

/* ---- the list ---- */

static int add_directory(struct file_set *set, char *path, struct matr_error *err)
{
	if (array_reserve(&set->directories, &set->directory_capacity, set->n_directories + 1,
			  sizeof *set->directories, err) != 0) {
		free(path);
		return -1;
	}
	set->directories[set->n_directories++] = path;
	return 0;
}

/* Takes over path. */
static int add_file(struct file_set *set, char *path, bool named, struct matr_error *err)
{
	uint32_t id;

	if (intern_find(&set->index, path) != UINT32_MAX) {
		free(path);
		return 0;
	}
	if (array_reserve(&set->list, &set->capacity, set->n + 1, sizeof *set->list, err) != 0) {
		free(path);
		return -1;
	}
	if (intern_add(&set->index, path, &id, err) < 0) {
		free(path);
		return -1;
	}
	set->list[set->n++] = (struct listed){.path = path, .named = named};
	return 0;
}

static int add_root(struct file_set *set, const char *root, struct matr_error *err)
{
	struct stat status;
	char *path = strdup(root);

	if (!path)
		return matr_fail_memory(err);
	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		return add_directory(set, path, err);
	return add_file(set, path, true, err);
}

static bool is_entry(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int entry_kind(const struct dirent *entry, const char *path)
{
	struct stat status;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type;
	return lstat(path, &status) == 0 ? (int)IFTODT(status.st_mode) : DT_UNKNOWN;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
	char **list;
	size_t n, capacity;
};

static int add_name(struct names *names, char *name, struct matr_error *err)
{
	if (array_reserve(&names->list, &names->capacity, names->n + 1, sizeof *names->list, err) !=
	    0) {
		free(name);
		return -1;
	}
	names->list[names->n++] = name;
	return 0;
}

static char *join(const char *directory, const char *name)
{
	size_t length = strlen(directory), more = strlen(name);
	char *path = malloc(length + more + 2);

	if (!path)
		return NULL;
	memcpy(path, directory, length);
	if (length && path[length - 1] != '/')
		path[length++] = '/';
	memcpy(path + length, name, more + 1);
	return path;
}

static int read_directory(DIR *stream, const char *path, struct names *files,
			  struct names *directories, struct matr_error *err)
{
	struct dirent *entry;
	int result = 0;

	while (result == 0 && (errno = 0, entry = readdir(stream)) != NULL) {
		if (!is_entry(entry))
			continue;
		char *name = join(path, entry->d_name);
		if (!name)
			return matr_fail_memory(err);
		int kind = entry_kind(entry, name);
		if (kind == DT_REG)
			result = add_name(files, name, err);
		else if (kind == DT_DIR)
			result = add_name(directories, name, err);
		else
			free(name);
	}
	return result;
}

/* A directory that cannot be read is a warning: the others still can. */
static int walk(struct file_set *set, char *path, struct matr_error *err)
{
	struct names files = {0}, directories = {0};
	DIR *stream = opendir(path);
	int result = 0;

	if (!stream) {
		struct matr_error warning;
		matr_fail_errno(&warning, path, "cannot be read");
		sql_warn(set->pool->sql, &warning);
	} else {
		result = read_directory(stream, path, &files, &directories, err);
		closedir(stream);
	}
	free(path);
	if (files.n)
		qsort(files.list, files.n, sizeof *files.list, by_name);
	if (directories.n)
		qsort(directories.list, directories.n, sizeof *directories.list, by_name);
	for (size_t i = 0; i < files.n; i++) {
		if (result == 0)
			result = add_file(set, files.list[i], false, err);
		else
			free(files.list[i]);
	}
	for (size_t i = directories.n; i-- > 0;) {
		if (result == 0)
			result = add_directory(set, directories.list[i], err);
		else
			free(directories.list[i]);
	}
	free(files.list);
	free(directories.list);
	return result;
}

static int derive(struct file_set *set, struct matr_error *err)
{
	set->n_chosen = set->n_chosen ? set->n_chosen : set->n;
	struct listed *from = &set->list[set->next_derived++];
	struct matr_error warning = {0};
	struct elf_file *file;
	struct matr_libraries libraries;
	int result = 0;

	if (from->no_elf)
		return 0;
	if (file_set_open(set, from->path, &file, &warning) < 0)
		return warning.code == MATR_ERROR_RESOURCES ? matr_error_copy(err, &warning) : 0;
	if (libraries_find(&set->pool->session, file, &libraries, &warning) < 0) {
		result = warning.code == MATR_ERROR_RESOURCES ? matr_error_copy(err, &warning) : 0;
		sql_warn(set->pool->sql, &warning);
	}
	for (size_t i = 1; i < libraries.n && result == 0; i++) {
		result = add_file(set, libraries.list[i].path, true, err);
		libraries.list[i].path = NULL; /* add_file() has it */
	}
	matr_libraries_free(&libraries);
	file_set_close(set, file);
	return result;
}

/* Make the list longer. Returns 1 if done, 0 if it is complete, -1 on error. */
static int grow(struct file_set *set, struct matr_error *err)
{
	int result;

	if (set->n_directories)
		result = walk(set, set->directories[--set->n_directories], err);
	else if (set->next_root < set->n_roots)
		result = add_root(set, set->roots[set->next_root++], err);
	else if (set->recursive && set->next_derived < (set->n_chosen ? set->n_chosen : set->n))
		result = derive(set, err);
	else
		return 0;
	return result < 0 ? -1 : 1;
}

int file_set_get(struct file_set *set, size_t i, const char **path, struct matr_error *err)
{
	*path = NULL;
	while (i >= set->n) {
		int result = grow(set, err);
		if (result <= 0)
			return result;
	}
	*path = set->list[i].path;
	return 0;
}

/* Test whether the walk of the directory reaches the path. */
static bool walk_comes_to(const char *directory, const char *path)
{
	size_t length = strlen(directory);
	struct stat status;

	while (length && directory[length - 1] == '/')
		length--;
	if (strncmp(path, directory, length) != 0 || path[length] != '/' || strstr(path, "//") ||
	    strstr(path, "/./") || strstr(path, "/../"))
		return false;
	char *part = strdup(path);
	if (!part)
		return false;
	bool found = lstat(part, &status) == 0 && S_ISREG(status.st_mode);
	for (char *slash; found && (slash = strrchr(part, '/')) != NULL;) {
		*slash = 0;
		if (strlen(part) <= length)
			break;
		found = lstat(part, &status) == 0 && S_ISDIR(status.st_mode);
	}
	free(part);
	return found;
}

int file_set_has(struct file_set *set, const char *path, struct matr_error *err)
{
	if (intern_find(&set->index, path) != UINT32_MAX)
		return 1;
	for (size_t i = 0; i < set->n_roots; i++)
		if (strcmp(set->roots[i], path) == 0 || walk_comes_to(set->roots[i], path))
			return 1;
	for (int result = 1; set->recursive && result > 0;) {
		result = grow(set, err);
		if (result < 0)
			return -1;
		if (intern_find(&set->index, path) != UINT32_MAX)
			return 1;
	}
	return 0;
}

bool file_set_is_empty(const struct file_set *set)
{
	return set->n_roots == 0;
}

double file_set_guess(const struct file_set *set)
{
	double n = (double)set->n + (double)set->n_directories * GUESS_DIRECTORY;

	for (size_t i = set->next_root; i < set->n_roots; i++) {
		struct stat status;
		bool look = i - set->next_root < MOST_LOOKS;
		n += look && stat(set->roots[i], &status) == 0 && S_ISDIR(status.st_mode)
			     ? GUESS_DIRECTORY
			     : 1;
	}
	if (set->recursive && set->n_chosen == 0)
		n *= GUESS_LIBRARIES;
	return n < 1 ? 1 : n;
}

int file_set_open(struct file_set *set, const char *path, struct elf_file **out,
		  struct matr_error *err)
{
	uint32_t id = intern_find(&set->index, path);
	struct listed *listed = id == UINT32_MAX ? NULL : &set->list[id];

	if (listed && listed->no_elf)
		return matr_fail(err, MATR_OK, path, "is no ELF file");
	if (file_pool_open(set->pool, path, out, err) == 0)
		return 0;
	if (listed && !listed->named && err->code == MATR_ERROR_NOT_ELF) {
		listed->no_elf = true;
		return matr_fail(err, MATR_OK, path, "is no ELF file");
	}
	return -1;
}

void file_set_close(struct file_set *set, struct elf_file *file)
{
	file_pool_close(set->pool, file);
}

/* ---- sets ---- */

static struct file_set *new_set(struct file_pool *pool, const char *const *roots, size_t n,
				bool recursive, struct matr_error *err)
{
	struct file_set *set = calloc(1, sizeof *set);

	if (!set) {
		matr_fail_memory(err);
		return NULL;
	}
	set->references = 1;
	set->pool = pool;
	pool->references++;
	set->recursive = recursive;
	set->roots = calloc(n + 1, sizeof *set->roots);
	for (size_t i = 0; i < n && set->roots; i++) {
		set->roots[i] = strdup(roots[i]);
		set->n_roots += set->roots[i] != NULL;
	}
	if (!set->roots || set->n_roots < n) {
		file_set_free(set);
		matr_fail_memory(err);
		return NULL;
	}
	return set;
}

struct file_set *file_set_new(struct matr_sql *sql, const char *const *roots, size_t n,
			      bool recursive, struct matr_error *err)
{
	struct file_pool *pool = file_pool_new(sql, err);

	if (!pool)
		return NULL;
	struct file_set *set = new_set(pool, roots, n, recursive, err);
	file_pool_release(pool);
	return set;
}

struct file_set *file_set_of(struct file_set *parent, const char *root, bool recursive,
			     struct matr_error *err)
{
	uint64_t now = parent->pool->sql->generation;

	for (size_t i = 0; i < MOST_RECENT; i++) {
		struct file_set *set = parent->recent[i].set;
		if (set && parent->recent[i].generation == now && set->recursive == recursive &&
		    strcmp(set->roots[0], root) == 0) {
			set->references++;
			return set;
		}
	}
	struct file_set *made = new_set(parent->pool, &root, 1, recursive, err);
	if (!made)
		return NULL;
	struct recent *recent = &parent->recent[parent->next_recent++ % MOST_RECENT];
	file_set_free(recent->set);
	*recent = (struct recent){made, now};
	made->references++;
	return made;
}

struct file_set_names *file_set_names(struct file_set *set)
{
	return &set->names;
}

uint64_t file_set_generation(const struct file_set *set)
{
	return set->pool->sql->generation;
}

size_t file_set_count(const struct file_set *set)
{
	return set->n;
}

void file_set_free(struct file_set *set)
{
	if (!set || --set->references > 0)
		return;
	for (size_t i = 0; i < MOST_RECENT; i++)
		file_set_free(set->recent[i].set);
	if (set->names.index)
		set->names.free(set->names.index);
	for (size_t i = 0; set->roots && i < set->n_roots; i++)
		free(set->roots[i]);
	for (size_t i = 0; i < set->n_directories; i++)
		free(set->directories[i]);
	for (size_t i = 0; i < set->n; i++)
		free(set->list[i].path);
	free(set->roots);
	free(set->directories);
	free(set->list);
	intern_free(&set->index);
	file_pool_release(set->pool);
	free(set);
}
