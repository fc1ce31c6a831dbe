/* start.c - what matrd has to have before it can serve: the prefix for itself, its socket, the
 * matr beside it. */
#include "common/path.h"
#include "matrd/daemon.h"
#include "matrd/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 64 };

/* One matrd for a prefix; the lock goes with the process. */
int matrd_take_prefix(struct daemon *daemon)
{
	char path[PATH_MAX];
	struct stat status;

	if (stat(daemon->prefix, &status) != 0 ||
	    snprintf(path, sizeof path, "%s/matrd.lock", daemon->prefix) >= (int)sizeof path) {
		matrd_say("%s: %s", daemon->prefix, strerror(errno));
		return -1;
	}
	daemon->owner = status.st_uid;
	daemon->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (daemon->lock < 0 || flock(daemon->lock, LOCK_EX | LOCK_NB) != 0) {
		matrd_say("%s: %s", path,
			  errno == EWOULDBLOCK ? "another matrd has this prefix"
			  : errno == EACCES ? "only root and the owner of the prefix may run matrd"
					    : strerror(errno));
		return -1;
	}
	return 0;
}

/* Make a socket's path free: one that a killed matrd has left is removed. Returns -1 if something
 * else is there, which is logged. */
static int remove_socket(const char *path)
{
	struct stat status;

	if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode)) {
		matrd_say("%s: is there and no socket; it is left alone", path);
		return -1;
	}
	unlink(path);
	return 0;
}

/* The socket gets its name when it accepts connections, so that a client that finds the name can
 * connect. */
int matrd_bind(struct daemon *daemon)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char directory[PATH_MAX];

	if (snprintf(address.sun_path, sizeof address.sun_path, "%s.new", daemon->socket_path) >=
	    (int)sizeof address.sun_path) {
		matrd_say("%s: too long for a socket's path; use --socket", daemon->socket_path);
		return -1;
	}
	snprintf(directory, sizeof directory, "%.*s", (int)path_directory(daemon->socket_path),
		 daemon->socket_path);
	mkdir(directory, 0755); /* unless it exists */
	/* The lock shows that no other matrd has them. */
	if (remove_socket(address.sun_path) != 0 || remove_socket(daemon->socket_path) != 0)
		return -1;
	daemon->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (daemon->listening < 0 ||
	    bind(daemon->listening, (struct sockaddr *)&address, sizeof address) != 0 ||
	    chmod(address.sun_path, 0666) != 0 || listen(daemon->listening, LISTEN_BACKLOG) != 0 ||
	    rename(address.sun_path, daemon->socket_path) != 0) {
		matrd_say("%s: %s", daemon->socket_path, strerror(errno));
		return -1;
	}
	daemon->bound = true;
	return 0;
}

int matrd_find_matr(char out[PATH_MAX])
{
	static const char *const places[] = {"matr", "../matr", "../bin/matr"};
	char self[PATH_MAX], path[PATH_MAX + 16];

	if (!path_of_executable(0, self))
		return -1;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		struct stat status;
		snprintf(path, sizeof path, "%s/%s", self, places[i]);
		if (realpath(path, out) && stat(out, &status) == 0 && S_ISREG(status.st_mode) &&
		    access(out, X_OK) == 0)
			return 0;
	}
	matrd_say("matr is not where it should be, beside matrd");
	return -1;
}

int matrd_take_signals(struct daemon *daemon)
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
