/* watch.c - comparing changed files with the record of the epoch.
 *
 * After a quiet time a change is handled almost at once. Those that follow are gathered, because a
 * package manager changes many files together: for a tenth of a second, or more if handling takes
 * long. The files concerned are compared with the record. Where events were lost, a directory on
 * the way to a file has changed, or something was mounted, all places are found again and all files
 * compared. The start does the same, so changes that were not watched are found then.
 *
 * The image is changed under the prefix's lock. While another process has it, an epoch is being
 * begun or ended, and then there is another record. Until then the changed files are kept in mind.
 */
#include <matr/watch.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <matr/epoch.h>
#include <matr/image_format.h>
#include <matr/prefix.h>

#include "base/array.h"
#include "base/file_id.h"
#include "base/path.h"
#include "base/prefix.h"
#include "epoch/end.h"
#include "epoch/same_program.h"
#include "epoch/state.h"
#include "image/withdraw.h"
#include "store/store.h"
#include "store/transaction.h"
#include "store/violation.h"
#include "watch/list.h"
#include "watch/violation.h"

enum {		    /* milliseconds */
       FIRST = 20,  /* between an event and the look at what has changed, after a while without */
       QUIET = 100, /* after another look */
       QUIET_MAX = 300, /* where looking takes long, so that it does not take all of the time */
       AGAIN = 5000,	/* after an error */
       SWEEP_FIRST =
	       60000,  /* between another epoch and the look whether its image is still mapped */
       SWEEP = 600000, /* between such looks */
};

struct matr_watch {
	char prefix[PATH_MAX]; /* canonical */
	char image[PATH_MAX];
	bool strict, by_inotify;
	int epoll, mounts;
	uint64_t mounted;	  /* mounts() */
	struct notify *on_prefix; /* the image comes and goes */
	uint32_t prefix_place;
	struct watch_list list;
	int listening;	 /* the list's descriptor in the epoll set; -1: none */
	int64_t epoch;	 /* whose list it is; 0: none */
	uint64_t number; /* its image's */
	int64_t due;	 /* milliseconds; 0: nothing to do */
	int64_t quiet, looked;
	int64_t sweep; /* when to look for retired images that can go; 0: there are none */
	bool reload, rebuild;
	size_t violations, checks;
};

struct change {
	struct watched_file *file;
	const char *kind;
	struct matr_file_id now;
	struct application_ids affected;
	bool harmless; /* a program that has been enabled or disabled */
};

static int64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void schedule(struct matr_watch *watch, int64_t in)
{
	int64_t now = milliseconds();

	/* After a while in which nothing happened there is no reason to hold back. */
	if (in > FIRST && now - watch->looked > 2 * in)
		in = FIRST;
	int64_t due = now + in;

	if (!watch->due || due < watch->due)
		watch->due = due;
}

static int listen_to(struct matr_watch *watch, int fd, uint32_t events, struct matr_error *err)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	return epoll_ctl(watch->epoll, EPOLL_CTL_ADD, fd, &event) == 0
		       ? 0
		       : matr_fail_errno(err, NULL, "epoll");
}

/* Hash of the mount table. Its descriptor becomes ready on a change, but only once, for the
 * first process that polls. */
static uint64_t mounts(const struct matr_watch *watch)
{
	char buffer[16 << 10];
	uint64_t hash = 0;
	off_t at = 0;
	ssize_t n;

	if (watch->mounts < 0)
		return 0;
	while ((n = pread(watch->mounts, buffer, sizeof buffer, at)) > 0) {
		hash = matr_image_checksum64(buffer, (size_t)n, hash);
		at += n;
	}
	return hash;
}

int matr_watch_open(const struct matr_watch_options *options, struct matr_watch **out,
		    struct matr_error *err)
{
	struct matr_watch *watch = calloc(1, sizeof *watch);

	if (!watch)
		return matr_fail_memory(err);
	watch->strict = options->strict;
	watch->by_inotify = options->by_inotify;
	watch->listening = watch->mounts = -1;
	watch->quiet = QUIET;
	watch->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (watch->epoll < 0) {
		matr_fail_errno(err, NULL, "epoll");
		goto fail;
	}
	if (prefix_make(options->prefix, watch->prefix, err) != 0 ||
	    prefix_check(watch->prefix, err) != 0)
		goto fail;
	if (path_join(watch->prefix, MATR_IMAGE_FILE, watch->image, err) != 0)
		goto fail;
	if (notify_open(watch->by_inotify, &watch->on_prefix, err) != 0)
		goto fail;
	int added = notify_add(watch->on_prefix, watch->prefix, NOTIFY_NAMES, &watch->prefix_place,
			       err);
	if (added == 0)
		matr_fail(err, MATR_ERROR_SYSTEM, watch->prefix, "cannot be watched");
	if (added <= 0 || listen_to(watch, notify_descriptor(watch->on_prefix), EPOLLIN, err) != 0)
		goto fail;
	watch->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (watch->mounts >= 0 && listen_to(watch, watch->mounts, EPOLLPRI, err) != 0)
		goto fail;
	watch->mounted = mounts(watch);
	watch->reload = true;
	watch->sweep = milliseconds();
	schedule(watch, 0);
	*out = watch;
	return 0;
fail:
	matr_watch_close(watch);
	return -1;
}

void matr_watch_close(struct matr_watch *watch)
{
	if (!watch)
		return;
	watch_list_free(&watch->list);
	notify_close(watch->on_prefix);
	if (watch->mounts >= 0)
		close(watch->mounts);
	if (watch->epoll >= 0)
		close(watch->epoll);
	free(watch);
}

int matr_watch_descriptor(const struct matr_watch *watch)
{
	return watch->epoll;
}

int matr_watch_timeout(const struct matr_watch *watch)
{
	int64_t next = watch->due;

	if (!next || (watch->sweep && watch->sweep < next))
		next = watch->sweep;
	if (!next)
		return -1;
	int64_t left = next - milliseconds();
	return left > 0 ? (int)left : 0;
}

void matr_watch_check(struct matr_watch *watch)
{
	watch->rebuild = true;
	schedule(watch, 0);
}

void matr_watch_set(struct matr_watch *watch, bool strict, bool by_inotify)
{
	watch->strict = strict;
	watch->by_inotify = by_inotify;
	matr_watch_check(watch);
}

struct matr_watch_status matr_watch_status(const struct matr_watch *watch)
{
	return (struct matr_watch_status){
		.epoch = watch->epoch,
		.method = notify_method(watch->list.notify ? watch->list.notify : watch->on_prefix),
		.files = watch->list.n,
		.places = watch->list.directory_names.n,
		.violations = watch->violations,
		.checks = watch->checks,
	};
}

/* ---- the record ---- */

static void forget(struct matr_watch *watch)
{
	watch_list_free(&watch->list); /* with its descriptor, which epoll then forgets */
	watch->listening = -1;
	watch->epoch = 0;
	watch->number = 0;
}

/* Skip violations that an earlier matrd has recorded. */
static int recall_violations(struct matr_watch *watch, struct matr_store *store, int64_t epoch,
			     struct matr_error *err)
{
	struct matr_violation *violations;
	size_t n;

	if (matr_store_violations(store, epoch, &violations, &n, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		uint32_t index = intern_find(&watch->list.paths, violations[i].path);
		if (index != UINT32_MAX)
			watch->list.files[index].recorded = violations[i].time;
	}
	matr_store_violations_free(violations, n);
	return 0;
}

/* Find the epoch that is in force, and read what it follows from. */
static int load(struct matr_watch *watch, struct matr_watch_report *report, struct matr_error *err)
{
	struct matr_store *store;
	struct matr_store_epoch epoch;
	int64_t before = watch->epoch;
	uint64_t number = (uint64_t)matr_epoch_of_image(watch->prefix);

	if (number && number == watch->number)
		return 0; /* our own doing, or an epoch in which all is as in the one before */
	forget(watch);
	if (!number) {
		report->changed = before != 0;
		return 0;
	}
	if (matr_store_open(watch->prefix, &store, err) != 0)
		return -1;
	int result = matr_store_epoch_of_image(store, (int64_t)number, &epoch, err);
	if (result == 0)
		result = watch_list_read(&watch->list, store, epoch.id, err);
	if (result == 0)
		result = recall_violations(watch, store, epoch.id, err);
	matr_store_close(store);
	if (result != 0) {
		forget(watch);
		return -1;
	}
	watch->epoch = epoch.id;
	watch->number = number;
	if (!watch->sweep)
		watch->sweep = milliseconds() + SWEEP_FIRST;
	watch->rebuild = true;
	report->changed = epoch.id != before;
	return 0;
}

static int rebuild(struct matr_watch *watch, struct matr_error *err)
{
	watch->listening = -1; /* it is closed with the former places */
	if (watch_list_rebuild(&watch->list, watch->by_inotify, err) != 0)
		return -1;
	watch->checks++;
	watch->listening = notify_descriptor(watch->list.notify);
	return listen_to(watch, watch->listening, EPOLLIN, err);
}

/* ---- events ---- */

static int read_events(struct matr_watch *watch, struct matr_error *err)
{
	struct notify_event event;
	int more;

	while ((more = notify_read(watch->on_prefix, &event, err)) > 0) {
		if (!event.overflow && strcmp(event.name, MATR_IMAGE_FILE) != 0)
			continue;
		watch->reload = true;
		schedule(watch, QUIET / 2);
	}
	if (more < 0)
		return -1;
	while (watch->list.notify && (more = notify_read(watch->list.notify, &event, err)) > 0) {
		int what = watch_list_event(&watch->list, &event);
		watch->rebuild |= what == WATCH_REBUILD;
		if (what != WATCH_NOTHING)
			schedule(watch, watch->quiet);
	}
	if (more < 0)
		return -1;
	uint64_t mounted = mounts(watch);
	if (mounted != watch->mounted) {
		watch->mounted = mounted;
		watch->rebuild = true;
		schedule(watch, watch->quiet);
	}
	return 0;
}

/* ---- handling of changes ---- */

/* List the dirty files that differ from the record, except those whose change is recorded
 * already. */
static int find_changes(struct matr_watch *watch, struct change **out, size_t *n,
			struct matr_error *err)
{
	struct watch_list *list = &watch->list;
	size_t room = 0;

	*out = NULL;
	*n = 0;
	for (size_t i = 0; i < list->n; i++) {
		struct watched_file *file = &list->files[i];
		if (!file->dirty)
			continue;
		struct change change = {.file = file};
		change.kind = watched_change(list, file, &change.now);
		if (file->recorded) {
			/* If it changed before the record was written, or is gone, this is the
			 * recorded change. */
			file->reported = change.kind && change.now.ctime <= file->recorded;
			file->seen = change.now;
			file->recorded = 0;
		}
		if (!change.kind || (file->reported && file_id_equal(&change.now, &file->seen))) {
			file->reported &= change.kind != NULL;
			file->dirty = false;
			watch_culprit_free(&file->culprit);
			continue;
		}
		if (array_reserve(out, &room, *n + 1, sizeof **out, err) != 0)
			return -1;
		(*out)[(*n)++] = change;
	}
	return 0;
}

/* Find the applications that each change affects. */
static int find_affected(struct matr_store *store, int64_t epoch, struct change *changes, size_t n,
			 struct matr_error *err)
{
	struct affected_search search = {.session = NULL};
	int result = 0;

	for (size_t i = 0; i < n && result == 0; i++) {
		const struct watched_file *file = changes[i].file;
		int same = file->kind == WATCHED_OBJECT
				   ? epoch_same_program(store, epoch, file->path, &file->id, err)
				   : 0;
		changes[i].harmless = same > 0;
		if (same < 0)
			result = -1;
		else if (same == 0)
			result = affected_applications(store, epoch, file, &search,
						       &changes[i].affected, err);
	}
	affected_search_close(&search);
	return result;
}

/* Test whether the change is one to record. Files that were searched for without success, or were
 * not needed, do not matter. */
static bool is_violation(const struct change *change)
{
	if (change->harmless)
		return false;
	return change->affected.n || change->file->kind != WATCHED_PROBE ||
	       strcmp(change->file->path, "/etc/ld.so.preload") == 0 ||
	       strcmp(change->file->path, "/etc/ld.so.cache") == 0;
}

static int compare_ids(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
	return (a > b) - (a < b);
}

/* All affected applications' paths. *out: free each, then the list. */
static int affected_paths(struct matr_store *store, int64_t epoch, const struct change *changes,
			  size_t n, char ***out, size_t *n_out, struct matr_error *err)
{
	struct matr_store_application *applications;
	size_t n_applications, n_ids = 0, count = 0;

	if (matr_store_applications(store, epoch, &applications, &n_applications, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		n_ids += changes[i].affected.n;
	int64_t *ids = calloc(n_ids + 1, sizeof *ids);
	char **paths = calloc(n_applications + 1, sizeof *paths);
	int result = ids && paths ? 0 : matr_fail_memory(err);
	n_ids = 0;
	for (size_t i = 0; i < n && result == 0; i++)
		for (size_t k = 0; k < changes[i].affected.n; k++)
			ids[n_ids++] = changes[i].affected.ids[k];
	if (result == 0)
		qsort(ids, n_ids, sizeof *ids, compare_ids);
	for (size_t i = 0; i < n_applications && result == 0; i++) {
		if (!bsearch(&applications[i].id, ids, n_ids, sizeof *ids, compare_ids))
			continue;
		paths[count++] = applications[i].path;
		applications[i].path = NULL;
	}
	free(ids);
	matr_store_applications_free(applications, n_applications);
	if (result != 0) {
		free(paths);
		return -1;
	}
	*out = paths;
	*n_out = count;
	return 0;
}

/* Remove them from the image; *action receives what was done. If the image cannot be written,
 * end the epoch: that is one rename, and safe. */
static int withdraw(struct matr_watch *watch, struct matr_store *store,
		    const struct change *changes, size_t n, const char **action,
		    struct matr_error *err)
{
	char **paths;
	size_t n_paths;
	struct matr_error why = {0};

	if (affected_paths(store, watch->epoch, changes, n, &paths, &n_paths, err) != 0)
		return -1;
	*action = "withdrawn";
	int result = 0;
	if (n_paths &&
	    (watch->strict || image_withdraw(watch->image, watch->number,
					     (const char *const *)paths, n_paths, NULL, &why) != 0))
		*action = "ended";
	if (strcmp(*action, "ended") == 0)
		result = epoch_end_locked(watch->prefix, err) < 0 ? -1 : 0;
	for (size_t i = 0; i < n_paths; i++)
		free(paths[i]);
	free(paths);
	return result;
}

/* Description for the report and the store. Strings belong to the report. */
static int describe(const struct matr_watch *watch, const struct change *change, const char *action,
		    struct matr_watch_report *report, struct matr_error *err)
{
	struct timespec now;
	const struct culprit *by =
		change->file->culprit.pid ? &change->file->culprit : &watch->list.culprit;

	if (array_grow(&report->violations, report->n_violations, sizeof *report->violations,
		       err) != 0)
		return -1;
	clock_gettime(CLOCK_REALTIME, &now);
	struct matr_violation *violation = &report->violations[report->n_violations++];
	*violation = (struct matr_violation){
		.time = timespec_ns(&now),
		.path = strdup(change->file->path),
		.kind = strdup(change->kind),
		.action = strdup(change->affected.n ? action : "none"),
		.pid = by->pid,
		.uid = by->pid ? by->uid : -1,
		.command = by->command ? strdup(by->command) : NULL,
		.detail = change->affected.n ? NULL : strdup("no program starts otherwise"),
		.n_withdrawn = change->affected.n,
	};
	return violation->path && violation->kind && violation->action ? 0 : matr_fail_memory(err);
}

static int record(const struct matr_watch *watch, struct matr_store *store,
		  const struct change *changes, size_t n, const char *action,
		  struct matr_watch_report *report, struct matr_error *err)
{
	size_t first = report->n_violations, at = first;

	for (size_t i = 0; i < n; i++)
		if (is_violation(&changes[i]) &&
		    describe(watch, &changes[i], action, report, err) != 0)
			return -1;
	if (at == report->n_violations)
		return 0;
	if (store_transaction_begin(store, err) != 0)
		return -1;
	int result = 0;
	for (size_t i = 0; i < n && result == 0; i++)
		if (is_violation(&changes[i]))
			result = store_add_violation(store, watch->epoch, &report->violations[at++],
						     changes[i].affected.ids, changes[i].affected.n,
						     err);
	if (result == 0 && strcmp(action, "ended") == 0)
		result = store_end_epoch(store, watch->epoch, err);
	if (result == 0)
		result = store_transaction_commit(store, err);
	if (result != 0)
		store_transaction_roll_back(store);
	return result;
}

/* With the lock. */
static int act(struct matr_watch *watch, enum epoch_permission permission, struct change *changes,
	       size_t n, struct matr_watch_report *report, struct matr_error *err)
{
	struct matr_store *store;
	struct matr_store_epoch current;
	const char *action;

	if (permission != EPOCH_ALLOWED ||
	    (uint64_t)matr_epoch_of_image(watch->prefix) != watch->number) {
		watch->reload = true; /* it ended, or another one began */
		schedule(watch, 0);
		return 0;
	}
	if (store_open_to_write(watch->prefix, &store, err) != 0)
		return -1;
	/* An epoch that is like the one before has its image. */
	int result = matr_epoch_current(watch->prefix, store, &current, err);
	if (result == 0) {
		watch->epoch = current.id;
		result = find_affected(store, watch->epoch, changes, n, err);
	}
	if (result == 0)
		result = withdraw(watch, store, changes, n, &action, err);
	if (result == 0) {
		for (size_t i = 0; i < n; i++) {
			changes[i].file->reported = true;
			changes[i].file->dirty = false;
			changes[i].file->seen = changes[i].now;
		}
		result = record(watch, store, changes, n, action, report, err);
	}
	matr_store_close(store);
	for (size_t i = 0; i < n; i++) {
		if (!changes[i].file->dirty)
			watch_culprit_free(&changes[i].file->culprit);
		free(changes[i].affected.ids);
	}
	return result;
}

static int compare_files(struct matr_watch *watch, struct matr_watch_report *report,
			 struct matr_error *err)
{
	struct change *changes;
	size_t n;
	struct matr_error why = {0};
	int result = find_changes(watch, &changes, &n, err);

	if (result == 0 && n) {
		enum epoch_permission permission;
		int lock = epoch_enter(watch->prefix, EPOCH_WITHDRAW, false, &permission, &why);
		if (lock >= 0) {
			result = act(watch, permission, changes, n, report, err);
			close(lock);
		} else if (why.code == MATR_ERROR_BUSY) {
			schedule(watch, QUIET);
		} else {
			result = matr_error_copy(err, &why);
		}
	}
	free(changes);
	return result;
}

static int look(struct matr_watch *watch, struct matr_watch_report *report, struct matr_error *err)
{
	if (watch->reload) {
		watch->reload = false;
		if (load(watch, report, err) != 0) {
			watch->reload = true;
			return -1;
		}
	}
	if (!watch->epoch) {
		watch->rebuild = false;
		return 0;
	}
	if (watch->rebuild) {
		watch->rebuild = false;
		if (rebuild(watch, err) != 0) {
			watch->rebuild = true;
			return -1;
		}
	}
	int result = compare_files(watch, report, err);
	watch_culprit_free(&watch->list.culprit);
	return result;
}

int matr_watch_run(struct matr_watch *watch, struct matr_watch_report *out, struct matr_error *err)
{
	struct matr_error why = {0};

	*out = (struct matr_watch_report){.n_violations = 0};
	int result = read_events(watch, &why);
	if (result != 0)
		matr_watch_check(watch);
	int64_t start = milliseconds();
	if (result == 0 && watch->due && watch->due <= start) {
		watch->due = 0;
		result = look(watch, out, &why);
		int64_t quiet = 4 * (milliseconds() - start);
		watch->quiet = quiet < QUIET ? QUIET : quiet > QUIET_MAX ? QUIET_MAX : quiet;
		watch->looked = milliseconds();
		malloc_trim(0); /* a search takes tens of megabytes, and is rare */
	}
	if (watch->sweep && watch->sweep <= milliseconds())
		watch->sweep = matr_epoch_sweep(watch->prefix) ? milliseconds() + SWEEP : 0;
	watch->violations += out->n_violations;
	if (result != 0) {
		watch->due = milliseconds() + AGAIN;
		matr_error_copy(err, &why);
	}
	return result;
}

void matr_watch_report_free(struct matr_watch_report *report)
{
	for (size_t i = 0; i < report->n_violations; i++)
		report->violations[i].n_withdrawn = 0; /* a number only */
	matr_store_violations_free(report->violations, report->n_violations);
	*report = (struct matr_watch_report){.n_violations = 0};
}
