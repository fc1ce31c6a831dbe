/* state.h - the states of a prefix, and what may be done in each: docs/states.md. */
#ifndef MATR_EPOCH_STATE_H
#define MATR_EPOCH_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <matr/error.h>

enum epoch_state {
	EPOCH_STATE_MANAGEMENT, /* no image; the store knows of no epoch that has not ended */
	EPOCH_STATE_SUSPENDED,	/* the same, and it is noted that the epoch is to begin again */
	EPOCH_STATE_EPOCH,	/* an image is in force, and is the newest epoch's */
	EPOCH_STATE_AHEAD,	/* an image is in force; a later epoch was committed, but is not */
	EPOCH_STATE_UNKNOWN,	/* an image is in force that is in no record of the store */
	EPOCH_STATE_LOST,	/* no image; but the store's newest epoch has not ended */
	EPOCH_STATE_DAMAGED,	/* what is there in place of an image has no header of one */
	EPOCH_STATE_BUSY, /* somebody else is changing the state: beginning, ending, withdrawing */
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
	EPOCH_ALLOWED, /* and then the state is the one that the action leads to */
	EPOCH_NO_OP,   /* there is nothing to be done */
	EPOCH_REFUSED, /* STATE: no epoch is in force */
	EPOCH_BUSY,    /* for whoever has the lock; or BUSY */
};

/* What is on disk, and who has the lock. */
struct epoch_evidence {
	bool locked; /* by somebody else */
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

/* What is to be seen in the prefix (canonical). A store that cannot be read says nothing. */
void epoch_examine(const char *canonical, struct epoch_evidence *out);

/* Everything that changes an epoch comes through here: take the prefix's lock, and see whether the
 * state allows the action. wait: for as long as it takes; else for two seconds, and to withdraw not
 * at all, then BUSY. Returns the lock's descriptor, which the caller closes when he is done, with
 * *permission (may be NULL) EPOCH_ALLOWED or EPOCH_NO_OP; or -1: BUSY, STATE (refused), SYSTEM. */
int epoch_enter(const char *canonical, enum epoch_action action, bool wait,
		enum epoch_permission *permission, struct matr_error *err);

#endif
