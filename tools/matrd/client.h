/* client.h - a connection: lines of JSON in, lines of JSON out, and limits to both. */
#ifndef MATR_TOOLS_MATRD_CLIENT_H
#define MATR_TOOLS_MATRD_CLIENT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/text.h"

enum {
	CLIENT_LINE = 8 << 10,	     /* bytes of a request from anybody */
	CLIENT_LINE_OWNER = 4 << 20, /* from who may begin: it may name many programs */
	CLIENT_OUTPUT = 16 << 20,    /* bytes that wait to be read */
	CLIENT_IDLE = 10000,	     /* milliseconds without a complete request */
};

struct client {
	int fd;
	uid_t uid;
	pid_t reader; /* the process that answers it now; 0: none */
	bool owner;   /* root, or whose prefix it is */
	bool waiting; /* for a job, which is `request` */
	bool closing; /* when all is written */
	int64_t since;
	struct json_object *request;
	struct text input, output;
	struct client *next;
};

struct client *client_new(int fd, uid_t uid, bool owner, int64_t now);
void client_free(struct client *client);

/* Read what there is. -1: the connection is at an end, or over its limits. */
int client_read(struct client *client);
/* The next request, which belongs to the caller. 1; 0: none yet; -1: it is no JSON object. */
int client_request(struct client *client, struct json_object **out);
/* Queue a line (takes the object). -1: too much waits already. */
int client_send(struct client *client, struct json_object *object);
/* Write what can be written. -1: broken. */
int client_write(struct client *client);

#endif
