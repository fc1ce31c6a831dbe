/* postgresql.c - an export into a PostgreSQL database of many machines. */
#include "matr/export/postgresql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "matr/export/libpq.h"
#include "matr/export/load.h"

/* Of COPY: enough for a packet. */
enum { CHUNK = 1 << 16 };

struct postgresql {
	struct libpq pq;
	PGconn *connection;
	const struct export_source *source;
	struct load load;
	char **sets; /* parallel to load.objects: id of a set that has to be sent; NULL: none */
	struct text copy;
	size_t sent; /* bindings of the set that is being sent */
};

/* ---- the server ---- */

/* Fail with one line of a message. */
static int fail_with(const char *message, struct matr_error *err)
{
	size_t length = strcspn(message, "\n");

	return matr_fail(err, MATR_ERROR_STORE, "PostgreSQL", "%.*s",
			 (int)(length < 400 ? length : 400), message);
}

static int fail(const struct postgresql *db, const PGresult *result, struct matr_error *err)
{
	const char *message = result ? db->pq.result_field(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

	return fail_with(message ? message : db->pq.error(db->connection), err);
}

static void ignore_notice(void *context, const char *message)
{
	(void)context;
	(void)message;
}

/* Run a statement with parameters. *out (may be NULL) receives its rows: clear(). */
static int run(const struct postgresql *db, const char *sql, int n, const char *const *values,
	       PGresult **out, struct matr_error *err)
{
	PGresult *result = db->pq.exec_params(db->connection, sql, n, NULL, values, NULL, NULL, 0);
	ExecStatusType status = result ? db->pq.result_status(result) : PGRES_FATAL_ERROR;

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
		fail(db, result, err);
		db->pq.clear(result);
		return -1;
	}
	if (out)
		*out = result;
	else
		db->pq.clear(result);
	return 0;
}

static int begin_copy(struct postgresql *db, const char *sql, struct matr_error *err)
{
	PGresult *result = db->pq.exec(db->connection, sql);
	int failed = !result || db->pq.result_status(result) != PGRES_COPY_IN;

	text_clear(&db->copy);
	if (failed)
		fail(db, result, err);
	db->pq.clear(result);
	return failed ? -1 : 0;
}

/* Send what has been put together; all of it, or enough for a packet. */
static int send_copy(struct postgresql *db, bool all, struct matr_error *err)
{
	if (db->copy.failed)
		return matr_fail_memory(err);
	if (db->copy.size == 0 || (!all && db->copy.size < CHUNK))
		return 0;
	if (db->pq.put_copy(db->connection, db->copy.bytes, (int)db->copy.size) != 1)
		return fail(db, NULL, err);
	text_clear(&db->copy);
	return 0;
}

/* result 0: end it; else the server is told to forget it. */
static int end_copy(struct postgresql *db, int result, struct matr_error *err)
{
	PGresult *answer;

	if (result == 0)
		result = send_copy(db, true, err);
	if (db->pq.end_copy(db->connection, result ? "not all could be read" : NULL) != 1 &&
	    result == 0)
		result = fail(db, NULL, err);
	while ((answer = db->pq.get_result(db->connection)) != NULL) {
		if (db->pq.result_status(answer) != PGRES_COMMAND_OK && result == 0)
			result = fail(db, answer, err);
		db->pq.clear(answer);
	}
	return result;
}

/* A COPY of lines. */
static int copy_lines(struct postgresql *db, const char *sql, const struct text *lines,
		      struct matr_error *err)
{
	if (lines->size == 0)
		return 0;
	if (begin_copy(db, sql, err) != 0)
		return -1;
	text_add(&db->copy, lines->bytes, lines->size);
	return end_copy(db, 0, err);
}

/* ---- bindings of objects ---- */

/* Of objects with the same set one is enough. */
static int note_set(struct postgresql *db, const char *hash, const char *id, struct matr_error *err)
{
	for (size_t i = 0; i < db->load.n_objects; i++) {
		if (strcmp(db->load.objects[i].set, hash) != 0)
			continue;
		db->sets[i] = strdup(id);
		return db->sets[i] ? 0 : matr_fail_memory(err);
	}
	return 0;
}

static bool is_missing(int64_t object, void *context)
{
	const struct postgresql *db = context;
	const struct load_object *found = load_find_object(&db->load, object);

	return found && db->sets[found - db->load.objects];
}

static int changed(const struct postgresql *db, struct matr_error *err)
{
	return matr_fail(err, MATR_ERROR_MALFORMED, db->source->name,
			 "was changed while it was read");
}

static int send_binding(struct postgresql *db, const struct export_value *values,
			struct matr_error *err)
{
	const struct load_object *requester = load_find_object(
		&db->load, values[export_column(EXPORT_BINDINGS, "requester")].number);
	const struct load_object *provider = load_find_object(
		&db->load, values[export_column(EXPORT_BINDINGS, "provider")].number);

	if (!requester || !provider)
		return changed(db, err);
	const struct export_value path = {.text = provider->path, .size = strlen(provider->path)};
	text_add_string(&db->copy, db->sets[requester - db->load.objects]);
	load_add_value(&db->copy, &values[export_column(EXPORT_BINDINGS, "symbol")], false,
		       &db->load.scratch);
	load_add_value(&db->copy, &values[export_column(EXPORT_BINDINGS, "version")], false,
		       &db->load.scratch);
	load_add_value(&db->copy, &path, false, &db->load.scratch);
	text_add(&db->copy, "\n", 1);
	db->sent++;
	return send_copy(db, false, err);
}

static int send_row(void *context, enum export_table table, const struct export_value *values,
		    struct matr_error *err)
{
	struct postgresql *db = context;

	if (table == EXPORT_BINDINGS)
		return send_binding(db, values, err);
	if (table != EXPORT_BINDING_SETS)
		return 0;
	/* The bindings have to be those of the hash by which the set will be found. */
	const struct load_object *object =
		load_find_object(&db->load, values[export_column(table, "object")].number);
	bool same = object && db->sent == (size_t)object->n_bindings &&
		    strcmp(values[export_column(table, "hash")].text, object->set) == 0;
	db->sent = 0;
	return same ? 0 : changed(db, err);
}

static int send_sets(struct postgresql *db, struct matr_error *err)
{
	const unsigned tables = 1U << EXPORT_BINDINGS | 1U << EXPORT_BINDING_SETS;
	const struct export_sink sink = {send_row, db};
	PGresult *rows;

	if (run(db,
		"INSERT INTO matr.binding_sets (hash, bindings)"
		" SELECT DISTINCT ON (set_hash) set_hash, n_bindings FROM loaded_objects"
		" WHERE set_hash IS NOT NULL ORDER BY set_hash"
		" ON CONFLICT (hash) DO NOTHING RETURNING id, encode(hash, 'hex')",
		0, NULL, &rows, err) != 0)
		return -1;
	int n = db->pq.n_rows(rows), result = 0;
	for (int i = 0; i < n && result == 0; i++)
		result = note_set(db, db->pq.value(rows, i, 1), db->pq.value(rows, i, 0), err);
	db->pq.clear(rows);
	if (result != 0 || n == 0)
		return result;
	if (begin_copy(db, "COPY matr.bindings FROM STDIN", err) != 0)
		return -1;
	result = db->source->rows(db->source->context, tables, is_missing, db, &sink, err);
	return end_copy(db, result, err);
}

/* ---- objects and applications ---- */

static int send_objects(struct postgresql *db, struct matr_error *err)
{
	if (run(db,
		"CREATE TEMPORARY TABLE loaded_objects (hash bytea, set_hash bytea,"
		" n_bindings integer, path text, build_id text, soname text, size bigint,"
		" package text, version text) ON COMMIT DROP",
		0, NULL, NULL, err) != 0 ||
	    begin_copy(db, "COPY loaded_objects FROM STDIN", err) != 0)
		return -1;
	for (size_t i = 0; i < db->load.n_objects; i++) {
		const struct load_object *object = &db->load.objects[i];
		if (object->id <= 0) /* null, undefined */
			continue;
		text_printf(&db->copy, "\\\\x%s\t%s%s\t%" PRId64 "\t", object->hash,
			    *object->set ? "\\\\x" : "\\N", object->set, object->n_bindings);
		text_add(&db->copy, object->row.bytes, object->row.size);
		text_add(&db->copy, "\n", 1);
	}
	if (end_copy(db, 0, err) != 0 || send_sets(db, err) != 0)
		return -1;
	return run(db,
		   "INSERT INTO matr.objects (hash, path, build_id, soname, size, package, version,"
		   " binding_set) SELECT DISTINCT ON (l.hash) l.hash, l.path, l.build_id, l.soname,"
		   " l.size, l.package, l.version, s.id FROM loaded_objects l"
		   " LEFT JOIN matr.binding_sets s ON s.hash = l.set_hash ORDER BY l.hash"
		   " ON CONFLICT (hash) DO NOTHING",
		   0, NULL, NULL, err);
}

static int compare_applications(const void *left, const void *right)
{
	const struct load_application *a = left, *b = right;

	return strcmp(a->hash, b->hash);
}

static void add_scope(struct text *copy, const char *id, const struct text *scope)
{
	for (size_t at = 0; at < scope->size;) {
		const char *end = memchr(scope->bytes + at, '\n', scope->size - at);
		size_t length = (size_t)(end - (scope->bytes + at)) + 1;
		text_add_string(copy, id);
		text_add(copy, "\t", 1);
		text_add(copy, scope->bytes + at, length);
		at += length;
	}
}

/* Scopes of applications that the database did not have. rows: their ids and hashes. */
static int send_scopes(struct postgresql *db, PGresult *rows, struct matr_error *err)
{
	struct load *load = &db->load;
	int n = db->pq.n_rows(rows), result = 0;

	if (n == 0)
		return 0;
	qsort(load->applications, load->n_applications, sizeof *load->applications,
	      compare_applications);
	if (begin_copy(db, "COPY matr.scope FROM STDIN", err) != 0)
		return -1;
	for (int i = 0; i < n && result == 0; i++) {
		struct load_application wanted = {.id = 0};
		strncpy(wanted.hash, db->pq.value(rows, i, 1), sizeof wanted.hash - 1);
		const struct load_application *found =
			bsearch(&wanted, load->applications, load->n_applications, sizeof wanted,
				compare_applications);
		if (found)
			add_scope(&db->copy, db->pq.value(rows, i, 0), &found->scope);
		result = send_copy(db, false, err);
	}
	return end_copy(db, result, err);
}

static int send_applications(struct postgresql *db, struct matr_error *err)
{
	PGresult *rows;

	if (run(db,
		"CREATE TEMPORARY TABLE loaded_applications (hash bytea, path text, edited boolean,"
		" library_path text) ON COMMIT DROP",
		0, NULL, NULL, err) != 0 ||
	    begin_copy(db, "COPY loaded_applications FROM STDIN", err) != 0)
		return -1;
	for (size_t i = 0; i < db->load.n_applications; i++) {
		text_printf(&db->copy, "\\\\x%s\t", db->load.applications[i].hash);
		text_add(&db->copy, db->load.applications[i].row.bytes,
			 db->load.applications[i].row.size);
		text_add(&db->copy, "\n", 1);
	}
	if (end_copy(db, 0, err) != 0 ||
	    run(db,
		"INSERT INTO matr.applications (hash, path, edited, library_path)"
		" SELECT DISTINCT ON (hash) * FROM loaded_applications ORDER BY hash"
		" ON CONFLICT (hash) DO NOTHING RETURNING id, encode(hash, 'hex')",
		0, NULL, &rows, err) != 0)
		return -1;
	int result = send_scopes(db, rows, err);
	db->pq.clear(rows);
	return result;
}

/* ---- the state and the export ---- */

/* Get the id of the state, "" if the database does not have it. */
static int find_state(const struct postgresql *db, char id[32], struct matr_error *err)
{
	const char *const values[] = {db->load.hash};
	PGresult *rows;

	if (run(db, "SELECT id FROM matr.states WHERE hash = decode($1, 'hex')", 1, values, &rows,
		err) != 0)
		return -1;
	snprintf(id, 32, "%s", db->pq.n_rows(rows) ? db->pq.value(rows, 0, 0) : "");
	db->pq.clear(rows);
	return 0;
}

static int send_state(struct postgresql *db, char id[32], struct matr_error *err)
{
	const char *const values[] = {db->load.hash};
	struct text lines = {0};

	if (send_objects(db, err) != 0 || send_applications(db, err) != 0 ||
	    run(db,
		"INSERT INTO matr.states (hash, objects, applications) VALUES (decode($1, 'hex'),"
		" ARRAY(SELECT o.id FROM matr.objects o WHERE o.hash IN"
		"  (SELECT hash FROM loaded_objects) ORDER BY 1),"
		" ARRAY(SELECT a.id FROM matr.applications a WHERE a.hash IN"
		"  (SELECT hash FROM loaded_applications) ORDER BY 1))",
		1, values, NULL, err) != 0 ||
	    find_state(db, id, err) != 0)
		return -1;
	add_scope(&lines, id, &db->load.declined);
	int result = lines.failed ? matr_fail_memory(err)
				  : copy_lines(db, "COPY matr.declined FROM STDIN", &lines, err);
	text_free(&lines);
	return result;
}

/* Send the parts that an epoch gets while it is in force: its end, violations, states of edits. */
static int send_later_parts(struct postgresql *db, struct matr_error *err)
{
	const struct load *load = &db->load;
	char epoch[32];
	const char *const values[] = {load->host, epoch, load->ended};

	snprintf(epoch, sizeof epoch, "%" PRId64, load->epoch);
	if (run(db,
		"UPDATE matr.exports SET ended = to_timestamp($3::bigint)"
		" WHERE host = $1 AND epoch = $2::bigint",
		3, values, NULL, err) != 0 ||
	    run(db, "DELETE FROM matr.edits WHERE host = $1 AND epoch = $2::bigint", 2, values,
		NULL, err) != 0 ||
	    run(db, "DELETE FROM matr.violations WHERE host = $1 AND epoch = $2::bigint", 2, values,
		NULL, err) != 0 ||
	    copy_lines(db, "COPY matr.edits FROM STDIN", &load->edits, err) != 0)
		return -1;
	return copy_lines(db, "COPY matr.violations FROM STDIN", &load->violations, err);
}

static int insert_export(struct postgresql *db, const char *state, struct matr_error *err)
{
	const struct load *load = &db->load;
	char epoch[32];
	const char *const values[] = {load->host,      epoch,	       load->begun, load->matr,
				      load->cpu_level, load->portable, load->cause, state};

	snprintf(epoch, sizeof epoch, "%" PRId64, load->epoch);
	return run(db,
		   "INSERT INTO matr.exports (host, epoch, begun, matr, cpu_level, portable, cause,"
		   " state) VALUES ($1, $2::bigint, to_timestamp($3::bigint), $4, $5,"
		   " $6::integer <> 0, $7, $8::integer)",
		   8, values, NULL, err);
}

/* Find the epoch. Returns 1 if the same one is there, 0 if none is, -1 if another one is, or on
 * error.
 * replace: delete another one, and return 0. */
static int find_export(const struct postgresql *db, bool replace, struct matr_error *err)
{
	const struct load *load = &db->load;
	char epoch[32];
	const char *const values[] = {load->host, epoch, load->begun, load->hash};
	PGresult *rows;

	snprintf(epoch, sizeof epoch, "%" PRId64, load->epoch);
	if (run(db,
		"SELECT e.begun = to_timestamp($3::bigint) AND s.hash = decode($4, 'hex')"
		" FROM matr.exports e JOIN matr.states s ON s.id = e.state"
		" WHERE e.host = $1 AND e.epoch = $2::bigint",
		4, values, &rows, err) != 0)
		return -1;
	int there = db->pq.n_rows(rows) > 0;
	int same = there && strcmp(db->pq.value(rows, 0, 0), "t") == 0;
	db->pq.clear(rows);
	if (!there || same)
		return same;
	if (replace)
		return run(db, "DELETE FROM matr.exports WHERE host = $1 AND epoch = $2::bigint", 2,
			   values, NULL, err);
	return matr_fail(err, MATR_ERROR_STATE, "PostgreSQL",
			 "epoch %" PRId64 " of %s is there with other contents (another machine of "
			 "this name, or a new store; --replace replaces it)",
			 load->epoch, load->host);
}

static int check_tables(const struct postgresql *db, struct matr_error *err)
{
	PGresult *rows;

	if (run(db, "SELECT to_regclass('matr.format') IS NOT NULL", 0, NULL, &rows, err) != 0)
		return -1;
	bool there = strcmp(db->pq.value(rows, 0, 0), "t") == 0;
	db->pq.clear(rows);
	if (!there)
		return matr_fail(err, MATR_ERROR_STATE, "PostgreSQL",
				 "the database does not have MatR's tables: psql -f postgresql.sql "
				 "makes them");
	if (run(db, "SELECT max(version) FROM matr.format", 0, NULL, &rows, err) != 0)
		return -1;
	int version = atoi(db->pq.value(rows, 0, 0));
	db->pq.clear(rows);
	return version == EXPORT_FORMAT
		       ? 0
		       : matr_fail(err, MATR_ERROR_STATE, "PostgreSQL",
				   "the database has tables of format %d; this MatR writes format "
				   "%d",
				   version, EXPORT_FORMAT);
}

/* Everything between BEGIN and COMMIT. Returns as export_to_postgresql(). */
static int transaction(struct postgresql *db, bool replace, struct matr_error *err)
{
	char state[32];

	/* One after the other: two that load the same rows would wait for each other. */
	if (check_tables(db, err) != 0 ||
	    run(db, "LOCK TABLE matr.format IN EXCLUSIVE MODE", 0, NULL, NULL, err) != 0)
		return -1;
	int there = find_export(db, replace, err);
	if (there < 0)
		return -1;
	if (!there &&
	    (find_state(db, state, err) != 0 || (!*state && send_state(db, state, err) != 0) ||
	     insert_export(db, state, err) != 0))
		return -1;
	return send_later_parts(db, err) != 0 ? -1 : !there;
}

/* All users of the machine see passwords of command lines. */
static int check_url(const char *url, struct matr_error *err)
{
	const char *user = strstr(url, "://");
	size_t length = user ? strcspn(user + 3, "/?") : 0;
	const char *at = user ? memchr(user + 3, '@', length) : NULL;
	const char *colon = at ? memchr(user + 3, ':', (size_t)(at - user - 3)) : NULL;

	if (colon || strstr(url, "password="))
		return matr_fail(err, MATR_ERROR_USAGE, "--to",
				 "a password on the command line is seen by every process: give a "
				 "file (PGPASSFILE, or passfile= in the URL)");
	return 0;
}

static int open_database(struct postgresql *db, const char *url, struct matr_error *err)
{
	if (check_url(url, err) != 0 || libpq_load(&db->pq, err) != 0)
		return -1;
	db->connection = db->pq.connect(url);
	if (!db->connection)
		return matr_fail_memory(err);
	if (db->pq.status(db->connection) != CONNECTION_OK ||
	    db->pq.set_encoding(db->connection, "UTF8") != 0)
		return fail(db, NULL, err);
	db->pq.set_notices(db->connection, ignore_notice, NULL);
	return 0;
}

int export_to_postgresql(const struct export_source *source, const char *url, bool replace,
			 struct matr_error *err)
{
	struct postgresql db = {.source = source};
	int result = open_database(&db, url, err);

	if (result == 0)
		result = load_read(source, &db.load, err);
	if (result == 0) {
		db.sets = calloc(db.load.n_objects + 1, sizeof *db.sets);
		result = db.sets ? run(&db, "BEGIN", 0, NULL, NULL, err) : matr_fail_memory(err);
	}
	if (result == 0)
		result = transaction(&db, replace, err);
	if (result >= 0 && run(&db, "COMMIT", 0, NULL, NULL, err) != 0)
		result = -1;
	for (size_t i = 0; i < db.load.n_objects && db.sets; i++)
		free(db.sets[i]);
	free(db.sets);
	text_free(&db.copy);
	load_free(&db.load);
	if (db.connection)
		db.pq.finish(db.connection);
	return result;
}
