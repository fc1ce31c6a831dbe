/* schema.h - the tables of the store, and how an older store becomes a newer one. */
#ifndef MATR_STORE_SCHEMA_H
#define MATR_STORE_SCHEMA_H

#include <matr/store.h>

/* Bring an open database to MATR_STORE_VERSION (writable), or check that it has that version. */
int store_migrate(struct matr_store *store, bool writable, struct matr_error *err);

#endif
