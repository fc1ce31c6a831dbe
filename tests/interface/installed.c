/* installed.c - a program of another project: the libraries of a file, as ldd prints them, and its
 * bindings by matr_resolve(). */
#include <stdio.h>
#include <string.h>

#include <matr/explain.h>
#include <matr/libraries.h>
#include <matr/mapping.h>
#include <matr/resolve.h>

static int failed(const struct matr_error *err)
{
	fprintf(stderr, "installed: %s: %s\n", err->file, err->message);
	return 1;
}

static int list_libraries(const char *path, struct matr_error *err)
{
	struct matr_session_options options = {.search_only = true};
	struct matr_session *session;
	struct matr_libraries libraries;

	if (matr_session_open(&options, &session, err) < 0)
		return -1;
	int result = matr_libraries_find(session, path, &libraries, err);
	if (result == 0) {
		for (size_t i = 1; i < libraries.n; i++)
			printf("library %s\n", libraries.list[i].path);
		matr_libraries_free(&libraries);
	}
	matr_session_close(session);
	return result;
}

static int show_resolve(const char *path, struct matr_error *err)
{
	struct matr_session *session;
	struct matr_mapping *mapping;

	if (matr_session_open(NULL, &session, err) < 0)
		return -1;
	int result = matr_resolve(session, path, &mapping, err);
	if (result == 0) {
		const struct matr_object *program = mapping->scope[0].object;
		for (size_t i = 0; i < program->n_relocations; i++) {
			const struct matr_binding *binding = &mapping->objects[0].bindings[i];
			uint32_t symbol = program->relocations[i].symbol;
			if (binding->provider < mapping->n_scope &&
			    !strcmp(program->symbols[symbol].name, "matr_resolve"))
				printf("resolve %s\n", mapping->scope[binding->provider].path);
		}
		matr_mapping_free(mapping);
	}
	matr_session_close(session);
	return result;
}

int main(int argc, char **argv)
{
	struct matr_error err = {0};

	if (argc != 2)
		return 2;
	if (list_libraries(argv[1], &err) < 0 || show_resolve(argv[1], &err) < 0)
		return failed(&err);
	return 0;
}
