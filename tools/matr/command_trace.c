/* command_trace.c - matr trace: a run in which chosen bindings are counted and timed.
 *
 * What an editable mapping is good for: in an epoch of its own, in a temporary prefix, each traced binding is edited to go to
 * a thunk of a private copy of matr-trace.so, and the thunk's target to what the binding went to (tools/trace/runtime.c).
 * No ptrace, no breakpoints; nothing of the epoch that is in force changes. The thunks write to a file that this process
 * reads when the program has ended, however it did.
 */
#include "command.h"
#include "namespace.h"
#include "output.h"
#include "program.h"
#include "trace_format.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <matr/edit.h>
#include <matr/names.h>
#include <matr/resolve.h>

static const char help[] =
	"usage: matr trace [OPTION]... --symbol GLOB... [--] PROGRAM [ARG]...\n"
	"       matr trace PROGRAM [OPTION]... --symbol GLOB... [-- ARG...]\n"
	"\n"
	"Run a program and count and time the calls of functions that its objects bind. Each "
	"binding\n"
	"that matches is edited, for this run only, to go by way of a thunk: no ptrace, no\n"
	"breakpoints. When the program has ended, a table goes to standard error.\n"
	"\n"
	"  --symbol GLOB     which functions, also NAME@VERSION; may be given several times\n"
	"  --requester GLOB  only calls from these objects (path, file name or soname)\n"
	"  --provider GLOB   only calls to these objects\n"
	"  --count           count only: less overhead\n"
	"  --sort COLUMN     calls, total or self (default)\n"
	"  -o, --output FILE where the table goes\n"
	"  --format FORMAT   table (default), json or csv\n"
	"  --ld-stable FILE  the loader to use (else the one beside matr)\n"
	"  -h, --help        this text\n"
	"\n"
	"Columns: calls; total_ns, in the function and what it called; self_ns, without other "
	"traced\n"
	"functions; unfinished, calls that were not seen to return (exit, exceptions, longjmp) or "
	"for\n"
	"which time is not taken; caller; symbol; callee. Child processes of fork() count along.\n"
	"\n"
	"Exit status: the program's; 125 matr itself failed, and it was not run; 126, 127 as "
	"env(1).\n"
	"\n"
	"  matr trace --symbol 'inflate*' --symbol malloc git log\n"
	"  matr trace --symbol 'pthread_mutex_*' --format json -o locks.json -- ./server --once\n";

/* What must not see another return address: it returns twice, or looks at who called it. */
static const char *const count_only[] = {"setjmp",
					 "_setjmp",
					 "sigsetjmp",
					 "__sigsetjmp",
					 "longjmp",
					 "_longjmp",
					 "siglongjmp",
					 "__longjmp_chk",
					 "vfork",
					 "getcontext",
					 "setcontext",
					 "swapcontext",
					 "dlopen",
					 "dlsym",
					 "dlvsym",
					 "dlmopen",
					 "mcount",
					 "_mcount",
					 "__fentry__",
					 "clone",
					 "__libc_start_main",
					 "_mcleanup",
					 "__cyg_profile_func_enter",
					 "__cyg_profile_func_exit",
					 NULL};

/* An unwinder reads return addresses: they are put right first. */
static const char *const unwinders[] = {"_Unwind_RaiseException",
					"_Unwind_Resume",
					"_Unwind_Resume_or_Rethrow",
					"_Unwind_ForcedUnwind",
					"_Unwind_Backtrace",
					"__cxa_throw",
					"__cxa_rethrow",
					"backtrace",
					"pthread_exit",
					"thrd_exit",
					NULL};

enum sort { SORT_SELF, SORT_TOTAL, SORT_CALLS };

struct traced { /* one binding */
	char *caller, *symbol, *version, *callee;
	char *definition; /* SYMBOL[@VERSION] in the callee */
	char *library;	  /* the callee as the scope has it */
	uint8_t kind;
	bool shown;
	int64_t edits[2];
	uint64_t calls, returns, total, self; /* nanoseconds */
};

struct run {
	const char **symbols, *requester, *provider, *output;
	size_t n_symbols;
	bool count;
	enum sort sort;
	enum output_format format;
	const char *ld_stable;
	char path[PATH_MAX], interpreter[PATH_MAX];
	char prefix[PATH_MAX], module[PATH_MAX], file[PATH_MAX];
	struct traced *list;
	size_t n;
	size_t left_out;
	struct trace_results *results;
};

static bool is_among(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static bool object_matches(const char *glob, const struct matr_object *object)
{
	const char *slash = strrchr(object->path, '/');

	return !glob || fnmatch(glob, object->path, 0) == 0 ||
	       fnmatch(glob, slash ? slash + 1 : object->path, 0) == 0 ||
	       (object->soname && fnmatch(glob, object->soname, 0) == 0);
}

static bool symbol_matches(const struct run *run, const char *name, const char *version)
{
	char full[1024];

	snprintf(full, sizeof full, "%s@%s", name, version ? version : "");
	for (size_t i = 0; i < run->n_symbols; i++)
		if (fnmatch(run->symbols[i], strchr(run->symbols[i], '@') ? full : name, 0) == 0)
			return true;
	return false;
}

/* ---- which bindings ---- */

static int add_binding(struct run *run, const struct matr_mapping *mapping, uint32_t caller,
		       const struct matr_symbol *reference, const struct matr_binding *binding,
		       bool shown, struct matr_error *err)
{
	const struct matr_object *object = mapping->scope[caller].object;
	const struct matr_object *provider = mapping->scope[binding->provider].object;
	const struct matr_symbol *symbol = &provider->symbols[binding->symbol];
	const struct matr_version *asked = matr_object_symbol_version(object, reference);
	const struct matr_version *own = matr_object_symbol_version(provider, symbol);

	if (run->n == TRACE_SLOTS) {
		run->left_out += shown;
		return 0;
	}
	struct traced *traced = &run->list[run->n];
	*traced = (struct traced){
		.caller = strdup(object->path),
		.symbol = strdup(reference->name),
		.version = asked ? strdup(asked->name) : NULL,
		.callee = strdup(provider->path),
		.library = strdup(mapping->scope[binding->provider].path),
		.kind = is_among(unwinders, reference->name)		      ? TRACE_RESTORE
			: run->count || is_among(count_only, reference->name) ? TRACE_COUNT
									      : TRACE_TIME,
		.shown = shown,
	};
	if (asprintf(&traced->definition, "%s%s%s", symbol->name, own ? "@" : "",
		     own ? own->name : "") < 0)
		traced->definition = NULL;
	run->n++;
	if (!traced->caller || !traced->symbol || (asked && !traced->version) || !traced->callee ||
	    !traced->library || !traced->definition)
		return matr_fail_memory(err);
	return 0;
}

/* Can a thunk of ours jump there? */
static bool can_be_traced(const struct matr_mapping *mapping, const struct matr_binding *binding)
{
	const struct matr_object *provider = mapping->scope[binding->provider].object;
	const struct matr_symbol *symbol = &provider->symbols[binding->symbol];
	bool libc = provider->soname && (strcmp(provider->soname, "libc.so.6") == 0 ||
					 strcmp(provider->soname, "libm.so.6") == 0);

	return binding->provider != 0 && binding->provider != mapping->interpreter &&
	       (symbol->type != STT_GNU_IFUNC || libc);
}

static int collect_object(struct run *run, const struct matr_mapping *mapping, uint32_t index,
			  struct matr_error *err)
{
	const struct matr_object *object = mapping->scope[index].object;
	bool *seen = calloc(object->n_symbols + 1, sizeof *seen);
	int result = seen ? 0 : matr_fail_memory(err);

	for (size_t n = 0; n < object->n_relocations && result == 0; n++) {
		const struct matr_relocation *relocation = &object->relocations[n];
		const struct matr_binding *binding = &mapping->objects[index].bindings[n];
		const struct matr_symbol *reference = &object->symbols[relocation->symbol];
		if (!relocation->symbol || seen[relocation->symbol] ||
		    !matr_symbol_is_looked_up(reference) || binding->provider >= mapping->n_scope)
			continue;
		seen[relocation->symbol] = true;
		const struct matr_object *provider = mapping->scope[binding->provider].object;
		const struct matr_symbol *symbol = &provider->symbols[binding->symbol];
		const struct matr_version *version = matr_object_symbol_version(object, reference);
		if (symbol->type != STT_FUNC && symbol->type != STT_GNU_IFUNC)
			continue;
		bool shown = symbol_matches(run, reference->name, version ? version->name : NULL) &&
			     object_matches(run->requester, object) &&
			     object_matches(run->provider, provider);
		if (!shown && !is_among(unwinders, reference->name))
			continue;
		if (!can_be_traced(mapping, binding))
			run->left_out += shown;
		else
			result = add_binding(run, mapping, index, reference, binding, shown, err);
	}
	free(seen);
	return result;
}

static int collect(struct run *run, struct matr_error *err)
{
	struct matr_session *session;
	struct matr_mapping *mapping = NULL;
	size_t shown = 0;

	run->list = calloc(TRACE_SLOTS, sizeof *run->list);
	if (!run->list)
		return matr_fail_memory(err);
	if (matr_session_open(NULL, &session, err) != 0)
		return -1;
	int result = matr_resolve(session, run->path, &mapping, err);
	/* What is asked for first, for there is only so much room. */
	for (uint32_t i = 0; result == 0 && i < mapping->n_scope; i++)
		if (i != mapping->interpreter && mapping->objects[i].bindings)
			result = collect_object(run, mapping, i, err);
	for (size_t i = 0; i < run->n; i++)
		shown += run->list[i].shown;
	if (result == 0 && !shown && run->left_out)
		result = matr_fail(err, MATR_ERROR_UNSUPPORTED, run->path,
				   "the %zu bindings that match lead to the program itself, the "
				   "dynamic linker, or a resolver (IFUNC), and cannot be traced",
				   run->left_out);
	else if (result == 0 && !shown) {
		struct matr_symbol_name name = {0};
		if (run->n_symbols == 1 && !strpbrk(run->symbols[0], "*?[") &&
		    matr_symbol_name_parse(run->symbols[0], &name, NULL) == 0)
			matr_mapping_no_symbol(mapping, &name, err);
		else
			matr_fail(err, MATR_ERROR_NOT_FOUND, run->path,
				  "none of its objects binds a function that matches");
		matr_symbol_name_free(&name);
		result = -1;
	}
	matr_mapping_free(mapping);
	matr_session_close(session);
	return result;
}

/* ---- the prefix ---- */

static void remove_prefix(const struct run *run)
{
	DIR *directory = run->prefix[0] ? opendir(run->prefix) : NULL;

	if (!directory)
		return;
	for (struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
	rmdir(run->prefix);
}

static int write_all(const char *path, const void *data, size_t size, struct matr_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	const char *at = data;

	if (fd < 0)
		return matr_fail_errno(err, path, "cannot be written");
	while (size) {
		ssize_t n = write(fd, at, size);
		if (n < 0) {
			matr_fail_errno(err, path, "cannot be written");
			close(fd);
			return -1;
		}
		at += n;
		size -= (size_t)n;
	}
	return close(fd) == 0 ? 0 : matr_fail_errno(err, path, "cannot be written");
}

/* Our copy of matr-trace.so knows where the results go, and which thunks are of which kind. */
static int write_module(struct run *run, struct matr_error *err)
{
	char source[PATH_MAX];
	struct stat status;
	const uint64_t magic[2] = {TRACE_MAGIC, TRACE_MAGIC};

	if (program_trace_module(source, err) != 0)
		return -1;
	int fd = open(source, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) != 0) {
		matr_fail_errno(err, source, "cannot be read");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	size_t size = (size_t)status.st_size;
	char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	if (bytes == MAP_FAILED)
		return matr_fail_errno(err, source, "cannot be mapped");
	char *at = memmem(bytes, size, magic, sizeof magic);
	int result = -1;
	if (!at || (size_t)(bytes + size - at) < sizeof(struct trace_config)) {
		matr_fail(err, MATR_ERROR_MALFORMED, source, "is not matr-trace.so");
	} else {
		struct trace_config *config = (struct trace_config *)at;
		memcpy(config->path, run->file,
		       strlen(run->file) + 1); /* make_prefix() saw to the size */
		for (size_t i = 0; i < run->n; i++)
			config->kinds[i] = run->list[i].kind;
		unlink(run->module);
		result = write_all(run->module, bytes, size, err);
	}
	munmap(bytes, size);
	return result;
}

static int make_prefix(struct run *run, struct matr_error *err)
{
	const char *directory = getenv("TMPDIR");
	char made[PATH_MAX];

	snprintf(made, sizeof made, "%s/matr-trace.XXXXXX",
		 directory && directory[0] == '/' ? directory : "/tmp");
	if (!mkdtemp(made))
		return matr_fail_errno(err, made, "cannot be made");
	if (!realpath(made, run->prefix))
		return matr_fail_errno(err, made, "cannot be found");
	if (snprintf(run->module, sizeof run->module, "%s/matr-trace.so", run->prefix) >=
		    TRACE_PATH ||
	    snprintf(run->file, sizeof run->file, "%s/results", run->prefix) >= TRACE_PATH)
		return matr_fail(err, MATR_ERROR_USAGE, run->prefix, "path is too long");
	struct trace_results *empty = calloc(1, sizeof *empty);
	if (!empty)
		return matr_fail_memory(err);
	empty->magic = TRACE_MAGIC;
	int result = write_all(run->file, empty, sizeof *empty, err);
	free(empty);
	if (result != 0)
		return -1;
	int fd = open(run->file, O_RDWR | O_CLOEXEC);
	void *results = fd < 0 ? MAP_FAILED
			       : mmap(NULL, sizeof *run->results, PROT_READ, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (results == MAP_FAILED)
		return matr_fail_errno(err, run->file, "cannot be mapped");
	run->results = results;
	return 0;
}

/* ---- the epoch of this run ---- */

static int add_edits(struct run *run, struct matr_epoch *epoch, struct matr_error *err)
{
	char thunk[64], target[64];

	for (size_t i = 0; i < run->n; i++) {
		struct traced *traced = &run->list[i];
		snprintf(thunk, sizeof thunk, "matr_trace_thunk_%zu", i);
		snprintf(target, sizeof target, "matr_trace_target_%zu", i);
		const struct matr_edit to_thunk = {
			.program = run->path,
			.symbol = traced->symbol,
			.version = traced->version,
			.requester = traced->caller,
			.library = run->module,
			.to_symbol = thunk,
		};
		const struct matr_edit from_thunk = {
			.program = run->path,
			.symbol = target,
			.requester = run->module,
			.library = traced->library,
			.to_symbol = traced->definition,
		};
		if (matr_epoch_add_edit(epoch, &to_thunk, &traced->edits[0], err) != 0 ||
		    matr_epoch_add_edit(epoch, &from_thunk, &traced->edits[1], err) != 0)
			return -1;
	}
	return 0;
}

static bool holds(const struct matr_epoch *epoch, int64_t id)
{
	size_t n;
	const struct matr_edit *edits = matr_epoch_edits(epoch, &n);

	for (size_t i = 0; i < n; i++)
		if (edits[i].id == id)
			return strcmp(edits[i].state, "applied") == 0;
	return false;
}

static void free_traced(struct traced *traced)
{
	free(traced->caller);
	free(traced->symbol);
	free(traced->version);
	free(traced->callee);
	free(traced->definition);
	free(traced->library);
}

/* Leave out what could not be edited. Returns how many. */
static size_t drop_refused(struct run *run, const struct matr_epoch *epoch)
{
	size_t kept = 0, n = run->n;

	for (size_t i = 0; i < n; i++) {
		if (holds(epoch, run->list[i].edits[0]) && holds(epoch, run->list[i].edits[1])) {
			run->list[kept++] = run->list[i];
			continue;
		}
		run->left_out += run->list[i].shown;
		free_traced(&run->list[i]);
	}
	run->n = kept;
	return n - kept;
}

/* 1: begun; 0: some edits were refused, and it is to be tried without them; -1. */
static int try_begin(struct run *run, struct matr_error *err)
{
	const struct matr_epoch_options options = {
		.prefix = run->prefix, .ld_stable = run->ld_stable, .jobs = 1};
	struct matr_epoch *epoch;
	int more = -1;

	if (write_module(run, err) != 0 || matr_epoch_open(&options, &epoch, err) != 0)
		return -1;
	if (add_edits(run, epoch, err) == 0 && matr_epoch_add(epoch, run->path, err) == 0)
		while ((more = matr_epoch_step(epoch, NULL, err)) > 0)
			;
	int result = more;
	size_t n;
	const struct matr_epoch_result *results = matr_epoch_results(epoch, &n);
	if (result == 0 && !results[0].application)
		result = matr_fail(err, MATR_ERROR_UNSUPPORTED, run->path, "%s", results[0].reason);
	else if (result == 0 && drop_refused(run, epoch) == 0)
		result = matr_epoch_commit(epoch, err) == 0 ? 1 : -1;
	matr_epoch_close(epoch);
	return result;
}

static int begin(struct run *run, struct matr_error *err)
{
	int begun = 0;

	while (begun == 0 && run->n)
		begun = try_begin(run, err);
	if (begun == 0)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, run->path,
				 "none of the bindings that match can be traced");
	return begun > 0 ? 0 : -1;
}

/* ---- the run ---- */

static pid_t child;

static void pass_on(int number)
{
	if (child > 0)
		kill(child, number);
}

static _Noreturn void run_child(const struct run *run, char **argv)
{
	struct matr_error err = {0};

	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	if (namespace_enter(run->prefix, run->interpreter, &err) != PLACED) {
		print_error(&err);
		_exit(STATUS_RUN);
	}
	execv(run->path, argv);
	int status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE;
	matr_fail_errno(&err, run->path, "cannot be executed");
	print_error(&err);
	_exit(status);
}

static uint64_t ticks(void)
{
	return __builtin_ia32_rdtsc();
}

static double seconds(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* The exit status; *rate: ticks per nanosecond. */
static int execute(const struct run *run, char **argv, double *rate, struct matr_error *err)
{
	int status = 0;
	double start = seconds();
	uint64_t first = ticks();

	signal(SIGINT, SIG_IGN); /* the terminal's are for the program */
	signal(SIGQUIT, SIG_IGN);
	signal(SIGTERM, pass_on);
	signal(SIGHUP, pass_on);
	fflush(NULL);
	child = fork();
	if (child < 0)
		return matr_fail_errno(err, run->path, "cannot fork");
	if (child == 0)
		run_child(run, argv);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	child = 0;
	*rate = (double)(ticks() - first) / ((seconds() - start) * 1e9);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- the table ---- */

static enum sort sort_by;

static int compare(const void *left, const void *right)
{
	const struct traced *a = left, *b = right;
	uint64_t x = sort_by == SORT_CALLS ? a->calls : sort_by == SORT_TOTAL ? a->total : a->self;
	uint64_t y = sort_by == SORT_CALLS ? b->calls : sort_by == SORT_TOTAL ? b->total : b->self;

	if (x != y)
		return x < y ? 1 : -1;
	if (a->calls != b->calls)
		return a->calls < b->calls ? 1 : -1;
	int order = strcmp(a->symbol, b->symbol);
	return order ? order : strcmp(a->caller, b->caller);
}

static int show(struct run *run, double rate, struct matr_error *err)
{
	static const struct output_column columns[] = {
		{"calls", CELL_NUMBER},	     {"total_ns", CELL_NUMBER}, {"self_ns", CELL_NUMBER},
		{"unfinished", CELL_NUMBER}, {"caller", CELL_TEXT},	{"symbol", CELL_TEXT},
		{"version", CELL_TEXT},	     {"callee", CELL_TEXT},
	};
	struct output output;

	for (size_t i = 0; i < run->n; i++) {
		const struct trace_slot *slot = &run->results->slots[i];
		run->list[i].calls = slot->calls;
		run->list[i].returns = slot->returns;
		run->list[i].total = (uint64_t)((double)slot->total / rate);
		run->list[i].self = (uint64_t)((double)slot->self / rate);
	}
	sort_by = run->sort;
	qsort(run->list, run->n, sizeof *run->list, compare);
	output_open(&output, run->format, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < run->n; i++) {
		const struct traced *traced = &run->list[i];
		if (!traced->shown || !traced->calls)
			continue;
		output_number(&output, (int64_t)traced->calls);
		output_number(&output, (int64_t)traced->total);
		output_number(&output, (int64_t)traced->self);
		output_number(&output, (int64_t)(traced->calls - traced->returns));
		output_text(&output, traced->caller);
		output_text(&output, traced->symbol);
		output_text(&output, traced->version);
		output_text(&output, traced->callee);
	}
	return output_close(&output, err);
}

/* The table is output for this process's standard output, which was the program's until now. */
static int report(struct run *run, double rate, struct matr_error *err)
{
	fflush(stdout);
	int fd = run->output ? open(run->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)
			     : STDERR_FILENO;
	if (fd < 0)
		return matr_fail_errno(err, run->output, "cannot be written");
	if (dup2(fd, STDOUT_FILENO) < 0)
		return matr_fail_errno(err, run->output, "cannot be written");
	if (show(run, rate, err) != 0)
		return -1;
	if (!run->results->processes)
		print_warning("%s started plainly: nothing was traced (LD_STABLE_DEBUG=1 says why)",
			      run->path);
	if (run->left_out)
		print_warning("%zu bindings that match cannot be traced, and are not in the table",
			      run->left_out);
	if (run->results->untimed)
		print_warning("%" PRIu64 " calls were counted, but not timed: too deep",
			      run->results->untimed);
	return 0;
}

static int prepare(struct run *run, const char *program, char ld_stable[PATH_MAX],
		   struct matr_error *err)
{
	if (program_canonical(program, run->path, err) != 0)
		return -1;
	if (matr_starts_plainly(run->path))
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, run->path,
				 "is set-user-ID, set-group-ID or has capabilities");
	if (program_kind(run->path, run->interpreter, err) != PROGRAM_DYNAMIC)
		return err->code != MATR_OK ? -1
					    : matr_fail(err, MATR_ERROR_UNSUPPORTED, run->path,
							"is not a dynamically linked program");
	if (!run->ld_stable) {
		if (program_ld_stable(ld_stable, err) != 0)
			return -1;
		run->ld_stable = ld_stable;
	}
	if (collect(run, err) != 0 || make_prefix(run, err) != 0)
		return -1;
	return begin(run, err);
}

static int usage(const char *reason, const char *argument)
{
	usage_error_because("trace", reason, argument);
	return STATUS_RUN;
}

int command_trace(const struct context *context, int argc, char **argv)
{
	static const struct option options[] = {
		{"symbol", required_argument, NULL, 's'},
		{"requester", required_argument, NULL, 'r'},
		{"provider", required_argument, NULL, 'p'},
		{"count", no_argument, NULL, 'c'},
		{"sort", required_argument, NULL, 'S'},
		{"output", required_argument, NULL, 'o'},
		{"format", required_argument, NULL, 'f'},
		{"ld-stable", required_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct run run = {.symbols = calloc((size_t)argc + 1, sizeof(const char *))};
	char ld_stable[PATH_MAX], *program = NULL;
	struct matr_error err = {0};
	double rate = 1;
	int option, status = 0;

	(void)context;
	if (!run.symbols) {
		matr_fail_memory(&err);
		print_error(&err);
		return STATUS_RUN;
	}
	if (argc > 1 && argv[1][0] != '-') {
		program = argv[1];
		argv[1] = argv[0];
		argv++;
		argc--;
	}
	while (!status && (option = getopt_long(argc, argv, "+ho:", options, NULL)) != -1) {
		switch (option) {
		case 's':
			run.symbols[run.n_symbols++] = optarg;
			break;
		case 'r':
			run.requester = optarg;
			break;
		case 'p':
			run.provider = optarg;
			break;
		case 'c':
			run.count = true;
			break;
		case 'S':
			run.sort = strcmp(optarg, "calls") == 0	  ? SORT_CALLS
				   : strcmp(optarg, "total") == 0 ? SORT_TOTAL
								  : SORT_SELF;
			if (run.sort == SORT_SELF && strcmp(optarg, "self") != 0)
				status = usage("no such column", optarg);
			break;
		case 'o':
			run.output = optarg;
			break;
		case 'f':
			if (!output_format_parse(optarg, &run.format))
				status = usage("no such format", optarg);
			break;
		case 'l':
			run.ld_stable = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			free(run.symbols);
			return STATUS_OK;
		default:
			usage_error("trace");
			status = STATUS_RUN;
		}
	}
	argc -= optind;
	argv += optind;
	if (!status && !program && argc == 0)
		status = usage("which program?", NULL);
	if (!status && !run.n_symbols)
		status = usage("which --symbol?", NULL);
	if (!status) {
		if (program)
			*--argv = program; /* in the place of the option before */
		if (prepare(&run, argv[0], ld_stable, &err) != 0) {
			status = -1;
		} else {
			status = execute(&run, argv, &rate, &err);
			if (status >= 0 && report(&run, rate, &err) != 0)
				status = -1;
		}
	}
	if (status < 0)
		print_error(&err);
	if (run.results)
		munmap(run.results, sizeof *run.results);
	remove_prefix(&run);
	for (size_t i = 0; run.list && i < run.n; i++)
		free_traced(&run.list[i]);
	free(run.list);
	free(run.symbols);
	return status < 0 ? STATUS_RUN : status;
}
