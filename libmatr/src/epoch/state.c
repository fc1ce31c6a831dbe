/* state.c - the state of a prefix, and the actions that it allows.
 *
 * No file holds the state: it follows from the image, the store's newest record, the note of a
 * suspension, and the lock. So an interruption, by a kill or a loss of power, leaves one of these
 * states too, and the table has the actions for it. From every state begin leads to an epoch.
 */
#include "epoch/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <matr/epoch.h>
#include <matr/prefix.h>

#include "base/path.h"
#include "base/prefix.h"

enum {
	LOCK_RETRY_NS = 100000000,
	LOCK_RETRIES = 20,
};

/* The state machine. States down, actions across. */
static const enum epoch_permission table[EPOCH_STATES][EPOCH_ACTIONS] = {
	/* begin, end, suspend, withdraw, records */
	[EPOCH_STATE_MANAGEMENT] = {EPOCH_ALLOWED, EPOCH_REFUSED, EPOCH_REFUSED, EPOCH_NO_OP,
				    EPOCH_ALLOWED},
	[EPOCH_STATE_SUSPENDED] = {EPOCH_ALLOWED, EPOCH_ALLOWED, EPOCH_REFUSED, EPOCH_NO_OP,
				   EPOCH_ALLOWED},
	[EPOCH_STATE_EPOCH] = {EPOCH_ALLOWED, EPOCH_ALLOWED, EPOCH_ALLOWED, EPOCH_ALLOWED,
			       EPOCH_ALLOWED},
	[EPOCH_STATE_AHEAD] = {EPOCH_ALLOWED, EPOCH_ALLOWED, EPOCH_ALLOWED, EPOCH_ALLOWED,
			       EPOCH_ALLOWED},
	[EPOCH_STATE_UNKNOWN] = {EPOCH_ALLOWED, EPOCH_ALLOWED, EPOCH_ALLOWED, EPOCH_ALLOWED,
				 EPOCH_ALLOWED},
	[EPOCH_STATE_LOST] = {EPOCH_ALLOWED, EPOCH_ALLOWED, EPOCH_ALLOWED, EPOCH_NO_OP,
			      EPOCH_ALLOWED},
	[EPOCH_STATE_DAMAGED] = {EPOCH_ALLOWED, EPOCH_ALLOWED, EPOCH_ALLOWED, EPOCH_NO_OP,
				 EPOCH_ALLOWED},
	[EPOCH_STATE_BUSY] = {EPOCH_BUSY, EPOCH_BUSY, EPOCH_BUSY, EPOCH_BUSY, EPOCH_BUSY},
};

enum epoch_permission epoch_permission(enum epoch_state state, enum epoch_action action)
{
	return table[state][action];
}

const char *epoch_state_name(enum epoch_state state)
{
	static const char *const names[EPOCH_STATES] = {
		"management", "suspended", "epoch",   "ahead",
		"unrecorded", "lost",	   "damaged", "busy",
	};

	return names[state];
}

enum epoch_state epoch_state_of(const struct epoch_evidence *evidence)
{
	bool open = evidence->record && !evidence->record_ended;

	if (evidence->locked)
		return EPOCH_STATE_BUSY;
	if (evidence->image && !evidence->image_header)
		return EPOCH_STATE_DAMAGED;
	if (evidence->image && !evidence->image_known)
		return EPOCH_STATE_UNKNOWN;
	if (evidence->image)
		return open && evidence->record_image != evidence->image_number ? EPOCH_STATE_AHEAD
										: EPOCH_STATE_EPOCH;
	if (evidence->suspended)
		return EPOCH_STATE_SUSPENDED;
	return open ? EPOCH_STATE_LOST : EPOCH_STATE_MANAGEMENT;
}

static bool lock_is_held(const char *canonical)
{
	char path[PATH_MAX];

	if (path_join(canonical, "lock", path, NULL) != 0)
		return false;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return held;
}

/* All but the lock. */
static void examine(const char *canonical, struct epoch_evidence *out)
{
	char image[PATH_MAX], by[256];
	struct matr_store *store;
	struct matr_store_epoch epoch;

	*out = (struct epoch_evidence){.image_number = matr_epoch_of_image(canonical)};
	out->image =
		path_join(canonical, MATR_IMAGE_FILE, image, NULL) == 0 && access(image, F_OK) == 0;
	out->image_header = out->image_number != 0;
	out->suspended = matr_epoch_suspended(canonical, by, NULL) > 0;
	if (matr_store_open(canonical, &store, NULL) != 0)
		return;
	if (matr_store_epoch(store, 0, &epoch, NULL) == 0) {
		out->record = true;
		out->record_ended = epoch.ended != 0;
		out->record_image = epoch.image;
	}
	out->image_known = out->image_header &&
			   matr_store_epoch_of_image(store, out->image_number, &epoch, NULL) == 0;
	matr_store_close(store);
}

void epoch_examine(const char *canonical, struct epoch_evidence *out)
{
	bool locked = lock_is_held(canonical);

	examine(canonical, out);
	out->locked = locked;
}

/* Retry for two seconds before reporting BUSY: except for begin, holders release the lock quickly.
 * matrd does not wait. */
static int take_lock(const char *canonical, bool wait, bool patient, struct matr_error *err)
{
	struct matr_error why = {0};
	int lock;

	for (int i = 0; (lock = prefix_lock(canonical, wait, &why)) < 0; i++) {
		if (why.code != MATR_ERROR_BUSY || !patient || i == LOCK_RETRIES)
			return matr_error_copy(err, &why);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = LOCK_RETRY_NS},
				NULL);
	}
	return lock;
}

int epoch_enter(const char *canonical, enum epoch_action action, bool wait,
		enum epoch_permission *permission, struct matr_error *err)
{
	struct epoch_evidence evidence;

	int lock = take_lock(canonical, wait, action != EPOCH_WITHDRAW, err);
	if (lock < 0)
		return -1;
	examine(canonical, &evidence);
	enum epoch_permission result = epoch_permission(epoch_state_of(&evidence), action);
	if (permission)
		*permission = result;
	if (result == EPOCH_ALLOWED || result == EPOCH_NO_OP)
		return lock;
	close(lock);
	return matr_fail(err, MATR_ERROR_STATE, canonical, "no epoch is in force");
}
