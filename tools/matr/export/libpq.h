/* libpq.h - the functions of libpq that are used, from the library that is loaded when one is. */
#ifndef MATR_TOOLS_EXPORT_LIBPQ_H
#define MATR_TOOLS_EXPORT_LIBPQ_H

#include <libpq-fe.h>

#include <matr/error.h>

struct libpq {
	PGconn *(*connect)(const char *url);
	ConnStatusType (*status)(const PGconn *connection);
	char *(*error)(const PGconn *connection);
	int (*set_encoding)(PGconn *connection, const char *encoding);
	PQnoticeProcessor (*set_notices)(PGconn *connection, PQnoticeProcessor processor,
					 void *context);
	PGresult *(*exec)(PGconn *connection, const char *sql);
	PGresult *(*exec_params)(PGconn *connection, const char *sql, int n, const Oid *types,
				 const char *const *values, const int *lengths, const int *formats,
				 int result_format);
	ExecStatusType (*result_status)(const PGresult *result);
	char *(*result_field)(const PGresult *result, int field);
	int (*n_rows)(const PGresult *result);
	char *(*value)(const PGresult *result, int row, int column);
	int (*is_null)(const PGresult *result, int row, int column);
	void (*clear)(PGresult *result);
	int (*put_copy)(PGconn *connection, const char *bytes, int size);
	int (*end_copy)(PGconn *connection, const char *error);
	PGresult *(*get_result)(PGconn *connection);
	void (*finish)(PGconn *connection);
};

/* Load libpq. It stays loaded.
 * Errors: NOT_FOUND (it is not installed, or too old). */
int libpq_load(struct libpq *out, struct matr_error *err);

#endif
