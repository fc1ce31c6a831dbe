/* copy.h - the store as bytes (matr/store.h). */
#ifndef MATR_STORE_COPY_H
#define MATR_STORE_COPY_H

#include <matr/store.h>

/* Serialise the store's database into out->bytes and out->size; the rest of *out is untouched. */
int store_copy_bytes(struct matr_store *store, struct matr_store_copy *out, struct matr_error *err);

#endif
