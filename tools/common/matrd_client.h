/* matrd_client.h - asking matrd, if it runs for the prefix. */
#ifndef MATR_TOOLS_COMMON_MATRD_CLIENT_H
#define MATR_TOOLS_COMMON_MATRD_CLIENT_H

#include <json-c/json.h>

#include <matr/epoch.h>
#include <matr/store.h>

/* Connect to the prefix's matrd. -1: there is none, or it is not one to be trusted with what is
 * asked of it. */
int matrd_connect(const char *prefix);

/* Have matrd do the request (which is taken), print what that prints and return its exit status.
 * progress (may be NULL) is called with `context` and each report. Closes the connection. -1: it
 * went away, or refused; *err. */
int matrd_do(int fd, struct json_object *request,
	     void (*progress)(void *context, const struct matr_epoch_progress *), void *context,
	     struct matr_error *err);

/* Get a copy of the store from the prefix's matrd, which is the caller's
 * (matr_store_copy_free()). Waits where many ask. 1: there is no matrd; -1: it went away, or
 * refused; *err. */
int matrd_store(const char *prefix, struct matr_store_copy *out, struct matr_error *err);

/* Its answer to a status request; the caller's (json_object_put). NULL: none. Closes the
 * connection. */
struct json_object *matrd_status(int fd);

#endif
