/* apply.c - putting changed edits in force.
 *
 * Where an epoch is in force, the next begins right away, which takes over all that the edits do
 * not concern, and commits only if the edits could be made. Without one they are checked all the
 * same, and recorded for the epoch that begins next.
 */
#include "common/cause.h"
#include "common/message.h"
#include "common/program.h"
#include "matr/edit/find.h"
#include "matr/edit/rebind.h"
#include "matr/edit/trial.h"
#include "matr/namespace/root.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/scan.h>
#include <matr/secure_exec.h>

/* The programs of the epoch that is in force. What the edits name is enough in management time,
 * and if no epoch is to come of it (named_only). */
static int add_programs(const struct rebind *request, struct matr_epoch *epoch, bool named_only,
			struct matr_error *err)
{
	const struct matr_scan *scan;
	char **programs;
	size_t n;
	bool named = (named_only || !request->in_force) && request->n_add != 0;

	for (size_t i = 0; i < request->n_add; i++)
		named &= matr_edit_names(&request->add[i]);
	for (size_t i = 0; named && i < request->n_add; i++)
		if (matr_epoch_add(epoch, request->add[i].program, err) != 0)
			return -1;
	if (named)
		return 0;
	if (matr_epoch_programs(request->prefix, &programs, &n, err) != 0)
		return -1;
	int result = n ? 0 : matr_epoch_scan(epoch, &scan, err);
	if (result == 0)
		result = matr_epoch_add_kept(epoch, err);
	for (size_t i = 0; i < n && result == 0; i++)
		result = matr_epoch_add(epoch, programs[i], err);
	matr_epoch_programs_free(programs);
	return result;
}

static int change_edits(struct rebind *request, struct matr_epoch *epoch, struct matr_error *err)
{
	for (size_t i = 0; i < request->n_remove; i++)
		if (matr_epoch_remove_edit(epoch, request->remove[i], err) != 0)
			return -1;
	for (size_t i = 0; i < request->n_add; i++)
		if (matr_epoch_add_edit(epoch, &request->add[i], &request->ids[i], err) != 0)
			return -1;
	return 0;
}

static void add_nearest(const struct rebind *request, const struct matr_edit *edit,
			struct matr_error *err)
{
	struct matr_store *store = NULL;
	struct matr_error why;

	if (matr_store_open(request->prefix, &store, &why) != 0)
		store = NULL;
	matr_edit_add_nearest(store, edit, err);
	matr_store_close(store);
}

/* Check that the added edits could be applied. An edit that failed everywhere is an error. */
static int judge(const struct rebind *request, const struct matr_epoch *epoch,
		 struct matr_error *err)
{
	for (size_t i = 0; i < request->n_add; i++) {
		const struct matr_edit *edit = edit_find(epoch, request->ids[i]);
		if (!edit || strcmp(edit->state, "failed") != 0)
			continue;
		matr_fail(err, MATR_ERROR_UNSUPPORTED, NULL, "%s", edit->complaint);
		add_nearest(request, edit, err);
		return -1;
	}
	return 0;
}

static void report_failures(const struct rebind *request, const struct matr_epoch *epoch)
{
	enum { SHOWN = 20 };
	size_t n, shown = 0, more = 0, spared = 0;
	const char *first_spared = NULL;
	const struct matr_edit_failure *failures = matr_epoch_edit_failures(epoch, &n);

	for (size_t i = 0; i < n; i++) {
		bool ours = false;
		for (size_t k = 0; k < request->n_add; k++)
			ours |= failures[i].edit == request->ids[k];
		if (!ours)
			continue;
		if (failures[i].expected && !matr_is_secure_exec(failures[i].program)) {
			first_spared = spared++ ? first_spared : failures[i].program;
			continue;
		}
		if (shown < SHOWN) {
			print_warning("%s: not edited: %s", failures[i].program,
				      failures[i].reason);
			shown++;
		} else {
			more++;
		}
	}
	if (spared)
		print_warning("%zu programs are not edited, because they are needed to repair the "
			      "system: %s%s",
			      spared, first_spared, spared > 1 ? ", ..." : "");
	if (more)
		print_warning("%zu more programs are not edited; `matr sql` has them in the table "
			      "store.edit_failures",
			      more);
}

static int make_edits(struct rebind *request, struct matr_epoch *epoch, bool named_only,
		      struct matr_error *err)
{
	int more;

	if (change_edits(request, epoch, err) != 0 ||
	    add_programs(request, epoch, named_only, err) != 0)
		return -1;
	while ((more = matr_epoch_step(epoch, NULL, err)) > 0)
		;
	return more;
}

static int work(struct rebind *request, struct matr_epoch *epoch, struct matr_error *err)
{
	if (make_edits(request, epoch, false, err) != 0 || judge(request, epoch, err) != 0)
		return -1;
	const int64_t *ids = request->n_add ? request->ids : NULL;
	if (!request->force && trial_of_edits(epoch, ids, request->n_add, NULL, NULL, err) != 0)
		return -1;
	if (request->dry_run)
		return 0;
	if (request->in_force)
		return matr_epoch_commit(epoch, err);
	return 0;
}

/* Keep the members of the family that can be edited. Editing them all is the only way to find out.
 * Nothing is committed. */
static int keep_possible(struct rebind *request, struct matr_error *err)
{
	struct matr_epoch *epoch;
	size_t kept = 0;

	if (matr_epoch_open(&request->epoch, &epoch, err) != 0)
		return -1;
	int result = make_edits(request, epoch, true, err);
	for (size_t i = 0; i < request->n_add && result == 0; i++) {
		const struct matr_edit *edit = edit_find(epoch, request->ids[i]);
		kept += edit && strcmp(edit->state, "failed") != 0;
	}
	if (result == 0 && !kept)
		result = judge(request, epoch, err);
	kept = 0;
	for (size_t i = 0; i < request->n_add && result == 0; i++) {
		const struct matr_edit *edit = edit_find(epoch, request->ids[i]);
		struct matr_edit swapped = request->add[kept];
		if (!edit || strcmp(edit->state, "failed") == 0)
			continue;
		request->add[kept++] = request->add[i];
		request->add[i] = swapped;
	}
	if (result == 0)
		request->n_add = kept;
	matr_epoch_close(epoch);
	return result;
}

/* The exit status. */
int rebind_apply(struct rebind *request, struct matr_error *err)
{
	struct matr_epoch *epoch;
	bool portable;

	request->epoch.prefix = request->prefix;
	request->epoch.wait = true;
	request->in_force = matr_epoch_of_image(request->prefix) != 0;
	if (matr_epoch_last_options(request->prefix, request->config, &portable, err) != 0)
		return -1;
	request->epoch.portable = portable || request->root;
	request->epoch.config = request->config[0] ? request->config : NULL;
	umask(022); /* processes of all users read the image */
	if (request->family && keep_possible(request, err) != 0)
		return -1;
	if (matr_epoch_open(&request->epoch, &epoch, err) != 0)
		return -1;
	if (work(request, epoch, err) != 0) {
		matr_epoch_close(epoch);
		return -1;
	}
	size_t n, bad = 0;
	const struct matr_edit *edits = matr_epoch_edits(epoch, &n);
	report_failures(request, epoch);
	for (size_t i = 0; i < n; i++)
		if (request->n_add ? rebind_is_wanted(&edits[i], request->ids, request->n_add)
				   : true)
			bad += edits[i].complaint != NULL;
	int result = 0;
	if (request->n_add && !request->quiet)
		result = rebind_show(edits, n, request->ids, request->n_add, request->format, err);
	bool table = request->format == FORMAT_TABLE && !request->quiet;
	if (table && request->dry_run)
		puts("nothing was changed");
	else if (table && request->in_force)
		printf("in force with epoch %" PRId64 "\n", matr_epoch_id(epoch));
	matr_epoch_close(epoch);
	if (result == 0 && !request->in_force && !request->dry_run) {
		for (size_t i = 0; i < request->n_add && request->force && result == 0; i++) {
			request->add[i].state = strdup("forced");
			result = request->add[i].state ? 0 : matr_fail_memory(err);
		}
	}
	if (result == 0 && !request->in_force && !request->dry_run) {
		result = matr_edits_record(request->prefix, request->add, request->n_add,
					   request->remove, request->n_remove, err);
		if (result == 0 && table)
			puts("in force as soon as an epoch begins");
	}
	return result != 0 ? -1 : bad ? STATUS_DECLINED : STATUS_OK;
}

/* Without an epoch there is nothing to be checked when something is taken back. */
int rebind_undo(struct rebind *request, struct matr_error *err)
{
	struct matr_store *store;

	if (matr_epoch_of_image(request->prefix) != 0)
		return rebind_apply(request, err);
	if (matr_store_open(request->prefix, &store, err) != 0)
		return -1; /* none, and none is to be made for this */
	matr_store_close(store);
	if (matr_edits_record(request->prefix, NULL, 0, request->remove, request->n_remove, err) !=
	    0)
		return -1;
	return STATUS_OK;
}

int rebind_enter(struct rebind *request, char path[PATH_MAX], struct matr_error *err)
{
	char found[PATH_MAX];

	if (!path)
		return request->root ? root_enter(request->root, NULL, NULL, err) : 0;
	if (!request->epoch.ld_stable && program_ld_stable(found, err) != 0)
		return -1;
	cause_user(request->cause);
	request->epoch.cause = request->cause;
	snprintf(path, PATH_MAX, "%s", request->epoch.ld_stable ? request->epoch.ld_stable : found);
	request->epoch.ld_stable = path;
	return request->root ? root_enter(request->root, path, path, err) : 0;
}

/* The loader was copied into the tree. */
void rebind_leave(const struct rebind *request)
{
	if (request->root)
		unlink(request->epoch.ld_stable);
}
