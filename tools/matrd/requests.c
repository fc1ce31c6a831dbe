/* requests.c - the clients and their requests (docs/protocol.md).
 *
 * Root and the owner of the prefix may do everything. The number of other clients, and of their
 * requests at once, is limited, so that no user can keep the rest out. One begin or end at a time;
 * the client whose request waits is connected meanwhile.
 */
#include "matrd/daemon.h"
#include "matrd/reader.h"
#include "matrd/service.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* ---- answers ---- */

static struct json_object *event(const char *name)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "event", json_object_new_string(name));
	return object;
}

static void refuse(struct client *client, const char *code, const char *message)
{
	struct json_object *object = event("error");

	json_object_object_add(object, "code", json_object_new_string(code));
	json_object_object_add(object, "message", json_object_new_string(message));
	if (client_send(client, object) != 0)
		client->closing = true;
}

static struct json_object *status_of(const struct daemon *daemon)
{
	struct json_object *object = event("status");
	struct matr_watch_status watch = matr_watch_status(daemon->watch);

	json_object_object_add(object, "prefix", json_object_new_string(daemon->prefix));
	json_object_object_add(object, "pid", json_object_new_int((int)getpid()));
	json_object_object_add(object, "watched_epoch", json_object_new_int64(watch.epoch));
	json_object_object_add(object, "method", json_object_new_string(watch.method));
	json_object_object_add(object, "files", json_object_new_uint64(watch.files));
	json_object_object_add(object, "directories", json_object_new_uint64(watch.places));
	json_object_object_add(object, "violations", json_object_new_uint64(watch.violations));
	json_object_object_add(object, "checks", json_object_new_uint64(watch.checks));
	if (daemon->trouble.code != MATR_OK)
		json_object_object_add(object, "trouble",
				       json_object_new_string(daemon->trouble.message));
	if (daemon->job.pid) {
		struct json_object *job = json_object_new_object();
		json_object_object_add(job, "what", json_object_new_string(daemon->job.what));
		json_object_object_add(job, "done", json_object_new_int64(daemon->job.done));
		json_object_object_add(job, "all", json_object_new_int64(daemon->job.all));
		json_object_object_add(object, "job", job);
	}
	return object;
}

/* ---- jobs ---- */

static void start_job(struct daemon *daemon, struct client *client)
{
	const char *reason = "";
	char jobs[16];
	const char **arguments =
		job_arguments(client->request, daemon->matr, daemon->prefix, jobs, &reason);

	client->waiting = false;
	if (!arguments) {
		refuse(client, "usage", reason);
		return;
	}
	if (job_start(&daemon->job, arguments) == 0) {
		daemon->customer = client;
		service_notify("STATUS=%s", json_object_get_string(json_object_object_get(
						    client->request, "request")));
	} else {
		refuse(client, "system", strerror(errno));
	}
	free(arguments);
}

static void next_job(struct daemon *daemon)
{
	struct client *oldest = NULL;

	for (struct client *at = daemon->clients; at; at = at->next)
		if (at->waiting) /* new ones are in front */
			oldest = at;
	if (oldest && !daemon->job.pid)
		start_job(daemon, oldest);
}

void matrd_relay(struct daemon *daemon, int *fd, const char *stream)
{
	char buffer[8192];
	ssize_t n = read(*fd, buffer, sizeof buffer);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(*fd);
		*fd = -1;
		return;
	}
	if (!daemon->customer)
		return;
	struct json_object *object = event("output");
	json_object_object_add(object, "stream", json_object_new_string(stream));
	json_object_object_add(object, "data", json_object_new_string_len(buffer, (int)n));
	if (client_send(daemon->customer, object) != 0)
		daemon->customer->closing = true;
}

void matrd_tell_progress(struct daemon *daemon)
{
	struct job *job = &daemon->job;
	char before[sizeof job->what];
	long done = job->done;

	memcpy(before, job->what, sizeof before);
	job_read_progress(job);
	if (done == job->done && strcmp(before, job->what) == 0)
		return;
	service_notify("STATUS=%s: %ld of %ld", job->what, job->done, job->all);
	/* A client that does not read gets no more of these. */
	if (!daemon->customer || daemon->customer->output.size > 4096)
		return;
	struct json_object *object = event("progress");
	json_object_object_add(object, "what", json_object_new_string(job->what));
	json_object_object_add(object, "done", json_object_new_int64(job->done));
	json_object_object_add(object, "all", json_object_new_int64(job->all));
	client_send(daemon->customer, object);
}

void matrd_finish_job(struct daemon *daemon)
{
	if (!daemon->job.pid)
		return;
	int status = job_finished(&daemon->job);
	if (status < 0)
		return;
	service_notify("STATUS=waiting");
	if (daemon->customer) {
		struct json_object *object = event("exit");
		json_object_object_add(object, "status", json_object_new_int(status));
		if (client_send(daemon->customer, object) != 0)
			daemon->customer->closing = true;
		daemon->customer->since = milliseconds();
		json_object_put(daemon->customer->request);
		daemon->customer->request = NULL;
	}
	daemon->customer = NULL;
	next_job(daemon);
}

/* ---- clients ---- */

static void take_job(struct daemon *daemon, struct client *client, struct json_object *request)
{
	bool wait = json_object_get_boolean(json_object_object_get(request, "wait"));

	if (!client->owner) {
		refuse(client, "untrusted", "only root and the owner of the prefix may do that");
	} else if (client->request) {
		refuse(client, "busy", "a request of this connection is not done yet");
	} else if (daemon->job.pid && !wait) {
		refuse(client, "busy", "an epoch is being begun or ended already");
	} else {
		client->request = json_object_get(request);
		client->waiting = true;
		next_job(daemon);
		if (!client->waiting && daemon->customer != client) { /* refused */
			json_object_put(client->request);
			client->request = NULL;
		}
	}
}

/* A process of its own answers a read request, on the client's socket; until it ends, nothing else
 * writes there. */
static void take_reader(struct daemon *daemon, struct client *client, struct json_object *request,
			bool report)
{
	const char *format = json_object_get_string(json_object_object_get(request, "format"));
	size_t running = 0, same = 0;

	for (const struct client *at = daemon->clients; at; at = at->next) {
		running += at->reader != 0;
		same += at->reader != 0 && at->uid == client->uid;
	}
	if (report && (!format || (strcmp(format, "table") != 0 && strcmp(format, "json") != 0))) {
		refuse(client, "usage", "format is table or json");
	} else if (client->request || client->output.size) {
		refuse(client, "busy", "a request of this connection is not done yet");
	} else if (running >= READERS || (!client->owner && same >= READERS_OF_USER)) {
		refuse(client, "busy", "too many are reading at once");
	} else {
		pid_t pid = report ? reader_start_report(daemon->matr, daemon->prefix, format,
							 client->fd)
				   : reader_start_store(daemon->prefix, client->fd);
		if (pid < 0)
			refuse(client, "system", strerror(errno));
		else
			client->reader = pid;
	}
}

static void answer(struct daemon *daemon, struct client *client, struct json_object *request)
{
	struct json_object *value = json_object_object_get(request, "request");
	const char *verb = value ? json_object_get_string(value) : "";

	client->since = milliseconds();
	if (strcmp(verb, "ping") == 0) {
		if (client_send(client, event("pong")) != 0)
			client->closing = true;
	} else if (strcmp(verb, "status") == 0) {
		if (client_send(client, status_of(daemon)) != 0)
			client->closing = true;
	} else if (strcmp(verb, "store") == 0 || strcmp(verb, "report") == 0) {
		take_reader(daemon, client, request, strcmp(verb, "report") == 0);
	} else if (strcmp(verb, "begin") == 0 || strcmp(verb, "end") == 0) {
		take_job(daemon, client, request);
	} else {
		refuse(client, "usage",
		       "no such request; there are ping, status, report, store, begin and end");
	}
}

int matrd_serve(struct daemon *daemon, struct client *client, short events)
{
	struct json_object *request;

	if (events & (POLLERR | POLLNVAL))
		return -1;
	if (client->reader)
		return events & POLLHUP ? -1 : 0;
	if ((events & (POLLIN | POLLHUP)) && client_read(client) != 0)
		return -1;
	int more = client_request(client, &request);
	if (more < 0)
		refuse(client, "usage", "not a JSON object");
	if (more > 0) {
		answer(daemon, client, request);
		json_object_put(request);
	}
	if (client_write(client) != 0 || (client->closing && !client->output.size))
		return -1;
	return 0;
}

/* Disconnecting cancels the client's job, as interrupting a command does. */
void matrd_drop(struct daemon *daemon, struct client *client)
{
	struct client **at = &daemon->clients;

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	if (daemon->customer == client) {
		daemon->customer = NULL;
		job_stop(&daemon->job);
	}
	if (client->reader) {
		kill(client->reader, SIGKILL);
		waitpid(client->reader, NULL, 0);
	}
	client_free(client);
}

/* Close the clients of readers that have ended. After an abnormal end the answer may be
 * incomplete. */
void matrd_finish_readers(struct daemon *daemon)
{
	int status;

	for (struct client *at = daemon->clients, *next; at; at = next) {
		next = at->next;
		if (!at->reader || waitpid(at->reader, &status, WNOHANG) != at->reader)
			continue;
		at->reader = 0;
		at->since = milliseconds();
		if (status != 0)
			matrd_drop(daemon, at);
	}
}

void matrd_admit(struct daemon *daemon)
{
	struct ucred peer;
	socklen_t length = sizeof peer;
	size_t owners = 0, others = 0, same = 0;

	int fd = accept4(daemon->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
		close(fd);
		return;
	}
	bool owner = peer.uid == 0 || peer.uid == daemon->owner;
	for (const struct client *at = daemon->clients; at; at = at->next) {
		owners += at->owner;
		others += !at->owner;
		same += at->uid == peer.uid;
	}
	bool full = owner ? owners >= MAX_OWNER : others >= MAX_CLIENTS || same >= MAX_PER_USER;
	struct client *client = full ? NULL : client_new(fd, peer.uid, owner, milliseconds());
	if (!client) {
		close(fd);
		return;
	}
	client->next = daemon->clients;
	daemon->clients = client;
}

void matrd_drop_idle(struct daemon *daemon)
{
	int64_t now = milliseconds();

	for (struct client *at = daemon->clients, *next; at; at = next) {
		next = at->next;
		if (!at->request && !at->reader && now - at->since > CLIENT_IDLE)
			matrd_drop(daemon, at);
	}
}
