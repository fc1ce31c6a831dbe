/* complete.c - what a word may become.
 *
 * Behind a dot come the columns of the table (or of what has the alias) before it. Otherwise
 * columns of tables that the statement names come with the names of tables, functions and keywords;
 * where the statement names no table yet, columns of any table do.
 */
#include "sql/complete.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <matr/sql.h>

#include "common/array.h"
#include "sql/dot.h"

static void add(struct candidates *out, const char *prefix, const char *name, size_t length)
{
	size_t wanted = strlen(prefix);

	if (sqlite3_strnicmp(prefix, name, (int)wanted) != 0 || length < wanted)
		return;
	struct matr_error ignored;
	char *copy = strndup(name, length);
	if (copy && array_grow(&out->list, out->n, sizeof *out->list, &ignored) == 0)
		out->list[out->n++] = copy;
	else
		free(copy);
}

static int compare(const void *left, const void *right)
{
	return sqlite3_stricmp(*(char *const *)left, *(char *const *)right);
}

static void sort(struct candidates *out)
{
	size_t n = 0;

	if (out->n == 0)
		return;
	qsort(out->list, out->n, sizeof *out->list, compare);
	for (size_t i = 0; i < out->n; i++) {
		if (n && compare(&out->list[n - 1], &out->list[i]) == 0)
			free(out->list[i]);
		else
			out->list[n++] = out->list[i];
	}
	out->n = n;
}

void candidates_free(struct candidates *candidates)
{
	for (size_t i = 0; i < candidates->n; i++)
		free(candidates->list[i]);
	free(candidates->list);
	*candidates = (struct candidates){0};
}

size_t candidates_common(const struct candidates *candidates)
{
	size_t common = candidates->n ? strlen(candidates->list[0]) : 0;

	for (size_t i = 1; i < candidates->n; i++) {
		size_t same = 0;
		while (same < common && tolower((unsigned char)candidates->list[0][same]) ==
						tolower((unsigned char)candidates->list[i][same]))
			same++;
		common = same;
	}
	return common;
}

/* ---- from the database ---- */

static void add_rows(struct session *session, const char *sql, const char *parameter,
		     const char *prefix, struct candidates *out)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(session->db, sql, -1, &statement, NULL) != SQLITE_OK)
		return;
	if (parameter)
		sqlite3_bind_text(statement, 1, parameter, -1, SQLITE_STATIC);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(statement, 0);
		if (name)
			add(out, prefix, name, strlen(name));
	}
	sqlite3_finalize(statement);
}

static void table_names(struct session *session, const char *prefix, struct candidates *out)
{
	char *schema;

	for (size_t i = 0; (schema = matr_sql_schema(i)) != NULL; i++) {
		const char *name = strstr(schema, "TABLE ");
		if (name)
			add(out, prefix, name + 6, strcspn(name + 6, " ("));
		sqlite3_free(schema);
	}
	add_rows(session, "SELECT name FROM pragma_table_list WHERE name NOT LIKE 'sqlite_%'", NULL,
		 prefix, out);
}

static void column_names(struct session *session, const char *table, const char *prefix,
			 struct candidates *out)
{
	add_rows(session, "SELECT name FROM pragma_table_xinfo(?1)", table, prefix, out);
}

/* ---- from the statement ---- */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (c & 0x80);
}

/* The next word of a text; false: there is none. */
static bool next_word(const char **at, char word[64])
{
	while (**at && !is_word(**at))
		++*at;
	size_t length = 0;
	while (is_word((*at)[length]))
		length++;
	snprintf(word, 64, "%.*s", (int)(length < 63 ? length : 63), *at);
	*at += length;
	return length > 0;
}

/* The table that a name stands for in the statement: `FROM bindings b`, `bindings AS b`. */
static void table_of_alias(const struct candidates *tables, const char *statement,
			   const char *alias, char table[64])
{
	char word[64], last[64] = "";

	snprintf(table, 64, "%s", alias);
	while (next_word(&statement, word)) {
		if (sqlite3_stricmp(word, "AS") == 0)
			continue;
		if (sqlite3_stricmp(word, alias) == 0 && last[0]) {
			snprintf(table, 64, "%s", last);
			return;
		}
		last[0] = 0;
		for (size_t i = 0; i < tables->n; i++)
			if (sqlite3_stricmp(tables->list[i], word) == 0)
				snprintf(last, sizeof last, "%s", word);
	}
}

static void columns_in_sight(struct session *session, const struct candidates *tables,
			     const char *statement, const char *prefix, struct candidates *out)
{
	char word[64];
	bool any = false;

	for (const char *at = statement; next_word(&at, word);) {
		for (size_t i = 0; i < tables->n; i++) {
			if (sqlite3_stricmp(tables->list[i], word) != 0)
				continue;
			column_names(session, word, prefix, out);
			any = true;
		}
	}
	for (size_t i = 0; !any && i < tables->n; i++)
		column_names(session, tables->list[i], prefix, out);
}

/* As the user types: in lower case where the word is. */
static void keywords(const char *prefix, struct candidates *out)
{
	bool lower = false;

	for (const char *at = prefix; *at; at++)
		lower |= islower((unsigned char)*at) != 0;
	for (int i = 0; i < sqlite3_keyword_count(); i++) {
		const char *name;
		int length;
		char keyword[32];
		if (sqlite3_keyword_name(i, &name, &length) != SQLITE_OK ||
		    length >= (int)sizeof keyword)
			continue;
		for (int c = 0; c < length; c++)
			keyword[c] = (char)(lower ? tolower((unsigned char)name[c]) : name[c]);
		add(out, prefix, keyword, (size_t)length);
	}
}

/* ---- files ---- */

static void file_names(const char *prefix, struct candidates *out)
{
	const char *slash = strrchr(prefix, '/');
	char *directory = slash ? strndup(prefix, (size_t)(slash - prefix) + 1) : strdup("./");
	DIR *list = directory ? opendir(directory) : NULL;
	struct dirent *entry;

	while (list && (entry = readdir(list)) != NULL) {
		struct text name = {0};
		struct stat status;
		if (entry->d_name[0] == '.' && (slash ? slash[1] : *prefix) != '.')
			continue;
		text_add(&name, prefix, slash ? (size_t)(slash - prefix) + 1 : 0);
		text_add_string(&name, entry->d_name);
		if (stat(text_string(&name), &status) == 0 && S_ISDIR(status.st_mode))
			text_add_string(&name, "/");
		/* Unlike names in SQL, names of files are case-sensitive. */
		if (strncmp(prefix, text_string(&name), strlen(prefix)) == 0)
			add(out, prefix, text_string(&name), name.size);
		text_free(&name);
	}
	if (list)
		closedir(list);
	free(directory);
}

/* ---- all ---- */

static void complete_command(struct session *session, const char *line, size_t *start,
			     struct candidates *out)
{
	const char *blank = strrchr(line, ' ');
	const char *name;

	*start = blank ? (size_t)(blank - line) + 1 : 0;
	if (!blank) {
		for (size_t i = 0; (name = dot_command_name(i)) != NULL; i++)
			add(out, line, name, strlen(name));
	} else if (strncmp(line, ".read", 5) == 0 || strncmp(line, ".output", 7) == 0) {
		file_names(line + *start, out);
	} else if (strncmp(line, ".mode", 5) == 0) {
		for (int i = FORMAT_TABLE; i < FORMATS; i++) {
			name = format_name((enum output_format)i);
			add(out, line + *start, name, strlen(name));
		}
	} else if (strncmp(line, ".epoch", 6) == 0) {
		add(out, line + *start, "all", 3);
		add(out, line + *start, "current", 7);
		add(out, line + *start, "previous", 8);
	} else {
		table_names(session, line + *start, out);
	}
}

/* Test whether only a table's name makes sense after the text. */
static bool wants_table(const char *statement)
{
	static const char *const words[] = {"FROM", "JOIN", "INTO", "UPDATE", "TABLE"};
	char word[64], last[64] = "";

	while (next_word(&statement, word))
		snprintf(last, sizeof last, "%s", word);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (sqlite3_stricmp(words[i], last) == 0)
			return true;
	return false;
}

void complete(struct session *session, const char *before, const char *line, size_t *start,
	      struct candidates *out)
{
	struct candidates tables = {0};
	struct text statement = {0};
	size_t at = strlen(line);

	*out = (struct candidates){0};
	if (*line == '.' && session_is_blank(before)) {
		complete_command(session, line, start, out);
		sort(out);
		return;
	}
	while (at > 0 && is_word(line[at - 1]))
		at--;
	*start = at;
	const char *prefix = line + at;
	text_add_string(&statement, before);
	text_add(&statement, line, at);
	table_names(session, "", &tables);
	sort(&tables);
	if (at > 0 && line[at - 1] == '.') {
		size_t end = at - 1, first = end;
		char alias[64], table[64];
		while (first > 0 && is_word(line[first - 1]))
			first--;
		snprintf(alias, sizeof alias, "%.*s", (int)(end - first), line + first);
		table_of_alias(&tables, text_string(&statement), alias, table);
		column_names(session, table, prefix, out);
	} else if (*prefix && !wants_table(text_string(&statement))) {
		table_names(session, prefix, out);
		columns_in_sight(session, &tables, text_string(&statement), prefix, out);
		add_rows(session,
			 "SELECT DISTINCT name FROM pragma_function_list WHERE name GLOB '[a-z]*'",
			 NULL, prefix, out);
		keywords(prefix, out);
	} else {
		table_names(session, prefix, out);
	}
	sort(out);
	candidates_free(&tables);
	text_free(&statement);
}
