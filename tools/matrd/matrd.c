/* matrd.c - the management-time daemon: begins and ends epochs for users who may, and watches in
 * between.
 *
 * One thread, one loop over poll(2). Beginning an epoch takes long and is a process of its own
 * (job.h); everything else takes milliseconds. docs/protocol.md has the messages on the socket.
 */
#include "common/safe.h"
#include "common/standard.h"
#include "matrd/daemon.h"
#include "matrd/log.h"
#include "matrd/service.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/config.h>
#include <matr/epoch.h>
#include <matr/prefix.h>

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

/* ---- watching ---- */

static void look(struct daemon *daemon)
{
	struct matr_watch_report report;
	struct matr_error err = {0};

	if (matr_watch_run(daemon->watch, &report, &err) != 0 &&
	    strcmp(err.message, daemon->trouble.message) != 0)
		matrd_say_error(&err);
	daemon->trouble = err;
	for (size_t i = 0; i < report.n_violations; i++) {
		const struct matr_violation *violation = &report.violations[i];
		char by[256] = ""; /* inotify does not report it */
		if (violation->pid)
			snprintf(by, sizeof by, " by %.200s (process %" PRId64 ")",
				 violation->command ? violation->command : "?", violation->pid);
		matrd_say("%s: %s%s; programs withdrawn: %zu; epoch: %s", violation->path,
			  violation->kind, by, violation->n_withdrawn, violation->action);
	}
	if (report.changed) {
		struct matr_watch_status status = matr_watch_status(daemon->watch);
		if (status.epoch)
			matrd_say("epoch %" PRId64 ": watching %zu files in %zu directories (%s)",
				  status.epoch, status.files, status.places, status.method);
		else
			matrd_say("no epoch is in force");
	}
	matr_watch_report_free(&report);
}

/* Read the configuration file; the command line's options take precedence. */
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

/* A malformed file leaves the settings unchanged. */
static void reload(struct daemon *daemon)
{
	struct matr_error err = {0};
	bool strict, by_inotify;

	service_reloading();
	if (read_settings(daemon, &strict, &by_inotify, &err) == 0) {
		matr_watch_set(daemon->watch, strict, by_inotify);
		matrd_say("the configuration was read again: strict %s, inotify %s",
			  strict ? "yes" : "no", by_inotify ? "yes" : "no");
	} else {
		matrd_say_error(&err);
		matrd_say("the settings stay as they were");
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
		/* A client that does not read its job's output stops that job, and nothing else. */
		if (daemon->customer && daemon->customer->output.size > CLIENT_OUTPUT / 2)
			polls[OUTPUT].fd = polls[ERRORS].fd = -1;
		for (struct client *at = daemon->clients; at; at = at->next, n++) {
			who[n] = at;
			polls[n] = (struct pollfd){
				.fd = at->fd,
				.events =
					at->reader ? 0 : POLLIN | (at->output.size ? POLLOUT : 0)};
		}
		if (poll(polls, n, timeout_of(daemon)) < 0 && errno != EINTR) {
			matrd_say("poll: %s", strerror(errno));
			return 1;
		}
		look(daemon);
		if (polls[SIGNALS].revents)
			take_signal(daemon);
		if (polls[PROGRESS].revents)
			matrd_tell_progress(daemon);
		if (polls[OUTPUT].revents)
			matrd_relay(daemon, &daemon->job.output, "stdout");
		if (polls[ERRORS].revents)
			matrd_relay(daemon, &daemon->job.errors, "stderr");
		matrd_finish_job(daemon);
		for (nfds_t i = FIXED; i < n; i++)
			if ((polls[i].revents || who[i]->output.size || who[i]->input.size) &&
			    matrd_serve(daemon, who[i], polls[i].revents) != 0)
				matrd_drop(daemon, who[i]);
		matrd_finish_readers(daemon);
		matrd_drop_idle(daemon);
		if (polls[LISTEN].revents)
			matrd_admit(daemon);
	}
	return 0;
}

/* ---- start ---- */

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

	standard_open("matrd");

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
			return standard_end(0);
		case 'h':
			fputs(help, stdout);
			return standard_end(0);
		default:
			fputs("Try `matrd --help`.\n", stderr);
			return 2;
		}
	}
	if (optind < argc) {
		matrd_say("%s: unexpected argument", argv[optind]);
		return 2;
	}
	safe_use_utf8();
	watch.prefix = prefix && *prefix ? prefix : MATR_DEFAULT_PREFIX;
	umask(022);
	if (matrd_take_signals(&daemon) != 0 || matrd_find_matr(daemon.matr) != 0)
		return 1;
	if (read_settings(&daemon, &watch.strict, &watch.by_inotify, &err) != 0) {
		matrd_say_error(&err);
		return 1;
	}
	daemon.listening = service_listening();
	if (matr_watch_open(&watch, &daemon.watch, &err) != 0) {
		matrd_say_error(&err);
		return 1;
	}
	if (!realpath(watch.prefix, daemon.prefix) || matrd_take_prefix(&daemon) != 0)
		return 1;
	if (path)
		snprintf(daemon.socket_path, sizeof daemon.socket_path, "%s", path);
	else if (strcmp(daemon.prefix, MATR_DEFAULT_PREFIX) == 0)
		strcpy(daemon.socket_path, MATR_DEFAULT_SOCKET);
	else
		snprintf(daemon.socket_path, sizeof daemon.socket_path, "%.4080s/matrd.sock",
			 daemon.prefix);
	if (daemon.listening < 0 && matrd_bind(&daemon) != 0)
		return 1;
	service_notify("READY=1\nSTATUS=waiting");
	int result = loop(&daemon);
	service_notify("STOPPING=1");
	job_stop(&daemon.job); /* nothing of it is left; the epoch before stays */
	while (daemon.clients) {
		struct client *client = daemon.clients;
		matrd_drop(&daemon, client);
	}
	if (daemon.bound)
		unlink(daemon.socket_path);
	matr_watch_close(daemon.watch);
	return result;
}
