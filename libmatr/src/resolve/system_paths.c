/* system_paths.c - asking the real ld.so for the paths it has built in.
 *
 * The default directories differ between distributions, which glibc-hwcaps levels are active
 * depends on the CPU, and both are compiled into ld.so. `ld.so --list-diagnostics` (glibc 2.33)
 * prints them, so the referee itself is asked, once per session. An older ld.so knows no
 * glibc-hwcaps; then Debian's directories and the usual lib64 ones are taken.
 */
#include "resolve/system_paths.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "resolve/glibc_rules.h"

struct diagnostics {
	struct system_paths *paths;
	char *all_levels; /* "x86-64-v4:x86-64-v3:x86-64-v2" */
	uint64_t active;  /* bit n: the n-th of them */
	uint64_t hwcap;
};

void system_paths_close(struct system_paths *paths)
{
	for (size_t i = 0; i < paths->n_directories; i++)
		free(paths->directories[i]);
	for (size_t i = 0; paths->levels[i]; i++)
		free(paths->levels[i]);
	for (size_t i = 0; i < paths->n_subdirectories; i++)
		free(paths->subdirectories[i]);
	free(paths->platform);
	free(paths->lib);
	*paths = (struct system_paths){0};
}

static int set_text(char **target, const char *text, size_t length, struct matr_error *err)
{
	free(*target);
	*target = strndup(text, length);
	return *target ? 0 : matr_fail_memory(err);
}

static int add_directory(struct system_paths *paths, const char *text, size_t length,
			 struct matr_error *err)
{
	if (paths->n_directories == sizeof paths->directories / sizeof *paths->directories)
		return 0;
	while (length > 1 && text[length - 1] == '/')
		length--;
	return set_text(&paths->directories[paths->n_directories++], text, length, err);
}

/* One line, NAME=VALUE, strings in double quotes. */
static int read_line(struct diagnostics *diagnostics, const char *line, struct matr_error *err)
{
	const char *value = strchr(line, '=');
	if (!value)
		return 0;
	size_t name = (size_t)(value++ - line);
	size_t length = strlen(value);
	if (length >= 2 && value[0] == '"') {
		value++;
		length -= 2;
	}
	if (name > 17 && !strncmp(line, "path.system_dirs[", 17))
		return add_directory(diagnostics->paths, value, length, err);
	if (name == 11 && !strncmp(line, "dl_platform", name))
		return set_text(&diagnostics->paths->platform, value, length, err);
	if (name == 17 && !strncmp(line, "dl_hwcaps_subdirs", name))
		return set_text(&diagnostics->all_levels, value, length, err);
	if (name == 15 && !strncmp(line, "version.version", name)) {
		char version[16];
		snprintf(version, sizeof version, "%.*s", (int)(length < 15 ? length : 15), value);
		diagnostics->paths->glibc = glibc_minor(version);
	}
	if (name == 24 && !strncmp(line, "dl_hwcaps_subdirs_active", name))
		diagnostics->active = strtoull(value, NULL, 0);
	if (name == 22 && !strncmp(line, "x86.cpu_features.isa_1", name))
		diagnostics->paths->isa = (uint32_t)strtoull(value, NULL, 0);
	if (name == 18 && !strncmp(line, "dl_hwcap_important", name))
		diagnostics->hwcap &= strtoull(value, NULL, 0);
	if (name == 8 && !strncmp(line, "dl_hwcap", name))
		diagnostics->hwcap &= strtoull(value, NULL, 0);
	return 0;
}

/* The last line to read. A newer ld.so continues with CPUID of every processor, which takes 0.2
 * seconds in a virtual machine. */
static bool is_last(const char *line)
{
	return !strncmp(line, "x86.cpu_features.isa_1=", 23);
}

static int read_output(FILE *output, struct diagnostics *diagnostics, struct matr_error *err)
{
	char *line = NULL;
	size_t capacity = 0;
	ssize_t length;
	int result = 0;

	bool last = false;
	while (!result && !last && (length = getline(&line, &capacity, output)) >= 0) {
		if (length && line[length - 1] == '\n')
			line[length - 1] = 0;
		result = read_line(diagnostics, line, err);
		last = is_last(line);
	}
	free(line);
	return result;
}

static int ask(const char *interpreter, struct diagnostics *diagnostics, struct matr_error *err)
{
	char *argv[] = {(char *)interpreter, (char *)"--list-diagnostics", NULL};
	char *environment[] = {NULL};
	posix_spawn_file_actions_t actions;
	int ends[2], least = 1;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 &&
	    pipe2(ends, O_CLOEXEC) < 0) /* where sockets are forbidden */
		return matr_fail_errno(err, interpreter, "no pipe");
	/* It waits for the reader after a few lines, and does not reach the slow ones. */
	(void)setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
	int error = posix_spawn_file_actions_init(&actions);
	if (!error) {
		posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
		if (access("/dev/null", W_OK) == 0) /* a tree that is not running has none */
			posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
							 O_WRONLY, 0);
		error = posix_spawn(&child, interpreter, &actions, NULL, argv, environment);
		posix_spawn_file_actions_destroy(&actions);
	}
	close(ends[1]);
	if (error) {
		close(ends[0]);
		errno = error;
		return matr_fail_errno(err, interpreter, "cannot be started");
	}
	FILE *output = fdopen(ends[0], "r");
	int result = output ? read_output(output, diagnostics, err) : matr_fail_memory(err);
	if (output)
		fclose(output);
	else
		close(ends[0]);
	kill(child, SIGKILL); /* what follows is not read */
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return result;
}

static int default_directories(struct system_paths *paths, struct matr_error *err)
{
	static const char *const usual[] = {"/lib/x86_64-linux-gnu",
					    "/usr/lib/x86_64-linux-gnu",
					    "/lib64",
					    "/usr/lib64",
					    "/lib",
					    "/usr/lib"};

	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
		if (access(usual[i], F_OK) == 0 &&
		    add_directory(paths, usual[i], strlen(usual[i]), err) < 0)
			return -1;
	}
	return 0;
}

static int choose_levels(struct diagnostics *diagnostics, struct matr_error *err)
{
	struct system_paths *paths = diagnostics->paths;
	size_t n = 0, bit = 0;

	for (const char *at = diagnostics->all_levels; at && *at; bit++) {
		size_t length = strcspn(at, ":");
		if (diagnostics->active >> bit & 1 &&
		    n + 1 < sizeof paths->levels / sizeof *paths->levels &&
		    set_text(&paths->levels[n++], at, length, err) < 0)
			return -1;
		at += length + (at[length] == ':');
	}
	return 0;
}

static int add_subdirectory(struct system_paths *paths, const char *path, struct matr_error *err)
{
	size_t room = sizeof paths->subdirectories / sizeof *paths->subdirectories;
	if (!*path || paths->n_subdirectories == room)
		return 0;
	return set_text(&paths->subdirectories[paths->n_subdirectories++], path, strlen(path), err);
}

/* glibc-hwcaps first; then the legacy directories: every selection of tls, the platform and the
 * important hwcap bits, the fullest first. From 2.37 to 2.39 ld.so still prints the important
 * bits. */
static int make_subdirectories(struct diagnostics *diagnostics, struct matr_error *err)
{
	struct system_paths *paths = diagnostics->paths;
	const char *parts[4] = {"tls"};
	size_t n = 1;
	char path[256];

	for (size_t i = 0; paths->levels[i]; i++) {
		snprintf(path, sizeof path, "glibc-hwcaps/%s", paths->levels[i]);
		if (add_subdirectory(paths, path, err) < 0)
			return -1;
	}
	if (!diagnostics->hwcap || !glibc_has(paths->glibc, GLIBC_LEGACY_HWCAPS))
		return 0;
	if (paths->platform)
		parts[n++] = paths->platform;
	if (diagnostics->hwcap & 4)
		parts[n++] = "avx512_1";
	if (diagnostics->hwcap & 2)
		parts[n++] = "x86_64";
	for (unsigned selection = (1u << n) - 1; selection; selection--) {
		size_t length = 0;
		for (size_t i = 0; i < n; i++) {
			if (selection >> (n - 1 - i) & 1)
				length += (size_t)snprintf(path + length, sizeof path - length,
							   "%s%s", length ? "/" : "", parts[i]);
		}
		if (add_subdirectory(paths, path, err) < 0)
			return -1;
	}
	return 0;
}

int system_paths_open(const char *interpreter, struct system_paths *paths, struct matr_error *err)
{
	struct diagnostics diagnostics = {.paths = paths, .hwcap = UINT64_MAX};

	*paths = (struct system_paths){0};
	int result = ask(interpreter, &diagnostics, err);
	if (!result && !paths->n_directories)
		result = default_directories(paths, err);
	if (diagnostics.hwcap == UINT64_MAX)
		diagnostics.hwcap = 0;
	if (!result)
		result = choose_levels(&diagnostics, err);
	if (!result)
		result = make_subdirectories(&diagnostics, err);
	/* Debian has $LIB = lib/x86_64-linux-gnu, others lib64: the first default directory in
	 * either. */
	if (!result && paths->n_directories)
		result = set_text(&paths->lib, paths->directories[0] + 1,
				  strlen(paths->directories[0] + 1), err);
	if (!result && !paths->platform)
		result = set_text(&paths->platform, "x86_64", 6, err);
	free(diagnostics.all_levels);
	if (result)
		system_paths_close(paths);
	return result;
}
