/* scan.c - walking the directories in which programs are.
 *
 * Breadth first, by canonical path, every directory once (device and inode): neither symbolic
 * links, which are not followed to directories, nor bind mounts can lead round in circles. Names
 * are taken in alphabetical order, so that the result for a tree does not depend on its file
 * system. A link to a program outside stands for that program.
 *
 * The first page of a file decides whether it is a program: ELF header and program headers. In
 * doubt it is one, and the resolver reports the error.
 */
#include <matr/config.h>
#include <matr/scan.h>

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/array.h"
#include "base/enable_names.h"
#include "base/expand.h"
#include "base/file_id.h"
#include "base/intern.h"
#include "base/map.h"
#include "base/resources.h"
#include "inputs/scan.h"

const char *matr_scan_kind_name(enum matr_scan_kind kind)
{
	static const char *const names[MATR_SCAN_KINDS] = {
		"program", "script",	    "static",  "shared library", "other machine",
		"other",   "no permission", "special", "excluded",
	};

	return names[kind];
}

void matr_scan_free(struct matr_scan *scan)
{
	if (!scan)
		return;
	for (size_t i = 0; i < scan->n_programs; i++)
		free(scan->programs[i]);
	free(scan->programs);
	for (size_t i = 0; i < scan->n_directories; i++)
		free(scan->directories[i].path);
	free(scan->directories);
	for (size_t i = 0; i < scan->n_files; i++) {
		free(scan->files[i].path);
		free(scan->files[i].target);
	}
	free(scan->files);
	free(scan);
}

struct walk {
	const struct matr_config *config;
	const struct matr_scan *before;
	struct intern before_paths;
	size_t *before_index; /* by id of the path: index into before->files */
	int64_t trusted;
	struct matr_scan *scan;
	size_t directory_room, file_room;
	size_t next;	    /* directory to be read */
	struct map visited; /* directories, by device and inode -> index + 1 */
};

/* ---- one file ---- */

static enum matr_scan_kind kind_without_interpreter(int fd, const Elf64_Ehdr *header,
						    const Elf64_Phdr *dynamic)
{
	Elf64_Dyn entries[256];

	if (header->e_type == ET_EXEC || !dynamic)
		return header->e_type == ET_EXEC ? MATR_SCAN_STATIC : MATR_SCAN_LIBRARY;
	/* A static-pie is marked as an executable. */
	size_t size = dynamic->p_filesz < sizeof entries ? dynamic->p_filesz : sizeof entries;
	ssize_t got = pread(fd, entries, size, (off_t)dynamic->p_offset);
	for (size_t i = 0; got > 0 && i < (size_t)got / sizeof *entries; i++)
		if (entries[i].d_tag == DT_FLAGS_1 && (entries[i].d_un.d_val & DF_1_PIE))
			return MATR_SCAN_STATIC;
	return MATR_SCAN_LIBRARY;
}

static enum matr_scan_kind kind_of_elf(int fd, const Elf64_Ehdr *header)
{
	const Elf64_Phdr *dynamic = NULL;
	Elf64_Phdr segments[64];

	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
	    header->e_machine != EM_X86_64)
		return MATR_SCAN_MACHINE;
	if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
		return MATR_SCAN_OTHER; /* a core file, a kernel module */
	size_t size = header->e_phnum * sizeof *segments;
	if (header->e_phentsize != sizeof *segments || header->e_phnum == 0 ||
	    size > sizeof segments ||
	    pread(fd, segments, size, (off_t)header->e_phoff) != (ssize_t)size)
		return MATR_SCAN_PROGRAM;
	for (size_t i = 0; i < header->e_phnum; i++) {
		if (segments[i].p_type == PT_INTERP)
			return MATR_SCAN_PROGRAM;
		if (segments[i].p_type == PT_DYNAMIC)
			dynamic = &segments[i];
	}
	return kind_without_interpreter(fd, header, dynamic);
}

/* It is a regular file that may be executed. */
static enum matr_scan_kind kind_of_file(const char *path)
{
	Elf64_Ehdr header = {0};
	enum matr_scan_kind kind = MATR_SCAN_OTHER;
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return MATR_SCAN_PROGRAM;
	ssize_t got = -1;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		got = pread(fd, &header, sizeof header, 0);
	if (got < 0)
		kind = MATR_SCAN_PROGRAM;
	else if (memcmp(header.e_ident, "#!", 2) == 0)
		kind = MATR_SCAN_SCRIPT;
	else if (memcmp(header.e_ident, ELFMAG, SELFMAG) == 0)
		kind = got < (ssize_t)sizeof header ? MATR_SCAN_PROGRAM : kind_of_elf(fd, &header);
	close(fd);
	return kind;
}

static int add_file(struct walk *walk, const char *path, const char *target,
		    const struct stat *status, enum matr_scan_kind kind, struct matr_error *err)
{
	struct matr_scan *scan = walk->scan;

	if (array_reserve(&scan->files, &walk->file_room, scan->n_files + 1, sizeof *scan->files,
			  err) != 0)
		return -1;
	struct matr_scan_file *file = &scan->files[scan->n_files++];
	*file = (struct matr_scan_file){
		.path = strdup(path),
		.target = target ? strdup(target) : NULL,
		.id = file_id_of(status),
		.kind = kind,
	};
	return file->path && (!target || file->target) ? 0 : matr_fail_memory(err);
}

/* Reuse the last result if the file is unchanged. */
static bool known_kind(const struct walk *walk, const char *path, const char *target,
		       const struct stat *status, enum matr_scan_kind *kind)
{
	uint32_t at = walk->before ? intern_find(&walk->before_paths, path) : UINT32_MAX;
	struct matr_file_id now = file_id_of(status);

	if (at == UINT32_MAX)
		return false;
	const struct matr_scan_file *before = &walk->before->files[walk->before_index[at]];
	if (!file_id_unchanged(&before->id, &now, walk->trusted) || !before->target != !target ||
	    (target && strcmp(before->target, target) != 0))
		return false;
	*kind = before->kind;
	return before->kind != MATR_SCAN_NO_PERMISSION && before->kind != MATR_SCAN_EXCLUDED;
}

/* A regular file, or a link to one. */
static int look_at_file(struct walk *walk, const char *path, bool is_link,
			const struct stat *status, struct matr_error *err)
{
	enum matr_scan_kind kind = MATR_SCAN_NO_PERMISSION;
	char target[PATH_MAX];

	if (is_link && !realpath(path, target))
		return 0; /* gone by now */
	const char *canonical = is_link ? target : path;
	if (status->st_mode & 0111) {
		if (!known_kind(walk, path, is_link ? target : NULL, status, &kind))
			kind = kind_of_file(canonical);
		if (kind == MATR_SCAN_PROGRAM && matr_config_excludes(walk->config, canonical))
			kind = MATR_SCAN_EXCLUDED;
	}
	/* A link adds nothing to the count: what it leads to is counted where it is. */
	if (!is_link && kind != MATR_SCAN_PROGRAM)
		walk->scan->skipped[kind]++;
	return add_file(walk, path, is_link ? target : NULL, status, kind, err);
}

/* ---- directories ---- */

static uint64_t directory_key(const struct stat *status)
{
	return status->st_ino ^ status->st_dev * UINT64_C(0x9e3779b97f4a7c15);
}

static int add_directory(struct walk *walk, const char *path, struct matr_error *err)
{
	struct matr_scan *scan = walk->scan;

	if (array_reserve(&scan->directories, &walk->directory_room, scan->n_directories + 1,
			  sizeof *scan->directories, err) != 0)
		return -1;
	struct matr_scan_directory directory = {.path = strdup(path)};
	if (!directory.path)
		return matr_fail_memory(err);
	scan->directories[scan->n_directories++] = directory;
	return 0;
}

/* Test whether the directory has been read under another name. If not, enter it under `index`, its
 * own. Returns 1 if so, 0 if not, -1 if out of memory. */
static int was_visited(struct walk *walk, size_t index, const struct stat *status,
		       struct matr_error *err)
{
	uint64_t key = directory_key(status), known;

	while (map_get(&walk->visited, key, &known)) {
		if (file_id_same_inode(&walk->scan->directories[known].id, status))
			return 1;
		key++; /* another directory with the same key */
	}
	return map_set(&walk->visited, key, index) != 0 ? matr_fail_memory(err) : 0;
}

/* /proc and its like have no programs of their own, and no end. */
static bool is_made_up(int fd)
{
	struct statfs status;

	if (fstatfs(fd, &status) != 0)
		return false;
	switch ((unsigned long)status.f_type) {
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case DEBUGFS_MAGIC:
	case TRACEFS_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case SECURITYFS_MAGIC:
	case DEVPTS_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

struct names {
	struct entry {
		char *name;
		unsigned char type; /* DT_* */
	} * entries;
	size_t n, room;
};

static int compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	return strcmp(a->name, b->name);
}

static void free_names(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->entries[i].name);
	free(names->entries);
}

/* *complete: false where the directory could not be read to its end. */
static int read_names(DIR *directory, struct names *names, bool *complete, struct matr_error *err)
{
	struct dirent *entry;

	while (errno = 0, (entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    is_enable_name(entry->d_name))
			continue;
		if (array_reserve(&names->entries, &names->room, names->n + 1,
				  sizeof *names->entries, err) != 0)
			return -1;
		char *name = strdup(entry->d_name);
		if (!name)
			return matr_fail_memory(err);
		names->entries[names->n++] = (struct entry){name, entry->d_type};
	}
	*complete = errno == 0;
	if (names->n)
		qsort(names->entries, names->n, sizeof *names->entries, compare_entries);
	return 0;
}

static int look_at_entry(struct walk *walk, int directory, const char *path,
			 const struct entry *entry, struct matr_error *err)
{
	struct stat status;
	unsigned char type = entry->type;
	bool is_link = false;

	/* The entry's type is enough to recognise a directory. */
	if (type == DT_DIR)
		return add_directory(walk, path, err);
	if (type == DT_UNKNOWN || type == DT_REG) {
		if (fstatat(directory, entry->name, &status, AT_SYMLINK_NOFOLLOW) != 0)
			return 0; /* gone by now */
		if (S_ISDIR(status.st_mode))
			return add_directory(walk, path, err);
		type = IFTODT(status.st_mode);
	}
	if (type == DT_LNK) {
		is_link = true;
		if (fstatat(directory, entry->name, &status, 0) != 0 || !S_ISREG(status.st_mode) ||
		    !(status.st_mode & 0111))
			return 0;
	} else if (type != DT_REG) {
		walk->scan->skipped[MATR_SCAN_SPECIAL]++;
		return 0;
	}
	return look_at_file(walk, path, is_link, &status, err);
}

/* Files without permission are of interest only where there are programs too. */
static void forget_dull_files(struct walk *walk, size_t first)
{
	struct matr_scan *scan = walk->scan;
	bool programs = false;
	size_t kept = first;

	for (size_t i = first; i < scan->n_files; i++)
		programs |= scan->files[i].kind == MATR_SCAN_PROGRAM;
	for (size_t i = first; i < scan->n_files && !programs; i++) {
		if (scan->files[i].kind == MATR_SCAN_NO_PERMISSION) {
			free(scan->files[i].path);
			free(scan->files[i].target);
		} else {
			scan->files[kept++] = scan->files[i];
		}
	}
	if (!programs)
		scan->n_files = kept;
}

static int read_entries(struct walk *walk, int fd, const char *path, struct matr_error *err)
{
	char child[PATH_MAX];
	struct names names = {0};
	size_t first = walk->scan->n_files;
	bool complete = false;
	DIR *directory = fdopendir(fd);

	if (!directory) {
		close(fd);
		return matr_fail_memory(err);
	}
	int result = read_names(directory, &names, &complete, err);
	if (result == 0 && !complete)
		walk->scan->n_unreadable++;
	for (size_t i = 0; i < names.n && result == 0; i++) {
		if (snprintf(child, sizeof child, "%s/%s", path[1] ? path : "",
			     names.entries[i].name) < (int)sizeof child)
			result = look_at_entry(walk, fd, child, &names.entries[i], err);
	}
	closedir(directory);
	free_names(&names);
	forget_dull_files(walk, first);
	return result;
}

/* Read the next directory of the list. One that is not to be read stays in the list, without an id:
 * that it is still so is part of what the answer depends on. */
static int read_directory(struct walk *walk, struct matr_error *err)
{
	size_t index = walk->next++;
	const char *path = walk->scan->directories[index].path; /* the string stays where it is */
	struct stat status;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && resources_ran_out(errno))
		return matr_fail_errno(err, path, "cannot be read");
	if (fd < 0) {
		walk->scan->n_unreadable += errno != ENOENT;
		/* Record its identity: a directory that becomes readable will have changed. */
		if (stat(path, &status) == 0)
			walk->scan->directories[index].id = file_id_of(&status);
		return 0;
	}
	int visited = fstat(fd, &status) != 0 || is_made_up(fd)
			      ? 1
			      : was_visited(walk, index, &status, err);
	if (visited != 0) {
		close(fd);
		return visited < 0 ? -1 : 0;
	}
	walk->scan->directories[index].id = file_id_of(&status);
	return read_entries(walk, fd, path, err);
}

/* ---- the whole ---- */

static int start_directories(struct walk *walk, struct matr_error *err)
{
	char canonical[PATH_MAX];

	for (size_t i = 0; i < walk->config->directories.n; i++)
		if (realpath(walk->config->directories.items[i], canonical) &&
		    add_directory(walk, canonical, err) != 0)
			return -1;
	walk->scan->n_starts = walk->scan->n_directories;
	return 0;
}

static int include_files(struct walk *walk, struct matr_error *err)
{
	char canonical[PATH_MAX];
	struct stat status;
	int result = 0;

	walk->scan->n_included = walk->scan->n_files;
	for (size_t i = 0; i < walk->config->include.n && result == 0; i++) {
		glob_t found;
		result = expand_pattern(walk->config->include.items[i], 0, &found, err);
		for (size_t n = 0; n < found.gl_pathc && result == 0; n++)
			if (realpath(found.gl_pathv[n], canonical) &&
			    stat(canonical, &status) == 0 && S_ISREG(status.st_mode))
				result = look_at_file(walk, canonical, false, &status, err);
		globfree(&found);
	}
	walk->scan->n_included = walk->scan->n_files - walk->scan->n_included;
	return result;
}

/* Test whether the file list goes on at *at with the files that the pattern matches now. Moves *at
 * behind them. */
static bool matches_alike(const char *pattern, const struct matr_scan *scan, size_t *at)
{
	char canonical[PATH_MAX];
	struct stat status;
	glob_t found;

	bool alike = expand_pattern(pattern, 0, &found, NULL) == 0;
	for (size_t n = 0; n < found.gl_pathc && alike; n++)
		if (realpath(found.gl_pathv[n], canonical) && stat(canonical, &status) == 0 &&
		    S_ISREG(status.st_mode)) {
			alike = *at < scan->n_files &&
				strcmp(scan->files[*at].path, canonical) == 0;
			(*at)++;
		}
	globfree(&found);
	return alike;
}

/* Test whether the configuration excludes the same programs as the scan. */
static bool excludes_alike(const struct matr_config *config, const struct matr_scan *scan)
{
	for (size_t i = 0; i < scan->n_files; i++) {
		const struct matr_scan_file *file = &scan->files[i];
		if (file->kind != MATR_SCAN_PROGRAM && file->kind != MATR_SCAN_EXCLUDED)
			continue;
		if (matr_config_excludes(config, file->target ? file->target : file->path) !=
		    (file->kind == MATR_SCAN_EXCLUDED))
			return false;
	}
	return true;
}

bool scan_starts_alike(const struct matr_config *config, const struct matr_scan *scan)
{
	char canonical[PATH_MAX];
	size_t start = 0, included = scan->n_files - scan->n_included;

	for (size_t i = 0; i < config->directories.n; i++) {
		if (!realpath(config->directories.items[i], canonical))
			continue;
		if (start == scan->n_starts ||
		    strcmp(scan->directories[start].path, canonical) != 0)
			return false;
		start++;
	}
	for (size_t i = 0; i < config->include.n; i++)
		if (!matches_alike(config->include.items[i], scan, &included))
			return false;
	return start == scan->n_starts && included == scan->n_files && excludes_alike(config, scan);
}

static int compare_paths(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

int scan_list_programs(struct matr_scan *scan, struct matr_error *err)
{
	size_t n = 0;

	scan->programs = calloc(scan->n_files + 1, sizeof *scan->programs);
	if (!scan->programs)
		return matr_fail_memory(err);
	for (size_t i = 0; i < scan->n_files; i++) {
		const struct matr_scan_file *file = &scan->files[i];
		if (file->kind != MATR_SCAN_PROGRAM)
			continue;
		scan->programs[n] = strdup(file->target ? file->target : file->path);
		if (!scan->programs[n])
			return matr_fail_memory(err);
		scan->n_programs = ++n;
	}
	if (!n)
		return 0;
	qsort(scan->programs, n, sizeof *scan->programs, compare_paths);
	size_t kept = 1;
	for (size_t i = 1; i < n; i++) {
		if (strcmp(scan->programs[i], scan->programs[kept - 1]) == 0)
			free(scan->programs[i]);
		else
			scan->programs[kept++] = scan->programs[i];
	}
	scan->n_programs = kept;
	return 0;
}

static int index_before(struct walk *walk, struct matr_error *err)
{
	uint32_t id;

	if (!walk->before)
		return 0;
	walk->before_index = calloc(walk->before->n_files + 1, sizeof *walk->before_index);
	if (!walk->before_index)
		return matr_fail_memory(err);
	for (size_t i = 0; i < walk->before->n_files; i++) {
		if (intern_add(&walk->before_paths, walk->before->files[i].path, &id, err) != 0)
			return -1;
		walk->before_index[id] = i;
	}
	return 0;
}

int matr_scan(const struct matr_config *config, const struct matr_scan *before, int64_t trusted,
	      struct matr_scan **out, struct matr_error *err)
{
	struct walk walk = {
		.config = config,
		.before = before,
		.trusted = trusted,
		.scan = calloc(1, sizeof *walk.scan),
	};
	int result = walk.scan ? index_before(&walk, err) : matr_fail_memory(err);

	if (result == 0)
		result = start_directories(&walk, err);
	while (result == 0 && walk.next < walk.scan->n_directories)
		result = read_directory(&walk, err);
	if (result == 0)
		result = include_files(&walk, err);
	if (result == 0)
		result = scan_list_programs(walk.scan, err);
	intern_free(&walk.before_paths);
	free(walk.before_index);
	map_free(&walk.visited);
	if (result != 0) {
		matr_scan_free(walk.scan);
		return -1;
	}
	*out = walk.scan;
	return 0;
}
