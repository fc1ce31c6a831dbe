/* state.h - the states of a prefix, and the actions that each allows: docs/states.md. */
#ifndef MATR_EPOCH_STATE_H
#define MATR_EPOCH_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <matr/error.h>

enum epoch_state {
	EPOCH_STATE_MANAGEMENT, /* no image; every epoch in the store has ended */
	EPOCH_STATE_SUSPENDED,	/* the same, and the epoch is marked to begin again */
	EPOCH_STATE_EPOCH,	/* an image is in force, and is the newest epoch's */
	EPOCH_STATE_AHEAD,	/* an image is in force; a later epoch was committed, but is not */
	EPOCH_STATE_UNKNOWN,	/* an image is in force that is in no record of the store */
	EPOCH_STATE_LOST,	/* no image; but the store's newest epoch has not ended */
	EPOCH_STATE_DAMAGED,	/* the file in place of an image has no image header */
	/* another process is changing the state: beginning, ending, withdrawing */
	EPOCH_STATE_BUSY,
	EPOCH_STATES,
};

enum epoch_action {
	EPOCH_BEGIN,
	EPOCH_END,
	EPOCH_SUSPEND,	/* end, to begin again */
	EPOCH_WITHDRAW, /* take applications out of the image */
	EPOCH_RECORDS,	/* change the store's records of epochs and edits, not the state */
	EPOCH_ACTIONS,
};

enum epoch_permission {
	EPOCH_ALLOWED, /* the action changes the state */
	EPOCH_NO_OP,   /* nothing to do: the state is the wanted one already */
	EPOCH_REFUSED, /* STATE: no epoch is in force */
	EPOCH_BUSY,    /* another process has the lock */
};

/* Facts that decide the state: the files in the prefix, and the lock. */
struct epoch_evidence {
	bool locked; /* by another process */
	bool image, image_header;
	int64_t image_number; /* the epoch that the header names */
	bool suspended;
	bool record, record_ended; /* the store has an epoch; its newest one has ended */
	bool image_known;	   /* some epoch of the store has the image */
	int64_t record_image;	   /* the newest epoch's image */
};

enum epoch_state epoch_state_of(const struct epoch_evidence *evidence);
enum epoch_permission epoch_permission(enum epoch_state state, enum epoch_action action);
const char *epoch_state_name(enum epoch_state state);

/* Read the facts of the prefix (canonical path). A store that cannot be read counts as empty. */
void epoch_examine(const char *canonical, struct epoch_evidence *out);

/* Take the prefix's lock and check that the state allows the action. Everything that changes an
 * epoch calls this. wait: for as long as needed; otherwise wait for two seconds, or not at all to
 * withdraw. *permission (may be NULL): EPOCH_ALLOWED or EPOCH_NO_OP. Returns the lock's descriptor,
 * to be closed by the caller, or -1 on error: BUSY, STATE (refused), SYSTEM. */
int epoch_enter(const char *canonical, enum epoch_action action, bool wait,
		enum epoch_permission *permission, struct matr_error *err);

#endif
