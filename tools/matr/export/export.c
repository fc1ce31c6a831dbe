/* export.c - matr export: an epoch as tables for other programs. */
#include "matr/export/export.h"

#include <stdio.h>
#include <string.h>

#include "common/open_store.h"
#include "common/options.h"
#include "common/recorded.h"
#include "common/safe.h"
#include "matr/export/commands.h"
#include "matr/export/file_source.h"
#include "matr/export/postgresql.h"
#include "matr/export/store_source.h"

static const char help[] =
	"usage: matr export [OPTION]... [-o FILE]\n"
	"       matr export [OPTION]... --to postgresql://...\n"
	"\n"
	"Write an epoch as plain tables for other programs: export, objects, applications, scope,\n"
	"bindings, binding_sets, edits, violations, declined, removed, end. docs/fleet.md "
	"describes\n"
	"every column, and the database of many machines that --to fills.\n";

static const char help_after[] =
	"FILE appears whole or not at all. `matr diff FILE FILE` compares two machines, and\n"
	"`matr baseline check --against FILE` compares this one with FILE, both of format jsonl.\n"
	"\n"
	"Exit status: 0 written; 1 failure; 2 usage.\n"
	"\n"
	"  matr export --zstd -o web1.jsonl.zst\n"
	"  matr export --format sqlite -o web1.db\n"
	"  matr export --format csv --tables bindings | head\n"
	"  matr export --to postgresql:///fleet\n";

static const char *const formats[EXPORT_FORMATS] = {"jsonl", "csv", "sql", "sqlite"};

struct request {
	const char *prefix, *epoch, *since, *host, *format, *tables, *from, *to;
	bool replace;
	struct export_write write;
};

static int open_epochs(const struct request *request, struct export_store *export,
		       struct matr_error *err)
{
	struct matr_store_epoch since;

	if (open_store(request->prefix, &export->store, err) != 0 ||
	    matr_store_freeze(export->store, err) != 0 ||
	    recorded_epoch(request->prefix, export->store, request->epoch, &export->epoch, err) !=
		    0)
		return -1;
	if (!request->since)
		return 0;
	if (recorded_epoch(request->prefix, export->store, request->since, &since, err) != 0)
		return -1;
	if (since.id >= export->epoch.id)
		return matr_fail(err, MATR_ERROR_USAGE, request->since,
				 "is no earlier epoch than %lld", (long long)export->epoch.id);
	export->since = since.id;
	return 0;
}

#ifdef MATR_LIBPQ
static int to_database(const struct request *request, const struct export_source *source,
		       struct matr_error *err)
{
	int result = export_to_postgresql(source, request->to, request->replace, err);

	if (result == 0)
		safe_fprintf(stderr, "the database has this epoch already\n");
	return result < 0 ? -1 : 0;
}
#else
static int to_database(const struct request *request, const struct export_source *source,
		       struct matr_error *err)
{
	(void)source;
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, request->to,
			 "this MatR was built without libpq");
}
#endif

static int give(const struct request *request, const struct export_source *source,
		struct matr_error *err)
{
	return request->to ? to_database(request, source, err)
			   : export_write(source, &request->write, err);
}

static int from_store(const struct request *request, struct matr_error *err)
{
	struct export_store export = {.version = MATR_VERSION, .host = request->host};
	char host[256];
	int result = request->host ? 0 : export_host_name(host, err);

	if (!request->host)
		export.host = host;
	if (result == 0)
		result = open_epochs(request, &export, err);
	if (result == 0)
		result = export_store_open(&export, err);
	if (result == 0) {
		const struct export_source source = {export_store_rows, &export, export.host};
		result = give(request, &source, err);
	}
	export_store_close(&export);
	matr_store_close(export.store);
	return result;
}

static int from_file(const struct request *request, struct matr_error *err)
{
	const struct export_source source = {export_file_rows, (void *)(uintptr_t)request->from,
					     request->from};

	return give(request, &source, err);
}

/* Check the command line. Returns the fault; NULL: none. */
static const char *check(struct request *request, const char **argument)
{
	*argument = NULL;
	if (request->format) {
		*argument = request->format;
		int i = 0;
		while (i < EXPORT_FORMATS && strcmp(formats[i], request->format) != 0)
			i++;
		if (i == EXPORT_FORMATS)
			return "no such format";
		request->write.format = (enum export_format)i;
	}
	*argument = request->tables;
	request->write.tables = export_tables_of(request->tables);
	if (!request->write.tables)
		return "no such table";
	*argument = request->host;
	if (request->host && !export_is_host_name(request->host))
		return "no name of a machine";
	*argument = request->from;
	if (request->from && (request->epoch || request->since || request->host))
		return "is of one host and epoch: --epoch, --since and --host do not go with it";
	*argument = request->to;
	if (request->to && strncmp(request->to, "postgresql://", 13) != 0 &&
	    strncmp(request->to, "postgres://", 11) != 0)
		return "no URL of a PostgreSQL database";
	if (request->to && (request->format || request->tables || request->since ||
			    request->write.zstd || strcmp(request->write.file, "-") != 0))
		return "takes whole epochs: -o, --format, --tables, --since and --zstd do not go "
		       "with it";
	*argument = NULL;
	return request->replace && !request->to ? "--replace goes with --to" : NULL;
}

int command_export(const struct context *context, int argc, char **argv)
{
	struct request request = {.prefix = context->prefix, .write = {.file = "-"}};
	struct matr_error err = {0};
	const char *argument;
	int status;
	const struct option_row rows[] = {
		{"output", 'o', .text = &request.write.file, .argument = "FILE",
		 .help = "where to; - is standard output (default). CSV of several tables: a "
			 "directory that is made",
		 .completes = COMPLETES_FILE},
		{"format", .text = &request.format, .argument = "FORMAT",
		 .help = "jsonl (default), csv, sql or sqlite", .words = "jsonl csv sql sqlite",
		 .completes = COMPLETES_WORDS},
		{"tables", .text = &request.tables, .argument = "TABLES",
		 .help = "only these, separated by commas",
		 .words = "objects applications scope bindings binding_sets edits violations "
			  "declined removed",
		 .completes = COMPLETES_WORDS},
		{"zstd", .flag = &request.write.zstd, .help = "compressed"},
		{"epoch", .text = &request.epoch, .argument = "EPOCH",
		 .help = "that epoch: a number, current or previous", .completes = COMPLETES_EPOCH},
		{"since", .text = &request.since, .argument = "EPOCH",
		 .help = "only what has changed since that epoch", .completes = COMPLETES_EPOCH},
		{"host", .text = &request.host, .argument = "NAME",
		 .help = "the machine's name (else that of hostname)"},
		{"from", .text = &request.from, .argument = "FILE",
		 .help = "the export in FILE, of format jsonl, in the place of the store",
		 .completes = COMPLETES_FILE},
		{"to", .text = &request.to, .argument = "URL",
		 .help = "into the PostgreSQL database postgresql://..., in one transaction; "
			 "passwords are read from a file (PGPASSFILE)"},
		{"replace", .flag = &request.replace,
		 .help = "with --to: an epoch of this host that the database has with other "
			 "contents"},
		option_prefix(&request.prefix),
		{0},
	};
	const struct options options = {.command = "export",
					.help = help,
					.after = help_after,
					.no_arguments = true,
					.rows = rows};

	if (options_parse(&options, argc, argv, &status) < 0)
		return status;
	const char *reason = check(&request, &argument);
	if (reason)
		return usage_error_because("export", reason, argument);
	if ((request.from ? from_file : from_store)(&request, &err) != 0) {
		print_error(&err);
		return error_status(&err);
	}
	return STATUS_OK;
}
