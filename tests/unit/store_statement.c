/* store_statement.c - statements and their rows, on a database in memory. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "store/statement.h"
#include "store/transaction.h"
#include "unit.h"

static char path[] = "memory";
static struct matr_store store;
static struct matr_error err;

static void setup(void)
{
	store = (struct matr_store){.path = path};
	ck_assert_int_eq(sqlite3_open(":memory:", &store.db), SQLITE_OK);
	ck_assert_int_eq(
		store_run_sql(
			&store,
			"CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT, n INTEGER UNIQUE);"
			"INSERT INTO t VALUES (1, 'one', 10), (2, '', 20), (3, 'three', 30)",
			&err),
		0);
}

static void teardown(void)
{
	store_forget_statements(&store);
	ck_assert_int_eq(sqlite3_close(store.db), SQLITE_OK); /* no statement is left */
}

struct item {
	int64_t id;
	char *text;
};

static const char all[] = "SELECT id, text FROM t ORDER BY id";

START_TEST(rows_become_an_array)
{
	sqlite3_stmt *statement = store_statement(&store, all, &err);
	struct store_rows rows = store_rows(&store, statement, sizeof(struct item));
	struct item *item;

	while ((item = store_next_row(&rows, &err)) != NULL) {
		ck_assert_ptr_null(item->text);
		item->id = sqlite3_column_int64(statement, 0);
		store_row_text(&rows, 1, &item->text, &err);
	}
	ck_assert(!rows.failed);
	ck_assert_uint_eq(rows.n, 3);
	item = rows.items;
	ck_assert(item[0].id == 1 && item[1].id == 2 && item[2].id == 3);
	ck_assert_str_eq(item[0].text, "one");
	ck_assert_str_eq(item[1].text, "");
	ck_assert_str_eq(item[2].text, "three");
	for (size_t i = 0; i < rows.n; i++)
		free(item[i].text);
	free(item);
}
END_TEST

START_TEST(a_failure_ends_the_rows)
{
	sqlite3_stmt *statement = store_statement(&store, all, &err);
	struct store_rows rows = store_rows(&store, statement, sizeof(struct item));

	ck_assert_ptr_nonnull(store_next_row(&rows, &err));
	rows.failed = true;
	ck_assert_ptr_null(store_next_row(&rows, &err));
	ck_assert_uint_eq(rows.n, 1);
	ck_assert(!sqlite3_stmt_busy(statement));
	free(rows.items);
	rows = store_rows(&store, NULL, sizeof(struct item));
	ck_assert_ptr_null(store_next_row(&rows, &err));
	ck_assert(rows.failed && rows.n == 0 && !rows.items);
}
END_TEST

START_TEST(ids_and_texts)
{
	int64_t *ids;
	char **texts;
	size_t n;

	ck_assert_int_eq(store_rows_of_ids(&store, store_statement(&store, "SELECT n FROM t", &err),
					   &ids, &n, &err),
			 0);
	ck_assert(n == 3 && ids[0] == 10 && ids[1] == 20 && ids[2] == 30);
	free(ids);
	ck_assert_int_eq(store_rows_of_ids(&store,
					   store_statement(&store, "SELECT n FROM t WHERE 0", &err),
					   &ids, &n, &err),
			 0);
	ck_assert(n == 0 && !ids);
	ck_assert_int_eq(store_rows_of_text(&store,
					    store_statement(&store, "SELECT text FROM t", &err),
					    &texts, &n, &err),
			 0);
	ck_assert(n == 3 && strcmp(texts[0], "one") == 0 && strcmp(texts[2], "three") == 0);
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
	free(texts);
	ck_assert_int_eq(store_run_sql(&store, "UPDATE t SET text = NULL WHERE id = 2", &err), 0);
	ck_assert_int_eq(store_rows_of_text(&store,
					    store_statement(&store, "SELECT text FROM t", &err),
					    &texts, &n, &err),
			 -1);
	ck_assert_int_eq(err.code, MATR_ERROR_MALFORMED);
	ck_assert_str_eq(err.file, path);
}
END_TEST

/* A statement is prepared once for each literal, and comes back reset and without parameters. */
START_TEST(statements_are_kept)
{
	static const char sql[] = "SELECT id FROM t WHERE n = ?1";
	sqlite3_stmt *first = store_statement(&store, sql, &err);

	ck_assert_ptr_nonnull(first);
	store_bind(first, 1, 20);
	ck_assert_int_eq(store_step(&store, first, &err), 1);
	ck_assert_int_eq(sqlite3_column_int64(first, 0), 2);
	ck_assert_ptr_eq(store_statement(&store, sql, &err), first);
	ck_assert_int_eq(store_step(&store, first, &err), 0);
	ck_assert_ptr_null(store_statement(&store, "SELECT nothing FROM nowhere", &err));
	ck_assert_int_eq(err.code, MATR_ERROR_STORE);
}
END_TEST

START_TEST(transactions)
{
	static const char insert[] = "INSERT INTO t (n) VALUES (?1)",
			  count[] = "SELECT count(*) FROM t";

	ck_assert_int_eq(store_transaction_begin(&store, &err), 0);
	ck_assert_int_eq(store_transaction_begin(&store, &err), -1); /* one at a time */
	sqlite3_stmt *statement = store_statement(&store, insert, &err);
	store_bind(statement, 1, 40);
	ck_assert_int_eq(store_execute(&store, statement, &err), 0);
	statement = store_statement(&store, insert, &err);
	store_bind(statement, 1, 40);
	ck_assert_int_eq(store_execute(&store, statement, &err), -1); /* unique */
	store_transaction_roll_back(&store);
	statement = store_statement(&store, count, &err);
	ck_assert_int_eq(store_step(&store, statement, &err), 1);
	ck_assert_int_eq(sqlite3_column_int(statement, 0), 3);
	sqlite3_reset(statement);
	ck_assert_int_eq(store_transaction_commit(&store, &err), -1); /* there is none */
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("statement");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, rows_become_an_array);
	tcase_add_test(tests, a_failure_ends_the_rows);
	tcase_add_test(tests, ids_and_texts);
	tcase_add_test(tests, statements_are_kept);
	tcase_add_test(tests, transactions);
	return unit_run(tests, "statement");
}
