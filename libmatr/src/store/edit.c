/* edit.c - the tables of edits. */
#include "store/edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blake2b.h"
#include "base/varint.h"
#include "store/statement.h"

static void free_edit(struct matr_edit *edit)
{
	free(edit->program);
	free(edit->symbol);
	free(edit->version);
	free(edit->requester);
	free(edit->library);
	free(edit->to_symbol);
	free(edit->author);
	free(edit->reason);
	free(edit->state);
	free(edit->complaint);
}

void matr_edits_free(struct matr_edit *edits, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free_edit(&edits[i]);
	free(edits);
}

static void read_edit(struct store_rows *rows, struct matr_edit *out, struct matr_error *err)
{
	char **const columns[] = {&out->program, &out->symbol,	  &out->version, &out->requester,
				  &out->library, &out->to_symbol, &out->author,	 &out->reason,
				  &out->state,	 &out->complaint};

	out->id = sqlite3_column_int64(rows->statement, 0);
	out->time = sqlite3_column_int64(rows->statement, 11);
	out->programs = (size_t)sqlite3_column_int64(rows->statement, 12);
	out->bindings = (size_t)sqlite3_column_int64(rows->statement, 13);
	for (int i = 0; i < 10; i++)
		store_row_text(rows, i + 1, columns[i], err);
	/* Require text: the columns may have been written with SQL. */
	if (!rows->failed && (!out->program || !out->symbol || !out->library)) {
		matr_fail(err, MATR_ERROR_MALFORMED, NULL, "edit %lld is not complete",
			  (long long)out->id);
		rows->failed = true;
	}
}

int matr_store_edits(struct matr_store *store, struct matr_edit **out, size_t *n,
		     struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement(
		store,
		"WITH newest (application_id) AS MATERIALIZED (SELECT application_id FROM"
		"  epoch_applications WHERE epoch_id = (SELECT max(id) FROM epochs)),"
		" used (edit_id, programs, bindings) AS MATERIALIZED (SELECT edit_id,"
		"  count(DISTINCT application_id), count(*) FROM edited_bindings WHERE"
		"  application_id IN newest GROUP BY edit_id)"
		" SELECT id, program, symbol, version, requester, library, to_symbol, author, "
		"reason,"
		" state, complaint, time, coalesce(u.programs, 0), coalesce(u.bindings, 0)"
		" FROM edits LEFT JOIN used u ON u.edit_id = id ORDER BY id",
		err);
	struct matr_edit *item;

	struct store_rows rows = store_rows(store, statement, sizeof *item);
	while ((item = store_next_row(&rows, err)) != NULL)
		read_edit(&rows, item, err);
	if (rows.failed) {
		matr_edits_free(rows.items, rows.n);
		return -1;
	}
	*out = rows.items;
	*n = rows.n;
	return 0;
}

int store_add_edit(struct matr_store *store, const struct matr_edit *edit, int64_t *id,
		   struct matr_error *err)
{
	sqlite3_stmt *insert = store_statement(
		store,
		"INSERT INTO edits (id, program, symbol, version, requester, library, to_symbol,"
		" author, reason, time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, coalesce(?8, ''),"
		" coalesce(?9, ''), coalesce(?10, unixepoch()))",
		err);

	if (!insert)
		return -1;
	if (edit->id)
		store_bind(insert, 1, edit->id);
	store_bind_text(insert, 2, edit->program);
	store_bind_text(insert, 3, edit->symbol);
	store_bind_text(insert, 4, edit->version);
	store_bind_text(insert, 5, edit->requester);
	store_bind_text(insert, 6, edit->library);
	store_bind_text(insert, 7, edit->to_symbol);
	store_bind_text(insert, 8, edit->author);
	store_bind_text(insert, 9, edit->reason);
	if (edit->time)
		store_bind(insert, 10, edit->time);
	if (store_execute(store, insert, err) != 0)
		return -1;
	if (id)
		*id = sqlite3_last_insert_rowid(store->db);
	return 0;
}

int store_remove_edit(struct matr_store *store, int64_t id, struct matr_error *err)
{
	sqlite3_stmt *remove = store_statement(store, "DELETE FROM edits WHERE id = ?1", err);

	if (!remove)
		return -1;
	store_bind(remove, 1, id);
	if (store_execute(store, remove, err) != 0)
		return -1;
	return sqlite3_changes(store->db) ? 0
					  : matr_fail(err, MATR_ERROR_NOT_FOUND, NULL,
						      "there is no edit %lld", (long long)id);
}

/* ---- signatures of edits ---- */

char *store_edits_signature(const struct matr_edit *const *edits, size_t n, struct matr_error *err)
{
	struct varint_buffer all = {0};
	uint8_t hash[MATR_HASH_SIZE];
	char *text = calloc(1, 2 * MATR_HASH_SIZE + 1);

	for (size_t i = 0; i < n; i++) {
		const struct matr_edit *edit = edits[i];
		const char *const fields[] = {edit->program,   edit->symbol,  edit->version,
					      edit->requester, edit->library, edit->to_symbol};
		varint_put_signed(&all, edit->id);
		for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) {
			varint_put(&all, fields[f] != NULL);
			if (fields[f])
				varint_put_string(&all, fields[f]);
		}
	}
	bool failed = all.failed || !text;
	if (!failed && n) {
		blake2b(all.data, all.size, hash);
		for (size_t i = 0; i < MATR_HASH_SIZE; i++)
			snprintf(text + 2 * i, 3, "%02x", hash[i]);
	}
	varint_buffer_free(&all);
	if (failed) {
		free(text);
		matr_fail_memory(err);
		return NULL;
	}
	return text;
}

static int set_signature(struct matr_store *store, const char *sql, int64_t id,
			 const char *signature, struct matr_error *err)
{
	sqlite3_stmt *update = store_statement(store, sql, err);

	if (!update)
		return -1;
	store_bind(update, 1, id);
	store_bind_text(update, 2, signature);
	return store_execute(store, update, err);
}

int store_set_epoch_edits(struct matr_store *store, int64_t epoch, const char *signature,
			  struct matr_error *err)
{
	return set_signature(store, "UPDATE epochs SET edits = ?2 WHERE id = ?1", epoch, signature,
			     err);
}

int store_set_application_edits(struct matr_store *store, int64_t application,
				const char *signature, struct matr_error *err)
{
	return set_signature(store, "UPDATE application_records SET edits = ?2 WHERE id = ?1",
			     application, signature, err);
}

static int is_signature(struct matr_store *store, const char *sql, int64_t id,
			const char *signature, struct matr_error *err)
{
	sqlite3_stmt *row = store_statement(store, sql, err);

	if (!row)
		return -1;
	store_bind(row, 1, id);
	store_bind_text(row, 2, signature);
	int found = store_step(store, row, err);
	sqlite3_reset(row);
	return found;
}

int store_same_epoch_edits(struct matr_store *store, int64_t epoch, const char *signature,
			   struct matr_error *err)
{
	return is_signature(store, "SELECT 1 FROM epochs WHERE id = ?1 AND edits = ?2", epoch,
			    signature, err);
}

int store_same_application_edits(struct matr_store *store, int64_t application,
				 const char *signature, struct matr_error *err)
{
	return is_signature(store, "SELECT 1 FROM application_records WHERE id = ?1 AND edits = ?2",
			    application, signature, err);
}

/* ---- edited bindings ---- */

int store_put_edited(struct matr_store *store, int64_t application,
		     const struct edited_bindings *edited, struct matr_error *err)
{
	for (size_t i = 0; i < edited->n; i++) {
		const struct matr_edited_binding *binding = &edited->list[i];
		sqlite3_stmt *insert =
			store_statement(store,
					"INSERT INTO edited_bindings (application_id, position, "
					"relocation, edit_id,"
					" provider, symbol) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
					err);
		if (!insert)
			return -1;
		store_bind(insert, 1, application);
		store_bind(insert, 2, binding->object);
		store_bind(insert, 3, binding->relocation);
		store_bind(insert, 4, binding->edit);
		/* Negative if nothing provided it: MATR_PROVIDER_*. */
		store_bind(insert, 5, (int32_t)binding->original.provider);
		store_bind(insert, 6, binding->original.symbol);
		if (store_execute(store, insert, err) != 0)
			return -1;
	}
	return 0;
}

int matr_store_edited(struct matr_store *store, int64_t application,
		      struct matr_edited_binding **out, size_t *n, struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement_for(
		store,
		"SELECT position, relocation, edit_id, provider, symbol FROM edited_bindings"
		" WHERE application_id = ?1 ORDER BY position, relocation",
		application, err);
	struct matr_edited_binding *item;

	*out = NULL;
	*n = 0;
	struct store_rows rows = store_rows(store, statement, sizeof *item);
	while ((item = store_next_row(&rows, err)) != NULL)
		*item = (struct matr_edited_binding){
			.object = (uint32_t)sqlite3_column_int64(statement, 0),
			.relocation = (uint32_t)sqlite3_column_int64(statement, 1),
			.edit = sqlite3_column_int64(statement, 2),
			.original = {(uint32_t)sqlite3_column_int64(statement, 3),
				     (uint32_t)sqlite3_column_int64(statement, 4)},
		};
	if (rows.failed) {
		free(rows.items);
		return -1;
	}
	*out = rows.items;
	*n = rows.n;
	return 0;
}

int store_edit_uses(struct matr_store *store, int64_t epoch, struct store_edit_use **out, size_t *n,
		    struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement(
		store,
		"SELECT DISTINCT b.application_id, b.edit_id, l.object_id FROM edited_bindings b"
		" JOIN scope_entries s ON s.application_id = b.application_id"
		"  AND s.position = b.position JOIN locations l ON l.id = s.location_id"
		" WHERE b.application_id IN (SELECT application_id FROM epoch_applications"
		"  WHERE epoch_id = ?1) ORDER BY 1, 2, 3",
		err);
	struct store_edit_use *item;

	*out = NULL;
	*n = 0;
	if (statement)
		store_bind(statement, 1, epoch);
	struct store_rows rows = store_rows(store, statement, sizeof *item);
	while ((item = store_next_row(&rows, err)) != NULL)
		*item = (struct store_edit_use){
			.application = sqlite3_column_int64(statement, 0),
			.edit = sqlite3_column_int64(statement, 1),
			.object = sqlite3_column_int64(statement, 2),
		};
	if (rows.failed) {
		free(rows.items);
		return -1;
	}
	*out = rows.items;
	*n = rows.n;
	return 0;
}

/* ---- failures of edits ---- */

int store_put_edit_failure(struct matr_store *store, int64_t epoch, int64_t edit,
			   const char *program, const char *reason, bool expected,
			   struct matr_error *err)
{
	sqlite3_stmt *insert = store_statement(
		store,
		"INSERT OR REPLACE INTO edit_failures (epoch_id, edit_id, path, reason, expected)"
		" VALUES (?1, ?2, ?3, ?4, ?5)",
		err);

	if (!insert)
		return -1;
	store_bind(insert, 1, epoch);
	store_bind(insert, 2, edit);
	store_bind_text(insert, 3, program);
	store_bind_text(insert, 4, reason);
	store_bind(insert, 5, expected);
	return store_execute(store, insert, err);
}

int store_carry_edit_failures(struct matr_store *store, int64_t previous, int64_t epoch,
			      struct matr_error *err)
{
	sqlite3_stmt *copy = store_statement(store,
					     "INSERT INTO edit_failures SELECT ?2, edit_id, path, "
					     "reason, expected FROM edit_failures"
					     " WHERE epoch_id = ?1",
					     err);

	if (!copy)
		return -1;
	store_bind(copy, 1, previous);
	store_bind(copy, 2, epoch);
	return store_execute(store, copy, err);
}

void matr_edit_failures_free(struct matr_edit_failure *failures, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(failures[i].program);
		free(failures[i].reason);
	}
	free(failures);
}

int matr_store_edit_failures(struct matr_store *store, int64_t epoch,
			     struct matr_edit_failure **out, size_t *n, struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement_for(
		store,
		"SELECT edit_id, path, reason, expected FROM edit_failures WHERE epoch_id = ?1"
		" ORDER BY edit_id, path",
		epoch, err);
	struct matr_edit_failure *item;

	struct store_rows rows = store_rows(store, statement, sizeof *item);
	while ((item = store_next_row(&rows, err)) != NULL) {
		item->edit = sqlite3_column_int64(statement, 0);
		item->expected = sqlite3_column_int(statement, 3) != 0;
		store_row_text(&rows, 1, &item->program, err);
		store_row_text(&rows, 2, &item->reason, err);
	}
	if (rows.failed) {
		matr_edit_failures_free(rows.items, rows.n);
		return -1;
	}
	*out = rows.items;
	*n = rows.n;
	return 0;
}

int store_set_edit_state(struct matr_store *store, const struct matr_edit *edit,
			 struct matr_error *err)
{
	sqlite3_stmt *update =
		store_statement(store,
				"UPDATE edits SET state = ?2, complaint = ?3 WHERE id = ?1 AND"
				" (state IS NOT ?2 OR complaint IS NOT ?3)",
				err);

	if (!update)
		return -1;
	store_bind(update, 1, edit->id);
	store_bind_text(update, 2, edit->state);
	store_bind_text(update, 3, edit->complaint);
	return store_execute(store, update, err);
}
