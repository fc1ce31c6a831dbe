/* store.h - writing an epoch: open, begin, add applications, commit, close.
 *
 * A store that is closed before the commit, or whose process dies, is as it was before the begin.
 */
#ifndef MATR_STORE_STORE_H
#define MATR_STORE_STORE_H

#include <matr/store.h>

/* Open the store in the directory `prefix`, to read and write. It is created or migrated where
 * necessary. matr_store_close() rolls back what was not committed. Errors: those of
 * matr_store_open(). */
int store_open_to_write(const char *prefix, struct matr_store **out, struct matr_error *err);

/* Start the transaction and the next epoch. Its id is larger than that of every epoch in the store,
 * and than `after`: a recreated store must not give the id of the image in force a second time.
 * cpu_level: session_cpu_level(). */
int store_begin(struct matr_store *store, const char *cpu_level, int64_t after, int64_t *epoch,
		struct matr_error *err);

/* Commit. All epochs except the `keep` newest are removed, with the objects, bindings and blobs
 * that nothing else refers to. keep: at least two, this epoch and the one whose image may be in
 * force until this one's is. */
int store_commit(struct matr_store *store, size_t keep, struct matr_error *err);

/* Record why the epoch was begun: one line, which is cut and cleaned of control characters. */
int store_set_cause(struct matr_store *store, int64_t epoch, const char *cause,
		    struct matr_error *err);

/* Record that the epoch is for copies of the file tree as well. */
int store_set_portable(struct matr_store *store, int64_t epoch, struct matr_error *err);

/* Record that the epoch has ended, at the time of the call. */
int store_end_epoch(struct matr_store *store, int64_t epoch, struct matr_error *err);

#endif
