/* bindings.c - the bindings that a `matr trace` is about, and which of them can go through a
 * thunk. */
#include "matr/trace/trace.h"

#include <elf.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <matr/resolve.h>

/* Functions that return twice or look at their return address, which must not be replaced. */
static const char *const count_only[] = {"setjmp",
					 "_setjmp",
					 "sigsetjmp",
					 "__sigsetjmp",
					 "longjmp",
					 "_longjmp",
					 "siglongjmp",
					 "__longjmp_chk",
					 "vfork",
					 "getcontext",
					 "setcontext",
					 "swapcontext",
					 "dlopen",
					 "dlsym",
					 "dlvsym",
					 "dlmopen",
					 "mcount",
					 "_mcount",
					 "__fentry__",
					 "clone",
					 "_Unwind_Resume",
					 "__libc_start_main",
					 "_mcleanup",
					 "__cyg_profile_func_enter",
					 "__cyg_profile_func_exit",
					 NULL};

/* An unwinder reads return addresses: they are put right first, when it begins. (_Unwind_Resume
 * goes on with what was begun.) */
static const char *const unwinders[] = {"_Unwind_RaiseException",
					"_Unwind_Resume_or_Rethrow",
					"_Unwind_ForcedUnwind",
					"_Unwind_Backtrace",
					"__cxa_throw",
					"__cxa_rethrow",
					"backtrace",
					"pthread_exit",
					"thrd_exit",
					NULL};

static bool is_among(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

/* Test whether the name matches a pattern. Every pattern that matches is noted. */
static bool symbol_matches(struct trace_run *run, const char *name, const char *version)
{
	char full[1024];
	bool any = false;

	snprintf(full, sizeof full, "%s@%s", name, version ? version : "");
	for (size_t i = 0; i < run->symbols.n; i++) {
		if (fnmatch(run->symbols.list[i], strchr(run->symbols.list[i], '@') ? full : name,
			    0) != 0)
			continue;
		run->matched[i] = true;
		any = true;
	}
	return any;
}

static int add_binding(struct trace_run *run, const struct matr_mapping *mapping, uint32_t caller,
		       const struct matr_symbol *reference, const struct matr_binding *binding,
		       bool shown, struct matr_error *err)
{
	const struct matr_object *object = mapping->scope[caller].object;
	const struct matr_object *provider = mapping->scope[binding->provider].object;
	const struct matr_symbol *symbol = &provider->symbols[binding->symbol];
	const struct matr_version *asked = matr_object_symbol_version(object, reference);
	const struct matr_version *own = matr_object_symbol_version(provider, symbol);

	if (run->n == TRACE_SLOTS) {
		run->left_out += shown;
		return 0;
	}
	struct traced *traced = &run->list[run->n];
	*traced = (struct traced){
		.caller = strdup(object->path),
		.symbol = strdup(reference->name),
		.version = asked ? strdup(asked->name) : NULL,
		.callee = strdup(provider->path),
		.library = strdup(mapping->scope[binding->provider].path),
		.kind = is_among(unwinders, reference->name)		      ? TRACE_RESTORE
			: run->count || is_among(count_only, reference->name) ? TRACE_COUNT
									      : TRACE_TIME,
		.shown = shown,
	};
	if (asprintf(&traced->definition, "%s%s%s", symbol->name, own ? "@" : "",
		     own ? own->name : "") < 0)
		traced->definition = NULL;
	run->n++;
	if (!traced->caller || !traced->symbol || (asked && !traced->version) || !traced->callee ||
	    !traced->library || !traced->definition)
		return matr_fail_memory(err);
	return 0;
}

/* Test whether a thunk of ours can jump to what the binding leads to. */
static bool can_be_traced(const struct matr_mapping *mapping, const struct matr_binding *binding)
{
	const struct matr_object *provider = mapping->scope[binding->provider].object;
	const struct matr_symbol *symbol = &provider->symbols[binding->symbol];
	bool libc = provider->soname && (strcmp(provider->soname, "libc.so.6") == 0 ||
					 strcmp(provider->soname, "libm.so.6") == 0);

	return binding->provider != 0 && binding->provider != mapping->interpreter &&
	       (symbol->type != STT_GNU_IFUNC || libc);
}

/* Unwinders, or all others. */
static int collect_object(struct trace_run *run, const struct matr_mapping *mapping, uint32_t index,
			  bool unwinding, struct matr_error *err)
{
	const struct matr_scope_entry *entry = &mapping->scope[index];
	const struct matr_object *object = entry->object;
	enum { UNSEEN, LEFT_OUT, TAKEN };
	uint8_t *seen = calloc(object->n_symbols + 1, sizeof *seen);
	int result = seen ? 0 : matr_fail_memory(err);

	for (size_t n = 0; n < object->n_relocations && result == 0; n++) {
		const struct matr_relocation *relocation = &object->relocations[n];
		const struct matr_binding *binding = &mapping->objects[index].bindings[n];
		const struct matr_symbol *reference = &object->symbols[relocation->symbol];
		if (!relocation->symbol || seen[relocation->symbol] == TAKEN ||
		    !matr_symbol_is_looked_up(reference) || binding->provider >= mapping->n_scope ||
		    is_among(unwinders, reference->name) != unwinding)
			continue;
		const struct matr_object *provider = mapping->scope[binding->provider].object;
		const struct matr_symbol *symbol = &provider->symbols[binding->symbol];
		const struct matr_version *version = matr_object_symbol_version(object, reference);
		if (symbol->type != STT_FUNC && symbol->type != STT_GNU_IFUNC)
			continue;
		bool shown =
			symbol_matches(run, reference->name, version ? version->name : NULL) &&
			trace_object_matches(run->requester, entry) &&
			trace_object_matches(run->provider, &mapping->scope[binding->provider]);
		if (!shown && (!unwinding || run->count))
			continue;
		/* The address of a function may be its PLT entry in the program, and the call
		 * from there be another matter. */
		bool can = can_be_traced(mapping, binding);
		if (!can && seen[relocation->symbol] == UNSEEN)
			run->left_out += shown;
		if (can && seen[relocation->symbol] == LEFT_OUT)
			run->left_out -= shown;
		seen[relocation->symbol] = can ? TAKEN : LEFT_OUT;
		if (can)
			result = add_binding(run, mapping, index, reference, binding, shown, err);
	}
	free(seen);
	return result;
}

int trace_collect(struct trace_run *run, struct matr_error *err)
{
	struct matr_session *session;
	struct matr_mapping *mapping = NULL;
	size_t shown = 0;

	run->list = calloc(TRACE_SLOTS, sizeof *run->list);
	run->matched = calloc(run->symbols.n, sizeof *run->matched);
	if (!run->list || !run->matched)
		return matr_fail_memory(err);
	if (matr_session_open(NULL, &session, err) != 0)
		return -1;
	int result = matr_resolve(session, run->path, &mapping, err);
	/* Unwinders first: there is only so much room, and without them exceptions do not
	 * arrive. */
	for (int others = 0; others < 2; others++)
		for (uint32_t i = 0; result == 0 && i < mapping->n_scope; i++)
			if (i != mapping->interpreter && mapping->objects[i].bindings)
				result = collect_object(run, mapping, i, !others, err);
	if (result == 0)
		result = trace_check_names(run, mapping, err);
	for (size_t i = 0; i < run->n; i++)
		shown += run->list[i].shown;
	if (result == 0 && !shown && run->left_out)
		result = matr_fail(err, MATR_ERROR_UNSUPPORTED, run->path,
				   "the %zu bindings that match lead to the program itself, the "
				   "dynamic linker, or a resolver (IFUNC), and cannot be traced",
				   run->left_out);
	else if (result == 0 && !shown)
		result = matr_fail(err, MATR_ERROR_NOT_FOUND, run->path,
				   "none of its objects binds a function that matches");
	matr_mapping_free(mapping);
	matr_session_close(session);
	return result;
}
