/* edits_backup.c - PREFIX/edits: what is needed to have the edits again where the store is lost.
 *
 * The rest of a store can be made again from the programs, which is why a damaged one is moved
 * aside without much ado. Edits cannot. The file is written with every epoch, and read when a new
 * store is begun. A line per edit: id, program, symbol, version, requester, library, to_symbol,
 * author, time and reason, separated by spaces; bytes that would be mistaken for something else are
 * written %xx, and a column that is NULL is "-".
 */
#include "store/edit.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/path.h"
#include "base/percent.h"
#include "store/statement.h"

enum { MAX_FILE = 16 << 20, N_FIELDS = 10 };

static const char heading[] =
	"# The edits of relocation mappings (matr-rebind(1)), in case the store is lost. Written "
	"by matr;\n"
	"# to change them use `matr rebind`.\n"
	"# id program symbol version requester library to_symbol author time reason\n";

static int put(struct buffer *out, const char *text, char end, struct matr_error *err)
{
	uint64_t at;
	char piece[4];

	if (!text && buffer_append(out, "-", 1, 1, &at, err) != 0)
		return -1;
	if (text && !*text && buffer_append(out, "%", 1, 1, &at, err) != 0)
		return -1;
	for (size_t i = 0; text && text[i]; i++) {
		unsigned char c = (unsigned char)text[i];
		bool plain = c > ' ' && c < 127 && c != '%' && c != '#' && !(c == '-' && !text[1]);
		int length = plain ? snprintf(piece, sizeof piece, "%c", c)
				   : snprintf(piece, sizeof piece, "%%%02x", c);
		if (buffer_append(out, piece, (size_t)length, 1, &at, err) != 0)
			return -1;
	}
	return buffer_append(out, &end, 1, 1, &at, err);
}

static int put_edit(struct buffer *out, const struct matr_edit *edit, struct matr_error *err)
{
	char id[32], time[32];
	const char *const fields[N_FIELDS] = {id,
					      edit->program,
					      edit->symbol,
					      edit->version,
					      edit->requester,
					      edit->library,
					      edit->to_symbol,
					      edit->author,
					      time,
					      edit->reason};

	snprintf(id, sizeof id, "%lld", (long long)edit->id);
	snprintf(time, sizeof time, "%lld", (long long)edit->time);
	for (size_t i = 0; i < N_FIELDS; i++)
		if (put(out, fields[i], i + 1 < N_FIELDS ? ' ' : '\n', err) != 0)
			return -1;
	return 0;
}

int store_edits_write_copy(const char *prefix, const struct matr_edit *edits, size_t n,
			   struct matr_error *err)
{
	char path[PATH_MAX];
	struct buffer out = {0};
	uint64_t at;

	if (path_join(prefix, MATR_EDITS_FILE, path, err) != 0)
		return -1;
	if (!n) {
		if (unlink(path) != 0 && errno != ENOENT)
			return matr_fail_errno(err, path, "cannot be removed");
		return 0;
	}
	int result = buffer_append(&out, heading, strlen(heading), 1, &at, err);
	for (size_t i = 0; i < n && !result; i++)
		result = put_edit(&out, &edits[i], err);
	if (!result)
		result = file_write(path, out.bytes, out.size, 0644, err);
	buffer_free(&out);
	return result;
}

/* ---- reading ---- */

/* A single % is the empty string. */
static bool decode(char *text)
{
	if (strcmp(text, "%") != 0)
		return percent_decode(text);
	*text = 0;
	return true;
}

static int restore_line(struct matr_store *store, const char *path, char *line, unsigned number,
			struct matr_error *err)
{
	char *fields[N_FIELDS], *rest = line;
	size_t n = 0;

	for (char *at; n < N_FIELDS && (at = strsep(&rest, " ")); n++) {
		fields[n] = strcmp(at, "-") != 0 ? at : NULL;
		if (fields[n] && !decode(fields[n]))
			break;
	}
	if (n != N_FIELDS || rest || !fields[0] || !fields[1] || !fields[2] || !fields[5] ||
	    !fields[8] || atoll(fields[0]) <= 0)
		return matr_fail(err, MATR_ERROR_MALFORMED, path, "line %u is not an edit", number);
	const struct matr_edit edit = {
		.id = atoll(fields[0]),
		.program = fields[1],
		.symbol = fields[2],
		.version = fields[3],
		.requester = fields[4],
		.library = fields[5],
		.to_symbol = fields[6],
		.author = fields[7],
		.time = atoll(fields[8]),
		.reason = fields[9],
	};
	return store_add_edit(store, &edit, NULL, err);
}

/* 1: the store is one that was just made. */
static int is_new(struct matr_store *store, struct matr_error *err)
{
	sqlite3_stmt *row = store_statement(store,
					    "SELECT (SELECT count(*) FROM epochs) <= 1 AND"
					    " NOT EXISTS (SELECT 1 FROM edits)",
					    err);
	if (!row)
		return -1;
	int found = store_step(store, row, err);
	int answer = found > 0 ? sqlite3_column_int(row, 0) : found;
	sqlite3_reset(row);
	return answer;
}

int store_edits_restore(const char *prefix, struct matr_store *store, struct matr_error *err)
{
	char path[PATH_MAX];
	void *data;
	size_t size;
	unsigned number = 0;

	if (path_join(prefix, MATR_EDITS_FILE, path, err) != 0)
		return -1;
	if (access(path, F_OK) != 0)
		return 0;
	int fresh = is_new(store, err);
	if (fresh <= 0)
		return fresh;
	if (file_read(path, MAX_FILE, &data, &size, err) != 0)
		return -1;
	char *text = data, *line;
	text[size] = 0; /* file_read() leaves room */
	int result = 0;
	while (!result && (line = strsep(&text, "\n"))) {
		number++;
		if (*line && *line != '#')
			result = restore_line(store, path, line, number, err);
	}
	free(data);
	return result;
}
