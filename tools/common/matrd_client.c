/* matrd_client.c - asking matrd. docs/protocol.md has the protocol. */
#include "common/matrd_client.h"
#include "common/safe.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <matr/prefix.h>

int matrd_connect(const char *prefix)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char canonical[PATH_MAX], path[PATH_MAX + 16];
	struct ucred peer;
	struct stat status = {.st_uid = 0};
	socklen_t length = sizeof peer;

	if (!realpath(prefix, canonical)) {
		/* The system's prefix is made by the first begin, or by matrd, which the socket
		 * may start. */
		if (errno != ENOENT || strcmp(prefix, MATR_DEFAULT_PREFIX) != 0)
			return -1;
		strcpy(canonical, MATR_DEFAULT_PREFIX);
	}
	if (strcmp(canonical, MATR_DEFAULT_PREFIX) == 0)
		strcpy(path, MATR_DEFAULT_SOCKET);
	else
		snprintf(path, sizeof path, "%s/matrd.sock", canonical);
	if (strlen(path) >= sizeof address.sun_path ||
	    (stat(canonical, &status) != 0 && errno != ENOENT))
		return -1;
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* It must be root's, our own, or that of who owns the prefix. */
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 ||
	    (peer.uid != 0 && peer.uid != geteuid() && peer.uid != status.st_uid)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int send_line(int fd, struct json_object *request, struct matr_error *err)
{
	size_t length;
	const char *text =
		json_object_to_json_string_length(request, JSON_C_TO_STRING_PLAIN, &length);
	char *line = text ? malloc(length + 1) : NULL;
	int result = line ? 0 : matr_fail_memory(err);

	if (line) {
		memcpy(line, text, length);
		line[length++] = '\n';
	}
	for (size_t at = 0; result == 0 && at < length;) {
		ssize_t n = send(fd, line + at, length - at, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			result = matr_fail_errno(err, "matrd", "cannot be asked");
		at += n > 0 ? (size_t)n : 0;
	}
	free(line);
	json_object_put(request);
	return result;
}

/* The next line as an object; NULL: none, or nonsense. */
static struct json_object *read_event(FILE *stream, char **line, size_t *room)
{
	return getline(line, room, stream) > 0 ? json_tokener_parse(*line) : NULL;
}

static const char *text_of(struct json_object *object, const char *key)
{
	const char *text = json_object_get_string(json_object_object_get(object, key));
	return text ? text : "";
}

/* One output stream of matrd's process. A terminal here gets it made safe: the process cannot find
 * out about the terminal. */
struct relay {
	FILE *out;
	bool terminal;
	struct text rest; /* of a terminal's: a line that is not complete */
};

static void relay_add(struct relay *relay, const char *data, size_t size)
{
	struct text *rest = &relay->rest, safe = {0};

	if (!relay->terminal) {
		fwrite(data, 1, size, relay->out);
		return;
	}
	text_add(rest, data, size);
	const char *end = rest->size ? memrchr(rest->bytes, '\n', rest->size) : NULL;
	size_t complete = end ? (size_t)(end - rest->bytes) + 1 : 0;
	text_add_safe_lines(&safe, text_string(rest), complete);
	fwrite(text_string(&safe), 1, safe.size, relay->out);
	text_free(&safe);
	if (complete) {
		memmove(rest->bytes, rest->bytes + complete, rest->size - complete + 1);
		rest->size -= complete;
	}
}

static void relay_end(struct relay *relay)
{
	if (relay->rest.size)
		relay_add(relay, "\n", 1);
	text_free(&relay->rest);
}

static void pass_on(struct relay relays[2], struct json_object *object)
{
	struct json_object *data = json_object_object_get(object, "data");
	bool is_stdout = strcmp(text_of(object, "stream"), "stdout") == 0;

	if (data)
		relay_add(&relays[is_stdout ? 0 : 1], json_object_get_string(data),
			  (size_t)json_object_get_string_len(data));
}

static void tell_progress(struct json_object *object,
			  void (*progress)(void *context, const struct matr_epoch_progress *),
			  void *context)
{
	const struct matr_epoch_progress at = {
		.what = text_of(object, "what"),
		.done = (size_t)json_object_get_int64(json_object_object_get(object, "done")),
		.all = (size_t)json_object_get_int64(json_object_object_get(object, "all")),
	};

	progress(context, &at);
}

int matrd_do(int fd, struct json_object *request,
	     void (*progress)(void *context, const struct matr_epoch_progress *), void *context,
	     struct matr_error *err)
{
	FILE *stream = send_line(fd, request, err) == 0 ? fdopen(fd, "r") : NULL;
	struct relay relays[2] = {{.out = stdout, .terminal = isatty(STDOUT_FILENO)},
				  {.out = stderr, .terminal = isatty(STDERR_FILENO)}};
	struct json_object *object;
	char *line = NULL;
	size_t room = 0;
	int status = -2;

	if (!stream) {
		close(fd);
		return -1;
	}
	while (status == -2 && (object = read_event(stream, &line, &room)) != NULL) {
		const char *name = text_of(object, "event");
		if (strcmp(name, "output") == 0)
			pass_on(relays, object);
		else if (strcmp(name, "exit") == 0)
			status = json_object_get_int(json_object_object_get(object, "status"));
		else if (strcmp(name, "error") == 0)
			status = matr_fail(err, MATR_ERROR_STATE, "matrd", "%s",
					   text_of(object, "message"));
		else if (strcmp(name, "progress") == 0 && progress)
			tell_progress(object, progress, context);
		json_object_put(object);
	}
	free(line);
	fclose(stream);
	for (size_t i = 0; i < 2; i++)
		relay_end(&relays[i]);
	fflush(stdout);
	return status == -2
		       ? matr_fail(err, MATR_ERROR_SYSTEM, "matrd",
				   "went away; the epoch is as it was, or as it was asked for: "
				   "see `matr epoch status`")
		       : status;
}

/* A request that is nothing but its name. */
static struct json_object *request_of(const char *name)
{
	struct json_object *request = json_object_new_object();

	json_object_object_add(request, "request", json_object_new_string(name));
	return request;
}

static void set_timeout(int fd, time_t seconds)
{
	const struct timeval timeout = {.tv_sec = seconds};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
}

/* Read the bytes that follow the event. */
static enum matrd_answer receive_store(FILE *stream, struct json_object *head,
				       struct matr_store_copy *out, struct matr_error *err)
{
	int64_t size = json_object_get_int64(json_object_object_get(head, "bytes"));

	out->image = json_object_get_int64(json_object_object_get(head, "image"));
	out->size = size > 0 ? (size_t)size : 0;
	out->bytes = matr_store_copy_room(out->size);
	if (!out->bytes) {
		matr_fail_memory(err);
		return MATRD_FAILED;
	}
	if (fread(out->bytes, 1, out->size, stream) == out->size)
		return MATRD_ANSWERED;
	matr_store_copy_free(out);
	matr_fail(err, MATR_ERROR_SYSTEM, "matrd", "went away before all of the store came");
	return MATRD_FAILED;
}

static enum matrd_answer ask_store(int fd, struct matr_store_copy *out, struct matr_error *err)
{
	char *line = NULL;
	size_t room = 0;
	enum matrd_answer result;

	set_timeout(fd, 30);
	FILE *stream = send_line(fd, request_of("store"), err) == 0 ? fdopen(fd, "r") : NULL;
	if (!stream) {
		close(fd);
		return MATRD_BUSY; /* closed at once */
	}
	struct json_object *object = read_event(stream, &line, &room);
	if (strcmp(text_of(object, "event"), "store") == 0) {
		result = receive_store(stream, object, out, err);
	} else if (object) {
		matr_fail(err, MATR_ERROR_STATE, "matrd", "%s", text_of(object, "message"));
		result = strcmp(text_of(object, "code"), "busy") == 0 ? MATRD_BUSY : MATRD_FAILED;
	} else {
		matr_fail(err, MATR_ERROR_SYSTEM, "matrd", "does not answer");
		result = MATRD_BUSY;
	}
	json_object_put(object);
	free(line);
	fclose(stream);
	return result;
}

enum matrd_answer matrd_store(const char *prefix, struct matr_store_copy *out,
			      struct matr_error *err)
{
	enum { TRIES = 200, BETWEEN = 100000000 /* nanoseconds */ };
	enum matrd_answer result = MATRD_BUSY;

	*out = (struct matr_store_copy){.bytes = NULL};
	for (int i = 0; i < TRIES && result == MATRD_BUSY; i++) {
		if (i > 0)
			nanosleep(&(struct timespec){.tv_nsec = BETWEEN}, NULL);
		int fd = matrd_connect(prefix);
		if (fd < 0 && i == 0)
			return MATRD_ABSENT;
		if (fd < 0) {
			matr_fail(err, MATR_ERROR_SYSTEM, "matrd", "went away");
			return MATRD_FAILED;
		}
		result = ask_store(fd, out, err);
	}
	return result == MATRD_ANSWERED ? MATRD_ANSWERED : MATRD_FAILED;
}

struct json_object *matrd_status(int fd)
{
	struct json_object *object = NULL;
	char *line = NULL;
	size_t room = 0;

	set_timeout(fd, 2);
	FILE *stream = send_line(fd, request_of("status"), NULL) == 0 ? fdopen(fd, "r") : NULL;
	if (!stream) {
		close(fd);
		return NULL;
	}
	object = read_event(stream, &line, &room);
	free(line);
	fclose(stream);
	if (object && strcmp(text_of(object, "event"), "status") == 0)
		return object;
	json_object_put(object);
	return NULL;
}
