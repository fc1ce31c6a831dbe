/* table.c - the rows of `matr check-upgrade`. */
#include "matr/upgrade/table.h"

#include <stdio.h>
#include <string.h>

#include <matr/edit.h>

#include "common/path.h"

static const struct render_column columns[] = {
	{"program", COLUMN_LEFT}, {"verdict", COLUMN_LEFT}, {"requester", COLUMN_LEFT},
	{"symbol", COLUMN_LEFT},  {"version", COLUMN_LEFT}, {"before", COLUMN_LEFT},
	{"after", COLUMN_LEFT},	  {"load", COLUMN_LEFT},    {"reason", COLUMN_LEFT},
};

struct subject { /* what a row is about */
	struct upgrade_table *table;
	const char *program, *load;
};

static void count(const struct subject *subject, const char *verdict,
		  const struct matr_binding_change *binding, const char *reason)
{
	struct upgrade_table *table = subject->table;
	char fact[sizeof(struct matr_error)];

	/* The same version may be missed by many. */
	snprintf(fact, sizeof fact, "%s", reason ? reason : "");
	char *whose = strstr(fact, " (needed by ");
	if (whose)
		*whose = 0;
	const char *const texts[TALLY_TEXTS] = {verdict, binding ? binding->before : NULL,
						binding ? binding->after : NULL, fact};

	if (table->failure.code == MATR_OK)
		tally_add(&table->tally, texts, binding ? binding->symbol : NULL, subject->program,
			  &table->failure);
}

static void row(const struct subject *subject, const char *verdict,
		const struct matr_binding_change *binding, const char *reason)
{
	struct output *output = &subject->table->output;

	if (!subject->table->rows) {
		count(subject, verdict, binding, reason);
		return;
	}
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
		table->moved = true;
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
		table->moved = true;
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
		table->gained |= strcmp(verdict, "gained") == 0;
		table->moved |= strcmp(verdict, "moved") == 0 || strcmp(verdict, "lost") == 0;
		any = true;
	}
	if (!any && table->all)
		row(subject, "replaced", NULL, "binds as before");
}

/* It would not start; of a load, it would not be loaded. */
static void refuse(struct upgrade_table *table, const char *program,
		   const struct matr_upgrade_part *part)
{
	table->worse = true;
	if (part->load) {
		table->moved = true;
		return;
	}
	if (table->n_refused < UPGRADE_NAMES)
		table->refused[table->n_refused] = program;
	table->n_refused++;
}

static void show_part(struct upgrade_table *table, const char *program,
		      const struct matr_upgrade_part *part)
{
	const struct subject subject = {table, program, part->load};

	switch (part->outcome) {
	case MATR_UPGRADE_SAME:
		break;
	case MATR_UPGRADE_WORSE:
	case MATR_UPGRADE_DIFFERENT:
		table->worse = table->worse || part->outcome == MATR_UPGRADE_WORSE;
		show_changes(table, &subject, part);
		break;
	case MATR_UPGRADE_NEW:
		table->n_new++;
		row(&subject, "new", NULL, NULL);
		break;
	case MATR_UPGRADE_GONE:
		refuse(table, program, part);
		row_with_error(&subject, "gone", "", &part->why);
		break;
	case MATR_UPGRADE_REFUSED:
	case MATR_UPGRADE_UNKNOWN:
		refuse(table, program, part);
		row_with_error(&subject,
			       part->outcome == MATR_UPGRADE_REFUSED ? "refused" : "unknown", "",
			       &part->why);
		break;
	}
}

void upgrade_table_open(struct upgrade_table *table, enum output_format format, bool all,
			bool details)
{
	*table = (struct upgrade_table){.all = all, .rows = format != FORMAT_TABLE || details};
	if (table->rows)
		output_open(&table->output, format, columns, sizeof columns / sizeof *columns);
}

void upgrade_table_add(struct upgrade_table *table, const char *program,
		       const struct matr_upgrade_result *result)
{
	table->moved = table->gained = false;
	for (size_t i = 0; i < result->n_parts; i++)
		show_part(table, program, &result->parts[i]);
	bool starts = result->n_parts && result->parts[0].outcome <= MATR_UPGRADE_WORSE;
	table->n_moved += starts && table->moved;
	table->n_gained += starts && table->gained && !table->moved;
	tally_next_program(&table->tally);
}

/* ---- the summary ---- */

static void say_refused(const struct upgrade_table *table)
{
	safe_printf("%zu would not start (", table->n_refused);
	for (size_t i = 0; i < table->n_refused && i < UPGRADE_NAMES; i++)
		safe_printf("%s%s", i ? ", " : "", path_name(table->refused[i]));
	if (table->n_refused > UPGRADE_NAMES)
		safe_printf(" and %zu more", table->n_refused - UPGRADE_NAMES);
	safe_printf("); ");
}

/* "Checked 1,555 programs, of which 464 load what changes: 3 would not start (a, b, c); 12 would
 * bind otherwise; nothing else changes." */
static void say(const struct upgrade_table *table, size_t n_asked, size_t n_checked)
{
	char all[32], checked[32];
	bool any = table->n_refused || table->n_moved || table->n_gained || table->n_new;

	safe_printf("Checked %s program%s, of which %s load%s what changes: ",
		    output_grouped(n_asked, all), n_asked == 1 ? "" : "s",
		    output_grouped(n_checked, checked), n_checked == 1 ? "s" : "");
	if (table->n_refused)
		say_refused(table);
	if (table->n_moved)
		safe_printf("%zu would bind otherwise; ", table->n_moved);
	if (table->n_gained)
		safe_printf("%zu would only bind more; ", table->n_gained);
	if (table->n_new)
		safe_printf("%zu would come; ", table->n_new);
	puts(any ? "nothing else changes." : "nothing changes.");
}

static int show_facts(const struct tally *tally, struct matr_error *err)
{
	static const struct render_column fact_columns[] = {
		{"verdict", COLUMN_LEFT}, {"programs", COLUMN_RIGHT}, {"symbols", COLUMN_RIGHT},
		{"before", COLUMN_LEFT},  {"after", COLUMN_LEFT},     {"reason", COLUMN_LEFT},
		{"example", COLUMN_LEFT},
	};
	struct output output;

	putchar('\n');
	output_open(&output, FORMAT_TABLE, fact_columns,
		    sizeof fact_columns / sizeof *fact_columns);
	for (size_t i = 0; i < tally->n; i++) {
		const struct tally_fact *fact = tally->facts[i];
		output_text(&output, fact->texts[0]);
		output_number(&output, (int64_t)fact->programs);
		if (fact->symbols)
			output_number(&output, (int64_t)fact->symbols);
		else
			output_text(&output, NULL);
		for (int text = 1; text < TALLY_TEXTS; text++)
			output_text(&output, fact->texts[text]);
		output_text(&output, fact->example);
	}
	return output_close(&output, err);
}

int upgrade_table_close(struct upgrade_table *table, size_t n_asked, size_t n_checked,
			struct matr_error *err)
{
	int result = 0;

	if (table->rows) {
		result = output_close(&table->output, err);
	} else if (err && table->failure.code != MATR_OK) {
		result = matr_error_copy(err, &table->failure);
	} else if (err) {
		say(table, n_asked, n_checked);
		result = table->tally.n ? show_facts(&table->tally, err) : output_flush(err);
	}
	tally_free(&table->tally);
	return result;
}
