/* store_source.c - the rows of an epoch in the store. */
#include "matr/export/store_source.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <matr/edit.h>
#include <matr/export.h>
#include <matr/packages.h>

#include "common/array.h"
#include "common/purl.h"
#include "common/text.h"

struct export_store_object {
	int64_t id;
	uint64_t size;
	char *path, *build_id, *soname, *package, *version;
};

/* ---- before the first row ---- */

static int add_object(const struct matr_export_object *object, void *context,
		      struct matr_error *err)
{
	struct export_store *export = context;

	if (array_grow(&export->objects, export->n_objects, sizeof *export->objects, err) != 0)
		return -1;
	struct export_store_object *out = &export->objects[export->n_objects++];
	*out = (struct export_store_object){
		.id = object->id,
		.size = object->size,
		.path = strdup(object->path),
		.build_id = object->build_id[0] ? strdup(object->build_id) : NULL,
		.soname = object->soname ? strdup(object->soname) : NULL,
	};
	return out->path && (!object->build_id[0] || out->build_id) &&
			       (!object->soname || out->soname)
		       ? 0
		       : matr_fail_memory(err);
}

static int take_names(struct export_store *export, struct purl *purls, struct matr_error *err)
{
	for (size_t i = 0; i < export->n_objects; i++) {
		struct export_store_object *object = &export->objects[i];
		if (!purls[i].package || !purls[i].version)
			continue;
		object->package = strdup(purls[i].package);
		object->version = strdup(purls[i].version);
		if (!object->package || !object->version)
			return matr_fail_memory(err);
	}
	return 0;
}

static int find_packages(struct export_store *export, struct matr_error *err)
{
	const char **paths = calloc(export->n_objects + 1, sizeof *paths);
	struct purl *purls = NULL;
	char **packages = NULL;
	int result = paths ? 0 : matr_fail_memory(err);

	for (size_t i = 0; i < export->n_objects && paths; i++)
		paths[i] = export->objects[i].path;
	if (result == 0)
		result = matr_packages(NULL, paths, export->n_objects, &packages, err);
	if (result == 0)
		result = purls_make(packages, export->n_objects, &purls, err);
	if (result == 0)
		result = take_names(export, purls, err);
	if (purls)
		purls_free(purls, export->n_objects);
	if (packages)
		matr_packages_free(packages, export->n_objects);
	free(paths);
	return result;
}

static int add_change(enum matr_export_change change, int64_t id, void *context,
		      struct matr_error *err)
{
	struct export_store *export = context;
	size_t *n = &export->n_changed[change];

	if (array_grow(&export->changed[change], *n, sizeof(int64_t), err) != 0)
		return -1;
	export->changed[change][(*n)++] = id;
	return 0;
}

int export_store_open(struct export_store *export, struct matr_error *err)
{
	if (matr_export_objects(export->store, export->epoch.id, add_object, export, err) != 0 ||
	    find_packages(export, err) != 0)
		return -1;
	return export->since ? matr_export_changes(export->store, export->since, export->epoch.id,
						   add_change, export, err)
			     : 0;
}

void export_store_close(struct export_store *export)
{
	for (size_t i = 0; i < export->n_objects; i++) {
		struct export_store_object *object = &export->objects[i];
		free(object->path);
		free(object->build_id);
		free(object->soname);
		free(object->package);
		free(object->version);
	}
	free(export->objects);
	for (int i = 0; i < 4; i++)
		free(export->changed[i]);
}

/* ---- rows ---- */

struct giving {
	struct export_store *export;
	const struct export_sink *sink;
	bool (*wanted)(int64_t object, void *whose);
	void *whose;
	unsigned tables;
	int64_t rows;
	struct export_value values[EXPORT_COLUMNS_MAX];
	int n; /* values of the row that is made */
	struct text set;
};

static void put_text(struct giving *giving, const char *text)
{
	giving->values[giving->n++] = (struct export_value){
		.text = text, .size = text ? strlen(text) : 0, .is_null = !text};
}

static void put_number(struct giving *giving, int64_t number)
{
	giving->values[giving->n++] = (struct export_value){.number = number};
}

static void put_null(struct giving *giving)
{
	giving->values[giving->n++] = (struct export_value){.is_null = true};
}

static void begin_row(struct giving *giving)
{
	giving->n = 0;
	put_text(giving, giving->export->host);
	put_number(giving, giving->export->epoch.id);
}

static int end_row(struct giving *giving, enum export_table table, struct matr_error *err)
{
	giving->rows += table != EXPORT_END;
	return giving->sink->row(giving->sink->context, table, giving->values, err);
}

static bool is_changed(const struct export_store *export, enum matr_export_change change,
		       int64_t id)
{
	size_t low = 0, high = export->n_changed[change];

	if (!export->since)
		return true;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (export->changed[change][middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < export->n_changed[change] && export->changed[change][low] == id;
}

static int give_export(struct giving *giving, struct matr_error *err)
{
	const struct export_store *export = giving->export;

	begin_row(giving);
	put_number(giving, EXPORT_FORMAT);
	put_text(giving, export->version);
	put_number(giving, export->epoch.begun);
	if (export->epoch.ended)
		put_number(giving, export->epoch.ended);
	else
		put_null(giving);
	put_text(giving, export->epoch.cpu_level);
	put_number(giving, export->epoch.portable);
	put_text(giving, export->epoch.cause);
	if (export->since)
		put_number(giving, export->since);
	else
		put_null(giving);
	put_null(giving); /* tables: from export_write() */
	return end_row(giving, EXPORT_EXPORT, err);
}

static int give_object(struct giving *giving, const struct export_store_object *object,
		       struct matr_error *err)
{
	begin_row(giving);
	put_number(giving, object->id);
	put_text(giving, object->path);
	put_text(giving, object->build_id);
	put_text(giving, object->soname);
	put_number(giving, (int64_t)object->size);
	put_text(giving, object->package);
	put_text(giving, object->version);
	return end_row(giving, EXPORT_OBJECTS, err);
}

static int give_objects(struct giving *giving, struct matr_error *err)
{
	static char null[] = "null", undefined[] = "undefined";
	const struct export_store_object none[] = {{.id = MATR_EXPORT_UNDEFINED, .path = undefined},
						   {.id = MATR_EXPORT_NULL, .path = null}};

	for (int i = 0; i < 2; i++)
		if (give_object(giving, &none[i], err) != 0)
			return -1;
	/* All of them, also of what has changed: rows refer to them. */
	for (size_t i = 0; i < giving->export->n_objects; i++)
		if (give_object(giving, &giving->export->objects[i], err) != 0)
			return -1;
	return 0;
}

static int give_application(const struct matr_export_application *application, void *context,
			    struct matr_error *err)
{
	struct giving *giving = context;

	if (!is_changed(giving->export, MATR_EXPORT_APPLICATION, application->id))
		return 0;
	begin_row(giving);
	put_number(giving, application->id);
	put_text(giving, application->path);
	put_number(giving, application->object);
	put_number(giving, application->edited);
	put_text(giving, application->library_path);
	return end_row(giving, EXPORT_APPLICATIONS, err);
}

static int give_entry(const struct matr_export_entry *entry, void *context, struct matr_error *err)
{
	struct giving *giving = context;

	if (!is_changed(giving->export, MATR_EXPORT_APPLICATION, entry->application))
		return 0;
	begin_row(giving);
	put_number(giving, entry->application);
	put_text(giving, entry->load ? entry->load : "");
	put_number(giving, entry->position);
	put_number(giving, entry->object);
	put_text(giving, entry->rule);
	if (entry->loaded_by < 0)
		put_null(giving);
	else
		put_number(giving, entry->loaded_by);
	return end_row(giving, EXPORT_SCOPE, err);
}

void export_add_to_set(struct text *set, const char *symbol, const char *version,
		       const char *provider)
{
	text_add(set, symbol, strlen(symbol) + 1);
	text_add(set, version, strlen(version) + 1);
	text_add(set, provider, strlen(provider) + 1);
}

static int give_set(struct giving *giving, const struct matr_export_bindings *bindings,
		    struct matr_error *err)
{
	char hash[MATR_EXPORT_HASH];

	text_clear(&giving->set);
	for (size_t i = 0; i < bindings->n; i++)
		export_add_to_set(&giving->set, bindings->list[i].symbol, bindings->list[i].version,
				  bindings->list[i].provider_path);
	if (giving->set.failed)
		return matr_fail_memory(err);
	matr_export_hash(text_string(&giving->set), giving->set.size, hash);
	begin_row(giving);
	put_number(giving, bindings->requester);
	put_number(giving, (int64_t)bindings->n);
	put_text(giving, hash);
	return end_row(giving, EXPORT_BINDING_SETS, err);
}

static int give_bindings(const struct matr_export_bindings *bindings, void *context,
			 struct matr_error *err)
{
	struct giving *giving = context;

	for (size_t i = 0; i < bindings->n && (giving->tables & 1U << EXPORT_BINDINGS); i++) {
		begin_row(giving);
		put_number(giving, bindings->requester);
		put_text(giving, bindings->list[i].symbol);
		put_text(giving, bindings->list[i].version);
		put_number(giving, bindings->list[i].provider);
		if (end_row(giving, EXPORT_BINDINGS, err) != 0)
			return -1;
	}
	return giving->tables & 1U << EXPORT_BINDING_SETS ? give_set(giving, bindings, err) : 0;
}

static int is_wanted(int64_t object, void *context, struct matr_error *err)
{
	struct giving *giving = context;

	(void)err;
	return is_changed(giving->export, MATR_EXPORT_OBJECT, object) &&
	       (!giving->wanted || giving->wanted(object, giving->whose));
}

static int give_edits(struct giving *giving, struct matr_error *err)
{
	struct matr_edit *edits;
	size_t n;
	int result = 0;

	if (matr_store_edits(giving->export->store, &edits, &n, err) != 0)
		return -1;
	for (size_t i = 0; i < n && result == 0; i++) {
		begin_row(giving);
		put_number(giving, edits[i].id);
		put_text(giving, edits[i].program);
		put_text(giving, edits[i].requester);
		put_text(giving, edits[i].symbol);
		put_text(giving, edits[i].version);
		put_text(giving, edits[i].library);
		put_text(giving, edits[i].to_symbol);
		put_text(giving, edits[i].author ? edits[i].author : "");
		put_text(giving, edits[i].reason ? edits[i].reason : "");
		put_number(giving, edits[i].time);
		put_text(giving, edits[i].state ? edits[i].state : "");
		put_text(giving, edits[i].complaint);
		result = end_row(giving, EXPORT_EDITS, err);
	}
	matr_edits_free(edits, n);
	return result;
}

static int give_violations(struct giving *giving, struct matr_error *err)
{
	struct matr_violation *violations;
	size_t n;
	int result = 0;

	if (matr_store_violations(giving->export->store, giving->export->epoch.id, &violations, &n,
				  err) != 0)
		return -1;
	for (size_t i = 0; i < n && result == 0; i++) {
		begin_row(giving);
		put_number(giving, (int64_t)i + 1);
		put_number(giving, violations[i].time);
		put_text(giving, violations[i].path);
		put_text(giving, violations[i].kind);
		put_text(giving, violations[i].action);
		if (violations[i].pid > 0)
			put_number(giving, violations[i].pid);
		else
			put_null(giving);
		if (violations[i].uid >= 0)
			put_number(giving, violations[i].uid);
		else
			put_null(giving);
		put_text(giving, violations[i].command);
		put_text(giving, violations[i].detail);
		put_number(giving, (int64_t)violations[i].n_withdrawn);
		result = end_row(giving, EXPORT_VIOLATIONS, err);
	}
	matr_store_violations_free(violations, n);
	return result;
}

static int give_declined(struct giving *giving, struct matr_error *err)
{
	struct matr_store_declined *declined;
	size_t n;
	int result = 0;

	if (matr_store_declined(giving->export->store, giving->export->epoch.id, &declined, &n,
				err) != 0)
		return -1;
	for (size_t i = 0; i < n && result == 0; i++) {
		begin_row(giving);
		put_text(giving, declined[i].path);
		put_text(giving, declined[i].reason);
		result = end_row(giving, EXPORT_DECLINED, err);
	}
	matr_store_declined_free(declined, n);
	return result;
}

static int give_removed(struct giving *giving, struct matr_error *err)
{
	static const struct {
		enum matr_export_change change;
		const char *kind;
	} kinds[] = {{MATR_EXPORT_NO_APPLICATION, "application"},
		     {MATR_EXPORT_NO_OBJECT, "object"}};
	const struct export_store *export = giving->export;

	for (int kind = 0; kind < 2; kind++) {
		enum matr_export_change change = kinds[kind].change;
		for (size_t i = 0; i < export->n_changed[change]; i++) {
			begin_row(giving);
			put_text(giving, kinds[kind].kind);
			put_number(giving, export->changed[change][i]);
			if (end_row(giving, EXPORT_REMOVED, err) != 0)
				return -1;
		}
	}
	return 0;
}

static int give_all(struct giving *giving, struct matr_error *err)
{
	struct matr_store *store = giving->export->store;
	const int64_t epoch = giving->export->epoch.id;
	const unsigned tables = giving->tables;
	const unsigned sets = 1U << EXPORT_BINDINGS | 1U << EXPORT_BINDING_SETS;

	if (give_export(giving, err) != 0)
		return -1;
	if ((tables & 1U << EXPORT_OBJECTS) && give_objects(giving, err) != 0)
		return -1;
	if ((tables & 1U << EXPORT_APPLICATIONS) &&
	    matr_export_applications(store, epoch, give_application, giving, err) != 0)
		return -1;
	if ((tables & 1U << EXPORT_SCOPE) &&
	    matr_export_scopes(store, epoch, give_entry, giving, err) != 0)
		return -1;
	if ((tables & sets) &&
	    matr_export_bindings(store, epoch, is_wanted, give_bindings, giving, err) != 0)
		return -1;
	if ((tables & 1U << EXPORT_EDITS) && give_edits(giving, err) != 0)
		return -1;
	if ((tables & 1U << EXPORT_VIOLATIONS) && give_violations(giving, err) != 0)
		return -1;
	if ((tables & 1U << EXPORT_DECLINED) && give_declined(giving, err) != 0)
		return -1;
	if ((tables & 1U << EXPORT_REMOVED) && give_removed(giving, err) != 0)
		return -1;
	begin_row(giving);
	put_number(giving, giving->rows);
	return end_row(giving, EXPORT_END, err);
}

int export_store_rows(void *context, unsigned tables, bool (*wanted)(int64_t object, void *whose),
		      void *whose, const struct export_sink *sink, struct matr_error *err)
{
	struct giving giving = {.export = context,
				.sink = sink,
				.wanted = wanted,
				.whose = whose,
				.tables = tables};
	int result = give_all(&giving, err);

	text_free(&giving.set);
	return result;
}

/* ---- the machine's name ---- */

bool export_is_host_name(const char *name)
{
	size_t length = 0;

	while (name[length] > ' ' && name[length] < 0x7f)
		length++;
	return length > 0 && length < 256 && !name[length];
}

int export_host_name(char out[256], struct matr_error *err)
{
	if (gethostname(out, 256) != 0)
		return matr_fail_errno(err, NULL, "this machine's name is not known");
	out[255] = 0;
	return export_is_host_name(out)
		       ? 0
		       : matr_fail(err, MATR_ERROR_USAGE, NULL,
				   "this machine's name cannot be used; give --host NAME");
}
