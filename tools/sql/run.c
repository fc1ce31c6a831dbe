/* run.c - running text: statements one after the other, and where in the text an error is. */
#include "common/safe.h"
#include "common/standard.h"
#include "sql/result.h"
#include "sql/session.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/resource.h>

bool session_is_blank(const char *sql)
{
	for (;;) {
		sql += strspn(sql, " \t\r\n\f;");
		if (strncmp(sql, "--", 2) == 0) {
			sql += strcspn(sql, "\n");
		} else if (strncmp(sql, "/*", 2) == 0) {
			const char *end = strstr(sql + 2, "*/");
			if (!end)
				return true;
			sql = end + 2;
		} else {
			return *sql == 0;
		}
	}
}

/* ---- errors ---- */

/* The line of the text in which `offset` is, with a mark below. Long lines are shown around it. */
static void mark(const char *text, size_t offset)
{
	enum { AROUND = 60 };
	const char *at = text + offset, *start = at, *end = at + strcspn(at, "\n");
	struct text before = {0}, after = {0};
	const char *dots = "";

	while (start > text && start[-1] != '\n')
		start--;
	if (at - start > AROUND) {
		start = at - AROUND;
		while ((*start & 0xc0) == 0x80)
			start++;
		dots = "...";
	}
	if (end - at > AROUND)
		end = at + AROUND;
	size_t width = 0;
	for (; start < at; start += strcspn(start, "\t") + (start[strcspn(start, "\t")] == '\t')) {
		size_t length = strcspn(start, "\t");
		if (start + length >= at)
			length = (size_t)(at - start);
		width += text_add_safe(&before, start, length);
		if (start + length >= at)
			break;
		text_add(&before, " ", 1); /* for a tab */
		width++;
	}
	text_add_safe(&after, at, (size_t)(end - at));
	fprintf(stderr, "  %s%s%s\n", dots, text_string(&before), text_string(&after));
	fprintf(stderr, "  %*s^\n", (int)(width + strlen(dots)), "");
	text_free(&before);
	text_free(&after);
}

/* Print SQLite's message about the statement that begins at `statement` in the text. */
static void report(struct session *session, const char *text, const char *statement,
		   const char *source, int line)
{
	int offset = sqlite3_error_offset(session->db), code = sqlite3_errcode(session->db);
	const char *hint = "";

	if (!session->write && (code == SQLITE_AUTH || code == SQLITE_READONLY))
		hint = " (read only: --write allows changes)";
	size_t at = (size_t)(statement - text) + (size_t)(offset > 0 ? offset : 0);
	for (size_t i = 0; i < at; i++)
		line += text[i] == '\n';
	if (source)
		session_complain(source, line, "%s%s", sqlite3_errmsg(session->db), hint);
	else if (offset >= 0 && text[strcspn(text, "\n")] && text[strcspn(text, "\n") + 1])
		session_complain(NULL, 0, "line %d: %s%s", line, sqlite3_errmsg(session->db), hint);
	else
		session_complain(NULL, 0, "%s%s", sqlite3_errmsg(session->db), hint);
	if (offset >= 0 && at <= strlen(text))
		mark(text, at);
}

/* ---- time ---- */

struct moment {
	struct timespec real;
	struct rusage usage;
};

static struct moment now(void)
{
	struct moment moment;

	clock_gettime(CLOCK_MONOTONIC, &moment.real);
	getrusage(RUSAGE_SELF, &moment.usage);
	return moment;
}

static double seconds(struct timeval start, struct timeval end)
{
	return (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_usec - start.tv_usec) / 1e6;
}

static void show_time(struct moment start)
{
	struct moment end = now();

	fprintf(stderr, "time: real %.3f s, user %.3f s, system %.3f s\n",
		(double)(end.real.tv_sec - start.real.tv_sec) +
			(double)(end.real.tv_nsec - start.real.tv_nsec) / 1e9,
		seconds(start.usage.ru_utime, end.usage.ru_utime),
		seconds(start.usage.ru_stime, end.usage.ru_stime));
}

/* ---- running ---- */

int session_run(struct session *session, const char *sql, const char *source, int line)
{
	const char *at = sql;

	while (!session_is_blank(at)) {
		sqlite3_stmt *statement = NULL;
		const char *rest;
		struct moment start = now();
		if (sqlite3_prepare_v2(session->db, at, -1, &statement, &rest) != SQLITE_OK) {
			report(session, sql, at, source, line);
			return -1;
		}
		if (!statement) { /* a comment */
			at = rest;
			continue;
		}
		errno = 0;
		int result = result_show(&session->render, statement);
		bool interrupted = result == SQLITE_INTERRUPT;
		if (result == -1 && session->output)
			session_complain(NULL, 0, "%s: cannot be written%s%s", session->output,
					 errno ? ": " : "", errno ? strerror(errno) : "");
		else if (result == -1)
			standard_flush(NULL); /* standard_end() reports it */
		else if (interrupted)
			session_complain(NULL, 0, "interrupted");
		else if (result != SQLITE_DONE)
			report(session, sql, at, source, line);
		sqlite3_finalize(statement);
		if (session->timer)
			show_time(start);
		if (result != SQLITE_DONE)
			return -1;
		at = rest;
	}
	return 0;
}

/* ---- statements and commands, line by line ---- */

int session_read(struct session *session, FILE *file, const char *name)
{
	struct text pending = {0};
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	int number = 0, first = 1, result = 0;

	while (result == 0 && !session->quit && (length = getline(&line, &room, file)) >= 0) {
		number++;
		if (strlen(line) != (size_t)length) {
			session_complain(name, number, "a NUL byte: this is no SQL");
			result = -1;
			break;
		}
		if (session_is_blank(text_string(&pending))) {
			text_clear(&pending);
			first = number;
			if (*line == '.') {
				result = session->command(session, line, name, number);
				continue;
			}
		}
		text_add(&pending, line, (size_t)length);
		if (!pending.failed && memchr(line, ';', (size_t)length) &&
		    sqlite3_complete(text_string(&pending))) {
			result = session_run(session, text_string(&pending), name, first);
			text_clear(&pending);
		}
	}
	if (result == 0 && ferror(file)) {
		session_complain(NULL, 0, "%s: %s", name ? name : "standard input",
				 strerror(errno));
		result = -1;
	}
	if (pending.failed) {
		session_complain(NULL, 0, "out of memory");
		result = -1;
	}
	if (result == 0 && !session->quit)
		result = session_run(session, text_string(&pending), name, first);
	text_free(&pending);
	free(line);
	return result;
}

int session_text(struct session *session, const char *text)
{
	if (text[strspn(text, " \t\r\n")] != '.')
		return session_run(session, text, NULL, 1);
	text += strspn(text, " \t\r\n");
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	if (!file) {
		session_complain(NULL, 0, "out of memory");
		return -1;
	}
	int result = session_read(session, file, NULL);
	fclose(file);
	return result;
}
