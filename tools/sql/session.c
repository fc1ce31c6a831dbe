/* session.c - the connection: its databases and its permissions.
 *
 * The main database is an empty one in memory. The store is attached as `store`, for a look at its
 * own tables; most queries use the virtual tables, which read it by themselves. Nothing can be
 * written, not even to memory, without --write: query_only is on, and the authorizer rejects
 * turning it off, attaching a database that could be created, or using a pragma that acts.
 */
#include "sql/session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/epoch.h>
#include <matr/prefix.h>
#include <matr/sql.h>
#include <matr/store.h>

#include "common/message.h"
#include "common/open_store.h"

enum { BUSY_MILLISECONDS = 5000 };

void session_complain(const char *source, int line, const char *format, ...)
{
	struct text text = {0};
	va_list args;

	if (source)
		text_printf(&text, "%s:%d: ", source, line);
	va_start(args, format);
	text_vprintf(&text, format, args);
	va_end(args);
	fflush(stdout);
	print_warning("%s", text_string(&text));
	text_free(&text);
}

/* ---- read only ---- */

static bool is_read_only_uri(const char *name)
{
	return name && strncmp(name, "file:", 5) == 0 &&
	       (strstr(name, "?mode=ro") || strstr(name, "&mode=ro") ||
		strstr(name, "?mode=memory") || strstr(name, "immutable=1")) &&
	       !strstr(name, "mode=rw");
}

/* Pragmas that only read. */
static bool is_harmless_pragma(const char *name)
{
	static const char *const harmless[] = {
		"application_id",   "case_sensitive_like", "collation_list",  "compile_options",
		"data_version",	    "database_list",	   "encoding",	      "foreign_key_check",
		"foreign_key_list", "freelist_count",	   "function_list",   "index_info",
		"index_list",	    "index_xinfo",	   "integrity_check", "module_list",
		"page_count",	    "page_size",	   "pragma_list",     "quick_check",
		"table_info",	    "table_list",	   "table_xinfo",     "user_version",
		"schema_version",
	};

	for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
		if (sqlite3_stricmp(name, harmless[i]) == 0)
			return true;
	return false;
}

static bool is_settable(const char *pragma)
{
	return sqlite3_stricmp(pragma, "application_id") != 0 &&
	       sqlite3_stricmp(pragma, "encoding") != 0 &&
	       sqlite3_stricmp(pragma, "page_size") != 0 &&
	       sqlite3_stricmp(pragma, "schema_version") != 0 &&
	       sqlite3_stricmp(pragma, "user_version") != 0;
}

static int authorize(void *context, int action, const char *first, const char *second,
		     const char *database, const char *trigger)
{
	(void)context;
	(void)database;
	(void)trigger;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
	case SQLITE_TRANSACTION:
	case SQLITE_SAVEPOINT:
	case SQLITE_DETACH:
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		return sqlite3_stricmp(second, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
	case SQLITE_PRAGMA:
		return is_harmless_pragma(first) && (!second || is_settable(first)) ? SQLITE_OK
										    : SQLITE_DENY;
	case SQLITE_UPDATE:
		/* SQLite asks for this where a virtual table declares its columns, and writes
		 * nothing. Statements that name the schema's table fail anyway. */
		return sqlite3_stricmp(first, "sqlite_master") == 0 ? SQLITE_OK : SQLITE_DENY;
	case SQLITE_ATTACH:
		return is_read_only_uri(first) ? SQLITE_OK : SQLITE_DENY;
	default:
		return SQLITE_DENY;
	}
}

/* ---- opening ---- */

static int fail(struct session *session, const char *file, struct matr_error *err)
{
	return matr_fail(err, MATR_ERROR_STORE, file, "%s", sqlite3_errmsg(session->db));
}

static void warn(void *context, const struct matr_error *warning)
{
	struct session *session = context;

	/* NOT_FOUND is what the file refers to, such as its debug information. */
	for (size_t i = 0; i < session->n_files; i++)
		session->unread |= warning->code != MATR_ERROR_NOT_FOUND &&
				   strcmp(warning->file, session->files[i]) == 0;
	if (warning->file[0])
		session_complain(NULL, 0, "%s: %s", warning->file, warning->message);
	else
		session_complain(NULL, 0, "%s", warning->message);
}

static int attach(struct session *session, const char *path, const char *options)
{
	char *uri = matr_store_uri(path, options);
	sqlite3_stmt *statement;

	if (!uri)
		return SQLITE_NOMEM;
	int result = sqlite3_prepare_v2(session->db, "ATTACH ?1 AS store", -1, &statement, NULL);
	if (result == SQLITE_OK) {
		sqlite3_bind_text(statement, 1, uri, -1, SQLITE_STATIC);
		sqlite3_step(statement);
		result = sqlite3_finalize(statement);
	}
	free(uri);
	/* Read the store: an unreadable one fails only now. */
	if (result == SQLITE_OK) {
		result = sqlite3_exec(session->db, "PRAGMA store.user_version", NULL, NULL, NULL);
		if (result == SQLITE_OK)
			result = sqlite3_exec(session->db, "SELECT 1 FROM store.sqlite_schema",
					      NULL, NULL, NULL);
		if (result != SQLITE_OK)
			sqlite3_exec(session->db, "DETACH store", NULL, NULL, NULL);
	}
	return result;
}

static int attach_copy(struct session *session, const char *path, struct matr_error *err)
{
	if (sqlite3_exec(session->db, "ATTACH ':memory:' AS store", NULL, NULL, NULL) !=
		    SQLITE_OK ||
	    matr_store_copy_attach(matr_store_copied(session->store), session->db, "store") !=
		    SQLITE_OK)
		return fail(session, path, err);
	return 0;
}

/* Attach the store as a database. A user who may not create its -shm file can read it as long as
 * there is no journal (store/store.c). A missing or unreadable store is no error: the tables that
 * need it report it. */
static int attach_store(struct session *session, const char *prefix, struct matr_error *err)
{
	char path[4096], journal[4200];
	struct stat status;

	snprintf(path, sizeof path, "%s/" MATR_STORE_FILE, prefix);
	snprintf(journal, sizeof journal, "%s-wal", path);
	if (session->store && matr_store_copied(session->store) && !session->write)
		return attach_copy(session, path, err);
	if (access(path, F_OK) != 0) {
		if (!session->write)
			return 0;
		return matr_fail_errno(err, path, "there is no store to write to");
	}
	if (session->write) {
		if (matr_prefix_trusted(prefix, err) != 0)
			return -1;
		if (attach(session, path, "?mode=rw") != SQLITE_OK)
			return fail(session, path, err);
		if (sqlite3_db_readonly(session->db, "store") == 1)
			return matr_fail(err, MATR_ERROR_SYSTEM, path, "may not be written");
		return 0;
	}
	if (access(prefix, W_OK) == 0 && attach(session, path, "?mode=ro") == SQLITE_OK)
		return 0;
	if (stat(journal, &status) != 0 || status.st_size == 0)
		(void)attach(session, path, "?immutable=1&mode=ro");
	else
		(void)attach(session, path, "?mode=ro");
	return 0;
}

/* Without files the tables of ELF files are about the objects of the epoch. */
static int files_of_epoch(const struct session *session, const struct session_options *options,
			  char ***out, size_t *n_out, struct matr_error *err)
{
	struct matr_store_epoch epoch;
	struct matr_store_file *files = NULL;
	size_t n = 0;

	*out = NULL;
	*n_out = 0;
	if (!session->store)
		return 0;
	int found;
	if (options->epoch > 0)
		found = matr_store_epoch(session->store, options->epoch, &epoch, NULL);
	else if (options->epoch == MATR_SQL_EPOCH_PREVIOUS)
		found = matr_epoch_previous(options->prefix, session->store, &epoch, NULL);
	else
		found = matr_epoch_current(options->prefix, session->store, &epoch, NULL);
	if (found == 0 && matr_store_files(session->store, epoch.id, &files, &n, NULL) == 0) {
		*out = calloc(n + 1, sizeof **out);
		for (size_t i = 0; *out && i < n; i++) {
			(*out)[i] = files[i].path;
			files[i].path = NULL;
		}
		*n_out = *out ? n : 0;
	}
	matr_store_files_free(files, n);
	return found == 0 && n > 0 && !*out ? matr_fail_memory(err) : 0;
}

static int add_tables(struct session *session, const struct session_options *options,
		      struct matr_error *err)
{
	char **of_epoch = NULL;
	size_t n = 0;
	struct matr_sql_options sql = {
		.prefix = options->prefix,
		.epoch = options->epoch,
		.copy = session->store ? matr_store_copied(session->store) : NULL,
		.files = options->files,
		.n_files = options->n_files,
		.recursive = options->recursive,
		.cache = options->cache,
		.warn = warn,
		.warn_context = session,
	};
	if (sql.n_files == 0) {
		if (files_of_epoch(session, options, &of_epoch, &n, err) != 0)
			return -1;
		sql.files = (const char *const *)of_epoch;
		sql.n_files = n;
	}
	int result = matr_sql_register(session->db, &sql, err);
	for (size_t i = 0; i < n; i++)
		free(of_epoch[i]);
	free(of_epoch);
	return result;
}

int session_open(struct session *session, const struct session_options *options,
		 struct matr_error *err)
{
	session->write = options->write;
	session->files = options->files;
	session->n_files = options->n_files;
	if (sqlite3_open_v2(":memory:", &session->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI,
			    NULL) != SQLITE_OK)
		return session->db ? fail(session, NULL, err) : matr_fail_memory(err);
	sqlite3_busy_timeout(session->db, BUSY_MILLISECONDS);
	sqlite3_db_config(session->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* A copy has everything in it. */
	struct matr_error why = {0};
	if (open_store(options->prefix, &session->store, &why) != 0)
		session->store = NULL;
	if (attach_store(session, options->prefix, err) != 0 ||
	    add_tables(session, options, err) != 0)
		return -1;
	if (session->store && !matr_store_copied(session->store)) {
		matr_store_close(session->store);
		session->store = NULL;
	}
	const char *mode = options->write ? "PRAGMA foreign_keys = ON" : "PRAGMA query_only = ON";
	if (sqlite3_exec(session->db, mode, NULL, NULL, NULL) != SQLITE_OK)
		return fail(session, NULL, err);
	if (!options->write)
		sqlite3_set_authorizer(session->db, authorize, NULL);
	return 0;
}

/* ---- the destination of results ---- */

int session_output(struct session *session, const char *path)
{
	FILE *out = stdout;

	if (path && *path && strcmp(path, "stdout") != 0) {
		out = fopen(path, "we");
		if (!out) {
			session_complain(NULL, 0, "%s: %s", path, strerror(errno));
			return -1;
		}
	}
	if (session->output && fclose(session->render.out) != 0)
		session_complain(NULL, 0, "%s: %s", session->output, strerror(errno));
	free(session->output);
	session->output = out == stdout ? NULL : strdup(path);
	render_set_out(&session->render, out);
	session->render.results = 0;
	return 0;
}

void session_close(struct session *session)
{
	render_free(&session->render);
	if (session->output && session->render.out)
		fclose(session->render.out);
	free(session->output);
	sqlite3_close(session->db);
	matr_store_close(session->store);
}
