/* notify.c - events in directories, from fanotify or inotify.
 *
 * fanotify (Linux 5.9 for directories' file handles with names) identifies a directory by file
 * system and file handle, which is what name_to_handle_at() gives; nothing has to be opened when an
 * event arrives. Marks are on inodes: a mark on a whole file system would wake us for everything
 * that any process writes anywhere.
 */
#include "watch/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <matr/image_format.h>

#include "base/map.h"

enum { BUFFER = 64 << 10 };

struct source { /* one of the two */
	int fd; /* -1: not in use */
	size_t at, end;
	_Alignas(struct fanotify_event_metadata) char buffer[BUFFER];
};

struct notify {
	int epoll;
	struct source fanotify, inotify;
	struct map handles; /* hash of file system and handle -> place + 1 */
	struct map watches; /* inotify's number -> place + 1 */
	uint32_t n_places;
	bool used_fanotify, used_inotify;
};

static const uint64_t fanotify_masks[] = {
	[NOTIFY_NAMES] = FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_DELETE_SELF |
			 FAN_MOVE_SELF | FAN_ONDIR,
	[NOTIFY_CONTENTS] = FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO |
			    FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_MODIFY | FAN_ATTRIB |
			    FAN_CLOSE_WRITE | FAN_ONDIR | FAN_EVENT_ON_CHILD,
	[NOTIFY_FILE] = FAN_MODIFY | FAN_ATTRIB | FAN_CLOSE_WRITE,
};

static const uint32_t inotify_masks[] = {
	[NOTIFY_NAMES] = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF |
			 IN_MOVE_SELF | IN_ONLYDIR | IN_MASK_ADD,
	[NOTIFY_CONTENTS] = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF |
			    IN_MOVE_SELF | IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_ONLYDIR |
			    IN_MASK_ADD,
	[NOTIFY_FILE] = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MASK_ADD,
};

static int listen_to(struct notify *notify, struct source *source, int fd, struct matr_error *err)
{
	struct epoll_event event = {.events = EPOLLIN};

	source->fd = fd;
	return epoll_ctl(notify->epoll, EPOLL_CTL_ADD, fd, &event) == 0
		       ? 0
		       : matr_fail_errno(err, NULL, "epoll");
}

int notify_open(bool by_inotify, struct notify **out, struct matr_error *err)
{
	struct notify *notify = calloc(1, sizeof *notify);

	if (!notify)
		return matr_fail_memory(err);
	notify->fanotify.fd = notify->inotify.fd = -1;
	notify->epoll = epoll_create1(EPOLL_CLOEXEC);
	int result = notify->epoll < 0 ? matr_fail_errno(err, NULL, "epoll") : 0;
	if (result == 0 && !by_inotify) {
		int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK |
					       FAN_UNLIMITED_MARKS | FAN_REPORT_DFID_NAME |
					       FAN_REPORT_FID,
				       0);
		if (fd >= 0) /* else not root, or an old kernel */
			result = listen_to(notify, &notify->fanotify, fd, err);
	}
	if (result != 0) {
		notify_close(notify);
		return -1;
	}
	*out = notify;
	return 0;
}

void notify_close(struct notify *notify)
{
	if (!notify)
		return;
	if (notify->fanotify.fd >= 0)
		close(notify->fanotify.fd);
	if (notify->inotify.fd >= 0)
		close(notify->inotify.fd);
	if (notify->epoll >= 0)
		close(notify->epoll);
	map_free(&notify->handles);
	map_free(&notify->watches);
	free(notify);
}

int notify_descriptor(const struct notify *notify)
{
	return notify->epoll;
}

const char *notify_method(const struct notify *notify)
{
	if (notify->used_fanotify)
		return notify->used_inotify ? "fanotify and inotify" : "fanotify";
	return "inotify";
}

/* ---- adding ---- */

static uint64_t handle_key(const void *fsid, const struct file_handle *handle)
{
	uint64_t seed;

	memcpy(&seed, fsid, sizeof seed);
	seed ^= (uint64_t)(unsigned)handle->handle_type << 32;
	return matr_image_checksum64(handle->f_handle, handle->handle_bytes, seed);
}

/* The place of this key, which is new where there was none. */
static int place_of(struct notify *notify, struct map *map, uint64_t key, uint32_t *place,
		    struct matr_error *err)
{
	uint64_t known;

	if (map_get(map, key, &known)) {
		*place = (uint32_t)known - 1;
		return 1;
	}
	*place = notify->n_places;
	if (map_set(map, key, ++notify->n_places) != 0)
		return matr_fail_memory(err);
	return 1;
}

static bool is_absent(int reason)
{
	return reason == ENOENT || reason == ENOTDIR || reason == ELOOP || reason == EACCES;
}

static int full(const char *path, const char *setting, struct matr_error *err)
{
	return matr_fail(err, MATR_ERROR_SYSTEM, path, "cannot be watched: too many watches (%s)",
			 setting);
}

enum added {
	ADD_FAILED = -1,
	ADD_ABSENT, /* there is nothing at the path */
	ADDED,
	ADD_UNSUPPORTED, /* fanotify does not work for this file system */
};

static enum added add_by_fanotify(struct notify *notify, const char *path, enum notify_depth depth,
				  uint32_t *place, struct matr_error *err)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} id = {.handle.handle_bytes = MAX_HANDLE_SZ};
	struct statfs system;
	int mount;
	unsigned flags = FAN_MARK_ADD | (depth == NOTIFY_FILE ? 0 : FAN_MARK_ONLYDIR);

	if (fanotify_mark(notify->fanotify.fd, flags, fanotify_masks[depth], AT_FDCWD, path) != 0) {
		if (is_absent(errno))
			return ADD_ABSENT;
		if (errno == ENOSPC)
			return full(path, "/proc/sys/fs/fanotify/max_user_marks", err);
		return errno == ENOMEM ? matr_fail_memory(err) : ADD_UNSUPPORTED;
	}
	if (name_to_handle_at(AT_FDCWD, path, &id.handle, &mount, AT_SYMLINK_FOLLOW) != 0 ||
	    statfs(path, &system) != 0) {
		if (is_absent(errno))
			return ADD_ABSENT;
		fanotify_mark(notify->fanotify.fd, FAN_MARK_REMOVE, fanotify_masks[depth], AT_FDCWD,
			      path);
		return ADD_UNSUPPORTED;
	}
	notify->used_fanotify = true;
	return place_of(notify, &notify->handles, handle_key(&system.f_fsid, &id.handle), place,
			err);
}

static enum added add_by_inotify(struct notify *notify, const char *path, enum notify_depth depth,
				 uint32_t *place, struct matr_error *err)
{
	if (notify->inotify.fd < 0) {
		int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		if (fd < 0)
			return matr_fail_errno(err, NULL, "inotify");
		if (listen_to(notify, &notify->inotify, fd, err) != 0)
			return -1;
	}
	int watch = inotify_add_watch(notify->inotify.fd, path, inotify_masks[depth]);
	if (watch < 0 && is_absent(errno))
		return ADD_ABSENT;
	if (watch < 0 && errno == ENOSPC)
		return full(path, "/proc/sys/fs/inotify/max_user_watches", err);
	if (watch < 0)
		return matr_fail_errno(err, path, "cannot be watched");
	notify->used_inotify = true;
	return place_of(notify, &notify->watches, (uint64_t)watch, place, err);
}

int notify_add(struct notify *notify, const char *path, enum notify_depth depth, uint32_t *place,
	       struct matr_error *err)
{
	if (notify->fanotify.fd >= 0) {
		enum added added = add_by_fanotify(notify, path, depth, place, err);
		if (added != ADD_UNSUPPORTED)
			return added;
	}
	return add_by_inotify(notify, path, depth, place, err);
}

/* ---- reading ---- */

/* Fill the buffer if it is empty. Returns 1 if there is something in it, 0 if not, -1 on error. */
static int fill(struct source *source, struct matr_error *err)
{
	if (source->fd < 0)
		return 0;
	if (source->at < source->end)
		return 1;
	ssize_t n = read(source->fd, source->buffer, sizeof source->buffer);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return matr_fail_errno(err, NULL, "events cannot be read");
	source->at = 0;
	source->end = (size_t)n;
	return n > 0;
}

static void set_name(struct notify_event *event, const char *name)
{
	size_t length = strnlen(name, NAME_MAX);

	memcpy(event->name, name, length);
	event->name[length] = 0;
}

/* The place and name that one of the event's records speaks of, if it is one of ours. */
static bool take_record(const struct notify *notify,
			const struct fanotify_event_info_header *record, struct notify_event *out)
{
	const struct fanotify_event_info_fid *fid = (const void *)record;
	const struct file_handle *handle = (const void *)fid->handle;
	uint64_t place;

	if (record->info_type != FAN_EVENT_INFO_TYPE_DFID_NAME &&
	    record->info_type != FAN_EVENT_INFO_TYPE_DFID &&
	    record->info_type != FAN_EVENT_INFO_TYPE_FID)
		return false;
	if (!map_get(&notify->handles, handle_key(&fid->fsid, handle), &place))
		return false;
	out->place = (uint32_t)place - 1;
	out->name[0] = 0;
	if (record->info_type == FAN_EVENT_INFO_TYPE_DFID_NAME) {
		set_name(out, (const char *)handle->f_handle + handle->handle_bytes);
		if (strcmp(out->name, ".") == 0)
			out->name[0] = 0;
	}
	return true;
}

/* One event is about one object: under its name in a directory of ours, or as a file of ours.
 * `bytes` is the event with its records, which the kernel aligns for these, to 4 bytes; `event` is
 * a copy of its head, which wants 8. */
static bool take_fanotify(const struct notify *notify, const struct fanotify_event_metadata *event,
			  const char *bytes, struct notify_event *out)
{
	const char *at = bytes + event->metadata_len;
	const char *end = bytes + event->event_len;

	*out = (struct notify_event){.pid = event->pid};
	if (event->mask & FAN_Q_OVERFLOW) {
		out->overflow = true;
		return true;
	}
	out->gone = event->mask & (FAN_DELETE_SELF | FAN_MOVE_SELF);
	while (end - at >= (ptrdiff_t)sizeof(struct fanotify_event_info_fid)) {
		const struct fanotify_event_info_header *record = (const void *)at;
		if (record->len < sizeof *record || record->len > end - at)
			return false;
		if (take_record(notify, record, out))
			return true;
		at += record->len;
	}
	return false;
}

static bool take_inotify(const struct notify *notify, const struct inotify_event *event,
			 struct notify_event *out)
{
	uint64_t place;

	*out = (struct notify_event){.overflow = event->mask & IN_Q_OVERFLOW};
	if (out->overflow)
		return true;
	if (!map_get(&notify->watches, (uint64_t)event->wd, &place))
		return false;
	out->place = (uint32_t)place - 1;
	out->gone = event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED);
	if (event->len)
		set_name(out, event->name);
	return true;
}

int notify_read(struct notify *notify, struct notify_event *out, struct matr_error *err)
{
	struct source *source = &notify->fanotify;
	int some;

	while ((some = fill(source, err)) > 0) {
		const char *bytes = source->buffer + source->at;
		struct fanotify_event_metadata event = {0};
		if (source->end - source->at >= sizeof event)
			memcpy(&event, bytes, sizeof event);
		if (!FAN_EVENT_OK(&event, source->end - source->at) ||
		    event.vers != FANOTIFY_METADATA_VERSION)
			return matr_fail(err, MATR_ERROR_SYSTEM, NULL,
					 "fanotify speaks another language");
		source->at += event.event_len;
		if (take_fanotify(notify, &event, bytes, out))
			return 1;
	}
	if (some < 0)
		return -1;
	source = &notify->inotify;
	while ((some = fill(source, err)) > 0) {
		const struct inotify_event *event = (const void *)(source->buffer + source->at);
		source->at += sizeof *event + event->len;
		if (take_inotify(notify, event, out))
			return 1;
	}
	return some;
}
