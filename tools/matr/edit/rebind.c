/* rebind.c - matr rebind: what the command line asks for; apply.c does it. */
#include "matr/edit/rebind.h"
#include "common/open_store.h"
#include "common/options.h"
#include "common/program.h"
#include "common/recorded.h"
#include "matr/edit/commands.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <matr/edit.h>
#include <matr/names.h>
#include <matr/secure_exec.h>

static const char help[] =
	"usage: matr rebind PROGRAM... --symbol S[@V]... --to LIB[:SYMBOL] [OPTION]...\n"
	"       matr rebind PROGRAM... --family malloc --to LIB [OPTION]...\n"
	"       matr rebind --all-programs ...\n"
	"       matr rebind --list [--format FORMAT] [--root DIR]\n"
	"       matr rebind --undo ID... [--root DIR]\n"
	"\n"
	"Have a program bind a symbol to another library than ld.so would, without LD_PRELOAD and\n"
	"without touching a file. Takes effect at once, for programs that are started from then "
	"on;\n"
	"where no epoch is in force, with the next. A library that the program does not have is\n"
	"added at the end of its scope, with what it needs.\n"
	"\n"
	"PROGRAM is a path, a name found on PATH, or a pattern of paths ('/usr/bin/git*'). All "
	"that\n"
	"is asked for is done at once, or nothing is; but programs that start with other rights\n"
	"(set-user-ID and the like) are left out where there are others, and what a system is\n"
	"repaired with (matr, shells, package managers, init, ...) is never edited.\n"
	"\n"
	"Before an edit is in force the edited programs are started, up to their main(). If one\n"
	"dies there that does not without the edit, nothing is changed.\n";

static const char help_after[] =
	"Exit status: 0 done (--list: all edits hold); 1 failure or refused, and nothing has "
	"changed\n"
	"(--list: some edit does not hold); 2 usage; 3 done, but not in all programs.\n"
	"\n"
	"  matr rebind git --symbol inflate --to /usr/local/lib/inflate-log.so --reason 'ticket "
	"7'\n"
	"  matr rebind mysqld --requester libz.so.1 --family malloc --to libjemalloc.so.2\n"
	"  matr rebind --all-programs --symbol inflate --to /opt/patched/libz-fix.so\n"
	"  matr rebind --list && matr rebind --undo 3\n"
	"  matr rebind --root /srv/image nginx --family malloc --to libjemalloc.so.2\n";

/* ---- the author ---- */

static void describe_author(char *out, size_t size)
{
	const struct passwd *user = getpwuid(getuid());
	const char *sudo = getenv("SUDO_USER"), *login = getlogin();
	char name[128];

	snprintf(name, sizeof name, "%s", user ? user->pw_name : "?");
	if (getuid() != 0 || (sudo && !*sudo))
		sudo = NULL;
	if (sudo)
		snprintf(out, size, "%s (uid %u), sudo by %s", name, (unsigned)getuid(), sudo);
	else if (login && strcmp(login, name) != 0)
		snprintf(out, size, "%s (uid %u), logged in as %s", name, (unsigned)getuid(),
			 login);
	else
		snprintf(out, size, "%s (uid %u)", name, (unsigned)getuid());
}

/* ---- the command line ---- */

static char *copy(const char *text)
{
	char *result = text ? strdup(text) : NULL;

	if (text && !result) {
		struct matr_error err = {0};
		matr_fail_memory(&err);
		print_error(&err);
		exit(STATUS_FAILURE);
	}
	return result;
}

/* LIB[:SYMBOL] */
static int parse_target(const char *text, char **library, char **symbol, struct matr_error *err)
{
	char path[PATH_MAX];
	const char *colon = strrchr(text, ':');

	if (colon && (strchr(colon, '/') || !colon[1]))
		colon = NULL;
	size_t length = colon ? (size_t)(colon - text) : strlen(text);
	if (!length || length >= sizeof path)
		return matr_fail(err, MATR_ERROR_USAGE, text, "is no LIB[:SYMBOL]");
	char *name = strndup(text, length);
	if (!name)
		return matr_fail_memory(err);
	if (strchr(name, '/')) {
		if (!realpath(name, path)) {
			matr_fail_errno(err, name, "cannot be found");
			program_add_nearest(name, false, err);
			free(name);
			return -1;
		}
		free(name);
		name = copy(path);
	}
	*library = name;
	*symbol = copy(colon ? colon + 1 : NULL);
	return 0;
}

/* A path of the epoch's, or of the disk; patterns stay. */
static int parse_program(const char *prefix, const char *text, char **out, struct matr_error *err)
{
	struct matr_store_epoch epoch;
	struct matr_store *store;
	struct matr_error why = {0};
	char path[PATH_MAX];
	int64_t application;

	if (strpbrk(text, "*?[")) {
		*out = copy(text);
		return 0;
	}
	if (program_canonical(text, path, err) == 0) {
		*out = copy(path);
		return 0;
	}
	/* Suggestions come from the epoch, if there is one. */
	bool known = false;
	if (open_store(prefix, &store, &why) == 0) {
		known = matr_epoch_current(prefix, store, &epoch, &why) == 0 &&
			recorded_find(store, epoch.id, text, &application, &why) != 0;
		matr_store_close(store);
	}
	if (known)
		matr_error_copy(err, &why);
	else
		program_add_nearest(text, true, err);
	return -1;
}

static int usage(const char *reason, const char *argument)
{
	return usage_error_because("rebind", reason, argument);
}

struct arguments {
	char **programs; /* until NULL */
	const char *requester, *to, *reason, *family;
	char author[512];
	struct option_list symbols;
	bool all_programs, list, undo;
};

static int add_symbols(struct rebind *request, const struct arguments *arguments,
		       const struct matr_edit *model, struct matr_error *err)
{
	for (size_t i = 0; i < arguments->symbols.n; i++) {
		struct matr_symbol_name name;
		if (matr_symbol_name_parse(arguments->symbols.list[i], &name, err) != 0)
			return -1;
		request->n_made++;
		request->add[request->n_add++] = (struct matr_edit){
			.program = copy(model->program),
			.symbol = name.name,
			.version = name.version,
			.requester = copy(model->requester),
			.library = copy(model->library),
			.to_symbol = copy(model->to_symbol),
			.author = copy(model->author),
			.reason = copy(model->reason),
		};
	}
	return 0;
}

/* The edits of one program. Of a family also the library's own references: an allocator that calls
 * its malloc by name means its own. */
static int add_edits(struct rebind *request, const struct arguments *arguments,
		     const struct matr_edit *model, struct matr_error *err)
{
	struct matr_edit own = *model;

	own.requester = own.library;
	if (add_symbols(request, arguments, model, err) != 0)
		return -1;
	return arguments->family ? add_symbols(request, arguments, &own, err) : 0;
}

static bool is_asked_for(const struct rebind *request, const char *program)
{
	for (size_t i = 0; i < request->n_add; i++)
		if (strcmp(request->add[i].program, program) == 0)
			return true;
	return false;
}

/* Of several programs those that can be edited are; one alone is refused where it is judged. */
static int add_program(struct rebind *request, const struct arguments *arguments, const char *text,
		       struct matr_edit *model, struct matr_error *err)
{
	bool alone = !arguments->programs[1];

	if (parse_program(request->prefix, text, &model->program, err) != 0)
		return -1;
	int result = 0;
	bool names = matr_edit_names(model);
	if (!alone && names && matr_is_secure_exec(model->program)) {
		print_warning("%s: not edited: is set-user-ID, set-group-ID or has capabilities: "
			      "it starts without a mapping",
			      model->program);
		request->left_out++;
	} else if (!alone && names && matr_edit_is_protected(model->program)) {
		print_warning("%s: not edited: is needed to repair the system", model->program);
		request->left_out++;
	} else if (!is_asked_for(request, model->program)) {
		result = add_edits(request, arguments, model, err);
	}
	free(model->program);
	model->program = NULL;
	return result;
}

static int make_edits(const struct arguments *arguments, struct rebind *request,
		      struct matr_error *err)
{
	struct matr_edit model = {
		.program = (char *)"*",
		.requester = (char *)arguments->requester,
		.author = (char *)arguments->author,
		.reason = (char *)arguments->reason,
	};
	size_t n_programs = 1, n = 0;

	while (arguments->programs[n])
		n++;
	if (n > n_programs)
		n_programs = n;
	size_t each = arguments->symbols.n * (arguments->family ? 2 : 1);
	request->add = calloc(n_programs * each, sizeof *request->add);
	request->ids = calloc(n_programs * each, sizeof *request->ids);
	if (!request->add || !request->ids)
		return matr_fail_memory(err);
	if (parse_target(arguments->to, &model.library, &model.to_symbol, err) != 0)
		return -1;
	int result = 0;
	if (arguments->all_programs)
		result = add_edits(request, arguments, &model, err);
	for (char **text = arguments->programs; *text && result == 0; text++)
		result = add_program(request, arguments, *text, &model, err);
	if (result == 0 && !request->n_add)
		result = matr_fail(err, MATR_ERROR_UNSUPPORTED, NULL,
				   "none of these programs starts with a mapping");
	free(model.library);
	free(model.to_symbol);
	return result;
}

/* The exit status, or -1. */
static int parse_ids(struct rebind *request, char **texts, struct matr_error *err)
{
	size_t n = 0;

	while (texts[n])
		n++;
	request->remove = calloc(n, sizeof *request->remove);
	if (!request->remove)
		return matr_fail_memory(err);
	for (; *texts; texts++) {
		char *end;
		long long id = strtoll(*texts, &end, 10);
		if (*end || id <= 0)
			return usage("no number of an edit", *texts);
		request->remove[request->n_remove++] = id;
	}
	return STATUS_OK;
}

/* The symbols of the family, as if all were given. */
static int take_family(struct arguments *arguments)
{
	const char *colon = strrchr(arguments->to, ':');
	size_t n;
	const char *const *symbols = matr_edit_family(arguments->family, &n);

	if (!symbols)
		return usage("no family of symbols (malloc, new)", arguments->family);
	if (colon && !strchr(colon, '/'))
		return usage("--family takes a library, without a symbol", arguments->to);
	free(arguments->symbols.list);
	arguments->symbols.list = calloc(n, sizeof(const char *));
	if (!arguments->symbols.list) {
		struct matr_error err = {0};
		matr_fail_memory(&err);
		print_error(&err);
		return STATUS_FAILURE;
	}
	for (size_t i = 0; i < n; i++)
		arguments->symbols.list[i] = symbols[i];
	arguments->symbols.n = n;
	return STATUS_OK;
}

static int check_usage(struct arguments *arguments, char **rest)
{
	bool edits = arguments->symbols.n || arguments->to || arguments->requester ||
		     arguments->reason || arguments->all_programs || arguments->family;

	if (arguments->list && (arguments->undo || edits || *rest))
		return usage("--list stands alone", NULL);
	if (arguments->undo && edits)
		return usage("--undo wants numbers of edits and nothing else", NULL);
	if (arguments->list)
		return STATUS_OK;
	if (arguments->undo)
		return *rest ? STATUS_OK : usage("which edits? (matr rebind --list)", NULL);
	if (!arguments->all_programs == !*rest)
		return usage(*rest ? "a program, or --all-programs?" : "which program?", NULL);
	if (!arguments->symbols.n && !arguments->family)
		return usage("which --symbol?", NULL);
	if (arguments->symbols.n && arguments->family)
		return usage("--symbol, or --family?", NULL);
	if (!arguments->to)
		return usage("--to which library?", NULL);
	return arguments->family ? take_family(arguments) : STATUS_OK;
}

static int change(struct arguments *arguments, struct rebind *request, struct matr_error *err)
{
	char ld_stable[PATH_MAX];

	describe_author(arguments->author, sizeof arguments->author); /* a user of this system */
	if (rebind_enter(request, ld_stable, err) != 0)
		return -1;
	int status = arguments->undo ? 0 : make_edits(arguments, request, err);
	if (status == 0)
		status = arguments->undo ? rebind_undo(request, err) : rebind_apply(request, err);
	rebind_leave(request);
	return status;
}

/* The exit status, or -1. */
static int run(struct arguments *arguments, struct rebind *request, struct matr_error *err)
{
	int status = STATUS_OK;

	if (arguments->list)
		return rebind_enter(request, NULL, err) != 0
			       ? -1
			       : rebind_list(request->prefix, request->format);
	if (arguments->undo)
		status = parse_ids(request, arguments->programs, err);
	return status ? status : change(arguments, request, err);
}

int command_rebind(const struct context *context, int argc, char **argv)
{
	struct rebind request = {.prefix = context->prefix};
	struct arguments arguments = {.programs = NULL};
	struct matr_error err = {0};
	int status = 0;
	const struct option_row rows[] = {
		{"all-programs", .flag = &arguments.all_programs,
		 .help = "every program of the epoch that binds the symbol"},
		{"symbol", .list = &arguments.symbols, .argument = "S[@V]",
		 .help = "what is bound; with a version only references to that version. May be "
			 "given several times",
		 .completes = COMPLETES_SYMBOL},
		{"family", .text = &arguments.family, .argument = "NAME",
		 .help = "all functions that belong together, of those that the library defines: "
			 "malloc (and free, realloc, ...) or new (C++'s operators). Half an "
			 "allocator is refused",
		 .words = "malloc new"},
		{"requester", .text = &arguments.requester, .argument = "R",
		 .help = "only the references of this object (path, soname, file name, pattern); "
			 "else everybody's but the library's own, so that a wrapper can call what "
			 "it wraps by its name",
		 .completes = COMPLETES_LIBRARY},
		{"to", .text = &arguments.to, .argument = "LIB[:SYMBOL]",
		 .help = "the library (a path, or a name that the program would find), and the "
			 "name of the definition in it if it is another, also SYMBOL@VERSION",
		 .completes = COMPLETES_FILE},
		{"reason", .text = &arguments.reason, .argument = "TEXT",
		 .help = "why, for the record"},
		{"root", .text = &request.root, .argument = "DIR",
		 .help = "of the system in DIR, which is not running: an image that is built. All "
			 "other paths, the prefix among them, are paths in DIR",
		 .completes = COMPLETES_DIRECTORY},
		{"force", .flag = &request.force, .help = "make the edit without trying it"},
		{"dry-run", 'n', .flag = &request.dry_run,
		 .help = "see whether it can be done, and change nothing"},
		{"list", .flag = &arguments.list,
		 .help = "all edits, who made them and whether they hold"},
		{"undo", .flag = &arguments.undo, .help = "take edits back"},
		{"format", .format = &request.format},
		{"ld-stable", .text = &request.epoch.ld_stable, .argument = "FILE",
		 .help = "the loader to install in the prefix (else the one beside matr)",
		 .completes = COMPLETES_FILE},
		{"jobs", 'j', .jobs = &request.epoch.jobs, .argument = "N",
		 .help = "threads that work at once"},
		option_prefix(&request.prefix),
		{"quiet", 'q', .flag = &request.quiet, .help = "print nothing where all went well"},
		{0},
	};
	const struct options options = {.command = "rebind",
					.help = help,
					.after = help_after,
					.arguments = {COMPLETES_PROGRAM},
					.rows = rows};

	int at = options_parse(&options, argc, argv, &status);
	if (at >= 0) {
		arguments.programs = argv + at;
		status = check_usage(&arguments, argv + at);
		request.family = arguments.family != NULL;
		if (!status)
			status = run(&arguments, &request, &err);
	}
	if (status < 0)
		print_error(&err);
	free(arguments.symbols.list);
	matr_edits_free(request.add, request.n_made);
	free(request.ids);
	free(request.remove);
	if (status < 0)
		return STATUS_FAILURE;
	return status == STATUS_OK && request.left_out ? STATUS_DECLINED : status;
}
