/* libraries.c - see libraries.h: libmatr's search, in a session that reads no symbols. */
#include "sql/reader/libraries.h"

#include <stdlib.h>
#include <string.h>

#include "resolve/scope.h"

struct libraries {
	struct matr_session *session;
};

void libraries_free(struct libraries *libraries)
{
	if (!libraries)
		return;
	matr_session_close(libraries->session);
	free(libraries);
}

static int open_session(struct libraries **libraries, struct matr_error *err)
{
	if (*libraries)
		return 0;
	struct libraries *made = calloc(1, sizeof *made);
	if (!made)
		return matr_fail_memory(err);
	if (session_open_for_search(&made->session, err) < 0) {
		free(made);
		return -1;
	}
	*libraries = made;
	return 0;
}

/* The scope of the file; 1, or 0 where it has none (a static program, an object file). */
static int make_scope(struct libraries **libraries, const struct elf_file *file, struct scope *out,
		      struct matr_error *err)
{
	const struct known_path *known;

	*out = (struct scope){0};
	if (file->header.e_type != ET_EXEC && file->header.e_type != ET_DYN)
		return 0;
	if (file->header.e_machine != EM_X86_64 || file->header.e_ident[EI_CLASS] != ELFCLASS64)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, file->path,
				 "its libraries are not looked for: it is not for this machine");
	if (open_session(libraries, err) < 0 ||
	    session_path((*libraries)->session, file->path, &known, err) < 0)
		return -1;
	if (known->object == NO_INDEX) {
		/* Passed over by the search; this says why. */
		return matr_session_object((*libraries)->session, file->path, err) ? 0 : -1;
	}
	return scope_make((*libraries)->session, known->object,
			  (*libraries)->session->objects[known->object].object->path, out, err) < 0
		       ? -1
		       : 1;
}

int libraries_of(struct libraries **libraries, struct elf_file *file, char ***paths, size_t *n,
		 struct matr_error *err)
{
	struct scope scope;
	int result = make_scope(libraries, file, &scope, err);

	*paths = NULL;
	*n = 0;
	if (result > 0) {
		*paths = calloc(scope.n + 1, sizeof **paths);
		result = *paths ? 0 : matr_fail_memory(err);
		for (size_t i = 1; i < scope.n && result == 0; i++) {
			(*paths)[*n] = strdup(scope.entries[i].path);
			if (!(*paths)[*n])
				result = matr_fail_memory(err);
			else
				++*n;
		}
	}
	scope_free(&scope);
	if (result < 0) {
		for (size_t i = 0; i < *n; i++)
			free((*paths)[i]);
		free(*paths);
		*paths = NULL;
		*n = 0;
	}
	return result;
}

static const char *rule_name(enum matr_search_rule rule)
{
	static const char *const names[] = {
		[MATR_FOUND_APPLICATION] = "APPLICATION",
		[MATR_FOUND_PRELOAD] = "PRELOAD",
		[MATR_FOUND_PATH] = "PATH",
		[MATR_FOUND_RPATH] = "RPATH",
		[MATR_FOUND_RUNPATH] = "RUNPATH",
		[MATR_FOUND_CACHE] = "CACHE",
		[MATR_FOUND_DEFAULT] = "DEFAULT",
		[MATR_FOUND_INTERPRETER] = "INTERPRETER",
	};
	return names[rule];
}

void needed_free(struct needed_library *needed, size_t n)
{
	for (size_t i = 0; i < n && needed; i++) {
		free(needed[i].name);
		free(needed[i].found);
		free(needed[i].canonical);
	}
	free(needed);
}

static int fill(struct needed_library *out, const char *name, const struct matr_scope_entry *entry,
		struct matr_error *err)
{
	*out = (struct needed_library){.name = strdup(name)};
	if (!out->name)
		return matr_fail_memory(err);
	if (!entry)
		return 0;
	out->found = strdup(entry->path);
	out->canonical = strdup(entry->object->path);
	out->rule = rule_name(entry->rule);
	return out->found && out->canonical ? 0 : matr_fail_memory(err);
}

static int list_needed(const struct scope *scope, struct needed_library **out, size_t *n,
		       struct matr_error *err)
{
	const struct matr_object *object = scope->entries[0].object;

	*out = calloc(object->n_needed + 1, sizeof **out);
	if (!*out)
		return matr_fail_memory(err);
	/* Filters are among what the object asks for, but not of DT_NEEDED. */
	for (size_t i = 0, at = 0; i < object->n_dynamic && at < object->n_needed; i++) {
		int64_t tag = object->dynamic[i].tag;
		if (tag == DT_NEEDED) {
			uint32_t found = scope->dependencies[at].object;
			if (fill(&(*out)[(*n)++], object->needed[at],
				 found == NO_INDEX ? NULL : &scope->entries[found], err) < 0)
				return -1;
		}
		at += tag == DT_NEEDED || tag == DT_AUXILIARY || tag == DT_FILTER;
	}
	return 0;
}

int libraries_needed(struct libraries **libraries, struct elf_file *file,
		     struct needed_library **out, size_t *n, struct matr_error *err)
{
	struct scope scope;
	int result = make_scope(libraries, file, &scope, err);

	*out = NULL;
	*n = 0;
	if (result > 0)
		result = list_needed(&scope, out, n, err);
	scope_free(&scope);
	if (result < 0) {
		needed_free(*out, *n);
		*out = NULL;
		*n = 0;
	}
	return result;
}
