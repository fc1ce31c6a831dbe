/* edits.c - edits (matr/edit.h) in an epoch that is being begun.
 *
 * Once edit_scopes.c has found out which programs they concern, and has made the scopes with the
 * edits' libraries, the edits are made when these are bound. An edit that cannot be made in a
 * program goes on record, and the program gets its mapping without it.
 */
#include "epoch/edits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/prefix.h"
#include "epoch/state.h"
#include "store/edit.h"
#include "store/store.h"
#include "store/transaction.h"

int epoch_edits_read(struct matr_epoch *epoch, struct matr_error *err)
{
	struct matr_edit *edits;
	size_t n;

	if (matr_store_edits(epoch->store, &edits, &n, err) != 0)
		return -1;
	matr_edits_free(epoch->edits, epoch->n_edits);
	epoch->edits = edits;
	epoch->n_edits = n;
	epoch->edits_stale = false;
	return 0;
}

const struct matr_edit *matr_epoch_edits(const struct matr_epoch *epoch, size_t *n)
{
	*n = epoch->n_edits;
	return epoch->edits;
}

const struct matr_edit_failure *matr_epoch_edit_failures(const struct matr_epoch *epoch, size_t *n)
{
	*n = epoch->n_edit_failures;
	return epoch->edit_failures;
}

int matr_epoch_add_edit(struct matr_epoch *epoch, const struct matr_edit *edit, int64_t *id,
			struct matr_error *err)
{
	struct matr_edit added = *edit;

	added.id = 0;
	epoch->edits_stale = true;
	return store_add_edit(epoch->store, &added, id, err);
}

int matr_epoch_remove_edit(struct matr_epoch *epoch, int64_t id, struct matr_error *err)
{
	epoch->edits_stale = true;
	return store_remove_edit(epoch->store, id, err);
}

int matr_epoch_leave_out(struct matr_epoch *epoch, int64_t edit, const char *reason,
			 struct matr_error *err)
{
	if (array_grow(&epoch->left_out, epoch->n_left_out, sizeof *epoch->left_out, err) != 0)
		return -1;
	struct left_out *out = &epoch->left_out[epoch->n_left_out];
	*out = (struct left_out){.edit = edit};
	out->reason = strdup(reason);
	if (!out->reason)
		return matr_fail_memory(err);
	epoch->n_left_out++;
	return 0;
}

const char *epoch_left_out(const struct matr_epoch *epoch, const struct matr_edit *edit)
{
	for (size_t i = 0; i < epoch->n_left_out; i++)
		if (epoch->left_out[i].edit == edit->id)
			return epoch->left_out[i].reason;
	return NULL;
}

/* ---- signatures: comparing and recording them ---- */

static char *signature_of_all(const struct matr_epoch *epoch, struct matr_error *err)
{
	const struct matr_edit **list =
		calloc(epoch->n_edits + 1, sizeof(const struct matr_edit *));

	if (!list) {
		matr_fail_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < epoch->n_edits; i++)
		list[i] = &epoch->edits[i];
	char *signature = store_edits_signature(list, epoch->n_edits, err);
	free(list);
	return signature;
}

int epoch_edits_unchanged(struct matr_epoch *epoch, struct matr_error *err)
{
	char *signature = signature_of_all(epoch, err);

	if (!signature)
		return -1;
	int same = store_same_epoch_edits(epoch->store, epoch->previous.id, signature, err);
	free(signature);
	return same;
}

int epoch_same_edits(struct matr_epoch *epoch, const struct epoch_work *work, int64_t application,
		     struct matr_error *err)
{
	char *signature = store_edits_signature(work->edits.list, work->edits.n, err);

	if (!signature)
		return -1;
	int same = store_same_application_edits(epoch->store, application, signature, err);
	free(signature);
	return same;
}

int epoch_put_edits(struct matr_epoch *epoch, const struct epoch_work *work, int64_t application,
		    struct matr_error *err)
{
	if (!work->edits.n)
		return 0;
	char *signature = store_edits_signature(work->edits.list, work->edits.n, err);
	if (!signature)
		return -1;
	int result = store_set_application_edits(epoch->store, application, signature, err);
	free(signature);
	return result == 0 ? store_put_edited(epoch->store, application, &work->edits.edited, err)
			   : -1;
}

/* ---- without the edits that cannot be made ---- */

int epoch_edit_again(struct matr_epoch *epoch, size_t i, struct matr_error *err)
{
	struct epoch_work *work = &epoch->work[i];
	const char *path = epoch->results[i].path;

	while (work->edits.refused) {
		const struct matr_edit *refused = work->edits.refused;
		/* A pattern covers programs in which a library brings its own, or that bind it in
		 * odd ways. */
		if (epoch_edit_work_fail(epoch, refused, path, &work->edits.why, false, err) != 0)
			return -1;
		epoch_edit_work_drop(&work->edits, refused);
		work->edits.refused = NULL;
		matr_mapping_free(work->mapping);
		work->mapping = NULL;
		epoch_work_forget_scope(work);
		epoch_work_make(epoch, i);
		if (work->made)
			epoch_work_bind(epoch, work);
		else if (work->why.code == MATR_OK)
			matr_fail(&work->why, MATR_ERROR_SYSTEM, path, "cannot be resolved again");
	}
	return 0;
}

/* ---- states of edits ---- */

static int set_state(struct matr_epoch *epoch, struct matr_edit *edit, struct matr_error *err)
{
	const struct matr_edit_failure *first = NULL;
	size_t n = 0;
	char *complaint = NULL;
	bool failed = false;

	for (size_t i = 0; i < epoch->n_edit_failures; i++) {
		const struct matr_edit_failure *failure = &epoch->edit_failures[i];
		if (failure->edit != edit->id)
			continue;
		if (!first || (first->expected && !failure->expected))
			first = failure;
		n += !failure->expected;
	}
	if (n > 1)
		failed = asprintf(&complaint, "%s: %s (and %zu more programs)", first->program,
				  first->reason, n - 1) < 0;
	else if (n || (first && !edit->programs))
		failed = asprintf(&complaint, "%s: %s", first->program, first->reason) < 0;
	else if (!edit->programs && matr_edit_names(edit))
		failed = asprintf(&complaint, "%s: is not among the programs that the epoch maps",
				  edit->program) < 0;
	else if (!edit->programs)
		failed = asprintf(&complaint, "%s: no program that it covers binds %s%s%s",
				  edit->program, edit->symbol, edit->version ? "@" : "",
				  edit->version ? edit->version : "") < 0;
	if (failed)
		return matr_fail_memory(err);
	free(edit->complaint);
	edit->complaint = complaint;
	free(edit->state);
	edit->state = strdup(!edit->programs ? "failed" : complaint ? "partly" : "applied");
	if (!edit->state)
		return matr_fail_memory(err);
	return store_set_edit_state(epoch->store, edit, err);
}

int epoch_edits_finish(struct matr_epoch *epoch, struct matr_error *err)
{
	char *signature = signature_of_all(epoch, err);

	int result =
		signature ? store_set_epoch_edits(epoch->store, epoch->id, signature, err) : -1;
	free(signature);
	if (result != 0 || epoch_edits_read(epoch, err) != 0 ||
	    matr_store_edit_failures(epoch->store, epoch->id, &epoch->edit_failures,
				     &epoch->n_edit_failures, err) != 0)
		return -1;
	for (size_t i = 0; i < epoch->n_edits; i++)
		if (set_state(epoch, &epoch->edits[i], err) != 0)
			return -1;
	return 0;
}

/* ---- without an epoch ---- */

static int record(struct matr_store *store, const struct matr_edit *add, size_t n_add,
		  const int64_t *remove, size_t n_remove, struct matr_error *err)
{
	if (store_transaction_begin(store, err) != 0)
		return -1;
	for (size_t i = 0; i < n_remove; i++)
		if (store_remove_edit(store, remove[i], err) != 0)
			return -1;
	for (size_t i = 0; i < n_add; i++) {
		struct matr_edit edit = add[i];
		edit.id = 0;
		if (store_add_edit(store, &edit, &edit.id, err) != 0)
			return -1;
		edit.complaint = NULL;
		if (edit.state && store_set_edit_state(store, &edit, err) != 0)
			return -1;
	}
	return 0;
}

int matr_edits_record(const char *prefix, const struct matr_edit *add, size_t n_add,
		      const int64_t *remove, size_t n_remove, struct matr_error *err)
{
	char canonical[PATH_MAX];
	struct matr_store *store = NULL;
	struct matr_edit *edits = NULL;
	size_t n = 0;

	if (prefix_make(prefix, canonical, err) != 0 || prefix_check(canonical, err) != 0)
		return -1;
	int lock = epoch_enter(canonical, EPOCH_RECORDS, true, NULL, err);
	if (lock < 0)
		return -1;
	int result = prefix_check_file(canonical, MATR_STORE_FILE, err);
	if (result == 0)
		result = store_open_to_write(canonical, &store, err);
	if (result == 0)
		result = store_edits_restore(canonical, store, err);
	if (result == 0)
		result = record(store, add, n_add, remove, n_remove, err);
	if (result == 0)
		result = matr_store_edits(store, &edits, &n, err);
	if (result == 0)
		result = store_edits_write_copy(canonical, edits, n, err);
	if (result == 0)
		result = store_transaction_commit(store, err);
	matr_edits_free(edits, n);
	matr_store_close(store); /* rolls back what was not committed */
	close(lock);
	return result;
}
