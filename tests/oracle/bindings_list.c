/* bindings_list.c - bindings of a program, by the mapping and by ld.so.
 *
 * ld.so is asked in the same way as by shared/oracle/ld-bindings, but its output is read through a
 * pipe and parsed here: a machine's programs have millions of bindings.
 */
#include "bindings_list.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void bindings_list_free(struct bindings_list *list)
{
	free(list->lines);
	free(list->text);
	*list = (struct bindings_list){0};
}

int binding_line_compare(const struct binding_line *a, const struct binding_line *b)
{
	int order = strcmp(a->requester, b->requester);

	if (!order)
		order = strcmp(a->symbol, b->symbol);
	if (!order)
		order = strcmp(a->version, b->version);
	return order ? order : strcmp(a->provider, b->provider);
}

static int compare(const void *left, const void *right)
{
	return binding_line_compare(left, right);
}

void bindings_list_settle(struct bindings_list *list)
{
	size_t n = 0;

	if (list->n)
		qsort(list->lines, list->n, sizeof *list->lines, compare);
	for (size_t i = 0; i < list->n; i++) {
		if (!n || compare(&list->lines[n - 1], &list->lines[i]) != 0)
			list->lines[n++] = list->lines[i];
	}
	list->n = n;
}

static bool add(struct bindings_list *list, struct binding_line line)
{
	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 4096;
		struct binding_line *lines = realloc(list->lines, room * sizeof *lines);
		if (!lines)
			return false;
		list->lines = lines;
		list->room = room;
	}
	list->lines[list->n++] = line;
	return true;
}

/* ---- the resolver ---- */

/* A program with several names (hard links) was read under one of them. */
static const char *canonical_path(const struct matr_mapping *mapping, size_t index)
{
	return index ? mapping->scope[index].object->path : mapping->scope[0].path;
}

bool bindings_of_mapping(const struct matr_mapping *mapping, struct bindings_list *out)
{
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
			struct binding_line line = {
				.requester = canonical_path(mapping, i),
				.symbol = symbol->name,
				/* as ld.so, for which one that hashes to 0 is none */
				.version = version && version->hash ? version->name : "",
				.provider = canonical_path(mapping, binding->provider),
			};
			if (!add(out, line))
				return false;
		}
	}
	return true;
}

/* ---- ld.so ---- */

/* Canonical paths of this run's objects. A handful of them occur in every line, the one before most
 * often. */
static const char *canonical(const char *path, const char *program)
{
	static struct known {
		char *path, *canonical;
	} * list;
	static size_t n, last;
	char resolved[PATH_MAX];

	if (!strchr(path, '/'))
		return path;
	if (last < n && !strcmp(list[last].path, path))
		return list[last].canonical;
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(list[i].path, path)) {
			last = i;
			return list[i].canonical;
		}
	}
	struct known *larger = realloc(list, (n + 1) * sizeof *larger);
	if (!larger) {
		fprintf(stderr, "oracle: %s: no memory\n", program);
		exit(1);
	}
	list = larger;
	list[n].path = strdup(path);
	list[n].canonical = strdup(realpath(path, resolved) ? resolved : path);
	if (!list[n].path || !list[n].canonical) {
		fprintf(stderr, "oracle: %s: no memory\n", program);
		exit(1);
	}
	last = n;
	return list[n++].canonical;
}

static void trace(const char *program, int output)
{
	int null = dup2(output, STDERR_FILENO) < 0 ? -1 : STDERR_FILENO;

	if (null < 0 || !freopen("/dev/null", "r", stdin) || !freopen("/dev/null", "w", stdout))
		_exit(125);
	setenv("LD_TRACE_LOADED_OBJECTS", "1", 1);
	setenv("LD_WARN", "yes", 1);
	setenv("LD_BIND_NOW", "1", 1);
	setenv("LD_DEBUG", "bindings", 1);
	execl(program, program, (char *)NULL);
	_exit(126);
}

/* All that the descriptor gives, with a NUL behind it. */
static char *read_all(int fd)
{
	size_t size = 0, room = 1 << 20;
	char *text = malloc(room);

	while (text) {
		if (room - size < 65536) {
			char *larger = realloc(text, room *= 2);
			if (!larger)
				break;
			text = larger;
		}
		ssize_t n = read(fd, text + size, room - size - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			text[size] = 0;
			return text;
		}
		size += (size_t)n;
	}
	free(text);
	return NULL;
}

/* "   123:<tab>binding file A [0] to B [0]: normal symbol `s' [V]"; cuts the line up. */
static bool parse(char *line, const char *program, struct binding_line *out)
{
	static const char opening[] = "\tbinding file ";
	char *requester = strstr(line, opening), *end;

	if (!requester)
		return false;
	requester += sizeof opening - 1;
	char *provider = strstr(requester, "] to ");
	char *symbol = provider ? strstr(provider, " symbol `") : NULL;
	if (!symbol)
		return false;
	*provider = 0;
	provider += 5;
	symbol[0] = 0;
	symbol += 9;
	if ((end = strrchr(requester, '[')) && end > requester)
		end[-1] = 0;
	if ((end = strrchr(provider, '[')) && end > provider)
		end[-1] = 0;
	end = strchr(symbol, '\'');
	if (!end)
		return false;
	*end++ = 0;
	char *version = strchr(end, '[');
	if (version) {
		version++;
		version[strcspn(version, "]")] = 0;
	}
	if (!strncmp(requester, "linux-vdso", 10))
		return false;
	*out = (struct binding_line){
		.requester = canonical(requester, program),
		.symbol = symbol,
		.version = version ? version : "",
		.provider = canonical(provider, program),
	};
	return true;
}

bool bindings_of_ld_so(const char *program, struct bindings_list *out, char *why, size_t size)
{
	int ends[2], status = 0;
	char *rest, *line;

	if (pipe(ends) != 0) {
		snprintf(why, size, "no pipe: %s", strerror(errno));
		return false;
	}
	pid_t child = fork();
	if (child == 0) {
		close(ends[0]);
		trace(program, ends[1]);
	}
	close(ends[1]);
	out->text = child < 0 ? NULL : read_all(ends[0]);
	close(ends[0]);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	if (!out->text || status) {
		snprintf(why, size, "ld.so refuses it: %.200s",
			 out->text ? out->text : "no memory");
		why[strcspn(why, "\n")] = 0;
		return false;
	}
	for (rest = out->text; (line = strsep(&rest, "\n"));) {
		struct binding_line binding;
		if (parse(line, program, &binding) && !add(out, binding)) {
			snprintf(why, size, "no memory");
			return false;
		}
	}
	return true;
}
