/* bindings.c - the resolver's bindings of programs, in the referee's own format.
 *
 * Prints what /oracle/ld-bindings prints for the same program (requester, symbol, version, provider, sorted
 * and distinct), straight from matr_resolve(), so that the two can be compared with cmp. One file per program
 * in the output directory, named by the program's number on the command line: one session serves all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/resolve.h>

struct line {
	const char *requester, *symbol, *version, *provider;
};

static int compare(const void *left, const void *right)
{
	const struct line *a = left, *b = right;
	int order = strcmp(a->requester, b->requester);
	if (!order)
		order = strcmp(a->symbol, b->symbol);
	if (!order)
		order = strcmp(a->version, b->version);
	return order ? order : strcmp(a->provider, b->provider);
}

/* A program with several names (hard links) was read under one of them. */
static const char *canonical_path(const struct matr_mapping *mapping, size_t index)
{
	return index ? mapping->scope[index].object->path : mapping->scope[0].path;
}

static size_t collect(const struct matr_mapping *mapping, struct line *lines)
{
	size_t n = 0;

	for (size_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_object *object = mapping->scope[i].object;
		for (size_t r = 0; r < object->n_relocations; r++) {
			const struct matr_binding *binding = &mapping->objects[i].bindings[r];
			const struct matr_symbol *symbol =
				&object->symbols[object->relocations[r].symbol];
			if (binding->provider >= mapping->n_scope ||
			    !matr_symbol_is_looked_up(symbol))
				continue;
			const struct matr_version *version =
				matr_object_symbol_version(object, symbol);
			lines[n++] = (struct line){
				.requester = canonical_path(mapping, i),
				.symbol = symbol->name,
				.version = version ? version->name : "",
				.provider = canonical_path(mapping, binding->provider),
			};
		}
	}
	return n;
}

static int print(const struct matr_mapping *mapping, const char *path)
{
	size_t total = 1;

	for (size_t i = 0; i < mapping->n_scope; i++)
		total += mapping->scope[i].object->n_relocations;
	struct line *lines = calloc(total, sizeof *lines);
	FILE *out = fopen(path, "w");
	if (!lines || !out) {
		fprintf(stderr, "bindings: %s: %s\n", path, strerror(errno));
		free(lines);
		if (out)
			fclose(out);
		return -1;
	}
	size_t n = collect(mapping, lines);
	qsort(lines, n, sizeof *lines, compare);
	for (size_t i = 0; i < n; i++) {
		if (!i || compare(&lines[i - 1], &lines[i]) != 0)
			fprintf(out, "%s\t%s\t%s\t%s\n", lines[i].requester, lines[i].symbol,
				lines[i].version, lines[i].provider);
	}
	free(lines);
	return fclose(out);
}

int main(int argc, char **argv)
{
	struct matr_session *session;
	struct matr_error err;
	int status = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: bindings DIRECTORY PROGRAM...\n");
		return 2;
	}
	if (matr_session_open(NULL, &session, &err) < 0) {
		fprintf(stderr, "bindings: %s: %s\n", err.file, err.message);
		return 1;
	}
	for (int i = 2; i < argc; i++) {
		struct matr_mapping *mapping;
		char path[4096];
		snprintf(path, sizeof path, "%s/%d", argv[1], i - 1);
		if (matr_resolve(session, argv[i], &mapping, &err) < 0) {
			fprintf(stderr, "%d\t%s: %s\n", i - 1, err.file, err.message);
			continue;
		}
		if (print(mapping, path) != 0)
			status = 1;
		matr_mapping_free(mapping);
	}
	matr_session_close(session);
	return status;
}
