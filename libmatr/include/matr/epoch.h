/* epoch.h - beginning an epoch, ending it, and its status.
 *
 * Beginning an epoch is arranged so that a crash at any point leaves the programs running, and
 * either the epoch that was in force or the new one. The store's transaction stays open until the
 * new image is complete on disk under another name. Then come the commit and, last, the rename that
 * puts the image in force. A crash between these two leaves the store one epoch ahead:
 * matr_epoch_status() shows it, and the next begin repairs it.
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
	const char *prefix;    /* created if it does not exist */
	const char *ld_stable; /* the ld-stable to install in it */
	const char *config;    /* for matr_epoch_scan(); NULL: MATR_CONFIG_FILE, if there is one */
	const char *cause; /* one line for the record, cut to MATR_STORE_CAUSE_MAX; NULL: none */
	const char *interpreter; /* PT_INTERP of the real dynamic linker; NULL: the default one */
	bool wait;		 /* for another begin or end to finish; else BUSY */
	unsigned jobs;		 /* threads; 0: as many as there are cores */
	bool portable;		 /* also for copies of this file tree: no inodes, no times */
	bool rebuild_store;	 /* move the store aside (to store.db.damaged), start a new one */
	bool edit_protected;	 /* edits apply to every program, because the prefix has one user */
	bool with_summaries;	 /* the results have summaries even if nothing has changed */
};

/* The result of one program. */
struct matr_epoch_result {
	char *path;	     /* canonical, or as given if there is no such file */
	char *reason;	     /* why it was declined; NULL: it was not */
	int64_t application; /* its id in the store; 0: declined */
	bool carried;	     /* it did not change, and was taken over from the epoch before */
	/* Set after the commit, if the program was not declined. All 0 if the image was taken over
	 * as a whole, unless the options ask for it. */
	struct matr_image_summary summary;
};

/* Start to begin an epoch: take the lock, check the prefix, open the store and its transaction.
 * *out belongs to the caller: matr_epoch_close().
 * Errors: BUSY (another begin or end is running), UNTRUSTED (a directory of the prefix belongs
 * to another user, or others may write to it), MALFORMED (the store is damaged: try again with
 * rebuild_store), STATE (the store is a newer MatR's; or the interpreter is an ld-stable, as in
 * the namespace of `matr run`), STORE, SYSTEM, RESOURCES. */
MATR_API int matr_epoch_open(const struct matr_epoch_options *options, struct matr_epoch **out,
			     struct matr_error *err);
/* Close an epoch. Everything is undone unless it was committed. NULL is allowed. */
MATR_API void matr_epoch_close(struct matr_epoch *epoch);

/* Get the options of the prefix's newest epoch, to begin it again. Without an epoch they are the
 * defaults.
 * config: the configuration file; "": the default one. */
MATR_API int matr_epoch_last_options(const char *prefix, char config[PATH_MAX], bool *portable,
				     struct matr_error *err);

/* Find every program that the configuration covers, and add it.
 * *out belongs to the epoch.
 * Errors: those of matr_config_load() and matr_scan(). */
MATR_API int matr_epoch_scan(struct matr_epoch *epoch, const struct matr_scan **out,
			     struct matr_error *err);

/* Add a program by its path. A missing program is declined. A program that was added before is
 * not added again. */
MATR_API int matr_epoch_add(struct matr_epoch *epoch, const char *program, struct matr_error *err);

/* Add the programs by which the epoch in force, or suspended, is more than a scan finds: the named
 * ones, if it was begun for named programs, and those that were added to it. Programs that are gone
 * are left out. Without such an epoch nothing is added. */
MATR_API int matr_epoch_add_kept(struct matr_epoch *epoch, struct matr_error *err);

struct matr_epoch_progress {
	const char *what; /* "reading libraries", ... */
	size_t done, all; /* of that */
};

/* Do a part of the work: resolve the programs that were added, write them to the store, compile the
 * image. A program that cannot be mapped is declined; that is no error. No program can be added
 * after the first step.
 * progress: may be NULL.
 * Returns 1 if there is more to do, 0 if the epoch can be committed, -1 if it cannot begin.
 * Errors: those of the store, RESOURCES. */
MATR_API int matr_epoch_step(struct matr_epoch *epoch, struct matr_epoch_progress *progress,
			     struct matr_error *err);

/* Do what is left to do, install the loader, commit, and put the image in force. On error the epoch
 * before stays in force.
 * Errors: STATE (every program was declined), those of the store, SYSTEM, RESOURCES. */
MATR_API int matr_epoch_commit(struct matr_epoch *epoch, struct matr_error *err);

/* Get how many files were compared by content, because their times or inode are others than in the
 * epoch before.
 * *differ receives how many of these have other contents. */
MATR_API size_t matr_epoch_compared(const struct matr_epoch *epoch, size_t *differ);

/* Get the epoch's id in the store. */
MATR_API int64_t matr_epoch_id(const struct matr_epoch *epoch);
/* Get the epoch's programs: in the order in which they were added or, after the first step of an
 * epoch with a scan, by path. The list belongs to the epoch. */
MATR_API const struct matr_epoch_result *matr_epoch_results(const struct matr_epoch *epoch,
							    size_t *n);

/* ---- end ---- */

/* Take the image out of force. Running programs keep what they have mapped.
 * *id (may be NULL) receives the epoch; 0: not known.
 * Errors: STATE (no epoch is in force), BUSY, SYSTEM. */
MATR_API int matr_epoch_end(const char *prefix, int64_t *id, struct matr_error *err);

/* ---- keeping ---- */

/* Remove the records of old epochs from the store, except the `keep` newest and the one in
 * force; and retired images that no process maps. Waits for a begin or end to finish.
 * *removed (may be NULL) receives the number of epochs removed.
 * Errors: USAGE (keep is 0), NOT_FOUND (there is no store), those of the store. */
MATR_API int matr_epoch_prune(const char *prefix, size_t keep, size_t *removed,
			      struct matr_error *err);

/* Enter a program's file as it is now into the epoch in force, after matr_enable() or
 * matr_disable() exchanged it. Any other change of the file is refused. The program would start
 * plainly otherwise. Returns 1 if the image was changed, 0 if there was nothing to do (no epoch,
 * not its program, another program), -1 on error. */
MATR_API int matr_epoch_follow(const char *prefix, const char *program, struct matr_error *err);

/* ---- addresses ---- */

/* Draw other addresses for shared placement in the image that is in force. Running processes
 * keep theirs; what they load later is loaded by ld.so. Waits for a begin or end to finish.
 * once_per_boot: only if the image was written before the machine was started.
 * Returns 1 if the image was changed, 0 if there was nothing to do, -1 on error. */
MATR_API int matr_epoch_rebase(const char *prefix, bool once_per_boot, struct matr_error *err);

/* ---- retired images ---- */

/* Remove retired images that no process maps. Does nothing while another process begins or ends
 * an epoch.
 * Returns how many retired images are left. */
MATR_API size_t matr_epoch_sweep(const char *prefix);

/* ---- suspending: an epoch that is ended while packages are changed ---- */

/* End the epoch that is in force, and record that it is to begin again. Beginning or ending an
 * epoch ends the suspension.
 * by: the cause, one line.
 * Returns 1 if an epoch was suspended, 0 if none is in force (it may be suspended already), -1
 * on error. */
MATR_API int matr_epoch_suspend(const char *prefix, const char *by, struct matr_error *err);

/* Get whether an epoch is suspended.
 * by: receives the cause.
 * Returns 1 if one is, 0 if not, -1 on error. */
MATR_API int matr_epoch_suspended(const char *prefix, char by[256], struct matr_error *err);

/* Get whether an epoch is in force, or suspended: a begin adds to it.
 * Returns 1 if so, 0 if not, -1 on error. */
MATR_API int matr_epoch_goes_on(const char *prefix, struct matr_error *err);

/* List the programs that were named when the last epoch began, and when some were added to it.
 * *n is 0 if the epoch is of the whole system, whether or not programs were added to that.
 * *out belongs to the caller: matr_epoch_programs_free(). */
MATR_API int matr_epoch_programs(const char *prefix, char ***out, size_t *n,
				 struct matr_error *err);
MATR_API void matr_epoch_programs_free(char **programs);

/* ---- status ---- */

struct matr_epoch_problem {
	char *file;
	char *reason; /* one line */
};

struct matr_epoch_status {
	const char *state; /* as in docs/states.md, apart from the lock; never freed */
	char suspended_by
		[256];	 /* who ended the epoch, to begin it again; "": it is not suspended */
	bool in_force;	 /* an image is there and sound; else management time */
	bool busy;	 /* another process has the lock */
	bool has_record; /* the store has the epoch: `epoch` is filled in */
	struct matr_store_epoch epoch;	 /* the image's, or else the newest one */
	uint64_t store_size, image_size; /* bytes; 0: not there */
	/* Programs of each layout in the image that is in force, and where the shared ones are. */
	uint32_t shared, random, packed;
	uint64_t region;
	size_t n_retired;      /* images of earlier epochs, which processes still map */
	uint64_t retired_size; /* what these hold of the disk */
	struct matr_store_declined *declined;
	size_t n_declined;
	struct matr_store_skipped *skipped; /* by the scan; none if the programs were named */
	size_t n_skipped;
	size_t n_edits;	    /* of mappings (matr/edit.h) */
	char unserved[256]; /* why ld.so's file calls cannot be served; "": they can */
	struct matr_epoch_problem *problems; /* what is wrong with the prefix, and with edits */
	size_t n_problems;
	struct matr_violation *violations; /* those of the epoch that matrd noticed, oldest first */
	size_t n_violations;
	bool restarted; /* the machine was started since the epoch began; the epoch goes on */
	struct matr_epoch_problem *changed; /* objects that are no longer what the epoch recorded */
	size_t n_changed;
};

/* Examine the prefix. Faults are no error: they are entries of the lists.
 * *out belongs to the caller: matr_epoch_status_free(). */
MATR_API int matr_epoch_status(const char *prefix, struct matr_epoch_status *out,
			       struct matr_error *err);
MATR_API void matr_epoch_status_free(struct matr_epoch_status *status);

/* Get the store's record of the epoch that is in force or, if none is, of the newest one.
 * Errors: NOT_FOUND (there is none), those of the store. */
MATR_API int matr_epoch_current(const char *prefix, struct matr_store *store,
				struct matr_store_epoch *out, struct matr_error *err);

/* Get the kept epoch before that one.
 * Errors: NOT_FOUND (there is none), those of the store. */
MATR_API int matr_epoch_previous(const char *prefix, struct matr_store *store,
				 struct matr_store_epoch *out, struct matr_error *err);

/* Get the epoch whose image is in the prefix, from the image's header. The rest of the image need
 * not be sound.
 * Returns 0 if there is none. */
MATR_API int64_t matr_epoch_of_image(const char *prefix);

/* Like matr_epoch_of_image(), but for a copy of a store: the epoch at the time of the copy. */
MATR_API int64_t matr_epoch_of_image_with(const char *prefix, const struct matr_store *store);

#ifdef __cplusplus
}
#endif

#endif
