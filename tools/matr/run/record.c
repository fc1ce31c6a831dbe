/* record.c - matr record: a training run that notes what programs load with dlopen().
 *
 * ld-stable notes it (LD_STABLE_RECORD, ld-stable/record.c), in a file from which it goes to the
 * prefix's recordings. Where ld-stable is not in the loader's place, the program and its children
 * run in a private mount namespace in which it is; it starts them plainly. Where no namespace is to
 * be had, the program is started by name, and nothing is noted of its children.
 */
#include "common/options.h"
#include "common/output.h"
#include "common/path.h"
#include "common/program.h"
#include "matr/namespace/namespace.h"
#include "matr/run/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <matr/loader.h>
#include <matr/loader_format.h>
#include <matr/object.h>
#include <matr/prefix.h>
#include <matr/recording.h>

static const char help[] =
	"usage: matr record [--forget-first] PROGRAM [ARG]...\n"
	"       matr record --list [--format FORMAT] [PROGRAM]\n"
	"       matr record --forget PROGRAM | --forget-all\n"
	"\n"
	"Run a program and note what it and the programs it starts load with dlopen(): plug-ins,\n"
	"extension modules. The next `matr epoch begin` maps that too, for the programs that it\n"
	"covers. Several runs add up.\n";

static const char help_after[] =
	"Exit status: the program's; 125 matr itself failed; 126 the program "
	"cannot be executed; 127\n"
	"it was not found. Without a run: 0 success; 1 failure; 2 usage.\n"
	"\n"
	"  matr record python3 -c 'import numpy'\n"
	"  matr record --list python3\n"
	"  matr epoch begin python3 && matr run python3 -c 'import numpy'\n";

struct recording { /* what is to be done */
	const char *prefix;
	enum output_format format;
	bool forget_first, forget_all;
	const char *forget;
};

/* ---- without a run ---- */

/* Programs that are gone are recorded under their full path. */
static void canonical(const char *program, char path[PATH_MAX])
{
	if (program_canonical(program, path, NULL) != 0)
		snprintf(path, PATH_MAX, "%s", program);
}

static int list(const struct recording *recording, const char *program, struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"program", COLUMN_LEFT},
		{"library", COLUMN_LEFT},
		{"flags", COLUMN_LEFT},
		{"asked_for", COLUMN_LEFT},
	};
	struct matr_recordings recordings;
	struct output output;
	char path[PATH_MAX];

	if (program)
		canonical(program, path);
	int result = matr_recordings_read(recording->prefix, &recordings, err);
	if (result == 0) {
		output_open(&output, recording->format, columns, 4);
		for (size_t i = 0; i < recordings.n; i++) {
			const struct matr_recorded_load *load = &recordings.list[i];
			if (program && strcmp(path, load->application) != 0)
				continue;
			output_text(&output, load->application);
			output_text(&output, load->root);
			output_text(&output, load->flags);
			output_text(&output, load->asked);
		}
		result = output_close(&output, err);
	}
	matr_recordings_free(&recordings);
	return result;
}

static int forget(const struct recording *recording, struct matr_error *err)
{
	struct matr_recordings recordings;
	char path[PATH_MAX];

	if (recording->forget)
		canonical(recording->forget, path);
	int result = matr_recordings_read(recording->prefix, &recordings, err);
	if (result == 0) {
		size_t n = matr_recordings_forget(&recordings, recording->forget ? path : NULL);
		if (recording->forget && n == 0)
			result = matr_fail(err, MATR_ERROR_NOT_FOUND, path,
					   "nothing is recorded for it");
		else
			result = matr_recordings_write(recording->prefix, &recordings, err);
	}
	matr_recordings_free(&recordings);
	return result;
}

/* ---- the run ---- */

struct run {
	struct matr_recorder recorder;
	char interpreter[PATH_MAX]; /* the program's PT_INTERP; "": it has none */
	bool has_loader;	    /* the recorder's directory has loaders, which are needed */
};

/* Test whether the program's loader is an ld-stable that can note what is loaded. */
static bool has_recording_loader(const char *interpreter)
{
	struct matr_loader_config config;

	return interpreter[0] && matr_loader_identify(interpreter, &config, NULL) == 1 &&
	       config.format == MATR_IMAGE_FORMAT && config.embedded && config.debug &&
	       !config.unserved[0];
}

static bool changes_identity(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && (status.st_mode & (S_ISUID | S_ISGID));
}

static int cannot_execute(const char *program)
{
	int status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE;
	struct matr_error err;

	matr_fail_errno(&err, program, "cannot be executed");
	print_error(&err);
	return status;
}

/* The program's children run with an ordinary loader. */
static int start_by_name(const struct run *run, char **argv, struct matr_error *err)
{
	char loader[PATH_MAX], path[PATH_MAX];
	size_t n = 0;

	while (argv[n])
		n++;
	char **arguments = calloc(n + 2, sizeof *arguments);
	if (!arguments)
		return matr_fail_memory(err);
	print_error(err);
	print_warning("nothing is noted of what %s starts", argv[0]);
	if (path_join(run->recorder.directory, MATR_LD_STABLE_FILE, loader, err) != 0 ||
	    program_canonical(argv[0], path, err) != 0) {
		free(arguments);
		return -1;
	}
	arguments[0] = loader;
	arguments[1] = path;
	memcpy(arguments + 2, argv + 1, n * sizeof *argv);
	execv(loader, arguments);
	free(arguments);
	return matr_fail_errno(err, loader, "cannot be executed");
}

/* In the child: does not return. */
static _Noreturn void start(const struct run *run, char **argv)
{
	struct matr_error err = {0};

	if (setenv("LD_STABLE_RECORD", run->recorder.file, 1) != 0) {
		matr_fail_errno(&err, NULL, "the environment cannot be changed");
		goto fail;
	}
	if (run->has_loader) {
		enum placement placement = namespace_enter_without_image(run->recorder.directory,
									 run->interpreter, &err);
		if (placement == NOT_PLACED)
			goto fail;
		if (placement == NO_NAMESPACE && run->interpreter[0]) {
			start_by_name(run, argv, &err);
			goto fail;
		}
	}
	execvp(argv[0], argv);
	_exit(cannot_execute(argv[0]));
fail:
	print_error(&err);
	_exit(STATUS_RUN);
}

/* The program's exit status as the shell has it; -1: our own failure. */
static int run_program(const struct run *run, char **argv, struct matr_error *err)
{
	int status;

	fflush(NULL);
	pid_t child = fork();
	if (child < 0)
		return matr_fail_errno(err, argv[0], "cannot be started");
	if (child == 0)
		start(run, argv);
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return matr_fail_errno(err, argv[0], "is lost");
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Take over what the run noted. */
static int keep(const struct recording *recording, const char *file, struct matr_error *err)
{
	struct matr_recordings noted, recordings = {0};
	size_t n_new = 0;

	int result = matr_recordings_read_noted(file, &noted, err);
	if (result == 0)
		result = matr_recordings_read(recording->prefix, &recordings, err);
	for (size_t i = 0; i < noted.n && result == 0 && recording->forget_first; i++)
		matr_recordings_forget(&recordings, noted.list[i].application);
	for (size_t i = 0; i < noted.n && result == 0; i++) {
		int added = matr_recordings_add(&recordings, &noted.list[i], err);
		n_new += added > 0;
		result = added < 0 ? -1 : 0;
	}
	if (result == 0 && noted.n)
		result = matr_recordings_write(recording->prefix, &recordings, err);
	if (result == 0)
		print_warning("%zu libraries were loaded with dlopen(), %zu of them for the first "
			      "time%s",
			      noted.n, n_new, n_new ? "; the next epoch begin maps them" : "");
	matr_recordings_free(&noted);
	matr_recordings_free(&recordings);
	return result;
}

static int prepare(const struct recording *recording, const char *path, struct run *run,
		   struct matr_error *err)
{
	char ld_stable[PATH_MAX];

	if (matr_recorder_open(recording->prefix, &run->recorder, err) != 0)
		return -1;
	/* It is not recorded; a user namespace removes its privileges. */
	run->has_loader = !has_recording_loader(run->interpreter) && !changes_identity(path);
	if (!run->has_loader)
		return 0;
	if (program_ld_stable(ld_stable, err) != 0)
		return -1;
	return matr_recorder_add_loader(&run->recorder, ld_stable, err);
}

static int record(const struct recording *recording, char **argv)
{
	struct run run = {.recorder = {.lock = -1}};
	struct matr_error err = {0};
	char path[PATH_MAX];
	int status = -1;

	if (program_find(argv[0], path, &err) != 0) {
		print_error(&err);
		return STATUS_NOT_FOUND;
	}
	if (matr_program_interpreter(path, run.interpreter, NULL) <= 0)
		run.interpreter[0] = 0; /* its children may be dynamic programs */
	if (prepare(recording, path, &run, &err) == 0)
		status = run_program(&run, argv, &err);
	if (status < 0 ||
	    (status != STATUS_NOT_FOUND && keep(recording, run.recorder.file, &err) != 0)) {
		print_error(&err);
		status = STATUS_RUN;
	}
	matr_recorder_close(&run.recorder);
	return status;
}

int command_record(const struct context *context, int argc, char **argv)
{
	struct recording recording = {.prefix = context->prefix, .format = FORMAT_TABLE};
	struct matr_error err = {0};
	bool listing = false;
	int status;
	const struct option_row rows[] = {
		{"forget-first", .flag = &recording.forget_first,
		 .help = "forget what is recorded for the programs that ran, before the new loads "
			 "are noted"},
		{"forget", .text = &recording.forget, .argument = "PROGRAM",
		 .help = "forget what is recorded for it", .completes = COMPLETES_PROGRAM},
		{"forget-all", .flag = &recording.forget_all, .help = "forget everything"},
		{"list", .flag = &listing, .help = "what is recorded, for one program or for all"},
		{"format", .format = &recording.format,
		 .help = "of --list: table (default), json, jsonl or csv"},
		option_prefix(&recording.prefix),
		{0},
	};
	const struct options options = {.command = "record",
					.help = help,
					.after = help_after,
					.arguments = {COMPLETES_COMMAND},
					.rows = rows,
					.stop_early = true};

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	argc -= at;
	argv += at;
	bool forgets = recording.forget || recording.forget_all;
	if (listing + forgets > 1 || (forgets && argc) || (listing && argc > 1) ||
	    ((listing || forgets) && recording.forget_first))
		return usage_error_because("record", "these do not go together", NULL);
	if (!listing && !forgets) {
		if (argc == 0)
			return usage_error_because("record", "which program?", NULL);
		return record(&recording, argv);
	}
	int result = listing ? list(&recording, argv[0], &err) : forget(&recording, &err);
	if (result != 0)
		print_error(&err);
	return result == 0 ? STATUS_OK : STATUS_FAILURE;
}
