/* service.c - the protocols between a service manager and a daemon. Both are a few lines,
 * documented as stable; libsystemd would bring five more libraries into a daemon that root runs. */
#include "matrd/service.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void service_notify(const char *format, ...)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char text[512];
	va_list args;

	if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	strcpy(address.sun_path, path);
	if (path[0] == '@')
		address.sun_path[0] = 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address,
	       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
	close(fd);
}

void service_reloading(void)
{
	struct timespec now;

	/* The time, which systemd requires of Type=notify-reload services (sd_notify(3)). */
	clock_gettime(CLOCK_MONOTONIC, &now);
	service_notify("RELOADING=1\nMONOTONIC_USEC=%lld",
		       now.tv_sec * 1000000LL + now.tv_nsec / 1000);
}

int service_listening(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	int fd = pid && n && atoi(pid) == (int)getpid() && atoi(n) >= 1 ? 3 : -1;

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (fd >= 0 && (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0))
		return -1;
	return fd;
}
