/* cause.c - why an epoch begins, as one line for its record. */
#include "common/cause.h"
#include "common/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANCESTORS = 8 };

/* Add a word, and a space before it unless it is the first. */
static void add_word(char cause[MATR_STORE_CAUSE_MAX], const char *word)
{
	size_t length = strlen(cause);

	snprintf(cause + length, MATR_STORE_CAUSE_MAX - length, " %s", word);
}

/* Read /proc/PID/cmdline: words with a NUL each. Returns how many bytes; 0: not readable. */
static size_t read_command_line(const char *pid, char words[MATR_STORE_CAUSE_MAX])
{
	char path[64];
	size_t n = 0;

	snprintf(path, sizeof path, "/proc/%s/cmdline", pid);
	FILE *file = fopen(path, "re");
	if (file) {
		n = fread(words, 1, MATR_STORE_CAUSE_MAX - 1, file);
		fclose(file);
	}
	words[n] = 0;
	return n;
}

static void add_words(char cause[MATR_STORE_CAUSE_MAX], const char *words, size_t n)
{
	for (size_t at = 0; at < n; at += strlen(words + at) + 1)
		add_word(cause, words + at);
}

void cause_user(char cause[MATR_STORE_CAUSE_MAX])
{
	char words[MATR_STORE_CAUSE_MAX];

	snprintf(cause, MATR_STORE_CAUSE_MAX, "user:");
	add_words(cause, words, read_command_line("self", words));
}

void cause_wrap(char *const command[], char cause[MATR_STORE_CAUSE_MAX])
{
	snprintf(cause, MATR_STORE_CAUSE_MAX, "wrap:");
	for (size_t i = 0; command[i]; i++)
		add_word(cause, command[i]);
}

/* Returns the parent of a process, 0 if it is not known. */
static long parent_of(long pid)
{
	char path[64], line[512];
	long parent = 0;

	snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	size_t n = fread(line, 1, sizeof line - 1, file);
	fclose(file);
	line[n] = 0;
	/* The name may have spaces and parentheses. */
	const char *state = strrchr(line, ')');
	if (!state || strlen(state) < 5)
		return 0;
	parent = strtol(state + 4, NULL, 10);
	return parent > 0 ? parent : 0;
}

static bool is_between(const char *words, size_t n)
{
	static const char *const shells[] = {"sh", "bash", "dash", "ksh", "zsh", "busybox"};
	const char *name = path_name(words);

	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
		if (strcmp(name, shells[i]) == 0)
			return true;
	for (size_t at = 0; at < n; at += strlen(words + at) + 1)
		if (strcmp(path_name(words + at), "package-hook") == 0)
			return true;
	return false;
}

void cause_hook(const char *manager, char cause[MATR_STORE_CAUSE_MAX])
{
	char words[MATR_STORE_CAUSE_MAX], text[32];
	long pid = getppid();

	snprintf(cause, MATR_STORE_CAUSE_MAX, "%s", manager);
	for (int i = 0; i < ANCESTORS && pid > 1; i++, pid = parent_of(pid)) {
		snprintf(text, sizeof text, "%ld", pid);
		size_t n = read_command_line(text, words);
		if (!n)
			return;
		if (is_between(words, n))
			continue;
		strncat(cause, ":", MATR_STORE_CAUSE_MAX - strlen(cause) - 1);
		add_words(cause, words, n);
		return;
	}
}
