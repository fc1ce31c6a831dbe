/* reader.c - requests that any user may make and that take a while.
 *
 * Each is a process of its own, so that matrd goes on watching, and one that hangs or crashes takes
 * nothing with it. A request is no more than a word: no SQL, no path. So the processes keep matrd's
 * privileges; the client receives only bytes. They are killed after a time limit, and end with
 * matrd.
 */
#include "matrd/reader.h"
#include "matrd/job.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <matr/epoch.h>
#include <matr/store.h>

/* The reader's only descriptors but the standard streams are the client's: no other client's, no
 * lock, nothing that is watched. */
enum { CLIENT_FD = 3 };

/* The client may read slowly; alarm(2) ends the wait. */
static void send_bytes(const void *bytes, size_t size)
{
	for (size_t sent = 0; sent < size;) {
		ssize_t n = send(CLIENT_FD, (const char *)bytes + sent, size - sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		struct pollfd ready = {.fd = CLIENT_FD, .events = POLLOUT};
		if (n < 0 && errno == EAGAIN)
			poll(&ready, 1, -1);
		else if (n < 0 && errno != EINTR)
			_exit(1);
		sent += n > 0 ? (size_t)n : 0;
	}
}

static void send_event(struct json_object *object)
{
	const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);

	if (!text)
		_exit(1);
	send_bytes(text, strlen(text));
	send_bytes("\n", 1);
	json_object_put(object);
}

static struct json_object *event(const char *name)
{
	struct json_object *object = json_object_new_object();

	if (!object)
		_exit(1);
	json_object_object_add(object, "event", json_object_new_string(name));
	return object;
}

static _Noreturn void refuse(const char *code, const char *message)
{
	struct json_object *object = event("error");

	json_object_object_add(object, "code", json_object_new_string(code));
	json_object_object_add(object, "message", json_object_new_string(message));
	send_event(object);
	_exit(0);
}

static pid_t start(int client)
{
	pid_t parent = getpid(), pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;
	/* Before the client's descriptor, which may be the one that it goes to. */
	client = fcntl(client, F_DUPFD_CLOEXEC, CLIENT_FD);
	if (client < 0 || (client != CLIENT_FD && dup3(client, CLIENT_FD, O_CLOEXEC) < 0) ||
	    close_range(CLIENT_FD + 1, ~0U, 0) != 0)
		_exit(1);
	signal(SIGALRM, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	alarm(READER_SECONDS);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	return 0;
}

pid_t reader_start_store(const char *prefix, int client)
{
	struct matr_store_copy copy;
	struct matr_error err;
	pid_t pid = start(client);

	if (pid != 0)
		return pid;
	if (matr_store_copy_make(prefix, matr_epoch_of_image(prefix), &copy, &err) != 0)
		refuse(err.code == MATR_ERROR_RESOURCES ? "limit" : "system", err.message);
	struct json_object *head = event("store");
	json_object_object_add(head, "bytes", json_object_new_uint64(copy.size));
	json_object_object_add(head, "image", json_object_new_int64(copy.image));
	send_event(head);
	send_bytes(copy.bytes, copy.size);
	_exit(0);
}

/* false: the stream is at its end. */
static bool relay(int fd, const char *stream)
{
	char buffer[8192];
	ssize_t n = read(fd, buffer, sizeof buffer);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	struct json_object *object = event("output");
	json_object_object_add(object, "stream", json_object_new_string(stream));
	json_object_object_add(object, "data", json_object_new_string_len(buffer, (int)n));
	send_event(object);
	return true;
}

static void close_stream(int *fd)
{
	close(*fd);
	*fd = -1;
}

pid_t reader_start_report(const char *matr, const char *prefix, const char *format, int client)
{
	const char *const arguments[] = {matr,	   "--prefix", prefix, "epoch",
					 "status", "--format", format, NULL};
	struct job job;
	int status;
	pid_t pid = start(client);

	if (pid != 0)
		return pid;
	if (job_start(&job, arguments) != 0)
		refuse("system", strerror(errno));
	while ((status = job_finished(&job)) < 0) {
		struct pollfd polls[] = {{.fd = job.output, .events = POLLIN},
					 {.fd = job.errors, .events = POLLIN}};
		/* Its end may come after that of its output. */
		poll(polls, 2, job.output < 0 && job.errors < 0 ? 10 : 1000);
		if (polls[0].revents && !relay(job.output, "stdout"))
			close_stream(&job.output);
		if (polls[1].revents && !relay(job.errors, "stderr"))
			close_stream(&job.errors);
	}
	struct json_object *end = event("exit");
	json_object_object_add(end, "status", json_object_new_int(status));
	send_event(end);
	_exit(0);
}
