/* epoch.h - beginning an epoch, ending it, and saying how things stand.
 *
 * Beginning an epoch is arranged so that a crash at any point leaves the programs running and either
 * the epoch that was in force or the new one. The store's transaction stays open until the new image
 * is complete on disk under another name; then come the commit and, last, the rename that puts the
 * image in force. A crash between these two leaves the store one epoch ahead, which
 * matr_epoch_status() says and the next begin puts right.
 */
#ifndef MATR_EPOCH_H
#define MATR_EPOCH_H

#include <linux/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <matr/image.h>
#include <matr/store.h>

#ifdef __cplusplus
extern "C" {
#endif

struct matr_scan;

/* ---- begin ---- */

struct matr_epoch; /* an epoch that is being begun */

struct matr_epoch_options {
	const char *prefix;    /* created where it does not exist */
	const char *ld_stable; /* the ld-stable to install in it */
	const char *config;    /* for matr_epoch_scan(); NULL: MATR_CONFIG_FILE, if there is one */
	const char *interpreter; /* PT_INTERP of the real dynamic linker; NULL: the default one */
	bool wait;		 /* for another begin or end to finish; else BUSY */
	unsigned jobs;		 /* threads; 0: as many as there are cores */
	bool portable;		 /* for copies of this file tree as well: no inodes, no times */
	bool rebuild_store;	 /* move a store aside (to store.db.damaged) and start a new one */
	bool with_summaries;	 /* the results have summaries even if nothing has changed */
};

struct matr_epoch_result {   /* what became of one program */
	char *path;	     /* canonical, or as given where there is no such file */
	char *reason;	     /* why it was declined; NULL: it was not */
	int64_t application; /* its id in the store; 0: declined */
	bool carried;	     /* it did not change, and was taken over from the epoch before */
	/* After the commit, where it was not declined. All 0 where the image was taken over as a whole,
	 * unless the options ask for it. */
	struct matr_image_summary summary;
};

/* Take the lock, check the prefix, open the store and its transaction. *out belongs to the caller:
 * matr_epoch_close(), which undoes everything unless the epoch was committed.
 * Errors: BUSY (another begin or end is running), UNTRUSTED (a directory of the prefix belongs to
 * somebody else, or others may write to it), MALFORMED (the store is damaged: again with
 * rebuild_store), STATE (the store is a newer MatR's; the interpreter is an ld-stable, as in the
 * namespace of `matr run`), STORE, SYSTEM, MEMORY. */
MATR_API int matr_epoch_open(const struct matr_epoch_options *options, struct matr_epoch **out,
			     struct matr_error *err);
MATR_API void matr_epoch_close(struct matr_epoch *epoch);

/* How the newest epoch of the prefix was begun, for whoever begins it again: with which configuration file ("": the usual
 * one), and whether for copies as well. Where there is none yet, as the usual one is. */
MATR_API int matr_epoch_before(const char *prefix, char config[PATH_MAX], bool *portable,
			       struct matr_error *err);

/* Find every program that the configuration covers, and add it. *out belongs to the epoch. Errors: of
 * matr_config_load() and matr_scan(). */
MATR_API int matr_epoch_scan(struct matr_epoch *epoch, const struct matr_scan **out,
			     struct matr_error *err);

/* Add a program by its path. One that is not there is declined; one that was added already is not added again. */
MATR_API int matr_epoch_add(struct matr_epoch *epoch, const char *program, struct matr_error *err);

struct matr_epoch_progress {
	const char *what; /* "reading libraries", ... */
	size_t done, all; /* of that */
};

/* Do a part of the work: resolve the programs that were added, put them into the store, compile the image. 1: there is
 * more to be done; 0: that was all, and the epoch can be committed; -1: the epoch cannot be begun (errors of the store,
 * MEMORY). What is wrong with a program is no error: it is declined. No program can be added after the first step. */
MATR_API int matr_epoch_step(struct matr_epoch *epoch, struct matr_epoch_progress *progress,
			     struct matr_error *err);

/* Do what is left to be done, install the loader, commit, and put the image in force. STATE: every program was
 * declined. After an error the epoch before is in force as it was. */
MATR_API int matr_epoch_commit(struct matr_epoch *epoch, struct matr_error *err);

/* The epoch's id; its programs in the order in which they were added. Both belong to the epoch. */
MATR_API int64_t matr_epoch_id(const struct matr_epoch *epoch);
MATR_API const struct matr_epoch_result *matr_epoch_results(const struct matr_epoch *epoch,
							    size_t *n);

/* ---- end ---- */

/* Take the image out of force. Running programs keep what they have mapped. *id (may be NULL)
 * receives the epoch, 0 where it is not known. STATE: no epoch is in force. */
MATR_API int matr_epoch_end(const char *prefix, int64_t *id, struct matr_error *err);

/* ---- keeping ---- */

/* Remove the records of old epochs from the store: all but the `keep` newest, and never the one in force. *removed (may be
 * NULL): how many. Waits for a begin or end to finish. USAGE: keep is 0; NOT_FOUND: there is no store. */
MATR_API int matr_epoch_prune(const char *prefix, size_t keep, size_t *removed,
			      struct matr_error *err);

/* ---- suspending: an epoch that is ended while packages are changed ---- */

/* End the epoch that is in force, and note that it is to begin again, and who (`by`, one line) ended it. 1: done; 0: none
 * is in force, and nothing was changed (it may be suspended already). Beginning and ending an epoch end the suspension. */
MATR_API int matr_epoch_suspend(const char *prefix, const char *by, struct matr_error *err);

/* Is an epoch suspended? 1: yes, and `by` says by whom; 0: no. */
MATR_API int matr_epoch_suspended(const char *prefix, char by[256], struct matr_error *err);

/* The programs that were named when the last epoch began. *n is 0 where none were: it was the whole system's. *out belongs
 * to the caller: matr_epoch_programs_free(). */
MATR_API int matr_epoch_programs(const char *prefix, char ***out, size_t *n,
				 struct matr_error *err);
MATR_API void matr_epoch_programs_free(char **programs);

/* ---- status ---- */

struct matr_epoch_problem {
	char *file;
	char *reason; /* one line */
};

struct matr_epoch_status {
	const char *state;	/* as docs/states.md names it, whoever has the lock; never freed */
	char suspended_by[256]; /* who ended the epoch and means to begin it again; "": nobody */
	bool in_force;		/* an image is there and sound; else management time */
	bool busy;		/* somebody holds the lock */
	bool has_record;	/* the store knows the epoch: `epoch` is filled in */
	struct matr_store_epoch epoch;	 /* the image's, or else the newest one */
	uint64_t store_size, image_size; /* bytes; 0: not there */
	struct matr_store_declined *declined;
	size_t n_declined;
	struct matr_store_skipped
		*skipped; /* what the scan passed over; none where the programs were named */
	size_t n_skipped;
	size_t n_edits;	    /* of mappings (matr/edit.h) */
	char unserved[256]; /* why ld.so's file calls cannot be served; "": they can */
	struct matr_epoch_problem *problems; /* what is wrong with the prefix, and with edits */
	size_t n_problems;
	struct matr_violation *violations; /* of the epoch that matrd has noticed, oldest first */
	size_t n_violations;
	bool restarted; /* the machine was started since the epoch began; it goes on */
	struct matr_epoch_problem *changed; /* objects that are no longer what the epoch recorded */
	size_t n_changed;
};

/* Look at everything. What is found wrong is no error but an entry of the lists. *out belongs to the
 * caller: matr_epoch_status_free(), also after an error. */
MATR_API int matr_epoch_status(const char *prefix, struct matr_epoch_status *out,
			       struct matr_error *err);
MATR_API void matr_epoch_status_free(struct matr_epoch_status *status);

/* The store's record of the epoch that is in force; where none is, of the newest one. */
MATR_API int matr_epoch_current(const char *prefix, struct matr_store *store,
				struct matr_store_epoch *out, struct matr_error *err);

/* The kept epoch before that one. NOT_FOUND: there is none. */
MATR_API int matr_epoch_previous(const char *prefix, struct matr_store *store,
				 struct matr_store_epoch *out, struct matr_error *err);

/* The epoch whose image is in the prefix, as far as the image's header says: it need not be sound for
 * that. 0: none. */
MATR_API int64_t matr_epoch_of_image(const char *prefix);

/* The same as seen with the store: where that is a copy, of the moment at which it was made. */
MATR_API int64_t matr_epoch_of_image_with(const char *prefix, const struct matr_store *store);

#ifdef __cplusplus
}
#endif

#endif
