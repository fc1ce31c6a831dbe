/* libpq.c - libpq, loaded only to write to a database: no other use pays for it, or for the
 * libraries that it needs.
 */
#include "matr/export/libpq.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY "libpq.so.5"

int libpq_load(struct libpq *out, struct matr_error *err)
{
	const struct {
		const char *name;
		void *to;
	} functions[] = {
		{"PQconnectdb", &out->connect},
		{"PQstatus", &out->status},
		{"PQerrorMessage", &out->error},
		{"PQsetClientEncoding", &out->set_encoding},
		{"PQsetNoticeProcessor", &out->set_notices},
		{"PQexec", &out->exec},
		{"PQexecParams", &out->exec_params},
		{"PQresultStatus", &out->result_status},
		{"PQresultErrorField", &out->result_field},
		{"PQntuples", &out->n_rows},
		{"PQgetvalue", &out->value},
		{"PQgetisnull", &out->is_null},
		{"PQclear", &out->clear},
		{"PQputCopyData", &out->put_copy},
		{"PQputCopyEnd", &out->end_copy},
		{"PQgetResult", &out->get_result},
		{"PQfinish", &out->finish},
	};
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return matr_fail(err, MATR_ERROR_NOT_FOUND, LIBRARY,
				 "cannot be loaded; --to needs it (Debian: libpq5)");
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		void *function = dlsym(library, functions[i].name);
		if (!function)
			return matr_fail(err, MATR_ERROR_NOT_FOUND, LIBRARY, "has no %s",
					 functions[i].name);
		memcpy(functions[i].to, &function, sizeof function);
	}
	return 0;
}
