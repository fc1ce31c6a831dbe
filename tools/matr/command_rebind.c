/* command_rebind.c - matr rebind: bindings that go elsewhere than ld.so would have them; and matr epoch apply.
 *
 * An edit is a row of the store; epochs apply them (matr/edit.h). Where one is in force, this begins the next right away,
 * which takes over all that the edit does not concern, and commits only if the edit could be made.
 */
#include "command.h"
#include "output.h"
#include "program.h"
#include "recorded.h"

#include <getopt.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <matr/edit.h>
#include <matr/names.h>
#include <matr/nearest.h>

static const char help[] =
	"usage: matr rebind PROGRAM --symbol S[@V]... --to LIB[:SYMBOL] [OPTION]...\n"
	"       matr rebind --all-programs --symbol S[@V]... --to LIB[:SYMBOL] [OPTION]...\n"
	"       matr rebind --list [--format FORMAT]\n"
	"       matr rebind --undo ID...\n"
	"\n"
	"Have a program bind a symbol to another library than ld.so would, without LD_PRELOAD and\n"
	"without touching a file. Takes effect at once, for programs that are started from then "
	"on;\n"
	"where no epoch is in force, with the next. A library that the program does not have is\n"
	"added at the end of its scope, with what it needs.\n"
	"\n"
	"PROGRAM is a path, a name found on PATH, or a pattern of paths ('/usr/bin/git*').\n"
	"\n"
	"  --all-programs     every program of the epoch that binds the symbol\n"
	"  --symbol S[@V]     what is bound; with a version only references to that version. May "
	"be\n"
	"                     given several times\n"
	"  --requester R      only the references of this object (path, soname, file name, "
	"pattern);\n"
	"                     else everybody's but the library's own, so that a wrapper can call\n"
	"                     what it wraps by its name\n"
	"  --to LIB[:SYMBOL]  the library (a path, or a name that the program would find), and "
	"the\n"
	"                     name of the definition in it if it is another, also SYMBOL@VERSION\n"
	"  --reason TEXT      why, for the record\n"
	"  -n, --dry-run      see whether it can be done, and change nothing\n"
	"  --list             all edits, who made them and whether they hold\n"
	"  --undo             take edits back\n"
	"  --format FORMAT    table (default), json or csv\n"
	"  --ld-stable FILE   the loader to install in the prefix (else the one beside matr)\n"
	"  -j, --jobs N       threads that work at once\n"
	"  -q, --quiet        print nothing where all went well\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 done (--list: all edits hold); 1 failure or refused, and nothing has "
	"changed\n"
	"(--list: some edit does not hold); 2 usage; 3 done, but not in all programs.\n"
	"\n"
	"  matr rebind git --symbol inflate --to /usr/local/lib/inflate-log.so --reason 'ticket "
	"7'\n"
	"  matr rebind mysqld --requester libz.so.1 --symbol malloc --symbol free --to "
	"libjemalloc.so.2\n"
	"  matr rebind --all-programs --symbol inflate --to /opt/patched/libz-fix.so\n"
	"  matr rebind --list && matr rebind --undo 3\n";

static const char apply_help[] =
	"usage: matr epoch apply\n"
	"\n"
	"Apply the store's edits (the table `edits`, matr-rebind(1)) as they are now: what was "
	"changed\n"
	"with SQL takes effect. The epoch begins anew with the programs it has; what has not "
	"changed\n"
	"is taken over.\n"
	"\n"
	"  --ld-stable FILE   the loader to install in the prefix (else the one beside matr)\n"
	"  -j, --jobs N       threads that work at once\n"
	"  -q, --quiet        print nothing where all went well\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 done, and all edits hold; 1 failure, or no epoch is in force, and nothing "
	"has\n"
	"changed; 2 usage; 3 done, but some edit could not be applied everywhere.\n"
	"\n"
	"  matr sql --write \"DELETE FROM store.edits WHERE author LIKE '%alice%'\" && matr epoch "
	"apply\n";

struct request {
	const char *prefix;
	struct matr_epoch_options epoch;
	char config[PATH_MAX];
	bool in_force, dry_run, quiet;
	enum output_format format;
	struct matr_edit *add;
	size_t n_add;
	int64_t *ids; /* of what was added */
	int64_t *remove;
	size_t n_remove;
};

/* ---- who ---- */

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

/* ---- showing edits ---- */

static void format_time(int64_t seconds, char text[32])
{
	time_t time = (time_t)seconds;
	struct tm broken_down;

	text[0] = 0;
	if (localtime_r(&time, &broken_down))
		strftime(text, 32, "%Y-%m-%d %H:%M:%S", &broken_down);
}

static bool is_wanted(const struct matr_edit *edit, const int64_t *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] == edit->id)
			return true;
	return !ids;
}

/* ids NULL: all. */
static int show_edits(const struct matr_edit *edits, size_t n, const int64_t *ids, size_t n_ids,
		      enum output_format format, struct matr_error *err)
{
	static const struct output_column columns[] = {
		{"id", CELL_NUMBER},	   {"program", CELL_TEXT},   {"symbol", CELL_TEXT},
		{"version", CELL_TEXT},	   {"requester", CELL_TEXT}, {"library", CELL_TEXT},
		{"to_symbol", CELL_TEXT},  {"state", CELL_TEXT},     {"programs", CELL_NUMBER},
		{"bindings", CELL_NUMBER}, {"author", CELL_TEXT},    {"time", CELL_TEXT},
		{"reason", CELL_TEXT},	   {"complaint", CELL_TEXT},
	};
	struct output output;
	char time[32];

	output_open(&output, format, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < n; i++) {
		const struct matr_edit *edit = &edits[i];
		if (!is_wanted(edit, ids, n_ids))
			continue;
		format_time(edit->time, time);
		output_number(&output, edit->id);
		output_text(&output, edit->program);
		output_text(&output, edit->symbol);
		output_text(&output, edit->version);
		output_text(&output, edit->requester);
		output_text(&output, edit->library);
		output_text(&output, edit->to_symbol);
		output_text(&output, edit->state);
		output_number(&output, (int64_t)edit->programs);
		output_number(&output, (int64_t)edit->bindings);
		output_text(&output, edit->author);
		output_text(&output, time);
		output_text(&output, edit->reason);
		output_text(&output, edit->complaint);
	}
	return output_close(&output, err);
}

size_t report_edits(const struct matr_epoch *epoch, bool quiet)
{
	size_t n, bad = 0;
	const struct matr_edit *edits = matr_epoch_edits(epoch, &n);

	for (size_t i = 0; i < n; i++) {
		if (!edits[i].complaint)
			continue;
		bad++;
		if (!quiet)
			print_warning("edit %" PRId64 " (%s) is not in force%s: %s", edits[i].id,
				      edits[i].symbol, edits[i].programs ? " everywhere" : "",
				      edits[i].complaint);
	}
	return bad;
}

static int list(const char *prefix, enum output_format format)
{
	struct matr_store *store;
	struct matr_edit *edits = NULL;
	struct matr_error err = {0};
	size_t n = 0;
	bool well = true;

	int result = matr_store_open(prefix, MATR_STORE_READ, &store, &err);
	if (result == 0) {
		result = matr_store_edits(store, &edits, &n, &err);
		matr_store_close(store);
	}
	if (result == 0 && (n || format != FORMAT_TABLE))
		result = show_edits(edits, n, NULL, 0, format, &err);
	for (size_t i = 0; i < n; i++)
		well &= !edits[i].complaint;
	matr_edits_free(edits, n);
	if (result != 0)
		print_error(&err);
	return result == 0 && well ? STATUS_OK : STATUS_FAILURE;
}

/* ---- doing it ---- */

static const struct matr_edit *find_edit(const struct matr_epoch *epoch, int64_t id)
{
	size_t n;
	const struct matr_edit *edits = matr_epoch_edits(epoch, &n);

	for (size_t i = 0; i < n; i++)
		if (edits[i].id == id)
			return &edits[i];
	return NULL;
}

/* The programs of the epoch that is in force. In management time what the edits name is enough. */
static int add_programs(const struct request *request, struct matr_epoch *epoch,
			struct matr_error *err)
{
	const struct matr_scan *scan;
	char **programs;
	size_t n;
	bool named = !request->in_force && request->n_add != 0;

	for (size_t i = 0; i < request->n_add; i++)
		named &= matr_edit_names(&request->add[i]);
	if (named)
		return matr_epoch_add(epoch, request->add[0].program, err);
	if (matr_epoch_programs(request->prefix, &programs, &n, err) != 0)
		return -1;
	int result = n ? 0 : matr_epoch_scan(epoch, &scan, err);
	for (size_t i = 0; i < n && result == 0; i++)
		result = matr_epoch_add(epoch, programs[i], err);
	matr_epoch_programs_free(programs);
	return result;
}

static int change_edits(struct request *request, struct matr_epoch *epoch, struct matr_error *err)
{
	for (size_t i = 0; i < request->n_remove; i++)
		if (matr_epoch_remove_edit(epoch, request->remove[i], err) != 0)
			return -1;
	for (size_t i = 0; i < request->n_add; i++)
		if (matr_epoch_add_edit(epoch, &request->add[i], &request->ids[i], err) != 0)
			return -1;
	return 0;
}

/* The names that come near a symbol that nothing binds, or a library that is not there. */
static void add_nearest(const struct request *request, const struct matr_edit *edit,
			struct matr_error *err)
{
	struct recorded recorded;
	struct matr_symbol_name name = {
		.name = edit->symbol, .version = edit->version, .any_version = !edit->version};
	struct matr_error why = {0};

	if (recorded_open(request->prefix, edit->program, NULL, &recorded, &why) != 0) {
		recorded_close(&recorded);
		return;
	}
	if (strstr(err->message, "through a relocation")) {
		matr_mapping_no_symbol(recorded.mapping, &name, &why);
		const char *near = strstr(why.message, "; nearest: ");
		size_t length = strlen(err->message);
		if (near)
			snprintf(err->message + length, sizeof err->message - length, "%.200s",
				 near);
	}
	recorded_close(&recorded);
}

/* Could what was asked for be done? Not at all is an error. */
static int judge(const struct request *request, const struct matr_epoch *epoch,
		 struct matr_error *err)
{
	for (size_t i = 0; i < request->n_add; i++) {
		const struct matr_edit *edit = find_edit(epoch, request->ids[i]);
		if (!edit || strcmp(edit->state, "failed") != 0)
			continue;
		matr_fail(err, MATR_ERROR_UNSUPPORTED, NULL, "%s", edit->complaint);
		add_nearest(request, edit, err);
		return -1;
	}
	return 0;
}

static void report_failures(const struct request *request, const struct matr_epoch *epoch)
{
	enum { SHOWN = 20 };
	size_t n, shown = 0, more = 0;
	const struct matr_edit_failure *failures = matr_epoch_edit_failures(epoch, &n);

	for (size_t i = 0; i < n; i++) {
		bool ours = false;
		for (size_t k = 0; k < request->n_add; k++)
			ours |= failures[i].edit == request->ids[k];
		if (!ours)
			continue;
		if (shown < SHOWN) {
			print_warning("%s: not edited: %s", failures[i].program,
				      failures[i].reason);
			shown++;
		} else {
			more++;
		}
	}
	if (more)
		print_warning("%zu more programs are not edited; `matr sql` has them in the table "
			      "store.edit_failures",
			      more);
}

static int work(struct request *request, struct matr_epoch *epoch, struct matr_error *err)
{
	int more;

	if (change_edits(request, epoch, err) != 0 || add_programs(request, epoch, err) != 0)
		return -1;
	while ((more = matr_epoch_step(epoch, NULL, err)) > 0)
		;
	if (more < 0 || judge(request, epoch, err) != 0)
		return -1;
	if (request->dry_run)
		return 0;
	if (request->in_force)
		return matr_epoch_commit(epoch, err);
	return 0;
}

/* The exit status. */
static int apply(struct request *request, struct matr_error *err)
{
	struct matr_epoch *epoch;
	bool portable;

	request->epoch.prefix = request->prefix;
	request->epoch.wait = true;
	request->in_force = matr_epoch_of_image(request->prefix) != 0;
	if (matr_epoch_before(request->prefix, request->config, &portable, err) != 0)
		return -1;
	request->epoch.portable = portable;
	request->epoch.config = request->config[0] ? request->config : NULL;
	umask(022); /* everybody's processes read the image */
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
		if (request->n_add ? is_wanted(&edits[i], request->ids, request->n_add) : true)
			bad += edits[i].complaint != NULL;
	int result = 0;
	if (request->n_add && !request->quiet)
		result = show_edits(edits, n, request->ids, request->n_add, request->format, err);
	bool table = request->format == FORMAT_TABLE && !request->quiet;
	if (table && request->dry_run)
		puts("nothing was changed");
	else if (table && request->in_force)
		printf("in force with epoch %" PRId64 "\n", matr_epoch_id(epoch));
	matr_epoch_close(epoch);
	if (result == 0 && !request->in_force && !request->dry_run) {
		result = matr_edits_record(request->prefix, request->add, request->n_add,
					   request->remove, request->n_remove, err);
		if (result == 0 && table)
			puts("in force as soon as an epoch begins");
	}
	return result != 0 ? -1 : bad ? STATUS_DECLINED : STATUS_OK;
}

/* Without an epoch there is nothing to be checked when something is taken back. */
static int undo(struct request *request, struct matr_error *err)
{
	struct matr_store *store;

	if (matr_epoch_of_image(request->prefix) != 0)
		return apply(request, err);
	if (matr_store_open(request->prefix, MATR_STORE_READ, &store, err) != 0)
		return -1; /* none, and none is to be made for this */
	matr_store_close(store);
	if (matr_edits_record(request->prefix, NULL, 0, request->remove, request->n_remove, err) !=
	    0)
		return -1;
	return STATUS_OK;
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
	/* The epoch knows what is near. */
	if (matr_store_open(prefix, MATR_STORE_READ, &store, &why) == 0) {
		if (matr_epoch_current(prefix, store, &epoch, &why) == 0 &&
		    recorded_find(store, epoch.id, text, &application, &why) != 0)
			*err = why;
		matr_store_close(store);
	}
	return -1;
}

static int usage(const char *reason, const char *argument)
{
	return usage_error_because("rebind", reason, argument);
}

struct arguments {
	const char *program, *requester, *to, *reason;
	const char **symbols;
	size_t n_symbols;
	bool all_programs, list, undo;
};

static int make_edits(const struct arguments *arguments, struct request *request,
		      struct matr_error *err)
{
	char author[512];
	char *program = NULL, *library = NULL, *to_symbol = NULL;

	describe_author(author, sizeof author);
	if (arguments->all_programs)
		program = copy("*");
	else if (parse_program(request->prefix, arguments->program, &program, err) != 0)
		return -1;
	if (parse_target(arguments->to, &library, &to_symbol, err) != 0) {
		free(program);
		return -1;
	}
	int result = 0;
	for (size_t i = 0; i < arguments->n_symbols && result == 0; i++) {
		struct matr_symbol_name name;
		result = matr_symbol_name_parse(arguments->symbols[i], &name, err);
		if (result != 0)
			break;
		request->add[request->n_add++] = (struct matr_edit){
			.program = copy(program),
			.symbol = name.name,
			.version = name.version,
			.requester = copy(arguments->requester),
			.library = copy(library),
			.to_symbol = copy(to_symbol),
			.author = copy(author),
			.reason = copy(arguments->reason),
		};
	}
	free(program);
	free(library);
	free(to_symbol);
	return result;
}

static int finish(struct request *request, int status, const struct matr_error *err)
{
	if (status < 0)
		print_error(err);
	matr_edits_free(request->add, request->n_add);
	free(request->ids);
	free(request->remove);
	return status < 0 ? STATUS_FAILURE : status;
}

static bool parse_jobs(const char *text, unsigned *jobs)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*text < '1' || *text > '9' || *end || number > 256)
		return false;
	*jobs = (unsigned)number;
	return true;
}

static int parse_ids(struct request *request, char **texts)
{
	for (; *texts; texts++) {
		char *end;
		long long id = strtoll(*texts, &end, 10);
		if (*end || id <= 0)
			return usage("no number of an edit", *texts);
		request->remove[request->n_remove++] = id;
	}
	return STATUS_OK;
}

static int check_usage(const struct arguments *arguments, char **rest)
{
	bool edits = arguments->n_symbols || arguments->to || arguments->requester ||
		     arguments->reason || arguments->all_programs;

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
	if (*rest && rest[1])
		return usage("one program, or a pattern", rest[1]);
	if (!arguments->n_symbols)
		return usage("which --symbol?", NULL);
	if (!arguments->to)
		return usage("--to which library?", NULL);
	return STATUS_OK;
}

static int find_ld_stable(struct request *request, char path[PATH_MAX], struct matr_error *err)
{
	if (request->epoch.ld_stable)
		return 0;
	if (program_ld_stable(path, err) != 0)
		return -1;
	request->epoch.ld_stable = path;
	return 0;
}

int command_rebind(const struct context *context, int argc, char **argv)
{
	static const struct option options[] = {
		{"all-programs", no_argument, NULL, 'A'},
		{"symbol", required_argument, NULL, 's'},
		{"requester", required_argument, NULL, 'r'},
		{"to", required_argument, NULL, 't'},
		{"reason", required_argument, NULL, 'w'},
		{"dry-run", no_argument, NULL, 'n'},
		{"list", no_argument, NULL, 'L'},
		{"undo", no_argument, NULL, 'u'},
		{"format", required_argument, NULL, 'f'},
		{"ld-stable", required_argument, NULL, 'l'},
		{"jobs", required_argument, NULL, 'j'},
		{"prefix", required_argument, NULL, 'p'},
		{"quiet", no_argument, NULL, 'q'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct request request = {.prefix = context->prefix};
	struct arguments arguments = {.symbols = calloc((size_t)argc + 1, sizeof(const char *))};
	struct matr_error err = {0};
	char ld_stable[PATH_MAX];
	int option, status = 0;

	request.add = calloc((size_t)argc + 1, sizeof *request.add);
	request.ids = calloc((size_t)argc + 1, sizeof *request.ids);
	request.remove = calloc((size_t)argc + 1, sizeof *request.remove);
	if (!arguments.symbols || !request.add || !request.ids || !request.remove) {
		free(arguments.symbols);
		return finish(&request, matr_fail_memory(&err), &err);
	}
	while ((option = getopt_long(argc, argv, "hnqj:", options, NULL)) != -1 && !status) {
		switch (option) {
		case 'A':
			arguments.all_programs = true;
			break;
		case 's':
			arguments.symbols[arguments.n_symbols++] = optarg;
			break;
		case 'r':
			arguments.requester = optarg;
			break;
		case 't':
			arguments.to = optarg;
			break;
		case 'w':
			arguments.reason = optarg;
			break;
		case 'n':
			request.dry_run = true;
			break;
		case 'L':
			arguments.list = true;
			break;
		case 'u':
			arguments.undo = true;
			break;
		case 'q':
			request.quiet = true;
			break;
		case 'f':
			if (!output_format_parse(optarg, &request.format))
				status = usage("no such format", optarg);
			break;
		case 'l':
			request.epoch.ld_stable = optarg;
			break;
		case 'j':
			if (!parse_jobs(optarg, &request.epoch.jobs))
				status = usage("no number of jobs", optarg);
			break;
		case 'p':
			request.prefix = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			free(arguments.symbols);
			return finish(&request, STATUS_OK, &err);
		default:
			status = usage_error("rebind");
		}
	}
	if (!status)
		status = check_usage(&arguments, argv + optind);
	if (!status && arguments.undo)
		status = parse_ids(&request, argv + optind);
	arguments.program = argv[optind];
	if (status || arguments.list) {
		free(arguments.symbols);
		if (!status)
			status = list(request.prefix, request.format);
		return finish(&request, status, &err);
	}
	if (!arguments.undo)
		status = make_edits(&arguments, &request, &err);
	free(arguments.symbols);
	if (status == 0)
		status = find_ld_stable(&request, ld_stable, &err);
	if (status == 0)
		status = arguments.undo ? undo(&request, &err) : apply(&request, &err);
	return finish(&request, status, &err);
}

int command_epoch_apply(const struct context *context, int argc, char **argv)
{
	static const struct option options[] = {
		{"ld-stable", required_argument, NULL, 'l'},
		{"jobs", required_argument, NULL, 'j'},
		{"prefix", required_argument, NULL, 'p'},
		{"quiet", no_argument, NULL, 'q'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct request request = {.prefix = context->prefix};
	struct matr_error err = {0};
	char ld_stable[PATH_MAX];
	int option;

	while ((option = getopt_long(argc, argv, "hqj:", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			request.epoch.ld_stable = optarg;
			break;
		case 'j':
			if (!parse_jobs(optarg, &request.epoch.jobs))
				return usage_error_because("epoch apply", "no number of jobs",
							   optarg);
			break;
		case 'p':
			request.prefix = optarg;
			break;
		case 'q':
			request.quiet = true;
			break;
		case 'h':
			fputs(apply_help, stdout);
			return STATUS_OK;
		default:
			return usage_error("epoch apply");
		}
	}
	if (optind < argc)
		return usage_error_because("epoch apply", "unexpected argument", argv[optind]);
	int status = find_ld_stable(&request, ld_stable, &err);
	if (status == 0 && !matr_epoch_of_image(request.prefix))
		status = matr_fail(&err, MATR_ERROR_STATE, request.prefix,
				   "no epoch is in force; begin one, and it has the edits");
	if (status == 0)
		status = apply(&request, &err);
	if (status == STATUS_DECLINED)
		list(request.prefix, FORMAT_TABLE);
	return finish(&request, status, &err);
}
