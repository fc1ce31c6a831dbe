/* vex_evidence.c - evidence on a vulnerability in a library, from a program's bindings.
 *
 * A binding to the function means that the program may call it. No binding means that it does not,
 * unless there is another way to the function, which bindings do not show: dlsym(), a library that
 * dlopen() loads and that was not recorded, or a function of the same library that calls it. Each
 * of these is looked for; if there is one, the answer is left open.
 */
#include "matr/query/vex.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include <matr/edit.h>
#include <matr/exposure.h>
#include <matr/mapping.h>
#include <matr/names.h>

#include "common/array.h"
#include "common/path.h"
#include "common/text.h"

enum { LISTED = 12 }; /* names in one sentence */

struct names { /* different strings, owned by others */
	const char *list[LISTED];
	size_t n; /* may be more than are listed */
};

struct question { /* the request, and its symbols */
	const struct vex_request *request;
	struct matr_symbol_name *names;
	size_t n;
};

struct evidence { /* of one program */
	struct vex_subject *subject;
	struct names reaching;		  /* objects that bind the function */
	struct names bound;		  /* of the library, other than the functions in question */
	const char *library;		  /* canonical path; NULL: it is not in the scope */
	const char *dlsym, *dlopen, *nss; /* objects, and a function, that lead elsewhere */
	size_t objects;
	struct text doubts;
};

static void note(struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n && i < LISTED; i++)
		if (strcmp(names->list[i], name) == 0)
			return;
	if (names->n < LISTED)
		names->list[names->n] = name;
	names->n++;
}

static void add_names(struct text *text, const struct names *names)
{
	for (size_t i = 0; i < names->n && i < LISTED; i++)
		text_printf(text, "%s%s", i ? ", " : "", names->list[i]);
	if (names->n > LISTED)
		text_add_string(text, " and others");
}

/* ---- choice of programs ---- */

static int compare_paths(const void *left, const void *right)
{
	const struct vex_subject *a = left, *b = right;

	return strcmp(a->path, b->path);
}

static struct vex_subject *find(const struct vex_subjects *subjects, const char *path)
{
	for (size_t i = 0; i < subjects->n; i++)
		if (strcmp(subjects->list[i].path, path) == 0)
			return &subjects->list[i];
	return NULL;
}

static int put(struct vex_subjects *subjects, const char *path, struct matr_error *err)
{
	if (find(subjects, path))
		return 0;
	if (array_grow(&subjects->list, subjects->n, sizeof *subjects->list, err) != 0)
		return -1;
	subjects->list[subjects->n] = (struct vex_subject){.path = strdup(path)};
	return subjects->list[subjects->n++].path ? 0 : matr_fail_memory(err);
}

/* A name that no object has is an error: nothing follows from it. */
static int check_symbols(struct matr_store *store, int64_t epoch, const struct vex_request *request,
			 struct matr_error *err)
{
	int result = 0;

	for (size_t i = 0; i < request->symbols.n && !result; i++) {
		struct matr_symbol_name name = {.name = NULL};
		struct matr_exposure exposure = {.list = NULL};
		result = matr_symbol_pattern_parse(request->symbols.list[i], &name, err);
		if (!result)
			result = matr_exposure(store, epoch, &name, request->library, &exposure,
					       err);
		matr_exposure_free(&exposure);
		matr_symbol_name_free(&name);
	}
	return result;
}

/* List the programs with the library in their scope, whether they bind to it or not. */
static int find_programs(struct matr_store *store, int64_t epoch, const struct vex_request *request,
			 struct vex_subjects *out, struct matr_error *err)
{
	struct matr_exposure exposure;

	if (check_symbols(store, epoch, request, err) != 0 ||
	    matr_exposure(store, epoch, NULL, request->library, &exposure, err) != 0)
		return -1;
	int result = 0;
	for (size_t i = 0; i < exposure.n && !result; i++)
		if (!i || strcmp(exposure.list[i].program, exposure.list[i - 1].program) != 0)
			result = put(out, exposure.list[i].program, err);
	for (size_t i = 0; i < exposure.n_loading && !result; i++)
		result = put(out, exposure.loading[i], err);
	matr_exposure_free(&exposure);
	if (out->n)
		qsort(out->list, out->n, sizeof *out->list, compare_paths);
	return result;
}

/* ---- one program ---- */

/* Functions that make libc load modules of the name service switch, which may be anything. */
static bool uses_name_services(const char *name)
{
	static const char *const starts[] = {
		"getpw",       "getgr",	  "gethostby",	 "getaddrinfo",
		"getnameinfo", "getserv", "getnet",	 "getproto",
		"getrpc",      "getsp",	  "initgroups",	 "getaliasby",
		"setnetgrent", "innetgr", "getnetgrent", "ether_",
	};

	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
		if (strncmp(name, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

static bool is_one_of(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(name, *list) == 0)
			return true;
	return false;
}

/* Functions of others by which it reaches what no binding shows. */
static void look_at_object(const struct matr_object *object, struct evidence *evidence)
{
	static const char *const by_name[] = {"dlsym", "dlvsym", NULL};
	static const char *const loading[] = {"dlopen", "dlmopen", NULL};

	for (size_t i = 1; i < object->n_symbols; i++) {
		const struct matr_symbol *symbol = &object->symbols[i];
		if (symbol->section != SHN_UNDEF)
			continue;
		if (!evidence->dlsym && is_one_of(symbol->name, by_name))
			evidence->dlsym = object->path;
		if (!evidence->dlopen && is_one_of(symbol->name, loading))
			evidence->dlopen = object->path;
		if (!evidence->nss && uses_name_services(symbol->name))
			evidence->nss = symbol->name;
	}
}

static bool is_in_question(const struct question *question, const struct matr_object *object,
			   const struct matr_symbol *symbol)
{
	for (size_t i = 0; i < question->n; i++)
		if (matr_symbol_name_matches(&question->names[i], object, symbol))
			return true;
	return !question->n;
}

static void look_at_bindings(const struct matr_mapping *mapping, size_t at, uint32_t library,
			     const struct question *question, struct evidence *evidence)
{
	const struct matr_object *object = mapping->scope[at].object,
				 *provider = mapping->scope[library].object;
	const struct matr_binding *bindings = mapping->objects[at].bindings;

	for (size_t i = 0; bindings && i < object->n_relocations; i++) {
		if (bindings[i].provider != library)
			continue;
		const struct matr_symbol *symbol = &provider->symbols[bindings[i].symbol];
		if (is_in_question(question, provider, symbol))
			note(&evidence->reaching, object->path);
		else
			note(&evidence->bound, symbol->name);
	}
}

/* The objects from scope index `first` on; of the others it has been done. */
static void look_at_mapping(const struct matr_mapping *mapping, size_t first,
			    const struct question *question, struct evidence *evidence)
{
	for (size_t i = first; i < mapping->n_scope; i++) {
		look_at_object(mapping->scope[i].object, evidence);
		evidence->objects++;
	}
	for (uint32_t l = 0; l < mapping->n_scope; l++) {
		const struct matr_scope_entry *entry = &mapping->scope[l];
		if (!matr_object_is_called(entry->object, entry->path, question->request->library))
			continue;
		evidence->library = entry->object->path;
		for (size_t i = first; i < mapping->n_scope; i++)
			if (i != l)
				look_at_bindings(mapping, i, l, question, evidence);
	}
}

static int look_at_loads(struct matr_store *store, int64_t application,
			 const struct question *question, struct evidence *evidence,
			 struct matr_closure *closures, struct matr_store_closure *records,
			 size_t n, struct matr_error *err)
{
	for (size_t i = 0; i < n; i++) {
		if (records[i].reason)
			text_printf(&evidence->doubts, "; what it loads with %s is left to ld.so",
				    path_name(records[i].root));
		if (!records[i].objects)
			continue;
		if (matr_store_closure(store, application, &records[i], &closures[i], err) != 0)
			return -1;
		look_at_mapping(closures[i].mapping, closures[i].n_start, question, evidence);
	}
	return 0;
}

/* ---- conclusions ---- */

static void add_doubts(const struct vex_request *request, size_t loads, bool edited,
		       struct evidence *evidence)
{
	struct text *doubts = &evidence->doubts;

	if (evidence->dlsym)
		text_printf(doubts, "; %s uses dlsym(), which finds functions by name",
			    path_name(evidence->dlsym));
	if (evidence->dlopen && !loads)
		text_printf(doubts, "; %s uses dlopen(), and what it loads was not recorded",
			    path_name(evidence->dlopen));
	if (evidence->nss && !loads)
		text_printf(doubts, "; for %s() libc may load modules that were not recorded",
			    evidence->nss);
	if (edited)
		text_add_string(doubts, "; its bindings are edited: a plain start has others");
	if (request->symbols.n && evidence->bound.n && !request->all_entries) {
		text_add_string(doubts, "; other functions of the library are bound, which may "
					"call it: ");
		add_names(doubts, &evidence->bound);
	}
}

static void add_what(struct text *text, const struct vex_request *request)
{
	if (!request->symbols.n)
		text_add_string(text, "anything of it");
	for (size_t i = 0; i < request->symbols.n; i++)
		text_printf(text, "%s%s", i ? ", " : "", request->symbols.list[i]);
}

static void conclude(const struct vex_request *request, struct evidence *evidence,
		     struct text *notes)
{
	text_printf(notes, "%s is loaded. ", evidence->library);
	if (evidence->reaching.n) {
		evidence->subject->status = VEX_AFFECTED;
		add_what(notes, request);
		text_add_string(notes, " is bound by: ");
		add_names(notes, &evidence->reaching);
		text_add_string(notes, ".");
		return;
	}
	text_printf(notes, "None of its %zu objects binds ", evidence->objects);
	add_what(notes, request);
	if (evidence->doubts.size) {
		evidence->subject->status = VEX_UNDER_INVESTIGATION;
		text_printf(notes, ", but it may be reached otherwise: %s.",
			    text_string(&evidence->doubts) + 2);
		return;
	}
	evidence->subject->status = VEX_NOT_AFFECTED;
	text_add_string(notes, ", and none uses dlsym(), dlopen() without a record, or name "
			       "services.");
	if (evidence->bound.n) {
		text_add_string(notes, " Bound are: ");
		add_names(notes, &evidence->bound);
		text_add_string(notes, "; by the author's statement these do not lead to the "
				       "vulnerable code.");
	}
}

static int judge(struct matr_store *store, int64_t epoch, const struct question *question,
		 struct vex_subject *subject, struct matr_error *err)
{
	const struct vex_request *request = question->request;
	struct evidence evidence = {.subject = subject};
	struct matr_edited_binding *edited = NULL;
	struct matr_store_closure *records = NULL;
	struct matr_closure *closures = NULL;
	struct matr_mapping *mapping = NULL;
	struct text notes = {0};
	size_t n = 0, n_edited = 0;
	int64_t application;

	int result = matr_store_find(store, epoch, subject->path, &application, err);
	if (!result)
		result = matr_store_mapping(store, application, &mapping, err);
	if (!result)
		result = matr_store_edited(store, application, &edited, &n_edited, err);
	if (!result)
		result = matr_store_closures(store, application, &records, &n, err);
	closures = calloc(n + 1, sizeof *closures);
	if (!result && !closures)
		result = matr_fail_memory(err);
	if (!result) {
		look_at_mapping(mapping, 0, question, &evidence);
		result = look_at_loads(store, application, question, &evidence, closures, records,
				       n, err);
	}
	if (!result && !evidence.library)
		result = matr_fail(err, MATR_ERROR_USAGE, request->library,
				   "for this format: one library, by soname, file name or path");
	if (!result) {
		add_doubts(request, n, n_edited > 0, &evidence);
		conclude(request, &evidence, &notes);
		subject->library = strdup(evidence.library);
		subject->notes = notes.failed ? NULL : strdup(text_string(&notes));
		if (!subject->notes || !subject->library || evidence.doubts.failed)
			result = matr_fail_memory(err);
	}
	text_free(&notes);
	text_free(&evidence.doubts);
	if (closures)
		matr_closures_free(closures, n);
	if (records)
		matr_store_closures_free(records, n);
	free(edited);
	matr_mapping_free(mapping);
	return result;
}

static int parse_symbols(struct question *question, struct matr_error *err)
{
	const struct option_list *symbols = &question->request->symbols;

	question->names = calloc(symbols->n + 1, sizeof *question->names);
	if (!question->names)
		return matr_fail_memory(err);
	for (size_t i = 0; i < symbols->n; i++) {
		if (matr_symbol_pattern_parse(symbols->list[i], &question->names[i], err) != 0)
			return -1;
		question->n++;
	}
	return 0;
}

int vex_judge(struct matr_store *store, int64_t epoch, const struct vex_request *request,
	      struct vex_subjects *out, struct matr_error *err)
{
	struct question question = {.request = request};

	*out = (struct vex_subjects){.n = 0};
	int result = parse_symbols(&question, err);
	if (!result)
		result = find_programs(store, epoch, request, out, err);
	for (size_t i = 0; i < out->n && !result; i++)
		result = judge(store, epoch, &question, &out->list[i], err);
	for (size_t i = 0; i < question.n; i++)
		matr_symbol_name_free(&question.names[i]);
	free(question.names);
	return result;
}

void vex_subjects_free(struct vex_subjects *subjects)
{
	for (size_t i = 0; i < subjects->n; i++) {
		free(subjects->list[i].path);
		free(subjects->list[i].library);
		free(subjects->list[i].notes);
	}
	free(subjects->list);
}
