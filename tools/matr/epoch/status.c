/* status.c - matr epoch status: how things stand, for people and for programs. */
#include "common/matrd_client.h"
#include "common/options.h"
#include "common/output.h"
#include "matr/epoch/epoch.h"
#include "matr/namespace/root.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/epoch.h>

static const char status_help[] =
	"usage: matr epoch status [--format table|json]\n"
	"\n"
	"Is an epoch in force, which, and is all well? Says the state, lists what is wrong with\n"
	"store and image, the objects that changed since the epoch began (programs that use them\n"
	"start the ordinary way), and the programs that were declined.\n"
	"\n"
	"States: management, suspended (management time until somebody resumes the epoch), epoch;\n"
	"after an interruption ahead, unrecorded, lost or damaged, which the next begin puts "
	"right.\n";

static const char status_help_after[] = "Exit status: 0 all is well, with or without an epoch; 1 "
					"something is wrong or has changed;\n"
					"2 usage.\n"
					"\n"
					"  matr epoch status --format json | jq .changed\n";

static void show_heading(const char *heading)
{
	output_bold("%s", heading);
	putchar('\n');
}

static void show_list(const char *heading, const struct matr_epoch_problem *list, size_t n)
{
	if (n)
		show_heading(heading);
	for (size_t i = 0; i < n; i++)
		safe_printf("  %s: %s\n", list[i].file, list[i].reason);
}

static void show_violations(const struct matr_epoch_status *status)
{
	enum { SHOWN = 8 };

	if (status->n_violations)
		show_heading("violations");
	for (size_t i = 0; i < status->n_violations; i++) {
		const struct matr_violation *violation = &status->violations[i];
		char time[32];
		output_time(violation->time / 1000000000, time);
		safe_printf("  %s: %s %s", violation->path, violation->kind, time);
		if (violation->pid)
			safe_printf(" by %s (process %" PRId64 ", user %" PRId64 ")",
				    violation->command ? violation->command : "?", violation->pid,
				    violation->uid);
		safe_printf("; %s", strcmp(violation->action, "ended") == 0 ? "the epoch was ended"
				    : violation->n_withdrawn		    ? "withdrawn:"
							     : "nobody is concerned");
		for (size_t k = 0; k < violation->n_withdrawn && k < SHOWN; k++)
			safe_printf(" %s", violation->withdrawn[k]);
		if (violation->n_withdrawn > SHOWN)
			printf(" and %zu more", violation->n_withdrawn - SHOWN);
		putchar('\n');
	}
}

/* The state of matrd, from its own answer. */
static void show_daemon(struct json_object *matrd)
{
	struct json_object *job = json_object_object_get(matrd, "job");
	int64_t epoch = json_object_get_int64(json_object_object_get(matrd, "watched_epoch"));

	if (!matrd)
		printf("matrd         does not run: nobody watches\n");
	else if (json_object_object_get(matrd, "trouble"))
		safe_printf("matrd         cannot watch: %s\n",
			    json_object_get_string(json_object_object_get(matrd, "trouble")));
	else if (epoch)
		safe_printf("matrd         watches %" PRId64 " files (%s)\n",
			    json_object_get_int64(json_object_object_get(matrd, "files")),
			    json_object_get_string(json_object_object_get(matrd, "method")));
	else
		printf("matrd         runs\n");
	if (job)
		safe_printf("begin         %s: %" PRId64 " of %" PRId64 "\n",
			    json_object_get_string(json_object_object_get(job, "what")),
			    json_object_get_int64(json_object_object_get(job, "done")),
			    json_object_get_int64(json_object_object_get(job, "all")));
}

static struct json_object *json_violations(const struct matr_epoch_status *status)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < status->n_violations; i++) {
		const struct matr_violation *violation = &status->violations[i];
		struct json_object *entry = json_object_new_object();
		struct json_object *withdrawn = json_object_new_array();
		json_object_object_add(entry, "file", json_object_new_string(violation->path));
		json_object_object_add(entry, "kind", json_object_new_string(violation->kind));
		json_object_object_add(entry, "action", json_object_new_string(violation->action));
		int64_t milliseconds = violation->time / 1000000;
		json_object_object_add(entry, "time",
				       json_object_new_double((double)milliseconds / 1e3));
		if (violation->pid) {
			json_object_object_add(entry, "pid", json_object_new_int64(violation->pid));
			json_object_object_add(entry, "uid", json_object_new_int64(violation->uid));
		}
		if (violation->command)
			json_object_object_add(entry, "command",
					       json_object_new_string(violation->command));
		for (size_t k = 0; k < violation->n_withdrawn; k++)
			json_object_array_add(withdrawn,
					      json_object_new_string(violation->withdrawn[k]));
		json_object_object_add(entry, "withdrawn", withdrawn);
		json_object_array_add(array, entry);
	}
	return array;
}

/* Print the state, with an explanation unless another line has it. */
static void show_state(const struct matr_epoch_status *status)
{
	char begun[32];

	safe_printf("state         %s", status->state);
	output_time(status->epoch.begun, begun);
	if (status->in_force && status->has_record)
		safe_printf("%s %" PRId64 ", begun %s",
			    strcmp(status->state, "epoch") == 0 ? "" : ": in force is epoch",
			    status->epoch.id, begun);
	else if (!status->in_force && status->suspended_by[0])
		safe_printf(": ended by %s, who begins it again (or `matr epoch resume`)",
			    status->suspended_by);
	putchar('\n');
	if (!status->in_force)
		printf("programs      start the ordinary way\n");
}

/* `matr inspect` has it for one program. */
static void show_placement(const struct matr_epoch_status *status)
{
	printf("placement     %" PRIu32 " random", status->random);
	if (status->shared)
		printf(", %" PRIu32 " shared", status->shared);
	if (status->packed)
		printf(", %" PRIu32 " packed", status->packed);
	if (status->shared || status->packed)
		printf(" at 0x%" PRIx64, status->region);
	putchar('\n');
}

static struct json_object *json_placement(const struct matr_epoch_status *status)
{
	struct json_object *object = json_object_new_object();
	char region[32];

	json_object_object_add(object, "random", json_object_new_uint64(status->random));
	json_object_object_add(object, "shared", json_object_new_uint64(status->shared));
	json_object_object_add(object, "pack", json_object_new_uint64(status->packed));
	snprintf(region, sizeof region, "0x%" PRIx64, status->region);
	json_object_object_add(object, "region", json_object_new_string(region));
	return object;
}

static void status_table(const char *prefix, struct json_object *matrd,
			 const struct matr_epoch_status *status)
{
	char store[32], image[32];

	safe_printf("prefix        %s\n", prefix);
	show_state(status);
	if (status->busy)
		printf("busy          an epoch is being begun or ended\n");
	if (status->in_force && status->has_record) {
		if (*status->epoch.cause)
			safe_printf("cause         %s\n", status->epoch.cause);
		printf("programs      %zu, %zu of them as in the epoch before\n",
		       status->epoch.applications, status->epoch.carried);
		printf("objects       %zu\n", status->epoch.objects);
		if (status->epoch.closures)
			printf("loads         %zu, %zu of them left to ld.so\n",
			       status->epoch.closures, status->epoch.closures_left);
		printf("declined      %zu\n", status->n_declined);
		printf("changed       %zu\n", status->n_changed);
		if (status->n_edits)
			printf("edits         %zu (matr rebind --list)\n", status->n_edits);
		for (size_t i = 0; i < status->n_skipped; i++)
			safe_printf("%s%" PRIu64 " %s", i ? ", " : "skipped       ",
				    status->skipped[i].files, status->skipped[i].kind);
		if (status->n_skipped)
			putchar('\n');
	}
	if (status->in_force)
		show_placement(status);
	safe_printf("store         %s\n", output_bytes(status->store_size, store));
	safe_printf("image         %s\n", output_bytes(status->image_size, image));
	if (status->n_retired)
		safe_printf(
			"retired       %zu image%s, %s, of epochs before: processes that run map "
			"them\n",
			status->n_retired, status->n_retired == 1 ? "" : "s",
			output_bytes(status->retired_size, image));
	show_daemon(matrd);
	if (*status->unserved)
		safe_printf("served        no: %s\n", status->unserved);
	if (status->in_force && status->restarted)
		printf("restarted     the machine was, since the epoch began; the epoch goes "
		       "on%s\n",
		       matrd ? "" : ", and each start checks its files");
	show_violations(status);
	show_list("problems", status->problems, status->n_problems);
	show_list("changed objects", status->changed, status->n_changed);
	if (!status->in_force)
		return;
	if (status->n_declined)
		show_heading("declined");
	for (size_t i = 0; i < status->n_declined; i++)
		safe_printf("  %s: %s\n", status->declined[i].path, status->declined[i].reason);
}

static struct json_object *json_list(const struct matr_epoch_problem *list, size_t n)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < n; i++) {
		struct json_object *entry = json_object_new_object();
		json_object_object_add(entry, "file", json_object_new_string(list[i].file));
		json_object_object_add(entry, "reason", json_object_new_string(list[i].reason));
		json_object_array_add(array, entry);
	}
	return array;
}

static struct json_object *json_skipped(const struct matr_epoch_status *status)
{
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; object && i < status->n_skipped; i++)
		json_object_object_add(object, status->skipped[i].kind,
				       json_object_new_uint64(status->skipped[i].files));
	return object;
}

static int status_json(const char *prefix, struct json_object *matrd,
		       const struct matr_epoch_status *status, struct matr_error *err)
{
	struct json_object *object = json_object_new_object();
	struct json_object *declined = json_object_new_array();

	if (!object || !declined) {
		json_object_put(object);
		json_object_put(declined);
		return matr_fail_memory(err);
	}
	json_object_object_add(object, "prefix", json_object_new_string(prefix));
	json_object_object_add(object, "state", json_object_new_string(status->state));
	json_object_object_add(object, "in_force", json_object_new_boolean(status->in_force));
	if (status->suspended_by[0])
		json_object_object_add(object, "suspended_by",
				       json_object_new_string(status->suspended_by));
	json_object_object_add(object, "busy", json_object_new_boolean(status->busy));
	if (status->has_record) {
		json_object_object_add(object, "epoch", json_object_new_int64(status->epoch.id));
		json_object_object_add(object, "begun", json_object_new_int64(status->epoch.begun));
		json_object_object_add(
			object, "cause",
			*status->epoch.cause ? json_object_new_string(status->epoch.cause) : NULL);
		json_object_object_add(object, "cpu_level",
				       json_object_new_string(status->epoch.cpu_level));
		json_object_object_add(object, "programs",
				       json_object_new_uint64(status->epoch.applications));
		json_object_object_add(object, "carried",
				       json_object_new_uint64(status->epoch.carried));
		json_object_object_add(object, "objects",
				       json_object_new_uint64(status->epoch.objects));
		json_object_object_add(object, "loads",
				       json_object_new_uint64(status->epoch.closures));
		json_object_object_add(object, "loads_left",
				       json_object_new_uint64(status->epoch.closures_left));
		json_object_object_add(object, "skipped", json_skipped(status));
	}
	if (status->in_force)
		json_object_object_add(object, "placement", json_placement(status));
	json_object_object_add(object, "store_bytes", json_object_new_uint64(status->store_size));
	json_object_object_add(object, "image_bytes", json_object_new_uint64(status->image_size));
	json_object_object_add(object, "retired_images", json_object_new_uint64(status->n_retired));
	json_object_object_add(object, "retired_bytes",
			       json_object_new_uint64(status->retired_size));
	json_object_object_add(object, "problems", json_list(status->problems, status->n_problems));
	json_object_object_add(object, "unserved",
			       *status->unserved ? json_object_new_string(status->unserved) : NULL);
	json_object_object_add(object, "edits", json_object_new_uint64(status->n_edits));
	json_object_object_add(object, "restarted", json_object_new_boolean(status->restarted));
	json_object_object_add(object, "violations", json_violations(status));
	json_object_object_add(object, "matrd", json_object_get(matrd));
	json_object_object_add(object, "changed", json_list(status->changed, status->n_changed));
	for (size_t i = 0; i < status->n_declined; i++) {
		struct json_object *entry = json_object_new_object();
		json_object_object_add(entry, "program",
				       json_object_new_string(status->declined[i].path));
		json_object_object_add(entry, "reason",
				       json_object_new_string(status->declined[i].reason));
		json_object_array_add(declined, entry);
	}
	json_object_object_add(object, "declined", declined);
	return output_json(object, err);
}

/* Print the status by matrd. An ordinary user may look neither at the lock of the prefix nor at
 * files of other users; matrd may, and answers with what its owner would see. Returns the exit
 * status; -1: this is the owner, or there is no matrd, or it is too busy. */
static int report_by_daemon(const char *prefix, enum output_format format)
{
	struct stat status;
	struct matr_error err = {0};

	if (geteuid() == 0 || (stat(prefix, &status) == 0 && status.st_uid == geteuid()))
		return -1;
	int fd = matrd_connect(prefix);
	if (fd < 0)
		return -1;
	struct json_object *request = json_object_new_object();
	json_object_object_add(request, "request", json_object_new_string("report"));
	json_object_object_add(request, "format",
			       json_object_new_string(format == FORMAT_JSON ? "json" : "table"));
	return matrd_do(fd, request, NULL, NULL, &err);
}

int command_epoch_status(const struct context *context, int argc, char **argv)
{
	const char *prefix = context->prefix, *root = NULL;
	enum output_format format = FORMAT_TABLE;
	struct matr_epoch_status status;
	struct matr_error err = {0};
	int exit_status;
	const struct option_row rows[] = {
		option_prefix(&prefix),
		{"format", .document = &format},
		{"root", .text = &root, .argument = "DIR",
		 .help = "of the file tree in DIR, where the prefix is",
		 .completes = COMPLETES_DIRECTORY},
		{0},
	};
	const struct options options = {.command = "epoch status",
					.help = status_help,
					.after = status_help_after,
					.rows = rows,
					.no_arguments = true};

	int at = options_parse(&options, argc, argv, &exit_status);
	if (at < 0)
		return exit_status;
	if (root && root_enter(root, NULL, NULL, &err) != 0) {
		print_error(&err);
		return STATUS_FAILURE;
	}
	int reported = root ? -1 : report_by_daemon(prefix, format);
	if (reported >= 0)
		return reported;
	int fd = matrd_connect(prefix);
	struct json_object *matrd = fd >= 0 ? matrd_status(fd) : NULL;
	int result = matr_epoch_status(prefix, &status, &err);
	bool well = status.n_problems == 0 && status.n_changed == 0 && status.n_violations == 0;
	if (result == 0 && format == FORMAT_JSON) {
		result = status_json(prefix, matrd, &status, &err);
	} else if (result == 0) {
		status_table(prefix, matrd, &status);
		result = output_flush(&err);
	}
	matr_epoch_status_free(&status);
	json_object_put(matrd);
	if (result != 0)
		print_error(&err);
	return result == 0 && well ? STATUS_OK : STATUS_FAILURE;
}
