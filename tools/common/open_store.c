/* open_store.c - the store, for commands that only read it.
 *
 * A user who may read the store's files does so, with or without matrd: there is no better source.
 * Any other user gets a copy of the whole store from matrd, and the same code reads that. Reasons
 * are a prefix or a store that is closed to others, or the journal of a writer that was killed: it
 * takes permission to write to recover it.
 */
#include "common/open_store.h"
#include "common/matrd_client.h"

int open_store(const char *prefix, struct matr_store **out, struct matr_error *err)
{
	struct matr_error why = {0};
	struct matr_store_copy copy;

	if (matr_store_open(prefix, out, &why) == 0)
		return 0;
	if (why.code != MATR_ERROR_DENIED)
		return matr_error_copy(err, &why);
	switch (matrd_store(prefix, &copy, err)) {
	case MATRD_ANSWERED:
		return matr_store_open_copy(prefix, &copy, out, err);
	case MATRD_ABSENT:
		return matr_error_copy(err, &why);
	case MATRD_BUSY:
	case MATRD_FAILED:
		break;
	}
	return -1;
}
