/* matrd.c - the management-time daemon: begins and ends epochs for those who may, and watches in between.
 *
 * One thread, one loop over poll(2). What takes long, beginning an epoch, is a process of its own (job.h); everything else
 * takes milliseconds. docs/protocol.md has what is said on the socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <matr/config.h>
#include <matr/epoch.h>
#include <matr/watch.h>

#include "client.h"
#include "job.h"
#include "reader.h"
#include "service.h"

enum {
	MAX_CLIENTS = 64,
	MAX_PER_USER = 8, /* of those who may only ask */
	MAX_OWNER = 128,
	LISTEN_BACKLOG = 64,
};

static const char help[] =
	"usage: matrd [OPTION]...\n"
	"\n"
	"The management-time daemon: begins and ends epochs for `matr epoch`, and watches in an\n"
	"epoch. When a file that it follows from changes, the programs concerned are withdrawn:\n"
	"they start the ordinary way, and the epoch goes on for the rest. Runs in the foreground.\n"
	"\n"
	"  --prefix DIR   where store and image are (else MATR_PREFIX, else " MATR_DEFAULT_PREFIX
	")\n"
	"  --socket PATH  (else " MATR_DEFAULT_SOCKET ", for another prefix DIR/matrd.sock)\n"
	"  --config FILE  (else " MATR_CONFIG_FILE ") its section [matrd], read again on SIGHUP\n"
	"  --strict       a changed file ends the epoch\n"
	"  --inotify      do not use fanotify (who changed a file is then not known)\n"
	"  --version      print the version\n"
	"  -h, --help     this text\n"
	"\n"
	"SIGTERM ends it; the epoch stays in force. SIGHUP has it read its\n"
	"configuration again, and check all files.\n"
	"Exit status: 0 ended by a signal; 1 failure; 2 usage.\n"
	"\n"
	"  matrd --prefix ~/.matr &\n";

struct daemon {
	char prefix[PATH_MAX], socket_path[PATH_MAX], matr[PATH_MAX];
	const char *config; /* NULL: the usual one */
	bool strict,
		by_inotify; /* as the command line has it: these are on whatever the file says */
	uid_t owner;	    /* of the prefix */
	int listening, signals, lock;
	bool bound; /* the socket is ours to remove */
	struct matr_watch *watch;
	struct matr_error trouble; /* of the last look; code MATR_OK: none */
	struct client *clients;
	struct job job;
	struct client *customer; /* whose job it is; NULL: gone */
	bool quit;
};

static int64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
	va_list args;

	fputs("matrd: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void say_error(const struct matr_error *err)
{
	say("%s%s%s", err->file, err->file[0] ? ": " : "", err->message);
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
	char **arguments = job_arguments(client->request, daemon->matr, daemon->prefix, &reason);

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

static void relay(struct daemon *daemon, int *fd, const char *stream)
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

static void tell_progress(struct daemon *daemon)
{
	struct job *job = &daemon->job;
	char before[sizeof job->what];
	long done = job->done;

	memcpy(before, job->what, sizeof before);
	job_read_progress(job);
	if (done == job->done && strcmp(before, job->what) == 0)
		return;
	service_notify("STATUS=%s: %ld of %ld", job->what, job->done, job->all);
	/* Who does not read gets no more of these. */
	if (!daemon->customer || daemon->customer->n_output > 4096)
		return;
	struct json_object *object = event("progress");
	json_object_object_add(object, "what", json_object_new_string(job->what));
	json_object_object_add(object, "done", json_object_new_int64(job->done));
	json_object_object_add(object, "all", json_object_new_int64(job->all));
	client_send(daemon->customer, object);
}

static void finish_job(struct daemon *daemon)
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

/* What is read is answered by a process of its own, on the client's socket; until it ends, nobody else writes there. */
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
	} else if (client->request || client->n_output) {
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

static int serve(struct daemon *daemon, struct client *client, short events)
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
	if (client_write(client) != 0 || (client->closing && !client->n_output))
		return -1;
	return 0;
}

/* Somebody who leaves takes his job with him, as with a command that is interrupted. */
static void drop(struct daemon *daemon, struct client *client)
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

/* Readers that have answered. Where one did not end by itself, nobody knows how much of it was said. */
static void finish_readers(struct daemon *daemon)
{
	int status;

	for (struct client *at = daemon->clients, *next; at; at = next) {
		next = at->next;
		if (!at->reader || waitpid(at->reader, &status, WNOHANG) != at->reader)
			continue;
		at->reader = 0;
		at->since = milliseconds();
		if (status != 0)
			drop(daemon, at);
	}
}

static void admit(struct daemon *daemon)
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

static void drop_idle(struct daemon *daemon)
{
	int64_t now = milliseconds();

	for (struct client *at = daemon->clients, *next; at; at = next) {
		next = at->next;
		if (!at->request && !at->reader && now - at->since > CLIENT_IDLE)
			drop(daemon, at);
	}
}

/* ---- watching ---- */

static void look(struct daemon *daemon)
{
	struct matr_watch_report report;
	struct matr_error err = {0};

	if (matr_watch_run(daemon->watch, &report, &err) != 0 &&
	    strcmp(err.message, daemon->trouble.message) != 0)
		say_error(&err);
	daemon->trouble = err;
	for (size_t i = 0; i < report.n_violations; i++) {
		const struct matr_violation *violation = &report.violations[i];
		say("%s: %s by %s (process %" PRId64 "): %zu applications: %s", violation->path,
		    violation->kind, violation->command ? violation->command : "?", violation->pid,
		    violation->n_withdrawn, violation->action);
	}
	if (report.changed) {
		struct matr_watch_status status = matr_watch_status(daemon->watch);
		if (status.epoch)
			say("epoch %" PRId64 ": watching %zu files in %zu directories (%s)",
			    status.epoch, status.files, status.places, status.method);
		else
			say("no epoch is in force");
	}
	matr_watch_report_free(&report);
}

/* What the file says, with the command line's options. */
static int read_settings(const struct daemon *daemon, bool *strict, bool *by_inotify,
			 struct matr_error *err)
{
	struct matr_config *config;

	if (matr_config_load(daemon->config, &config, err) != 0)
		return -1;
	*strict = daemon->strict || config->strict;
	*by_inotify = daemon->by_inotify || config->inotify;
	matr_config_free(config);
	return 0;
}

/* A file that is no good leaves the settings as they are. */
static void reload(struct daemon *daemon)
{
	struct matr_error err = {0};
	bool strict, by_inotify;

	service_reloading();
	if (read_settings(daemon, &strict, &by_inotify, &err) == 0) {
		matr_watch_set(daemon->watch, strict, by_inotify);
		say("the configuration was read again: strict %s, inotify %s",
		    strict ? "yes" : "no", by_inotify ? "yes" : "no");
	} else {
		say_error(&err);
		say("the settings stay as they were");
		matr_watch_check(daemon->watch);
	}
	service_notify("READY=1");
}

static void take_signal(struct daemon *daemon)
{
	struct signalfd_siginfo info;

	while (read(daemon->signals, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGHUP)
			reload(daemon);
		else if (info.ssi_signo != SIGCHLD)
			daemon->quit = true;
	}
}

static int timeout_of(const struct daemon *daemon)
{
	int watch = matr_watch_timeout(daemon->watch);
	int own = daemon->clients ? 1000 : -1;

	if (daemon->job.pid)
		own = 200; /* its end may come after that of its output */
	return watch < 0 ? own : own < 0 || watch < own ? watch : own;
}

static int loop(struct daemon *daemon)
{
	enum { LISTEN, SIGNALS, WATCH, OUTPUT, ERRORS, PROGRESS, FIXED };
	struct pollfd polls[FIXED + MAX_CLIENTS + MAX_OWNER];
	struct client *who[FIXED + MAX_CLIENTS + MAX_OWNER];

	while (!daemon->quit) {
		nfds_t n = FIXED;
		const int fixed[FIXED] = {daemon->listening,
					  daemon->signals,
					  matr_watch_descriptor(daemon->watch),
					  daemon->job.output,
					  daemon->job.errors,
					  daemon->job.progress};
		for (int i = 0; i < FIXED; i++)
			polls[i] = (struct pollfd){.fd = fixed[i], .events = POLLIN};
		/* Who does not read what his job says holds it up, and only it. */
		if (daemon->customer && daemon->customer->n_output > CLIENT_OUTPUT / 2)
			polls[OUTPUT].fd = polls[ERRORS].fd = -1;
		for (struct client *at = daemon->clients; at; at = at->next, n++) {
			who[n] = at;
			polls[n] = (struct pollfd){
				.fd = at->fd,
				.events = at->reader ? 0 : POLLIN | (at->n_output ? POLLOUT : 0)};
		}
		if (poll(polls, n, timeout_of(daemon)) < 0 && errno != EINTR) {
			say("poll: %s", strerror(errno));
			return 1;
		}
		look(daemon);
		if (polls[SIGNALS].revents)
			take_signal(daemon);
		if (polls[PROGRESS].revents)
			tell_progress(daemon);
		if (polls[OUTPUT].revents)
			relay(daemon, &daemon->job.output, "stdout");
		if (polls[ERRORS].revents)
			relay(daemon, &daemon->job.errors, "stderr");
		finish_job(daemon);
		for (nfds_t i = FIXED; i < n; i++)
			if ((polls[i].revents || who[i]->n_output || who[i]->n_input) &&
			    serve(daemon, who[i], polls[i].revents) != 0)
				drop(daemon, who[i]);
		finish_readers(daemon);
		drop_idle(daemon);
		if (polls[LISTEN].revents)
			admit(daemon);
	}
	return 0;
}

/* ---- start ---- */

/* One matrd for a prefix; the lock goes with the process. */
static int take_prefix(struct daemon *daemon)
{
	char path[PATH_MAX];
	struct stat status;

	if (stat(daemon->prefix, &status) != 0 ||
	    snprintf(path, sizeof path, "%s/matrd.lock", daemon->prefix) >= (int)sizeof path) {
		say("%s: %s", daemon->prefix, strerror(errno));
		return -1;
	}
	daemon->owner = status.st_uid;
	daemon->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (daemon->lock < 0 || flock(daemon->lock, LOCK_EX | LOCK_NB) != 0) {
		say("%s: %s", path,
		    errno == EWOULDBLOCK ? "another matrd has this prefix" : strerror(errno));
		return -1;
	}
	return 0;
}

static int bind_socket(struct daemon *daemon)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char directory[PATH_MAX];

	if (strlen(daemon->socket_path) >= sizeof address.sun_path) {
		say("%s: too long for a socket's path; use --socket", daemon->socket_path);
		return -1;
	}
	snprintf(directory, sizeof directory, "%s", daemon->socket_path);
	char *slash = strrchr(directory, '/');
	if (slash && slash != directory) {
		*slash = 0;
		mkdir(directory, 0755);
	}
	strcpy(address.sun_path, daemon->socket_path);
	unlink(daemon->socket_path); /* of a matrd that was killed: the lock says that there is none */
	daemon->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (daemon->listening < 0 ||
	    bind(daemon->listening, (struct sockaddr *)&address, sizeof address) != 0 ||
	    chmod(daemon->socket_path, 0666) != 0 ||
	    listen(daemon->listening, LISTEN_BACKLOG) != 0) {
		say("%s: %s", daemon->socket_path, strerror(errno));
		return -1;
	}
	daemon->bound = true;
	return 0;
}

static int find_matr(char out[PATH_MAX])
{
	static const char *const places[] = {"matr", "../matr", "../bin/matr"};
	char self[PATH_MAX], path[PATH_MAX + 16];

	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0)
		return -1;
	self[n] = 0;
	*strrchr(self, '/') = 0;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		struct stat status;
		snprintf(path, sizeof path, "%s/%s", self, places[i]);
		if (realpath(path, out) && stat(out, &status) == 0 && S_ISREG(status.st_mode) &&
		    access(out, X_OK) == 0)
			return 0;
	}
	say("matr is not where it should be, beside matrd");
	return -1;
}

static int take_signals(struct daemon *daemon)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	daemon->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return daemon->signals < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"prefix", required_argument, NULL, 'p'}, {"socket", required_argument, NULL, 's'},
		{"config", required_argument, NULL, 'c'}, {"strict", no_argument, NULL, 'S'},
		{"inotify", no_argument, NULL, 'i'},	  {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},	  {NULL, 0, NULL, 0},
	};
	const char *prefix = getenv("MATR_PREFIX"), *path = NULL;
	struct matr_watch_options watch = {.prefix = NULL};
	struct daemon daemon = {.listening = -1, .job = {0, -1, -1, -1, "", 0, 0, "", 0}};
	struct matr_error err = {0};
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'p':
			prefix = optarg;
			break;
		case 's':
			path = optarg;
			break;
		case 'c':
			daemon.config = optarg;
			break;
		case 'S':
			daemon.strict = true;
			break;
		case 'i':
			daemon.by_inotify = true;
			break;
		case 'V':
			puts("matrd " MATR_VERSION);
			return 0;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			fputs("Try `matrd --help`.\n", stderr);
			return 2;
		}
	}
	if (optind < argc) {
		say("%s: unexpected argument", argv[optind]);
		return 2;
	}
	watch.prefix = prefix && *prefix ? prefix : MATR_DEFAULT_PREFIX;
	umask(022);
	if (take_signals(&daemon) != 0 || find_matr(daemon.matr) != 0)
		return 1;
	if (read_settings(&daemon, &watch.strict, &watch.by_inotify, &err) != 0) {
		say_error(&err);
		return 1;
	}
	daemon.listening = service_listening();
	if (matr_watch_open(&watch, &daemon.watch, &err) != 0) {
		say_error(&err);
		return 1;
	}
	if (!realpath(watch.prefix, daemon.prefix) || take_prefix(&daemon) != 0)
		return 1;
	if (path)
		snprintf(daemon.socket_path, sizeof daemon.socket_path, "%s", path);
	else if (strcmp(daemon.prefix, MATR_DEFAULT_PREFIX) == 0)
		strcpy(daemon.socket_path, MATR_DEFAULT_SOCKET);
	else
		snprintf(daemon.socket_path, sizeof daemon.socket_path, "%.4080s/matrd.sock",
			 daemon.prefix);
	if (daemon.listening < 0 && bind_socket(&daemon) != 0)
		return 1;
	service_notify("READY=1\nSTATUS=waiting");
	int result = loop(&daemon);
	service_notify("STOPPING=1");
	job_stop(&daemon.job); /* nothing of it is left; the epoch before stays */
	while (daemon.clients) {
		struct client *client = daemon.clients;
		drop(&daemon, client);
	}
	if (daemon.bound)
		unlink(daemon.socket_path);
	matr_watch_close(daemon.watch);
	return result;
}
