/* history.c - matr epoch list, show and prune: the epochs that the store keeps. */
#include "common/open_store.h"
#include "common/options.h"
#include "common/output.h"
#include "common/recorded.h"
#include "matr/epoch/epoch.h"
#include "matr/namespace/root.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <matr/epoch.h>

static const char list_help[] =
	"usage: matr epoch list [OPTION]...\n"
	"\n"
	"The epochs that the store keeps, oldest first: when each began and ended, how many "
	"programs\n"
	"it has, how many of them are new or were mapped again (the others are as in the epoch\n"
	"before), how many were declined, whether it is in force, and why it was begun: the user's "
	"command line, "
	"the\n"
	"package manager's (`matr hooks`), or the command of `epoch wrap`.\n";

static const char list_help_after[] = "Exit status: 0 success; 1 failure; 2 usage.\n"
				      "\n"
				      "  matr epoch list\n"
				      "  matr epoch list --format csv > epochs.csv\n";

static const char show_help[] =
	"usage: matr epoch show [--format table|json] [EPOCH]\n"
	"\n"
	"What the store knows of an epoch: times, numbers, what was declined and why, and what "
	"matrd\n"
	"noticed. EPOCH is a number, `current` (in force, else the newest; the default) or "
	"`previous`.\n"
	"What is in force, and whether all is well with it, is `matr epoch status`.\n";

static const char show_help_after[] =
	"Exit status: 0 success; 1 failure, or no such epoch; 2 usage.\n"
	"\n"
	"  matr epoch show previous\n"
	"  matr epoch show --programs --format csv 12\n";

static const char prune_help[] =
	"usage: matr epoch prune --keep N\n"
	"\n"
	"Remove the records of all epochs but the N newest, and never those of the epoch in "
	"force.\n"
	"A begin does this by itself with the number in matr.conf(5), section [epochs].\n";

static const char prune_help_after[] =
	"Exit status: 0 done, also where there was nothing to remove; 1 failure; 2 usage.\n"
	"\n"
	"  matr epoch prune --keep 3\n";

/* In force, superseded by a later one, or ended. */
static const char *state_of(const struct matr_store_epoch *epoch, int64_t in_force)
{
	if (epoch->id == in_force)
		return "in force";
	return epoch->ended ? "ended" : "replaced";
}

/* The record of the epoch in force; 0: none is. */
static int64_t epoch_in_force(const char *prefix, struct matr_store *store)
{
	struct matr_store_epoch epoch;
	int64_t image = matr_epoch_of_image_with(prefix, store);

	return image && matr_store_epoch_of_image(store, image, &epoch, NULL) == 0 ? epoch.id : 0;
}

/* ---- list ---- */

static int list(const char *prefix, struct matr_store *store, enum output_format format,
		struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"epoch", COLUMN_RIGHT},    {"begun", COLUMN_LEFT},  {"ended", COLUMN_LEFT},
		{"programs", COLUMN_RIGHT}, {"new", COLUMN_RIGHT},   {"declined", COLUMN_RIGHT},
		{"objects", COLUMN_RIGHT},  {"image", COLUMN_RIGHT}, {"state", COLUMN_LEFT},
		{"cause", COLUMN_LEFT},
	};
	int64_t in_force = epoch_in_force(prefix, store), *ids;
	struct matr_store_epoch epoch;
	struct output output;
	char begun[32], ended[32];
	size_t n;

	if (matr_store_epochs(store, &ids, &n, err) != 0)
		return -1;
	output_open(&output, format, columns, sizeof columns / sizeof *columns);
	int result = 0;
	for (size_t i = 0; i < n && result == 0; i++) {
		result = matr_store_epoch(store, ids[i], &epoch, err);
		if (result != 0)
			break;
		output_time(epoch.begun, begun);
		output_time(epoch.ended, ended);
		output_number(&output, epoch.id);
		output_text(&output, begun);
		output_text(&output, *ended ? ended : NULL);
		output_number(&output, (int64_t)epoch.applications);
		output_number(&output, (int64_t)(epoch.applications - epoch.carried));
		output_number(&output, (int64_t)epoch.declined);
		output_number(&output, (int64_t)epoch.objects);
		output_number(&output, epoch.image);
		output_text(&output, state_of(&epoch, in_force));
		output_text(&output, *epoch.cause ? epoch.cause : NULL);
	}
	free(ids);
	int closed = output_close(&output, result == 0 ? err : NULL);
	return result == 0 ? closed : result;
}

int command_epoch_list(const struct context *context, int argc, char **argv)
{
	const char *prefix = context->prefix, *root = NULL;
	enum output_format format = FORMAT_TABLE;
	struct matr_store *store;
	struct matr_error err = {0};
	int status;
	const struct option_row rows[] = {
		option_root(&root),
		{"format", .format = &format},
		option_prefix(&prefix),
		{0},
	};
	const struct options options = {.command = "epoch list",
					.help = list_help,
					.after = list_help_after,
					.rows = rows,
					.no_arguments = true};

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	int result = root_of(root, &err);
	if (result == 0)
		result = open_store(prefix, &store, &err);
	if (result == 0) {
		result = list(prefix, store, format, &err);
		matr_store_close(store);
	}
	if (result != 0)
		print_error(&err);
	return result == 0 ? STATUS_OK : STATUS_FAILURE;
}

/* ---- show ---- */

struct shown {
	struct matr_store_epoch epoch;
	const char *state;
	struct matr_store_declined *declined;
	struct matr_store_skipped *skipped;
	struct matr_violation *violations;
	size_t n_declined, n_skipped, n_violations;
};

static void show_table(const struct shown *shown)
{
	const struct matr_store_epoch *epoch = &shown->epoch;
	char begun[32], ended[32];

	output_time(epoch->begun, begun);
	output_time(epoch->ended, ended);
	printf("epoch         %" PRId64 ", %s\n", epoch->id, shown->state);
	safe_printf("begun         %s\n", begun);
	if (*ended)
		safe_printf("ended         %s\n", ended);
	if (*epoch->cause)
		safe_printf("cause         %s\n", epoch->cause);
	safe_printf("image         %s%" PRId64 "\n",
		    epoch->image == epoch->id ? "its own, " : "that of epoch ", epoch->image);
	safe_printf("cpu level     %s%s\n", *epoch->cpu_level ? epoch->cpu_level : "baseline",
		    epoch->portable ? ", portable" : "");
	printf("programs      %zu, %zu of them new or mapped again\n", epoch->applications,
	       epoch->applications - epoch->carried);
	printf("objects       %zu\n", epoch->objects);
	if (epoch->closures)
		printf("loads         %zu, %zu of them left to ld.so\n", epoch->closures,
		       epoch->closures_left);
	for (size_t i = 0; i < shown->n_skipped; i++)
		safe_printf("%s%" PRIu64 " %s%s", i ? ", " : "skipped       ",
			    shown->skipped[i].files, shown->skipped[i].kind,
			    i + 1 < shown->n_skipped ? "" : "\n");
	printf("violations    %zu\n", shown->n_violations);
	for (size_t i = 0; i < shown->n_violations; i++) {
		char time[32];
		output_time(shown->violations[i].time / 1000000000, time);
		safe_printf("  %s: %s %s, %zu programs withdrawn\n", shown->violations[i].path,
			    shown->violations[i].kind, time, shown->violations[i].n_withdrawn);
	}
	printf("declined      %zu\n", shown->n_declined);
	for (size_t i = 0; i < shown->n_declined; i++)
		safe_printf("  %s: %s\n", shown->declined[i].path, shown->declined[i].reason);
}

static void add_number(struct json_object *object, const char *key, uint64_t number)
{
	json_object_object_add(object, key, json_object_new_uint64(number));
}

static void add_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, text ? json_object_new_string(text) : NULL);
}

static int show_json(const struct shown *shown, struct matr_error *err)
{
	const struct matr_store_epoch *epoch = &shown->epoch;
	struct json_object *object = json_object_new_object();
	struct json_object *skipped = json_object_new_object();
	struct json_object *declined = json_object_new_array();
	struct json_object *violations = json_object_new_array();

	add_number(object, "epoch", (uint64_t)epoch->id);
	add_text(object, "state", shown->state);
	add_number(object, "begun", (uint64_t)epoch->begun);
	json_object_object_add(object, "ended",
			       epoch->ended ? json_object_new_int64(epoch->ended) : NULL);
	add_text(object, "cause", *epoch->cause ? epoch->cause : NULL);
	add_number(object, "image", (uint64_t)epoch->image);
	add_text(object, "cpu_level", epoch->cpu_level);
	json_object_object_add(object, "portable", json_object_new_boolean(epoch->portable));
	add_number(object, "programs", epoch->applications);
	add_number(object, "carried", epoch->carried);
	add_number(object, "objects", epoch->objects);
	add_number(object, "loads", epoch->closures);
	add_number(object, "loads_left", epoch->closures_left);
	for (size_t i = 0; i < shown->n_skipped; i++)
		add_number(skipped, shown->skipped[i].kind, shown->skipped[i].files);
	json_object_object_add(object, "skipped", skipped);
	for (size_t i = 0; i < shown->n_violations; i++) {
		struct json_object *entry = json_object_new_object();
		add_text(entry, "file", shown->violations[i].path);
		add_text(entry, "kind", shown->violations[i].kind);
		add_text(entry, "action", shown->violations[i].action);
		add_number(entry, "withdrawn", shown->violations[i].n_withdrawn);
		json_object_array_add(violations, entry);
	}
	json_object_object_add(object, "violations", violations);
	for (size_t i = 0; i < shown->n_declined; i++) {
		struct json_object *entry = json_object_new_object();
		add_text(entry, "program", shown->declined[i].path);
		add_text(entry, "reason", shown->declined[i].reason);
		json_object_array_add(declined, entry);
	}
	json_object_object_add(object, "declined", declined);
	return output_json(object, err);
}

static int show(const char *prefix, struct matr_store *store, const struct matr_store_epoch *epoch,
		enum output_format format, struct matr_error *err)
{
	struct shown shown = {.epoch = *epoch};

	shown.state = state_of(epoch, epoch_in_force(prefix, store));
	int result = matr_store_declined(store, epoch->id, &shown.declined, &shown.n_declined, err);
	if (result == 0)
		result =
			matr_store_skipped(store, epoch->id, &shown.skipped, &shown.n_skipped, err);
	if (result == 0)
		result = matr_store_violations(store, epoch->id, &shown.violations,
					       &shown.n_violations, err);
	if (result == 0 && format == FORMAT_JSON) {
		result = show_json(&shown, err);
	} else if (result == 0) {
		show_table(&shown);
		result = output_flush(err);
	}
	matr_store_declined_free(shown.declined, shown.n_declined);
	matr_store_skipped_free(shown.skipped, shown.n_skipped);
	matr_store_violations_free(shown.violations, shown.n_violations);
	return result;
}

static int show_programs(struct matr_store *store, int64_t epoch, enum output_format format,
			 struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"program", COLUMN_LEFT}, {"mapped", COLUMN_LEFT}, {"reason", COLUMN_LEFT}};
	struct matr_store_application *list;
	struct matr_store_declined *declined = NULL;
	struct output output;
	size_t n, n_declined = 0;

	if (matr_store_applications(store, epoch, &list, &n, err) != 0)
		return -1;
	if (matr_store_declined(store, epoch, &declined, &n_declined, err) != 0) {
		matr_store_applications_free(list, n);
		return -1;
	}
	output_open(&output, format, columns, 3);
	for (size_t i = 0; i < n; i++) {
		output_text(&output, list[i].path);
		output_text(&output, list[i].carried ? "as before" : "new");
		output_text(&output, NULL);
	}
	for (size_t i = 0; i < n_declined; i++) {
		output_text(&output, declined[i].path);
		output_text(&output, "declined");
		output_text(&output, declined[i].reason);
	}
	matr_store_applications_free(list, n);
	matr_store_declined_free(declined, n_declined);
	return output_close(&output, err);
}

int command_epoch_show(const struct context *context, int argc, char **argv)
{
	const char *prefix = context->prefix;
	enum output_format format = FORMAT_TABLE;
	struct matr_store_epoch epoch;
	struct matr_store *store;
	struct matr_error err = {0};
	bool programs = false;
	int status;
	const struct option_row rows[] = {
		{"programs", .flag = &programs,
		 .help = "list the programs, one a line, and which of them are new or were mapped "
			 "again"},
		{"format", .format = &format,
		 .help = "table (default) or json; with --programs jsonl and csv too"},
		option_prefix(&prefix),
		{0},
	};
	const struct options options = {.command = "epoch show",
					.help = show_help,
					.after = show_help_after,
					.arguments = {COMPLETES_EPOCH},
					.rows = rows};

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	if (argc - at > 1)
		return usage_error_because("epoch show", "one epoch, please", NULL);
	if (format_is_rows(format) && !programs)
		return usage_error_because("epoch show", "csv and jsonl are for --programs", NULL);
	int result = open_store(prefix, &store, &err);
	if (result == 0) {
		result = recorded_epoch(prefix, store, argv[at], &epoch, &err);
		if (result == 0)
			result = programs ? show_programs(store, epoch.id, format, &err)
					  : show(prefix, store, &epoch, format, &err);
		matr_store_close(store);
	}
	if (result != 0)
		print_error(&err);
	if (result != 0 && err.code == MATR_ERROR_USAGE)
		return STATUS_USAGE;
	return result == 0 ? STATUS_OK : STATUS_FAILURE;
}

/* ---- prune ---- */

static uint64_t store_size(const char *prefix)
{
	char path[PATH_MAX];
	struct stat status;

	if (snprintf(path, sizeof path, "%s/" MATR_STORE_FILE, prefix) >= (int)sizeof path ||
	    stat(path, &status) != 0)
		return 0;
	return (uint64_t)status.st_size;
}

static bool parse_keep(const char *text, size_t *keep)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || number < 1 || number > UINT32_MAX)
		return false;
	*keep = number;
	return true;
}

int command_epoch_prune(const struct context *context, int argc, char **argv)
{
	const char *prefix = context->prefix, *number = NULL;
	struct matr_error err = {0};
	char before[32], after[32];
	size_t keep = 0, removed;
	bool quiet = false;
	int status;
	const struct option_row rows[] = {
		{"keep", .text = &number, .argument = "N", .help = "how many are kept: at least 1"},
		{"quiet", 'q', .flag = &quiet, .help = "say nothing"},
		option_prefix(&prefix),
		{0},
	};
	const struct options options = {.command = "epoch prune",
					.help = prune_help,
					.after = prune_help_after,
					.rows = rows,
					.no_arguments = true};

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	if (!number)
		return usage_error_because("epoch prune", "how many are to be kept? --keep N",
					   NULL);
	if (!parse_keep(number, &keep))
		return usage_error_because("epoch prune", "no number of epochs", number);
	uint64_t size = store_size(prefix);
	if (matr_epoch_prune(prefix, keep, &removed, &err) != 0) {
		print_error(&err);
		return STATUS_FAILURE;
	}
	if (!quiet)
		printf("%zu epoch%s removed, store %s (%s before)\n", removed,
		       removed == 1 ? "" : "s", output_bytes(store_size(prefix), after),
		       output_bytes(size, before));
	return STATUS_OK;
}
