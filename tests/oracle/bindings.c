/* bindings.c - the resolver's bindings of programs beside ld.so's.
 *
 * usage: oracle-bindings DIRECTORY PROGRAM...
 *	writes the resolver's bindings of each program to DIRECTORY/NUMBER (its number on the
 *	command line), in the format of shared/oracle/ld-bindings. What cannot be resolved:
 *	"NUMBER<tab>FILE: REASON" on standard error.
 * usage: oracle-bindings --ld.so DIRECTORY PROGRAM...
 *	the same of ld.so's, parsed here.
 * usage: oracle-bindings --compare PROGRAM...
 *	compares the two. One line per program on standard output, "same N", "differs N", "declined
 *	REASON" or "refused REASON", then a tab and the program; differences are lines that begin
 *	with "<" (ld.so's) or ">" (the resolver's).
 *
 * One session serves all programs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/resolve.h>

#include "bindings_list.h"

enum { DIFFERENCES_SHOWN = 20 };

static int print(const struct bindings_list *list, const char *directory, int number)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/%d", directory, number);
	FILE *out = fopen(path, "w");
	if (!out) {
		fprintf(stderr, "oracle-bindings: %s: %s\n", path, strerror(errno));
		return -1;
	}
	for (size_t i = 0; i < list->n; i++)
		fprintf(out, "%s\t%s\t%s\t%s\n", list->lines[i].requester, list->lines[i].symbol,
			list->lines[i].version, list->lines[i].provider);
	return fclose(out);
}

static void show(const char *side, const struct binding_line *line, size_t *n)
{
	if (++*n <= DIFFERENCES_SHOWN)
		printf("%s %s\t%s\t%s\t%s\n", side, line->requester, line->symbol, line->version,
		       line->provider);
}

static size_t compare_lists(const struct bindings_list *theirs, const struct bindings_list *ours)
{
	size_t i = 0, j = 0, n = 0;

	while (i < theirs->n || j < ours->n) {
		int order = i == theirs->n ? 1
			    : j == ours->n
				    ? -1
				    : binding_line_compare(&theirs->lines[i], &ours->lines[j]);
		if (order < 0)
			show("<", &theirs->lines[i], &n);
		else if (order > 0)
			show(">", &ours->lines[j], &n);
		i += order <= 0;
		j += order >= 0;
	}
	return n;
}

static int compare_program(struct matr_session *session, const char *program)
{
	struct bindings_list ours = {0}, theirs = {0};
	struct matr_mapping *mapping = NULL;
	struct matr_error err = {0};
	char why[512];

	bool refused = !bindings_of_ld_so(program, &theirs, why, sizeof why);
	if (matr_resolve(session, program, &mapping, &err) < 0) {
		if (refused)
			printf("refused %s\t%s\n", why, program);
		else
			printf("declined %s: %s\t%s\n", err.file, err.message, program);
	} else if (refused) {
		/* Mapped, but ld.so does not start it. */
		printf("> %s\ndiffers 1\t%s\n", why, program);
	} else {
		if (!bindings_of_mapping(mapping, &ours)) {
			fprintf(stderr, "oracle-bindings: no memory\n");
			return -1;
		}
		bindings_list_settle(&ours);
		bindings_list_settle(&theirs);
		size_t n = compare_lists(&theirs, &ours);
		if (n)
			printf("differs %zu\t%s\n", n, program);
		else
			printf("same %zu\t%s\n", ours.n, program);
	}
	fflush(stdout);
	matr_mapping_free(mapping);
	bindings_list_free(&ours);
	bindings_list_free(&theirs);
	return 0;
}

static int list_ours(struct matr_session *session, const char *program, const char *directory,
		     int number)
{
	struct bindings_list list = {0};
	struct matr_mapping *mapping;
	struct matr_error err;

	if (matr_resolve(session, program, &mapping, &err) < 0) {
		fprintf(stderr, "%d\t%s: %s\n", number, err.file, err.message);
		return 0;
	}
	int status = bindings_of_mapping(mapping, &list) ? 0 : -1;
	bindings_list_settle(&list);
	if (status == 0)
		status = print(&list, directory, number);
	matr_mapping_free(mapping);
	bindings_list_free(&list);
	return status;
}

static int list_theirs(const char *program, const char *directory, int number)
{
	struct bindings_list list = {0};
	char why[512];
	int status = 0;

	if (bindings_of_ld_so(program, &list, why, sizeof why)) {
		bindings_list_settle(&list);
		status = print(&list, directory, number);
	} else {
		fprintf(stderr, "%d\t%s: %s\n", number, program, why);
	}
	bindings_list_free(&list);
	return status;
}

int main(int argc, char **argv)
{
	bool compare = argc > 1 && !strcmp(argv[1], "--compare");
	bool theirs = argc > 1 && !strcmp(argv[1], "--ld.so");
	int first = compare ? 2 : theirs ? 3 : 2, status = 0;
	struct matr_session *session;
	struct matr_error err;

	if (argc <= first) {
		fprintf(stderr, "usage: oracle-bindings DIRECTORY PROGRAM...\n"
				"       oracle-bindings --ld.so DIRECTORY PROGRAM...\n"
				"       oracle-bindings --compare PROGRAM...\n");
		return 2;
	}
	if (matr_session_open(NULL, &session, &err) < 0) {
		fprintf(stderr, "oracle-bindings: %s: %s\n", err.file, err.message);
		return 1;
	}
	for (int i = first; i < argc && !status; i++) {
		int number = i - first + 1;
		status = compare  ? compare_program(session, argv[i])
			 : theirs ? list_theirs(argv[i], argv[2], number)
				  : list_ours(session, argv[i], argv[1], number);
	}
	matr_session_close(session);
	return status ? 1 : 0;
}
