/* service.h - the protocols between a service manager and a daemon: sd_notify(3) and
 * sd_listen_fds(3). */
#ifndef MATR_TOOLS_MATRD_SERVICE_H
#define MATR_TOOLS_MATRD_SERVICE_H

/* Send a message ("READY=1") to NOTIFY_SOCKET, if there is one. A missing listener is no error. */
void service_notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The listening socket that was passed on; -1: none. */
int service_listening(void);

/* Settings are being read again; READY=1 is to follow. */
void service_reloading(void);

#endif
