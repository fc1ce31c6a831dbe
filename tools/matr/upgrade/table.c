/* table.c - the rows of `matr check-upgrade`. */
#include "matr/upgrade/table.h"

#include <stdio.h>
#include <string.h>

#include <matr/edit.h>

static const struct render_column columns[] = {
	{"program", COLUMN_LEFT}, {"verdict", COLUMN_LEFT}, {"requester", COLUMN_LEFT},
	{"symbol", COLUMN_LEFT},  {"version", COLUMN_LEFT}, {"before", COLUMN_LEFT},
	{"after", COLUMN_LEFT},	  {"load", COLUMN_LEFT},    {"reason", COLUMN_LEFT},
};

struct subject { /* what a row is about */
	struct output *output;
	const char *program, *load;
};

static void row(const struct subject *subject, const char *verdict,
		const struct matr_binding_change *binding, const char *reason)
{
	struct output *output = subject->output;

	output_text(output, subject->program);
	output_text(output, verdict);
	output_text(output, binding ? binding->requester : NULL);
	output_text(output, binding ? binding->symbol : NULL);
	output_text(output, binding ? binding->version : NULL);
	output_text(output, binding ? binding->before : NULL);
	output_text(output, binding ? binding->after : NULL);
	output_text(output, subject->load);
	output_text(output, reason);
}

/* With the file that it is about, where that is not the program itself. */
static void row_with_error(const struct subject *subject, const char *verdict, const char *prefix,
			   const struct matr_error *why)
{
	bool own = !why->file[0] || strcmp(why->file, subject->program) == 0;
	char reason[sizeof why->file + sizeof why->message + 64];

	snprintf(reason, sizeof reason, "%s%s%s%s", prefix, own ? "" : why->file, own ? "" : ": ",
		 why->message);
	row(subject, verdict, NULL, reason);
}

/* NULL: it makes no difference. */
static const char *binding_verdict(const struct matr_binding_change *binding)
{
	bool nothing = binding->after && binding->after[0] != '/'; /* null, undefined */

	if (binding->after && strcmp(binding->after, "undefined") == 0)
		return "lost";
	if (matr_binding_is_worse(binding))
		return nothing ? "lost" : "moved";
	if (binding->change == MATR_CHANGE_REMOVED || nothing)
		return NULL;
	return "gained";
}

static void show_changes(struct upgrade_table *table, const struct subject *subject,
			 const struct matr_upgrade_part *part)
{
	bool any = false;

	for (size_t i = 0; i < part->n_edits; i++) {
		char prefix[64];
		snprintf(prefix, sizeof prefix, "edit %lld: ", (long long)part->edits[i].edit->id);
		row_with_error(subject, "unedited", prefix, &part->edits[i].why);
		any = true;
	}
	for (size_t i = 0; i < part->n_versions; i++) {
		const struct matr_version_loss *loss = &part->versions[i];
		const struct matr_binding_change as_binding = {
			.requester = loss->requester,
			.version = loss->version,
			.before = loss->file,
		};
		row(subject, "unversioned", &as_binding, "the library has no versions any more");
		any = true;
	}
	for (size_t i = 0; i < part->diff.n_bindings; i++) {
		const struct matr_binding_change *binding = &part->diff.bindings[i];
		const char *verdict = binding_verdict(binding);
		if (!verdict && table->all && binding->change == MATR_CHANGE_REMOVED &&
		    binding->before[0] == '/')
			verdict = "dropped";
		if (!verdict)
			continue;
		row(subject, verdict, binding, NULL);
		any = true;
	}
	if (!any && table->all)
		row(subject, "replaced", NULL, "binds as before");
}

static void show_part(struct upgrade_table *table, const char *program,
		      const struct matr_upgrade_part *part)
{
	const struct subject subject = {&table->output, program, part->load};

	switch (part->outcome) {
	case MATR_UPGRADE_SAME:
		break;
	case MATR_UPGRADE_WORSE:
	case MATR_UPGRADE_DIFFERENT:
		table->worse = table->worse || part->outcome == MATR_UPGRADE_WORSE;
		show_changes(table, &subject, part);
		break;
	case MATR_UPGRADE_NEW:
		row(&subject, "new", NULL, NULL);
		break;
	case MATR_UPGRADE_GONE:
		table->worse = true;
		row_with_error(&subject, "gone", "", &part->why);
		break;
	case MATR_UPGRADE_REFUSED:
	case MATR_UPGRADE_UNKNOWN:
		table->worse = true;
		row_with_error(&subject,
			       part->outcome == MATR_UPGRADE_REFUSED ? "refused" : "unknown", "",
			       &part->why);
		break;
	}
}

void upgrade_table_open(struct upgrade_table *table, enum output_format format, bool all)
{
	*table = (struct upgrade_table){.all = all};
	output_open(&table->output, format, columns, sizeof columns / sizeof *columns);
}

void upgrade_table_add(struct upgrade_table *table, const char *program,
		       const struct matr_upgrade_result *result)
{
	for (size_t i = 0; i < result->n_parts; i++)
		show_part(table, program, &result->parts[i]);
}
