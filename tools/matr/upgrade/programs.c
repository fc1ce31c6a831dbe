/* programs.c - the programs that `matr check-upgrade` looks at. */
#include "matr/upgrade/programs.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/array.h"
#include "common/open_store.h"
#include "common/path.h"
#include "common/program.h"
#include "common/recorded.h"

/* ---- one program ---- */

static void free_program(struct matr_upgrade_program *program)
{
	for (size_t i = 0; i < program->n_loads; i++)
		free((char *)(uintptr_t)program->loads[i]);
	free(program->loads);
	free(program->edits);
	free((char *)(uintptr_t)program->path);
}

void upgrade_programs_free(struct upgrade_programs *programs)
{
	for (size_t i = 0; i < programs->n; i++)
		free_program(&programs->list[i]);
	free(programs->list);
	matr_edits_free(programs->edits, programs->n_edits);
	matr_store_close(programs->store);
	free(programs->wanted);
	*programs = (struct upgrade_programs){.n = 0};
}

static struct matr_upgrade_program *add(struct upgrade_programs *programs,
					const struct matr_config *config, const char *path,
					struct matr_error *err)
{
	const struct matr_config_program *section = matr_config_program(config, path);

	if (array_grow(&programs->list, programs->n, sizeof *programs->list, err) != 0)
		return NULL;
	struct matr_upgrade_program *program = &programs->list[programs->n];
	*program = (struct matr_upgrade_program){
		.path = strdup(path),
		.library_path = section ? section->library_path : NULL,
	};
	if (!program->path) {
		matr_fail_memory(err);
		return NULL;
	}
	programs->n++;
	return program;
}

/* Read the epoch's loads: recordings, and those that the configuration names. */
static int take_loads(struct matr_store *store, int64_t application,
		      struct matr_upgrade_program *program, struct matr_error *err)
{
	struct matr_store_closure *closures;
	size_t n;
	int result = 0;

	if (matr_store_closures(store, application, &closures, &n, err) != 0)
		return -1;
	program->loads = calloc(n + 1, sizeof(const char *));
	if (!program->loads)
		result = matr_fail_memory(err);
	for (size_t i = 0; i < n && result == 0; i++) {
		program->loads[i] = strdup(closures[i].root);
		if (!program->loads[i])
			result = matr_fail_memory(err);
		program->n_loads += result == 0;
	}
	matr_store_closures_free(closures, n);
	return result;
}

/* The edits that the epoch has made in it. */
static int take_edits(struct matr_store *store, int64_t application,
		      const struct upgrade_programs *programs, struct matr_upgrade_program *program,
		      struct matr_error *err)
{
	struct matr_edited_binding *edited;
	size_t n;

	if (!programs->n_edits)
		return 0;
	program->edits = calloc(programs->n_edits, sizeof(const struct matr_edit *));
	if (!program->edits)
		return matr_fail_memory(err);
	if (matr_store_edited(store, application, &edited, &n, err) != 0)
		return -1;
	for (size_t i = 0; i < programs->n_edits; i++) {
		size_t k = 0;
		while (k < n && edited[k].edit != programs->edits[i].id)
			k++;
		if (k < n)
			program->edits[program->n_edits++] = &programs->edits[i];
	}
	free(edited);
	return 0;
}

/* ---- programs of the epoch ---- */

static bool is_wanted(const struct upgrade_programs *programs, int64_t id)
{
	for (int i = 0; i < programs->n_wanted; i++)
		if (programs->wanted[i] == id)
			return true;
	return programs->n_wanted == 0;
}

int upgrade_programs_open(const char *prefix, int n, char **names, struct upgrade_programs *out,
			  struct matr_error *err)
{
	struct matr_store_epoch epoch;

	*out = (struct upgrade_programs){.wanted = calloc((size_t)n + 1, sizeof(int64_t)),
					 .n_wanted = n};
	if (!out->wanted)
		return matr_fail_memory(err);
	if (open_store(prefix, &out->store, err) != 0 || matr_store_freeze(out->store, err) != 0 ||
	    recorded_epoch(prefix, out->store, NULL, &epoch, err) != 0)
		return -1;
	out->epoch = epoch.id;
	for (int i = 0; i < n; i++)
		if (recorded_find(out->store, epoch.id, names[i], &out->wanted[i], err) != 0)
			return -1;
	return matr_store_edits(out->store, &out->edits, &out->n_edits, err);
}

static int compare_ids(const void *left, const void *right)
{
	const int64_t *a = left, *b = right;
	return (*a > *b) - (*a < *b);
}

int upgrade_programs_find(struct upgrade_programs *programs, const struct matr_config *config,
			  struct upgrade_touched *touched, struct matr_error *err)
{
	struct matr_store_application *list = NULL;
	int64_t *users = NULL;
	size_t n_list = 0, n_users = 0;

	int result = upgrade_touched_since(programs->store, programs->epoch, touched, err);
	if (result == 0)
		result = matr_store_users(programs->store, programs->epoch, upgrade_touches,
					  touched, &users, &n_users, err);
	if (result == 0)
		result = matr_store_applications(programs->store, programs->epoch, &list, &n_list,
						 err);
	for (size_t i = 0; i < n_list && result == 0; i++) {
		if (!is_wanted(programs, list[i].id))
			continue;
		programs->n_asked++;
		if (!n_users || !bsearch(&list[i].id, users, n_users, sizeof *users, compare_ids))
			continue;
		struct matr_upgrade_program *program = add(programs, config, list[i].path, err);
		if (!program || take_loads(programs->store, list[i].id, program, err) != 0 ||
		    take_edits(programs->store, list[i].id, programs, program, err) != 0)
			result = -1;
	}
	matr_store_applications_free(list, n_list);
	free(users);
	return result;
}

/* ---- programs that come ---- */

static bool is_new_program(const struct matr_config *config, const char *source, const char *target)
{
	static const char glibc[] = "ld-linux-x86-64.so";
	char interpreter[PATH_MAX];
	struct matr_error own;
	struct stat status;

	if (stat(source, &status) != 0 || !S_ISREG(status.st_mode) || !(status.st_mode & 0111) ||
	    lstat(target, &status) == 0 || matr_config_excludes(config, target) ||
	    matr_program_interpreter(source, interpreter, &own) <= 0)
		return false;
	return strchr(interpreter, '/') &&
	       strncmp(path_name(interpreter), glibc, sizeof glibc - 1) == 0;
}

int upgrade_programs_add_new(struct upgrade_programs *programs, const struct matr_config *config,
			     const struct upgrade_change *change,
			     const struct matr_diversions *diversions, struct matr_error *err)
{
	char *roots[] = {(char *)change->source, NULL};
	char target[PATH_MAX];
	FTSENT *entry = NULL;
	int result = 0;

	if (change->kind == UPGRADE_REMOVE)
		return 0;
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!walk)
		return matr_fail_errno(err, change->source, "cannot be read");
	while (result == 0 && (errno = 0, entry = fts_read(walk))) {
		if (entry->fts_info != FTS_F)
			continue;
		if (snprintf(target, sizeof target, "%s%s", change->target,
			     entry->fts_path + strlen(change->source)) >= (int)sizeof target) {
			result = matr_fail(err, MATR_ERROR_USAGE, entry->fts_path,
					   "path is too long");
			continue;
		}
		const char *place = change->kind == UPGRADE_PACKAGE
					    ? matr_diverted(diversions, target, change->package)
					    : target;
		if (!is_new_program(config, entry->fts_path, place))
			continue;
		struct matr_upgrade_program *program = add(programs, config, place, err);
		if (program)
			program->is_new = true;
		else
			result = -1;
	}
	if (result == 0 && errno)
		result = matr_fail_errno(err, change->source, "cannot be read");
	fts_close(walk);
	return result;
}
