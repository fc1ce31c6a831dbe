/* dot.c - the commands that begin with a dot, as the sqlite3 shell has them. */
#include "sql/dot.h"
#include "common/message.h"
#include "common/safe.h"
#include "common/screen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <matr/sql.h>

struct arguments {
	char *list[16];
	int n;
};

/* Split at blanks; "..." and '...' are one argument. The line is changed. */
static void split(char *line, struct arguments *out)
{
	out->n = 0;
	for (;;) {
		line += strspn(line, " \t\r\n");
		if (!*line || out->n == 16)
			return;
		char *end;
		if (*line == '"' || *line == '\'') {
			char quote = *line++;
			end = strchr(line, quote);
			if (!end)
				end = line + strcspn(line, "\n");
		} else {
			end = line + strcspn(line, " \t\r\n");
		}
		out->list[out->n++] = line;
		if (!*end)
			return;
		*end = 0;
		line = end + 1;
	}
}

/* ---- tables ---- */

/* Run a query of ours with one text parameter (NULL: none) and pass each row's first column on. */
static int for_each(struct session *session, const char *sql, const char *parameter,
		    int (*use)(struct session *, const char *))
{
	sqlite3_stmt *statement;
	int result;

	if (sqlite3_prepare_v2(session->db, sql, -1, &statement, NULL) != SQLITE_OK) {
		session_complain(NULL, 0, "%s", sqlite3_errmsg(session->db));
		return -1;
	}
	if (parameter)
		sqlite3_bind_text(statement, 1, parameter, -1, SQLITE_STATIC);
	int stopped = 0;
	while (stopped == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW)
		stopped = use(session, (const char *)sqlite3_column_text(statement, 0));
	if (stopped == 0 && result != SQLITE_DONE) {
		session_complain(NULL, 0, "%s", sqlite3_errmsg(session->db));
		stopped = -1;
	}
	sqlite3_finalize(statement);
	return stopped;
}

/* The name in "CREATE TABLE name (". */
static void name_in(const char *schema, char name[64])
{
	const char *at = strstr(schema, "TABLE ");

	name[0] = 0;
	if (at)
		snprintf(name, 64, "%.*s", (int)strcspn(at + 6, " ("), at + 6);
}

static bool matches(const char *pattern, const char *name)
{
	return !pattern || sqlite3_strlike(pattern, name, 0) == 0 ||
	       sqlite3_strglob(pattern, name) == 0;
}

static int print_name(struct session *session, const char *name)
{
	struct text safe = {0};

	text_add_safe(&safe, name, strlen(name));
	fprintf(session->render.out, "%s\n", text_string(&safe));
	text_free(&safe);
	return 0;
}

static int print_sql(struct session *session, const char *sql)
{
	struct text safe = {0};

	text_add_safe_lines(&safe, sql, strlen(sql));
	fprintf(session->render.out, "%s;\n", text_string(&safe));
	text_free(&safe);
	return 0;
}

/* List the tables that users have made. The store's own are listed only by name or if they can be
 * written to: a search for columns would drown in them. Internal ones are left out. */
static int other_tables(struct session *session, const char *what, bool indices,
			const char *pattern, int (*use)(struct session *, const char *))
{
	bool store = (pattern || session->write) && sqlite3_db_filename(session->db, "store");
	char *sql = sqlite3_mprintf(
		"SELECT %s FROM (SELECT '' AS prefix, * FROM main.sqlite_schema"
		" UNION ALL SELECT 'temp.', * FROM temp.sqlite_schema"
		"  WHERE sql IS NOT 'CREATE VIRTUAL TABLE ' || name || ' USING ' || name%s)"
		" WHERE type IN ('table', 'view'%s) AND name NOT LIKE 'sqlite_%%' AND sql NOTNULL"
		" AND (prefix || name LIKE ?1 OR name LIKE ?1) ORDER BY prefix, type DESC, name",
		what, store ? " UNION ALL SELECT 'store.', * FROM store.sqlite_schema" : "",
		indices ? ", 'index', 'trigger'" : "");
	if (!sql) {
		session_complain(NULL, 0, "out of memory");
		return -1;
	}
	int result = for_each(session, sql, pattern ? pattern : "%", use);
	sqlite3_free(sql);
	return result;
}

static int command_tables(struct session *session, const struct arguments *arguments)
{
	const char *pattern = arguments->n > 1 ? arguments->list[1] : NULL;
	char *schema, name[64];

	for (size_t i = 0; (schema = matr_sql_schema(i)) != NULL; i++) {
		name_in(schema, name);
		if (matches(pattern, name))
			print_name(session, name);
		sqlite3_free(schema);
	}
	return other_tables(session, "prefix || name", false, pattern, print_name);
}

static int command_schema(struct session *session, const struct arguments *arguments)
{
	const char *pattern = arguments->n > 1 ? arguments->list[1] : NULL;
	char *schema, name[64];

	for (size_t i = 0; (schema = matr_sql_schema(i)) != NULL; i++) {
		name_in(schema, name);
		if (matches(pattern, name))
			print_sql(session, schema);
		sqlite3_free(schema);
	}
	/* List the store's own tables by name only: a search for columns would drown in them. */
	return pattern || session->write
		       ? other_tables(
				 session,
				 "iif(prefix = '', '', '-- ' || prefix || name || char(10)) || sql",
				 true, pattern, print_sql)
		       : 0;
}

/* ---- .dump ---- */

/* Print a table's rows as statements that create it again. */
static int dump_table(struct session *session, const char *name)
{
	FILE *out = session->render.out;
	sqlite3_stmt *rows = NULL, *columns = NULL;
	struct text create = {0}, select = {0};
	int result = -1;

	char *sql = sqlite3_mprintf("SELECT name, type FROM pragma_table_xinfo(%Q)"
				    " WHERE hidden = 0",
				    name);
	if (!sql || sqlite3_prepare_v2(session->db, sql, -1, &columns, NULL) != SQLITE_OK)
		goto done;
	char *quoted = sqlite3_mprintf("\"%w\"", name);
	text_printf(&create, "CREATE TABLE %s (", quoted);
	text_printf(&select, "SELECT 'INSERT INTO %s VALUES(' || ", quoted);
	int n = 0;
	for (; sqlite3_step(columns) == SQLITE_ROW; n++) {
		char *column = sqlite3_mprintf("\"%w\"", sqlite3_column_text(columns, 0));
		const char *type = (const char *)sqlite3_column_text(columns, 1);
		text_printf(&create, "%s%s%s%s", n ? ", " : "", column, type && *type ? " " : "",
			    type ? type : "");
		text_printf(&select, "%squote(%s)", n ? " || ',' || " : "", column);
		sqlite3_free(column);
	}
	text_printf(&select, " || ');' FROM %s", quoted);
	sqlite3_free(quoted);
	if (n == 0) {
		session_complain(NULL, 0, "no such table: %s", name);
		goto finished;
	}
	fprintf(out, "%s);\n", text_string(&create));
	if (sqlite3_prepare_v2(session->db, text_string(&select), -1, &rows, NULL) != SQLITE_OK)
		goto done;
	while ((result = sqlite3_step(rows)) == SQLITE_ROW && !ferror(out)) {
		if (session->render.terminal) {
			struct text safe = {0};
			text_add_safe_lines(&safe, (const char *)sqlite3_column_text(rows, 0),
					    (size_t)sqlite3_column_bytes(rows, 0));
			fputs(text_string(&safe), out);
			text_free(&safe);
		} else {
			fwrite(sqlite3_column_text(rows, 0), 1,
			       (size_t)sqlite3_column_bytes(rows, 0), out);
		}
		putc('\n', out);
	}
	result = result == SQLITE_DONE ? 0 : -1;
done:
	if (result != 0)
		session_complain(NULL, 0, "%s: %s", name, sqlite3_errmsg(session->db));
finished:
	sqlite3_finalize(rows);
	sqlite3_finalize(columns);
	sqlite3_free(sql);
	text_free(&create);
	text_free(&select);
	return result;
}

/* Many times as many rows as all other tables together: only where they are named. */
static bool is_large(const char *name)
{
	return strcmp(name, "relocations") == 0 || strcmp(name, "closure_relocations") == 0;
}

static bool is_dumped(const char *name)
{
	return strncmp(name, "elf_", 4) != 0 && strncmp(name, "dwarf_", 6) != 0 && !is_large(name);
}

static sqlite3_int64 count_rows(struct session *session, const char *name)
{
	char *sql = sqlite3_mprintf("SELECT count(*) FROM \"%w\"", name);
	sqlite3_stmt *row = NULL;
	sqlite3_int64 n = 0;

	if (sql && sqlite3_prepare_v2(session->db, sql, -1, &row, NULL) == SQLITE_OK &&
	    sqlite3_step(row) == SQLITE_ROW)
		n = sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	sqlite3_free(sql);
	return n;
}

/* Print the size of the mapping before its rows. */
static void announce(struct session *session)
{
	sqlite3_int64 n = 0;
	char *schema, name[64];

	for (size_t i = 0; (schema = matr_sql_schema(i)) != NULL; i++) {
		name_in(schema, name);
		if (is_dumped(name))
			n += count_rows(session, name);
		sqlite3_free(schema);
	}
	print_warning(".dump: %lld rows, without relocations and closure_relocations, which "
		      ".dump TABLE... has",
		      (long long)n);
}

static int command_dump(struct session *session, const struct arguments *arguments)
{
	int result = 0;

	screen_wrap(false);
	if (arguments->n <= 1)
		announce(session);
	fputs("BEGIN TRANSACTION;\n", session->render.out);
	if (arguments->n > 1) {
		for (int i = 1; i < arguments->n && result == 0; i++)
			result = dump_table(session, arguments->list[i]);
	} else {
		/* The mapping: what no other tool has. */
		char *schema, name[64];
		for (size_t i = 0; result == 0 && (schema = matr_sql_schema(i)) != NULL; i++) {
			name_in(schema, name);
			if (is_dumped(name))
				result = dump_table(session, name);
			sqlite3_free(schema);
		}
	}
	fputs(result == 0 ? "COMMIT;\n" : "ROLLBACK; -- an error\n", session->render.out);
	return fflush(session->render.out) == 0 ? result : -1;
}

/* ---- settings ---- */

static int wrong(const char *command, const char *wanted)
{
	session_complain(NULL, 0, "%s: %s, please", command, wanted);
	return -1;
}

static int on_or_off(const struct arguments *arguments, bool *out)
{
	if (arguments->n == 2 && strcmp(arguments->list[1], "on") == 0)
		*out = true;
	else if (arguments->n == 2 && strcmp(arguments->list[1], "off") == 0)
		*out = false;
	else
		return wrong(arguments->list[0], "on or off");
	return 0;
}

static int command_mode(struct session *session, const struct arguments *arguments)
{
	if (arguments->n == 1) {
		fprintf(session->render.out, "%s\n", format_name(session->render.format));
		return 0;
	}
	if (arguments->n == 2 && format_parse(arguments->list[1], &session->render.format))
		return 0;
	return wrong(".mode", "table, list, csv, json, markdown or line");
}

static int command_headers(struct session *session, const struct arguments *arguments)
{
	bool on;

	if (on_or_off(arguments, &on) != 0)
		return -1;
	session->render.headers = on ? HEADERS_ON : HEADERS_OFF;
	return 0;
}

static int command_timer(struct session *session, const struct arguments *arguments)
{
	return on_or_off(arguments, &session->timer);
}

static int command_nullvalue(struct session *session, const struct arguments *arguments)
{
	if (arguments->n != 2)
		return wrong(".nullvalue", "one text");
	snprintf(session->render.null_text, sizeof session->render.null_text, "%s",
		 arguments->list[1]);
	session->render.null_set = true;
	return 0;
}

static int command_separator(struct session *session, const struct arguments *arguments)
{
	if (arguments->n != 2)
		return wrong(".separator", "one text");
	const char *text = strcmp(arguments->list[1], "\\t") == 0 ? "\t" : arguments->list[1];
	snprintf(session->render.separator, sizeof session->render.separator, "%s", text);
	return 0;
}

static int command_epoch(struct session *session, const struct arguments *arguments)
{
	const char *word = arguments->n > 1 ? arguments->list[1] : NULL;
	char *sql, *end = NULL;
	int64_t id = word ? strtoll(word, &end, 10) : 0;

	if (arguments->n > 2)
		return wrong(".epoch", "an id, current, previous or all");
	if (word && end != word && *end == 0)
		sql = sqlite3_mprintf("SELECT matr_epoch(%lld) AS epoch", (long long)id);
	else if (word)
		sql = sqlite3_mprintf("SELECT matr_epoch(%Q) AS epoch", word);
	else
		sql = sqlite3_mprintf("SELECT matr_epoch() AS epoch");
	int result = sql ? session_run(session, sql, NULL, 1) : -1;
	sqlite3_free(sql);
	return result;
}

static int command_databases(struct session *session, const struct arguments *arguments)
{
	(void)arguments;
	/* SQLite's name for a copy in memory is x. */
	return session_run(session,
			   "SELECT name, nullif(nullif(file, ''), 'x') AS file"
			   " FROM pragma_database_list",
			   NULL, 1);
}

/* ---- files ---- */

static int command_output(struct session *session, const struct arguments *arguments)
{
	return session_output(session, arguments->n > 1 ? arguments->list[1] : NULL);
}

static int command_read(struct session *session, const struct arguments *arguments)
{
	enum { DEPTH_MAX = 16 };

	if (arguments->n != 2)
		return wrong(".read", "one file");
	if (session->depth == DEPTH_MAX) {
		session_complain(NULL, 0, "%s: files that read files, too deep",
				 arguments->list[1]);
		return -1;
	}
	FILE *file = fopen(arguments->list[1], "re");
	if (!file) {
		session_complain(NULL, 0, "%s: %s", arguments->list[1], strerror(errno));
		return -1;
	}
	session->depth++;
	int result = session_read(session, file, arguments->list[1]);
	session->depth--;
	fclose(file);
	return result;
}

static int command_quit(struct session *session, const struct arguments *arguments)
{
	(void)arguments;
	session->quit = true;
	return 0;
}

/* ---- all ---- */

static int command_help(struct session *session, const struct arguments *arguments);

static const struct {
	const char *name, *arguments, *help;
	int (*run)(struct session *, const struct arguments *);
} commands[] = {
	{".databases", "", "the store and other databases", command_databases},
	{".dump", "[TABLE]...", "the tables' rows as SQL; else those of the mapping", command_dump},
	{".epoch", "[ID|current|previous|all]", "which epochs the tables are about", command_epoch},
	{".exit", "", "the same as .quit", command_quit},
	{".headers", "on|off", "names of the columns", command_headers},
	{".help", "", "this text", command_help},
	{".mode", "[FORMAT]", "table, list, csv, json, markdown or line", command_mode},
	{".nullvalue", "TEXT", "what is shown for NULL", command_nullvalue},
	{".output", "[FILE]", "where results go; else to standard output again", command_output},
	{".quit", "", "leave; so does the end of the input (Ctrl-D)", command_quit},
	{".read", "FILE", "run what is in a file", command_read},
	{".schema", "[PATTERN]", "tables with their columns and what they mean", command_schema},
	{".separator", "TEXT", "between the columns of a list", command_separator},
	{".tables", "[PATTERN]", "names of the tables (PATTERN: LIKE or GLOB)", command_tables},
	{".timer", "on|off", "how long each query takes", command_timer},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static int command_help(struct session *session, const struct arguments *arguments)
{
	(void)arguments;
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(session->render.out, "%-11s %-17s %s\n", commands[i].name,
			commands[i].arguments, commands[i].help);
	fputs("\nStatements end with a semicolon and may take several lines. Ctrl-C interrupts a\n"
	      "query, or drops what was typed. matr-sql(1) has more.\n",
	      session->render.out);
	return 0;
}

const char *dot_command_name(size_t i)
{
	return i < N_COMMANDS ? commands[i].name : NULL;
}

int dot_command(struct session *session, const char *line, const char *source, int number)
{
	struct arguments arguments;
	char *copy = strdup(line);
	int result = -1, found = -1, n_found = 0;

	if (!copy) {
		session_complain(NULL, 0, "out of memory");
		return -1;
	}
	split(copy, &arguments);
	const char *name = arguments.list[0];
	for (int i = 0; i < N_COMMANDS; i++) {
		if (strncmp(commands[i].name, name, strlen(name)) != 0)
			continue;
		found = i;
		n_found++;
		if (strcmp(commands[i].name, name) == 0) {
			n_found = 1;
			break;
		}
	}
	if (n_found == 1)
		result = commands[found].run(session, &arguments);
	else
		session_complain(source, number, "%s: %s; .help lists them", name,
				 n_found ? "more than one command begins so" : "no such command");
	free(copy);
	return result;
}
