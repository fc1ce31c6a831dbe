/* values.c - programs, epochs, libraries and symbols of the store, and packages of the system. */
#include "matr/complete/values.h"
#include "common/output.h"
#include "common/path.h"
#include "common/recorded.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/names.h>

enum { SYMBOLS_MAX = 2000 }; /* more than that completes nothing anybody reads */

void complete_offer(const char *lead, const char *word, const char *candidate,
		    const char *description)
{
	struct text safe = {0};

	if (strncmp(candidate, word, strlen(word)) != 0 || !*candidate)
		return;
	text_add_safe(&safe, candidate, strlen(candidate));
	if (!safe.failed && strcmp(text_string(&safe), candidate) == 0)
		printf("%s%s\t%s\n", lead, candidate, description);
	text_free(&safe);
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Offer each of the names once. They are sorted here. */
static void offer_names(const struct complete_values *values, const char *word, const char **names,
			size_t n)
{
	if (n)
		qsort(names, n, sizeof *names, compare_names);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
			complete_offer(values->lead, word, names[i], "");
}

static void print_programs(const struct complete_values *values, struct matr_store *store,
			   int64_t epoch, const char *word)
{
	struct matr_store_application *list = NULL;
	size_t n = 0;

	if (matr_store_applications(store, epoch, &list, &n, NULL) != 0)
		return;
	const char **names = calloc(n + 1, sizeof *names);
	for (size_t i = 0; i < n && names; i++)
		names[i] = *word == '/' ? list[i].path : path_name(list[i].path);
	if (names)
		offer_names(values, word, names, n);
	free(names);
	matr_store_applications_free(list, n);
}

static void print_libraries(const struct complete_values *values, struct matr_store *store,
			    int64_t epoch, const char *word)
{
	struct matr_store_file *list = NULL;
	size_t n = 0, n_names = 0;

	if (matr_store_files(store, epoch, &list, &n, NULL) != 0)
		return;
	const char **names = calloc(n + 1, sizeof *names);
	for (size_t i = 0; i < n && names; i++)
		if (strstr(path_name(list[i].path), ".so"))
			names[n_names++] = *word == '/' ? list[i].path : path_name(list[i].path);
	if (names)
		offer_names(values, word, names, n_names);
	free(names);
	matr_store_files_free(list, n);
}

static void print_epochs(const struct complete_values *values, struct matr_store *store,
			 const char *word)
{
	int64_t *ids = NULL;
	size_t n = 0;

	complete_offer(values->lead, word, "current", "the one in force, or else the newest");
	complete_offer(values->lead, word, "previous", "the one before");
	if (!store || matr_store_epochs(store, &ids, &n, NULL) != 0)
		return;
	for (size_t i = n; i-- > 0;) {
		struct matr_store_epoch epoch;
		char number[32], begun[32], description[80];
		if (matr_store_epoch(store, ids[i], &epoch, NULL) != 0)
			continue;
		snprintf(number, sizeof number, "%" PRId64, ids[i]);
		snprintf(description, sizeof description, "%s, %zu programs",
			 output_time(epoch.begun, begun), epoch.applications);
		complete_offer(values->lead, word, number, description);
	}
	free(ids);
}

/* The names that objects of the program look up. */
static void print_symbols(const struct complete_values *values, struct matr_store *store,
			  int64_t epoch, const char *word)
{
	struct matr_mapping *mapping = NULL;
	struct matr_error unsaid;
	int64_t application;
	size_t n = 0, length = strlen(word);

	if (!values->program ||
	    recorded_find(store, epoch, values->program, &application, &unsaid) != 0 ||
	    matr_store_mapping(store, application, &mapping, &unsaid) != 0)
		return;
	const char **names = calloc(SYMBOLS_MAX, sizeof *names);
	for (size_t i = 0; i < mapping->n_scope && names; i++) {
		const struct matr_object *object = mapping->scope[i].object;
		for (size_t at = 1; at < object->n_symbols && n < SYMBOLS_MAX; at++) {
			const struct matr_symbol *symbol = &object->symbols[at];
			if (symbol->section == 0 && strncmp(symbol->name, word, length) == 0)
				names[n++] = symbol->name;
		}
	}
	if (names)
		offer_names(values, word, names, n);
	free(names);
	matr_mapping_free(mapping);
}

/* dpkg has a list of files for each package: NAME.list or NAME:ARCHITECTURE.list. */
static void print_packages(const struct complete_values *values, const char *word)
{
	DIR *directory = opendir("/var/lib/dpkg/info");
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		char *end = strstr(entry->d_name, ".list");
		if (!end || end[strlen(".list")])
			continue;
		*end = 0;
		entry->d_name[strcspn(entry->d_name, ":")] = 0;
		complete_offer(values->lead, word, entry->d_name, "");
	}
	if (directory)
		closedir(directory);
}

void complete_values_print(const struct complete_values *values, const char *kind, const char *word)
{
	struct matr_store *store = NULL;
	struct matr_store_epoch epoch = {.id = 0};
	struct matr_error unsaid;

	if (strcmp(kind, "package") == 0) {
		print_packages(values, word);
		return;
	}
	/* Not open_store(): a copy by way of matrd takes too long for a key. */
	bool opened = matr_store_open(values->prefix, &store, &unsaid) == 0;
	if (strcmp(kind, "epoch") == 0)
		print_epochs(values, store, word);
	else if (opened &&
		 recorded_epoch(values->prefix, store, values->epoch, &epoch, &unsaid) == 0) {
		if (strcmp(kind, "program") == 0)
			print_programs(values, store, epoch.id, word);
		else if (strcmp(kind, "library") == 0)
			print_libraries(values, store, epoch.id, word);
		else if (strcmp(kind, "symbol") == 0)
			print_symbols(values, store, epoch.id, word);
	}
	matr_store_close(store);
}
