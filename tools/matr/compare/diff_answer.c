/* diff_answer.c - the answer of matr diff for two epochs.
 *
 * A binding that differs is put down to a file that differs: the one that provided it, the one that
 * does now, or the one that refers to the symbol. The package of that file is the reason.
 */
#include "matr/compare/diff_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/output.h"
#include "common/path.h"
#include "common/purl.h"

/* Kinds of facts. Their texts: the kind, the package, the file, the change. */
static const char package_differs[] = "package", package_binds[] = "package binds",
		  file_differs[] = "file", file_binds[] = "file binds";

/* ---- counting ---- */

struct subject { /* a program */
	struct diff_answer *answer;
	const struct matr_application_diff *diff;
	const char *program;
};

static int count(const struct subject *subject, const char *kind, const char *package,
		 const char *file, const char *change, const char *symbol, struct matr_error *err)
{
	const char *const texts[TALLY_TEXTS] = {kind, package, file, change};

	return tally_add(&subject->answer->tally, texts, symbol, subject->program, err);
}

static const char *package_of(const struct subject *subject, const char *before, const char *after)
{
	const struct diff_packages *packages = &subject->answer->packages;
	const char *package = after ? diff_packages_of(packages, after) : NULL;

	return package || !before ? package : diff_packages_of(packages, before);
}

static int count_objects(const struct subject *subject, const struct matr_diff *diff,
			 struct matr_error *err)
{
	int result = 0;

	for (size_t i = 0; i < diff->n_objects && result == 0; i++) {
		const struct matr_object_change *object = &diff->objects[i];
		const char *package = package_of(subject, object->before, object->after);
		const char *file = object->after ? object->after : object->before;
		result = count(subject, package_differs, package, NULL, NULL, file, err);
		if (result == 0)
			result = count(subject, file_differs, package, file,
				       matr_change_name(object->change), NULL, err);
	}
	return result;
}

static const struct matr_object_change *find_in(const struct matr_diff *diff, const char *path)
{
	for (size_t i = 0; i < diff->n_objects && path; i++) {
		const struct matr_object_change *object = &diff->objects[i];
		if ((object->before && strcmp(object->before, path) == 0) ||
		    (object->after && strcmp(object->after, path) == 0))
			return object;
	}
	return NULL;
}

/* The object that differs in the program; NULL: this one does not. */
static const struct matr_object_change *find_object(const struct subject *subject,
						    const struct matr_diff *diff, const char *path)
{
	const struct matr_object_change *found = find_in(diff, path);

	return found ? found : find_in(&subject->diff->start, path);
}

static const struct matr_object_change *cause_of(const struct subject *subject,
						 const struct matr_diff *diff,
						 const struct matr_binding_change *binding)
{
	bool moved = binding->change == MATR_CHANGE_MOVED;
	const char *const order[3] = {
		moved ? binding->before : binding->requester,
		moved ? binding->after : binding->before,
		moved ? binding->requester : binding->after,
	};
	const struct matr_object_change *cause = NULL;

	for (int i = 0; i < 3 && !cause; i++)
		cause = find_object(subject, diff, order[i]);
	return cause;
}

static int count_bindings(const struct subject *subject, const struct matr_diff *diff,
			  struct matr_error *err)
{
	int result = 0;

	for (size_t i = 0; i < diff->n_bindings && result == 0; i++) {
		const struct matr_binding_change *binding = &diff->bindings[i];
		int64_t edit = binding->edit_after ? binding->edit_after : binding->edit_before;
		const struct matr_object_change *cause =
			edit ? NULL : cause_of(subject, diff, binding);
		const char *package =
			cause ? package_of(subject, cause->before, cause->after) : NULL;
		char of_edit[32];
		snprintf(of_edit, sizeof of_edit, "edit %" PRId64, edit);
		const char *file = edit		  ? of_edit
				   : !cause	  ? "order of the scope"
				   : cause->after ? cause->after
						  : cause->before;
		if (cause)
			result = count(subject, package_binds, package, NULL, NULL, binding->symbol,
				       err);
		if (result == 0)
			result = count(subject, file_binds, package, file,
				       cause ? matr_change_name(cause->change) : NULL,
				       binding->symbol, err);
	}
	return result;
}

static int count_diff(const struct subject *subject, const struct matr_diff *diff,
		      struct matr_error *err)
{
	return count_objects(subject, diff, err) == 0 ? count_bindings(subject, diff, err) : -1;
}

int diff_answer_add(struct diff_answer *answer, const char *program,
		    const struct matr_application_diff *diff, struct matr_error *err)
{
	const struct subject subject = {answer, diff, program};
	size_t n_bindings = diff->start.n_bindings;
	int result = count_diff(&subject, &diff->start, err);

	for (size_t i = 0; i < diff->n_loads && result == 0; i++) {
		n_bindings += diff->loads[i].diff.n_bindings;
		result = count_diff(&subject, &diff->loads[i].diff, err);
	}
	tally_next_program(&answer->tally);
	if (result != 0 || !n_bindings) {
		answer->n_other_files++;
		return result;
	}
	if (answer->n_otherwise < DIFF_ANSWER_NAMES &&
	    !(answer->names[answer->n_otherwise] = strdup(program)))
		return matr_fail_memory(err);
	answer->n_otherwise++;
	return 0;
}

void diff_answer_free(struct diff_answer *answer)
{
	for (size_t i = 0; i < DIFF_ANSWER_NAMES; i++)
		free(answer->names[i]);
	tally_free(&answer->tally);
	diff_packages_free(&answer->packages);
}

/* ---- the sentence ---- */

static void say_names(const struct diff_answer *answer)
{
	size_t n = answer->n_otherwise;

	safe_printf(" (");
	for (size_t i = 0; i < n && i < DIFF_ANSWER_NAMES; i++)
		safe_printf("%s%s", i ? ", " : "", path_name(answer->names[i]));
	if (n > DIFF_ANSWER_NAMES)
		safe_printf(" and %zu more", n - DIFF_ANSWER_NAMES);
	safe_printf(")");
}

static void say_others(const struct matr_diff_totals *totals)
{
	static const struct {
		enum matr_program_change change;
		const char *text;
	} others[] = {
		{MATR_PROGRAM_ADDED, "new"},
		{MATR_PROGRAM_REMOVED, "gone"},
		{MATR_PROGRAM_DECLINED, "declined now"},
		{MATR_PROGRAM_ACCEPTED, "no longer declined"},
	};

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (totals->programs[others[i].change])
			safe_printf("; %zu %s %s", totals->programs[others[i].change],
				    totals->programs[others[i].change] == 1 ? "is" : "are",
				    others[i].text);
}

/* "12 of 1,555 programs bind otherwise (curl, git, vim, wget and 8 more), 400 only load other
 * files; 1 is new." */
static void say(const struct diff_answer *answer, const struct matr_diff_totals *totals)
{
	char number[32], compared[32];

	safe_printf("%s of %s program%s bind%s otherwise",
		    answer->n_otherwise ? output_grouped(answer->n_otherwise, number) : "None",
		    output_grouped(totals->compared, compared), totals->compared == 1 ? "" : "s",
		    answer->n_otherwise == 1 || !answer->n_otherwise ? "s" : "");
	if (answer->n_otherwise)
		say_names(answer);
	if (answer->n_other_files)
		safe_printf(", %s only load%s other files",
			    output_grouped(answer->n_other_files, number),
			    answer->n_other_files == 1 ? "s" : "");
	say_others(totals);
	puts(".");
}

/* ---- the tables ---- */

static int compare_facts(const void *left, const void *right)
{
	const struct tally_fact *const *a = left, *const *b = right;
	int order = 0;

	/* Files without a package come last. */
	if (!(*a)->texts[1][0] != !(*b)->texts[1][0])
		return (*a)->texts[1][0] ? -1 : 1;
	for (int i = 1; i < TALLY_TEXTS && !order; i++)
		order = strcmp((*a)->texts[i], (*b)->texts[i]);
	return order;
}

/* Facts of a kind, by package and file. *out: free(). */
static int facts_of(const struct tally *tally, const char *kind, struct tally_fact ***out,
		    size_t *n, struct matr_error *err)
{
	struct tally_fact **list = calloc(tally->n + 1, sizeof(struct tally_fact *));

	*n = 0;
	*out = list;
	if (!list)
		return matr_fail_memory(err);
	for (size_t i = 0; i < tally->n; i++)
		if (strcmp(tally->facts[i]->texts[0], kind) == 0)
			list[(*n)++] = tally->facts[i];
	qsort(list, *n, sizeof(struct tally_fact *), compare_facts);
	return 0;
}

/* The fact of that kind about the same package, file and change; NULL: there is none. */
static const struct tally_fact *find_fact(const struct tally *tally, const char *kind,
					  const struct tally_fact *like)
{
	for (size_t i = 0; i < tally->n; i++)
		if (strcmp(tally->facts[i]->texts[0], kind) == 0 &&
		    compare_facts(&tally->facts[i], &like) == 0)
			return tally->facts[i];
	return NULL;
}

static const char *change_of(const char *before, const char *after, bool known)
{
	if (!known)
		return "";
	if (!before || !after)
		return before ? "removed" : after ? "new" : "";
	return strcmp(before, after) == 0 ? "same version" : "other version";
}

static void show_package(struct output *output, const struct diff_answer *answer,
			 const struct tally_fact *fact, const char *current)
{
	const char *package = fact->texts[1];
	bool known = package[0];
	const char *before =
		known ? diff_packages_version(&answer->packages, package, 0, current) : NULL;
	const char *after =
		known ? diff_packages_version(&answer->packages, package, 1, current) : NULL;
	const struct tally_fact *binds = find_fact(&answer->tally, package_binds, fact);

	output_text(output, known ? package : "(none)");
	output_text(output, change_of(before, after, known));
	output_text(output, before);
	output_text(output, after);
	output_number(output, (int64_t)fact->symbols);
	output_number(output, (int64_t)fact->programs);
	output_number(output, binds ? (int64_t)binds->programs : 0);
	output_text(output, binds ? binds->example : NULL);
}

static int show_packages(const struct diff_answer *answer, struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"package", COLUMN_LEFT},    {"change", COLUMN_LEFT},  {"before", COLUMN_LEFT},
		{"after", COLUMN_LEFT},	     {"files", COLUMN_RIGHT},  {"programs", COLUMN_RIGHT},
		{"otherwise", COLUMN_RIGHT}, {"example", COLUMN_LEFT},
	};
	struct tally_fact **facts;
	struct purl *purls = NULL;
	struct output output;
	size_t n;

	int result = facts_of(&answer->tally, package_differs, &facts, &n, err);
	char **names = calloc(n + 1, sizeof(char *));
	if (result == 0 && !names)
		result = matr_fail_memory(err);
	for (size_t i = 0; i < n && names; i++)
		names[i] = facts[i]->texts[1];
	if (result == 0)
		result = purls_make(names, n, &purls, err);
	if (result == 0 && n) {
		putchar('\n');
		output_open(&output, FORMAT_TABLE, columns, sizeof columns / sizeof *columns);
		for (size_t i = 0; i < n; i++)
			show_package(&output, answer, facts[i], purls[i].version);
		result = output_close(&output, err);
	}
	purls_free(purls, n);
	free(names);
	free(facts);
	return result;
}

/* fact: how the file differs, or else the same as binds. binds: NULL: all bind as before. */
static void show_file(struct output *output, const struct tally_fact *fact,
		      const struct tally_fact *binds)
{
	output_text(output, fact->texts[2]);
	output_text(output, fact->texts[3]);
	output_number(output, (int64_t)fact->programs);
	output_number(output, binds ? (int64_t)binds->programs : 0);
	output_number(output, binds ? (int64_t)binds->symbols : 0);
	output_text(output, fact->texts[1]);
	output_text(output, binds ? binds->example : fact->example);
}

/* Show the files that came, went or are elsewhere, and those that programs bind otherwise for. A
 * file that was replaced and binds as before is only in the numbers of its package. */
static int show_files(const struct diff_answer *answer, struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"file", COLUMN_LEFT},	     {"change", COLUMN_LEFT},	{"programs", COLUMN_RIGHT},
		{"otherwise", COLUMN_RIGHT}, {"symbols", COLUMN_RIGHT}, {"package", COLUMN_LEFT},
		{"example", COLUMN_LEFT},
	};
	struct tally_fact **differing = NULL, **binding = NULL;
	size_t n_differing, n_binding = 0;
	struct output output;

	int result = facts_of(&answer->tally, file_differs, &differing, &n_differing, err);
	if (result == 0)
		result = facts_of(&answer->tally, file_binds, &binding, &n_binding, err);
	if (result == 0)
		output_open(&output, FORMAT_TABLE, columns, sizeof columns / sizeof *columns);
	bool any = false;
	for (size_t i = 0; i < n_differing && result == 0; i++) {
		const struct tally_fact *binds =
			find_fact(&answer->tally, file_binds, differing[i]);
		if (!binds &&
		    strcmp(differing[i]->texts[3], matr_change_name(MATR_CHANGE_REPLACED)) == 0)
			continue;
		show_file(&output, differing[i], binds);
		any = true;
	}
	for (size_t i = 0; i < n_binding && result == 0; i++) {
		if (find_fact(&answer->tally, file_differs, binding[i]))
			continue;
		show_file(&output, binding[i], binding[i]);
		any = true;
	}
	if (any)
		putchar('\n');
	if (result == 0)
		result = output_close(&output, any ? err : NULL);
	free(differing);
	free(binding);
	return result;
}

int diff_answer_show(const struct diff_answer *answer, const struct matr_diff_totals *totals,
		     struct matr_error *err)
{
	say(answer, totals);
	return show_packages(answer, err) == 0 ? show_files(answer, err) : -1;
}
