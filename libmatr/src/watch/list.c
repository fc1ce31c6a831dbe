/* list.c - the places to watch for the files of an epoch.
 *
 * The file at a path changes where a name on its way does: the file's own, a symbolic link's, a
 * directory's that is moved or appears. So each path is walked, and each directory on the way is a
 * place to be watched; of the directories that hold a file the contents too. A file with several
 * names (hard links) is watched itself.
 */
#include "watch/list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <matr/loader.h>

#include "base/array.h"
#include "base/file_id.h"
#include "base/path.h"
#include "loader/place.h"
#include "store/epoch.h"
#include "store/usage.h"

enum { MAX_LINKS = 40, MAX_OPEN_DEPTH = 3 };

void watch_culprit_free(struct culprit *culprit)
{
	free(culprit->command);
	*culprit = (struct culprit){.uid = -1};
}

static void forget_places(struct watch_list *list)
{
	for (uint32_t i = 0; i < list->names.n; i++)
		free(list->watched[i].key);
	for (uint32_t i = 0; i < list->directory_names.n; i++) {
		free(list->directories[i].text);
		free(list->directories[i].canonical);
	}
	intern_free(&list->names);
	intern_free(&list->directory_names);
	free(list->watched);
	free(list->links);
	free(list->directories);
	free(list->open_places);
	notify_close(list->notify);
	list->names = list->directory_names = (struct intern){.n = 0};
	list->watched = NULL;
	list->links = NULL;
	list->directories = NULL;
	list->open_places = NULL;
	list->watched_room = list->links_room = list->directories_room = 0;
	list->n_links = list->n_open_places = 0;
	list->notify = NULL;
}

void watch_list_free(struct watch_list *list)
{
	forget_places(list);
	for (size_t i = 0; i < list->n; i++) {
		free(list->files[i].path);
		watch_culprit_free(&list->files[i].culprit);
	}
	free(list->files);
	intern_free(&list->paths);
	watch_culprit_free(&list->culprit);
	*list = (struct watch_list){.n = 0};
}

/* ---- the files ---- */

/* The file's index; one that is in the list already stays as it is. */
static int add_file(struct watch_list *list, const char *path, const struct matr_file_id *id,
		    enum watched_kind kind, uint32_t *index, struct matr_error *err)
{
	uint32_t before = list->paths.n;

	*index = intern_find(&list->paths, path);
	if (*index != UINT32_MAX)
		return 0;
	if (array_reserve(&list->files, &list->room, list->n + 1, sizeof *list->files, err) != 0)
		return -1;
	char *copy = strdup(path);
	if (!copy)
		return matr_fail_memory(err);
	if (intern_add(&list->paths, copy, index, err) != 0) {
		free(copy);
		return -1;
	}
	list->files[before] = (struct watched_file){
		.path = copy, .id = *id, .kind = kind, .dirty = true, .culprit.uid = -1};
	list->n = list->paths.n;
	return 0;
}

static int read_objects(struct watch_list *list, struct matr_store *store, int64_t epoch,
			struct matr_error *err)
{
	struct store_location *locations;
	size_t n;
	uint32_t index;
	int result = 0;

	if (store_locations(store, epoch, &locations, &n, err) != 0)
		return -1;
	for (size_t i = 0; i < n && result == 0; i++) {
		const struct store_location *location = &locations[i];
		enum watched_kind kind =
			location->interpreter ? WATCHED_INTERPRETER : WATCHED_OBJECT;
		if (location->path)
			result = add_file(list, location->path, &location->id, kind, &index, err);
	}
	store_locations_free(locations, n);
	return result;
}

static int read_probes(struct watch_list *list, struct matr_store *store, int64_t epoch,
		       struct matr_error *err)
{
	struct probes probes;
	uint32_t index;
	int result = store_probes(store, epoch, &probes, err);

	/* Of a directory that is there only its names count. */
	for (size_t i = 0; i < probes.n && result == 0; i++)
		if (!probes.list[i].is_directory)
			result = add_file(list, probes.list[i].path, &probes.list[i].file,
					  WATCHED_PROBE, &index, err);
	probes_free(&probes);
	return result;
}

static bool begun_before_start(struct matr_store *store, int64_t epoch)
{
	struct matr_store_epoch record;
	struct timespec now, up;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return matr_store_epoch(store, epoch, &record, NULL) == 0 &&
	       record.begun <= now.tv_sec - up.tv_sec;
}

int watch_list_read(struct watch_list *list, struct matr_store *store, int64_t epoch,
		    struct matr_error *err)
{
	*list = (struct watch_list){.culprit.uid = -1};
	list->ignore_devices = begun_before_start(store, epoch);
	if (read_objects(list, store, epoch, err) != 0)
		return -1;
	return read_probes(list, store, epoch, err);
}

const char *watched_change(const struct watch_list *list, const struct watched_file *file,
			   struct matr_file_id *now)
{
	static const struct matr_file_id nothing;
	char real[PATH_MAX];
	const char *path = file->path;
	struct stat status;
	const struct matr_file_id *before = &file->id;

	/* ld-stable's own path goes with the last program that is enabled: the others never named
	 * it. */
	if (file->kind == WATCHED_INTERPRETER &&
	    (loader_real(path, real, NULL) == 0 ||
	     (strcmp(path, "/lib64/" MATR_LOADER_FILE) == 0 &&
	      loader_real(MATR_SYSTEM_LOADER, real, NULL) == 0)))
		path = real;
	bool there = stat(path, &status) == 0;
	*now = there ? file_id_of(&status) : nothing;
	bool was_there = before->inode || before->size || before->mtime;
	if (!there || !was_there) {
		if (there && S_ISDIR(status.st_mode))
			return NULL; /* its files count */
		return there == was_there ? NULL : there ? "added" : "removed";
	}
	if (before->inode != now->inode || (before->device != now->device && !list->ignore_devices))
		return "replaced";
	if (before->size != now->size || before->mtime != now->mtime)
		return "modified";
	return before->ctime != now->ctime ? "attributes" : NULL;
}

/* ---- the places ---- */

/* Make room for element n. New elements are zeroed. */
static int grow(void *array, size_t *room, size_t n, size_t size, struct matr_error *err)
{
	size_t before = *room;
	char *list;

	if (array_reserve(array, room, n + 1, size, err) != 0)
		return -1;
	memcpy(&list, array, sizeof list);
	memset(list + before * size, 0, (*room - before) * size);
	return 0;
}

static int watch_name(struct watch_list *list, uint32_t place, const char *name,
		      struct watched_name **out, struct matr_error *err)
{
	char key[NAME_MAX + 32];
	uint32_t before = list->names.n, id;

	snprintf(key, sizeof key, "%u/%s", (unsigned)place, name);
	id = intern_find(&list->names, key);
	if (id == UINT32_MAX) {
		if (grow(&list->watched, &list->watched_room, before, sizeof *list->watched, err) !=
		    0)
			return -1;
		char *copy = strdup(key);
		if (!copy)
			return matr_fail_memory(err);
		if (intern_add(&list->names, copy, &id, err) != 0) {
			free(copy);
			return -1;
		}
		list->watched[id] = (struct watched_name){.key = copy};
	}
	*out = &list->watched[id];
	return 0;
}

static int watch_structure(struct watch_list *list, uint32_t place, const char *name,
			   struct matr_error *err)
{
	struct watched_name *watched;

	if (watch_name(list, place, name, &watched, err) != 0)
		return -1;
	watched->structure = true;
	return 0;
}

static int watch_file(struct watch_list *list, uint32_t place, const char *name, uint32_t file,
		      struct matr_error *err)
{
	struct watched_name *watched;

	if (watch_name(list, place, name, &watched, err) != 0 ||
	    grow(&list->links, &list->links_room, list->n_links, sizeof *list->links, err) != 0)
		return -1;
	list->links[list->n_links] = (struct watched_link){file, watched->first};
	watched->first = (uint32_t)++list->n_links;
	return 0;
}

static int walk(struct watch_list *list, const char *text, int depth, uint32_t *out,
		struct matr_error *err);

/* The directory `name` of directory `parent`, which is there. *out: its number, or UINT32_MAX. */
static int walk_name(struct watch_list *list, uint32_t parent, const char *name, int depth,
		     char canonical[PATH_MAX], uint32_t *out, struct matr_error *err)
{
	char target[PATH_MAX], path[2 * PATH_MAX];
	struct stat status;
	const char *above = list->directories[parent].canonical;

	*out = UINT32_MAX;
	if (watch_structure(list, list->directories[parent].place, name, err) != 0)
		return -1;
	if (snprintf(canonical, PATH_MAX, "%s%s%s", above, above[1] ? "/" : "", name) >= PATH_MAX)
		return 0;
	if (lstat(canonical, &status) != 0)
		return 0;
	if (S_ISLNK(status.st_mode)) {
		ssize_t n = readlink(canonical, target, sizeof target - 1);
		if (n <= 0 || depth >= MAX_LINKS)
			return 0;
		target[n] = 0;
		snprintf(path, sizeof path, "%s/%s", target[0] == '/' ? "" : above, target);
		if (strlen(path) >= PATH_MAX)
			return 0;
		return walk(list, path, depth + 1, out, err);
	}
	return S_ISDIR(status.st_mode) ? 1 : 0;
}

/* Find the directory with that absolute path, and watch the way to it. *out: its number;
 * UINT32_MAX: there is none now, and its appearance will be noticed. */
static int walk(struct watch_list *list, const char *text, int depth, uint32_t *out,
		struct matr_error *err)
{
	char above[PATH_MAX], canonical[PATH_MAX] = "/";
	uint32_t parent, id, place = 0;

	size_t length = strlen(text);
	while (length > 1 && text[length - 1] == '/')
		length--;
	if (length >= sizeof above) {
		*out = UINT32_MAX;
		return 0;
	}
	memcpy(above, text, length);
	above[length] = 0;
	if ((id = intern_find(&list->directory_names, above)) != UINT32_MAX) {
		*out = list->directories[id].there ? id : UINT32_MAX;
		return 0;
	}
	char *text_copy = strdup(above);
	if (!text_copy)
		return matr_fail_memory(err);
	int there = 1;
	char last[NAME_MAX + 1];
	snprintf(last, sizeof last, "%s", path_name(above));
	if (path_cut(above)) {
		there = walk(list, above, depth, &parent, err);
		if (there == 0 && parent != UINT32_MAX) {
			if (strcmp(last, ".") == 0) {
				free(text_copy);
				*out = parent;
				return 0;
			}
			if (strcmp(last, "..") == 0) {
				snprintf(canonical, sizeof canonical, "%s",
					 list->directories[parent].canonical);
				path_cut(canonical);
				free(text_copy);
				return walk(list, canonical, depth + 1, out, err);
			}
			there = walk_name(list, parent, last, depth, canonical, out, err);
			if (there == 0 && *out != UINT32_MAX) { /* by way of a link */
				free(text_copy);
				return 0;
			}
		}
	}
	if (there > 0)
		there = notify_add(list->notify, canonical, NOTIFY_NAMES, &place, err);
	char *canonical_copy = there > 0 ? strdup(canonical) : NULL;
	if (there > 0 && !canonical_copy)
		there = matr_fail_memory(err);
	if (there < 0 ||
	    grow(&list->directories, &list->directories_room, list->directory_names.n,
		 sizeof *list->directories, err) != 0 ||
	    intern_add(&list->directory_names, text_copy, &id, err) != 0) {
		free(text_copy);
		free(canonical_copy);
		return -1;
	}
	list->directories[id] =
		(struct watched_directory){text_copy, canonical_copy, place, there > 0};
	*out = there > 0 ? id : UINT32_MAX;
	return 0;
}

static int watch_path(struct watch_list *list, const char *path, uint32_t file, int depth,
		      struct matr_error *err);

/* A directory where there was nothing: whatever comes into it may be found before what was
 * found. */
static int watch_open_directory(struct watch_list *list, const char *path, int depth,
				struct matr_error *err)
{
	static const struct matr_file_id nothing;
	uint32_t number, place, index;
	struct dirent *entry;
	int result = 0;

	if (walk(list, path, 0, &number, err) != 0)
		return -1;
	if (number == UINT32_MAX)
		return 0;
	int added = notify_add(list->notify, list->directories[number].canonical, NOTIFY_CONTENTS,
			       &place, err);
	if (added <= 0)
		return added;
	if (grow(&list->open_places, &list->n_open_places, place, sizeof *list->open_places, err) !=
	    0)
		return -1;
	list->open_places[place] = true;
	DIR *directory = opendir(path);
	if (!directory)
		return 0;
	while (result == 0 && (entry = readdir(directory)) != NULL) {
		char name[PATH_MAX];
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    snprintf(name, sizeof name, "%s/%s", path, entry->d_name) >= (int)sizeof name)
			continue;
		if (entry->d_type == DT_DIR) {
			if (depth < MAX_OPEN_DEPTH)
				result = watch_open_directory(list, name, depth + 1, err);
			continue;
		}
		result = add_file(list, name, &nothing, WATCHED_PROBE, &index, err);
		if (result == 0)
			result = watch_path(list, name, index, 0, err);
	}
	closedir(directory);
	return result;
}

static int watch_path(struct watch_list *list, const char *path, uint32_t file, int depth,
		      struct matr_error *err)
{
	char above[PATH_MAX], there[PATH_MAX], target[2 * PATH_MAX];
	const char *name = path_name(path);
	uint32_t number, place;
	struct stat status;

	if (path[0] != '/' || !*name || strlen(path) >= PATH_MAX || strlen(name) > NAME_MAX)
		return 0;
	snprintf(above, sizeof above, "%.*s", (int)path_directory(path), path);
	if (walk(list, above, 0, &number, err) != 0)
		return -1;
	if (number == UINT32_MAX)
		return 0;
	const char *canonical = list->directories[number].canonical;
	int added = notify_add(list->notify, canonical, NOTIFY_CONTENTS, &place, err);
	if (added < 0 || (added && watch_file(list, place, name, file, err) != 0))
		return -1;
	if (!added ||
	    snprintf(there, sizeof there, "%s%s%s", canonical, canonical[1] ? "/" : "", name) >=
		    (int)sizeof there ||
	    lstat(there, &status) != 0)
		return 0;
	if (S_ISREG(status.st_mode) && status.st_nlink > 1) {
		added = notify_add(list->notify, there, NOTIFY_FILE, &place, err);
		return added > 0 ? watch_file(list, place, "", file, err) : added;
	}
	if (!S_ISLNK(status.st_mode) || depth >= MAX_LINKS)
		return 0;
	char link[PATH_MAX];
	ssize_t n = readlink(there, link, sizeof link - 1);
	if (n <= 0)
		return 0;
	link[n] = 0;
	snprintf(target, sizeof target, "%s/%s", link[0] == '/' ? "" : canonical, link);
	if (watch_structure(list, place, name, err) != 0)
		return -1;
	return watch_path(list, target, file, depth + 1, err);
}

int watch_list_rebuild(struct watch_list *list, bool by_inotify, struct matr_error *err)
{
	size_t n = list->n; /* files in new directories come behind */
	struct stat status;
	int result;

	forget_places(list);
	result = notify_open(by_inotify, &list->notify, err);
	for (size_t i = 0; i < list->n && result == 0; i++) {
		list->files[i].dirty = true;
		const struct matr_file_id *id = &list->files[i].id;
		result = watch_path(list, list->files[i].path, (uint32_t)i, 0, err);
		if (result == 0 && i < n && !id->inode && !id->mtime &&
		    stat(list->files[i].path, &status) == 0 && S_ISDIR(status.st_mode)) {
			char path[PATH_MAX]; /* the list of files moves when it grows */
			snprintf(path, sizeof path, "%s", list->files[i].path);
			result = watch_open_directory(list, path, 0, err);
		}
	}
	return result;
}

/* ---- events ---- */

/* Read the process's name at once, because it may soon end. */
static void identify(struct culprit *culprit, pid_t pid)
{
	char path[64], command[256];
	struct stat status;

	if (culprit->pid || pid <= 0)
		return;
	*culprit = (struct culprit){.pid = pid, .uid = -1};
	snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &status) == 0)
		culprit->uid = status.st_uid;
	ssize_t n = read(fd, command, sizeof command - 1);
	close(fd);
	for (ssize_t i = 0; i < n; i++)
		if ((unsigned char)command[i] < ' ' || command[i] == 127)
			command[i] = ' ';
	while (n > 0 && command[n - 1] == ' ')
		n--;
	if (n > 0)
		culprit->command = strndup(command, (size_t)n);
}

int watch_list_event(struct watch_list *list, const struct notify_event *event)
{
	char key[NAME_MAX + 32];
	bool structure = event->overflow || (event->gone && !event->name[0]);
	int result = WATCH_NOTHING;

	if (!structure) {
		snprintf(key, sizeof key, "%u/%s", (unsigned)event->place, event->name);
		uint32_t id = intern_find(&list->names, key);
		if (id != UINT32_MAX) {
			const struct watched_name *name = &list->watched[id];
			structure = name->structure;
			for (uint32_t at = name->first; at; at = list->links[at - 1].next) {
				struct watched_file *file = &list->files[list->links[at - 1].file];
				file->dirty = true;
				identify(&file->culprit, event->pid);
				result = WATCH_DIRTY;
			}
		} else if (event->place < list->n_open_places && event->name[0]) {
			structure = list->open_places[event->place];
		}
	}
	if (!structure)
		return result;
	identify(&list->culprit, event->pid);
	return WATCH_REBUILD;
}
