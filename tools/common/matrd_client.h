/* matrd_client.h - asking matrd, if it runs for the prefix. */
#ifndef MATR_TOOLS_COMMON_MATRD_CLIENT_H
#define MATR_TOOLS_COMMON_MATRD_CLIENT_H

#include <json-c/json.h>

#include <matr/epoch.h>
#include <matr/store.h>

/* Connect to the prefix's matrd. -1: there is none, or it is not one to be trusted with what is
 * asked of it. */
int matrd_connect(const char *prefix);

/* Send the request (which is taken) to matrd, print its output and return its exit status. Closes
 * the connection.
 * progress: called with `context` and each report; may be NULL.
 * Returns -1 if matrd went away, or refused (*err). */
int matrd_do(int fd, struct json_object *request,
	     void (*progress)(void *context, const struct matr_epoch_progress *), void *context,
	     struct matr_error *err);

enum matrd_answer {
	MATRD_FAILED = -1, /* it went away, or refused: *err */
	MATRD_ANSWERED,
	MATRD_BUSY,   /* too many clients or requests */
	MATRD_ABSENT, /* there is no matrd */
};

/* Get a copy of the store from the prefix's matrd, and wait while it is busy: for 20 seconds, then
 * it has failed. *out belongs to the caller: matr_store_copy_free(). Does not return BUSY. */
enum matrd_answer matrd_store(const char *prefix, struct matr_store_copy *out,
			      struct matr_error *err);

/* Its answer to a status request; the caller's (json_object_put). NULL: none. Closes the
 * connection. */
struct json_object *matrd_status(int fd);

#endif
