/* main.c - matr-sql: what `matr sql` executes. A program of its own, because it needs libdw,
 * capstone and libedit, which nothing that starts programs should have to load.
 */
#include "sql/dot.h"
#include "sql/session.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/epoch.h>
#include <matr/prefix.h>
#include <matr/sql.h>

#include "common/message.h"
#include "common/options.h"
#include "common/program.h"
#include "common/safe.h"
#include "common/screen.h"
#include "common/standard.h"
#include "common/terminal.h"
#include "matr/namespace/root.h"

/* Wider columns are not padded: one long C++ name would make every row long. */
enum { WIDTH_MAX = 100 };

static const char help[] =
	"usage: matr sql [OPTION]... [FILE]... [QUERY]...\n"
	"\n"
	"Ask with SQL: the tables of the mapping (epochs, applications, objects, needed, scopes,\n"
	"bindings, relocations, symbols, declined, violations, withdrawals), and those of ELF "
	"files\n"
	"(elf_headers, elf_symbols, ..., dwarf_dies, ...). Without a query: a shell, or what "
	"comes\n"
	"from standard input. `matr sql .schema` describes every table and column.\n"
	"\n"
	"  FILE            an ELF file, a directory (searched recursively), or a program by name:\n"
	"                  what the elf_ and dwarf_ tables are about. Without any: the objects of "
	"the\n"
	"                  epoch\n"
	"  QUERY           an argument that is no file's name and has a blank or begins with a "
	"dot\n";

static const char help_after[] =
	"Exit status: 0 success; 1 a query failed, and those after it were not run, or a FILE\n"
	"could not be read; 2 usage.\n"
	"\n"
	"  matr sql \"SELECT provider, count(*) FROM bindings WHERE symbol = 'malloc' GROUP BY "
	"1\"\n"
	"  matr sql /usr/lib/git-core \"SELECT path, count(*) FROM elf_symbols GROUP BY 1\"\n"
	"  matr sql --recursive git --format csv -s 'SELECT * FROM elf_headers'\n"
	"  matr sql .dump | sqlite3 mapping.db\n";

struct arguments {
	struct session_options options;
	char **files;
	const char **queries;
	bool files_only; /* no argument is a query */
	size_t n_files, n_queries;
	enum output_format format;
	int headers; /* as in struct render */
	char *cache;
};

/* ---- FILE or QUERY ---- */

/* A file's name wins; then what only a query can look like. */
static bool is_query(const char *argument)
{
	struct stat status;

	if (stat(argument, &status) == 0)
		return false;
	if (*argument == '.') /* .tables, but ./program */
		return argument[1] >= 'a' && argument[1] <= 'z';
	return strpbrk(argument, " \t\n;(") != NULL;
}

/* Takes nothing over; the name is copied. */
static int add_file(struct arguments *arguments, const char *name)
{
	char path[PATH_MAX];
	struct stat status;
	struct matr_error err;

	if (stat(name, &status) == 0)
		snprintf(path, sizeof path, "%s", name);
	else if (strchr(name, '/') || program_find(name, path, &err) != 0) {
		session_complain(NULL, 0, "%s: %s", name,
				 strchr(name, '/') ? strerror(errno)
						   : "no such file or program; a query has a blank "
						     "or comes with --sql");
		return -1;
	}
	arguments->files[arguments->n_files] = strdup(path);
	if (!arguments->files[arguments->n_files]) {
		session_complain(NULL, 0, "out of memory");
		return -1;
	}
	arguments->n_files++;
	return 0;
}

static int sort_arguments(struct arguments *arguments, int n, char **list)
{
	for (int i = 0; i < n; i++) {
		if (!arguments->files_only && is_query(list[i]))
			arguments->queries[arguments->n_queries++] = list[i];
		else if (add_file(arguments, list[i]) != 0)
			return -1;
	}
	return 0;
}

/* ---- options ---- */

static bool parse_epoch(const char *text, int64_t *epoch)
{
	char *end;

	if (strcmp(text, "all") == 0) {
		*epoch = MATR_SQL_EPOCH_ALL;
		return true;
	}
	if (strcmp(text, "current") == 0) {
		*epoch = MATR_SQL_EPOCH_CURRENT;
		return true;
	}
	if (strcmp(text, "previous") == 0) {
		*epoch = MATR_SQL_EPOCH_PREVIOUS;
		return true;
	}
	errno = 0;
	*epoch = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == 0 && *epoch > 0;
}

/* The default path of the cache; its directory is made. NULL: there is no place, or no memory. */
static char *default_cache(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *path;
	int length;

	if (cache && *cache == '/')
		length = asprintf(&path, "%s/matr/elf.db", cache);
	else if (home && *home == '/')
		length = asprintf(&path, "%s/.cache/matr/elf.db", home);
	else
		return NULL;
	if (length < 0)
		return NULL;
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		(void)mkdir(path, 0700); /* opening the file reports the error */
		*slash = '/';
	}
	return path;
}

static int take_query(void *context, const char *text)
{
	struct arguments *arguments = context;

	arguments->queries[arguments->n_queries++] = text;
	arguments->files_only = true;
	return -1;
}

static int take_format(void *context, const char *name)
{
	struct arguments *arguments = context;

	return format_parse(name, &arguments->format)
		       ? -1
		       : usage_error_because("sql", "no such format", name);
}

static int take_headers(void *context, const char *when)
{
	struct arguments *arguments = context;

	if (strcmp(when, "on") != 0 && strcmp(when, "off") != 0)
		return usage_error_because("sql", "on or off, please", when);
	arguments->headers = strcmp(when, "on") == 0 ? HEADERS_ON : HEADERS_OFF;
	return -1;
}

static int take_epoch(void *context, const char *name)
{
	struct arguments *arguments = context;

	return parse_epoch(name, &arguments->options.epoch)
		       ? -1
		       : usage_error_because(
				 "sql", "an epoch's id, current, previous or all, please", name);
}

static int take_cache(void *context, const char *file)
{
	struct arguments *arguments = context;

	free(arguments->cache);
	arguments->cache = file ? strdup(file) : default_cache();
	return arguments->cache
		       ? -1
		       : usage_error_because("sql", "where? Neither HOME nor XDG_CACHE_HOME says",
					     "--cache");
}

/* -1: go on; else the exit status. */
static int parse(struct arguments *arguments, int argc, char **argv)
{
	const char *root = NULL;
	struct matr_error err = {0};
	bool all_epochs = false;
	int status;
	const struct option_row rows[] = {
		{"sql", 's', .take = take_query, .context = arguments, .argument = "SQL",
		 .help = "a query, or a command such as .tables; then all arguments are files"},
		{"format", .take = take_format, .context = arguments, .argument = "FORMAT",
		 .help = "table (default), list, csv, json, jsonl, markdown or line",
		 .words = "table list csv json jsonl markdown line"},
		{"headers", .take = take_headers, .context = arguments, .argument = "WHEN",
		 .help = "on or off; else on, but in lists", .words = "on off"},
		{"recursive", .flag = &arguments->options.recursive,
		 .help = "the files' libraries too, found as ld.so would find them"},
		{"epoch", .take = take_epoch, .context = arguments, .argument = "EPOCH",
		 .help = "an older epoch than the current one: a number or `previous`; `all`: all "
			 "of them",
		 .completes = COMPLETES_EPOCH},
		{"all-epochs", .flag = &all_epochs, .help = "the same as --epoch all"},
		{"cache", .take = take_cache, .context = arguments, .argument_is_optional = true,
		 .argument = "FILE",
		 .help = "keep what was read from ELF files, and find it again as long as a file "
			 "is the same; FILE: else elf.db in $XDG_CACHE_HOME/matr",
		 .completes = COMPLETES_FILE},
		{"write", .flag = &arguments->options.write,
		 .help = "allow changes: the store is the database `store`"},
		{"root", .text = &root, .argument = "DIR",
		 .help = "of the system in that tree: FILE is sought there, too",
		 .completes = COMPLETES_DIRECTORY},
		{"prefix", .text = &arguments->options.prefix, .argument = "DIR",
		 .help = "whose store", .completes = COMPLETES_DIRECTORY},
		{0},
	};
	const struct options options = {.command = "sql",
					.help = help,
					.after = help_after,
					.arguments = {COMPLETES_FILE},
					.rows = rows};

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	if (root_of(root, &err) != 0) {
		print_error(&err);
		return STATUS_FAILURE;
	}
	if (all_epochs)
		arguments->options.epoch = MATR_SQL_EPOCH_ALL;
	/* Behind `--` there are files only, as with --sql. */
	if (at > 1 && strcmp(argv[at - 1], "--") == 0)
		arguments->files_only = true;
	return sort_arguments(arguments, argc - at, argv + at) == 0 ? -1 : STATUS_FAILURE;
}

static int work(struct session *session, const struct arguments *arguments)
{
	if (arguments->n_queries == 0 && session->interactive) {
		printf("MatR " MATR_VERSION
		       ". .help lists the commands, .schema describes the tables, "
		       "Ctrl-D leaves.\n");
		session_shell(session);
		return 0;
	}
	if (arguments->n_queries == 0)
		return session_read(session, stdin, NULL);
	for (size_t i = 0; i < arguments->n_queries && !session->quit; i++)
		if (session_text(session, arguments->queries[i]) != 0)
			return -1;
	return 0;
}

/* Not for the shell: libedit needs the terminal itself. */
static void open_screen(const struct arguments *arguments, bool interactive)
{
	if (arguments->n_queries == 0 && interactive)
		return;
	screen_open();
	if (!arguments->options.write)
		screen_use_pager();
}

static int run(const struct arguments *arguments)
{
	struct session session = {0};
	struct matr_error err = {0};
	int result = session_open(&session, &arguments->options, &err);

	if (result != 0) {
		session_complain(NULL, 0, "%s%s%s", err.file, err.file[0] ? ": " : "", err.message);
	} else {
		session.render.format = arguments->format;
		session.render.headers = arguments->headers;
		session.render.width_max = WIDTH_MAX;
		strcpy(session.render.separator, "|");
		session.interactive = isatty(STDIN_FILENO) && terminal_is_output();
		open_screen(arguments, session.interactive);
		session.command = dot_command;
		session_output(&session, NULL);
		result = work(&session, arguments);
		fflush(stdout); /* before what closing the store may have to say */
	}
	session_close(&session);
	if (session.unread && !session.interactive)
		result = -1;
	return result == 0 ? STATUS_OK : STATUS_FAILURE;
}

int main(int argc, char **argv)
{
	const char *prefix = getenv("MATR_PREFIX");
	size_t room = (size_t)argc + 1;
	struct arguments arguments = {
		.options.prefix = prefix && *prefix ? prefix : MATR_DEFAULT_PREFIX,
		.files = calloc(room, sizeof(char *)),
		.queries = calloc(room, sizeof(const char *)),
	};

	standard_open("matr");
	safe_use_utf8();
	if (!arguments.files || !arguments.queries) {
		session_complain(NULL, 0, "out of memory");
		return STATUS_FAILURE;
	}
	int status = parse(&arguments, argc, argv);
	if (status < 0) {
		arguments.options.files = (const char *const *)arguments.files;
		arguments.options.n_files = arguments.n_files;
		arguments.options.cache = arguments.cache;
		status = run(&arguments);
	}
	for (size_t i = 0; i < arguments.n_files; i++)
		free(arguments.files[i]);
	free(arguments.files);
	free(arguments.queries);
	free(arguments.cache);
	return standard_end(status);
}
