/* query.c - see query.h.
 *
 * What keeps a query from doing harm: SQLite is asked to allow nothing but reading (authorizer, query_only, defensive), and
 * has limits to everything that it could be made to spend; the process has no other file open than the store and the
 * client's socket, runs as the client once the store is open, cannot gain privileges, and is killed when its time is
 * over. It is a fork and not matrd itself, for one that hangs or crashes takes nothing with it.
 */
#include "query.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <matr/store.h>

struct query {
	sqlite3 *db;
	int client;
	size_t rows, bytes;
	time_t end; /* CLOCK_MONOTONIC */
};

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* A line to the client, who may read slowly; alarm(2) ends the wait. */
static void send_line(struct query *query, struct json_object *object)
{
	size_t length = 0, size = 0;
	const char *text =
		object ? json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN, &length)
		       : NULL;
	char *line = text ? malloc(length + 1) : NULL;

	if (!line)
		_exit(1);
	memcpy(line, text, length);
	line[length++] = '\n';
	while (size < length) {
		ssize_t n = send(query->client, line + size, length - size,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		struct pollfd ready = {.fd = query->client, .events = POLLOUT};
		if (n < 0 && errno == EAGAIN)
			poll(&ready, 1, -1);
		else if (n < 0 && errno != EINTR)
			_exit(1);
		size += n > 0 ? (size_t)n : 0;
	}
	query->bytes += length;
	free(line);
	json_object_put(object);
}

static struct json_object *event(const char *name)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "event", json_object_new_string(name));
	return object;
}

static _Noreturn void refuse(struct query *query, const char *code, const char *message)
{
	struct json_object *object = event("error");

	json_object_object_add(object, "code", json_object_new_string(code));
	json_object_object_add(object, "message", json_object_new_string(message));
	send_line(query, object);
	_exit(0);
}

static int authorize(void *context, int action, const char *first, const char *second,
		     const char *database, const char *trigger)
{
	(void)context;
	(void)first;
	(void)database;
	(void)trigger;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		return sqlite3_stricmp(second, "load_extension") == 0 ||
				       sqlite3_stricmp(second, "fts3_tokenizer") == 0
			       ? SQLITE_DENY
			       : SQLITE_OK;
	default:
		return SQLITE_DENY;
	}
}

static int out_of_time(void *context)
{
	const struct query *query = context;

	return seconds() >= query->end;
}

static void limit(int resource, rlim_t value)
{
	const struct rlimit limit = {value, value};

	setrlimit(resource, &limit);
}

/* With the daemon's privileges, and so nothing but what is needed: afterwards they are gone. */
static void open_store(struct query *query, const char *prefix)
{
	static const struct {
		int what, most;
	} limits[] = {
		{SQLITE_LIMIT_LENGTH, QUERY_VALUE},
		{SQLITE_LIMIT_SQL_LENGTH, 1 << 16},
		{SQLITE_LIMIT_COLUMN, 200},
		{SQLITE_LIMIT_EXPR_DEPTH, 100},
		{SQLITE_LIMIT_COMPOUND_SELECT, 20},
		{SQLITE_LIMIT_VDBE_OP, 50000},
		{SQLITE_LIMIT_FUNCTION_ARG, 50},
		{SQLITE_LIMIT_ATTACHED, 0},
		{SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 500},
		{SQLITE_LIMIT_VARIABLE_NUMBER, 10},
		{SQLITE_LIMIT_TRIGGER_DEPTH, 1},
		{SQLITE_LIMIT_WORKER_THREADS, 0},
	};
	char path[4096 + 16];

	snprintf(path, sizeof path, "%s/" MATR_STORE_FILE, prefix);
	char *uri = matr_store_uri(path, "?mode=ro");
	if (!uri)
		_exit(1);
	sqlite3_hard_heap_limit64(QUERY_HEAP);
	int result = sqlite3_open_v2(uri, &query->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
	free(uri);
	if (result == SQLITE_OK) {
		sqlite3_busy_timeout(query->db, 1000);
		sqlite3_db_config(query->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		sqlite3_db_config(query->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
		/* What is sorted is sorted in memory. A read transaction opens all of the store's files. */
		result = sqlite3_exec(query->db,
				      "PRAGMA temp_store = MEMORY; PRAGMA query_only = ON;"
				      " BEGIN; SELECT count(*) FROM epochs",
				      NULL, NULL, NULL);
	}
	if (result != SQLITE_OK)
		refuse(query, "system",
		       result == SQLITE_CANTOPEN ? "there is no store"
						 : "the store cannot be read");
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		sqlite3_limit(query->db, limits[i].what, limits[i].most);
	sqlite3_set_authorizer(query->db, authorize, NULL);
	sqlite3_progress_handler(query->db, 1000, out_of_time, query);
}

static void drop_privileges(struct query *query, uid_t uid, gid_t gid)
{
	if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
			       setresuid(uid, uid, uid) != 0))
		refuse(query, "system", "privileges cannot be dropped");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NPROC, 0);
	limit(RLIMIT_CPU, QUERY_SECONDS + 1);
	limit(RLIMIT_AS, QUERY_MEMORY);
}

static struct json_object *value_of(sqlite3_stmt *statement, int column)
{
	const unsigned char *bytes;
	char *hex;
	int size;
	struct json_object *object;

	switch (sqlite3_column_type(statement, column)) {
	case SQLITE_INTEGER:
		return json_object_new_int64(sqlite3_column_int64(statement, column));
	case SQLITE_FLOAT:
		return json_object_new_double(sqlite3_column_double(statement, column));
	case SQLITE_TEXT:
		return json_object_new_string_len(
			(const char *)sqlite3_column_text(statement, column),
			sqlite3_column_bytes(statement, column));
	case SQLITE_BLOB: /* as in SQL: x'00ff' */
		bytes = sqlite3_column_blob(statement, column);
		size = sqlite3_column_bytes(statement, column);
		hex = malloc(2 * (size_t)size + 4);
		if (!hex)
			_exit(1);
		strcpy(hex, "x'");
		for (int i = 0; i < size; i++)
			sprintf(hex + 2 + 2 * (size_t)i, "%02x", bytes[i]);
		strcat(hex + 2 * (size_t)size, "'");
		object = json_object_new_string(hex);
		free(hex);
		return object;
	default:
		return NULL;
	}
}

static void answer(struct query *query, const char *sql)
{
	sqlite3_stmt *statement;
	const char *rest;
	int more = SQLITE_DONE;
	bool cut = false;

	if (sqlite3_prepare_v2(query->db, sql, -1, &statement, &rest) != SQLITE_OK)
		refuse(query, "usage", sqlite3_errmsg(query->db));
	if (!statement || rest[strspn(rest, " \t\n;")])
		refuse(query, "usage", "one SELECT is wanted");
	if (!sqlite3_stmt_readonly(statement))
		refuse(query, "untrusted", "not authorized");
	int columns = sqlite3_column_count(statement);
	struct json_object *head = event("columns"), *names = json_object_new_array();
	for (int i = 0; i < columns; i++)
		json_object_array_add(names,
				      json_object_new_string(sqlite3_column_name(statement, i)));
	json_object_object_add(head, "names", names);
	send_line(query, head);
	while (!cut && (more = sqlite3_step(statement)) == SQLITE_ROW) {
		cut = query->rows == QUERY_ROWS || query->bytes > QUERY_BYTES;
		if (cut)
			break;
		struct json_object *row = event("row"), *values = json_object_new_array();
		for (int i = 0; i < columns; i++)
			json_object_array_add(values, value_of(statement, i));
		json_object_object_add(row, "values", values);
		send_line(query, row);
		query->rows++;
	}
	if (more == SQLITE_INTERRUPT)
		refuse(query, "limit", "the query takes too long");
	if (more == SQLITE_NOMEM || more == SQLITE_TOOBIG)
		refuse(query, "limit", "the query takes too much memory");
	if (more != SQLITE_ROW && more != SQLITE_DONE)
		refuse(query, "usage", sqlite3_errmsg(query->db));
	struct json_object *done = event("done");
	json_object_object_add(done, "rows", json_object_new_uint64(query->rows));
	json_object_object_add(done, "truncated", json_object_new_boolean(cut));
	send_line(query, done);
}

pid_t query_start(const char *prefix, const char *sql, int client, uid_t uid, gid_t gid)
{
	pid_t pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;
	/* Only the socket and the standard streams stay open: no other client's, no lock, nothing that is watched. */
	struct query query = {.client = fcntl(client, F_DUPFD_CLOEXEC, 3), .end = seconds()};
	query.end += QUERY_SECONDS;
	if (query.client < 0 || dup2(query.client, 3) != 3 || close_range(4, ~0U, 0) != 0)
		_exit(1);
	query.client = 3;
	signal(SIGALRM, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	alarm(2 * QUERY_SECONDS);
	open_store(&query, prefix);
	drop_privileges(&query, uid, gid);
	answer(&query, sql);
	_exit(0);
}
