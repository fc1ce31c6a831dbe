/* inspect_summary.c - a mapping in numbers: counts by object, by type and by provider. */
#include "common/safe.h"
#include "matr/query/inspect.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <matr/epoch.h>
#include <matr/placement.h>

enum { TYPES = 64, APPLIED = MATR_APPLIED_NOTHING + 1 };

struct counts {
	size_t types[TYPES]; /* by R_X86_64_*; what is beyond the table is not counted by type */
	size_t applied[APPLIED];
	size_t relative;
	size_t relative_applied; /* by the mapping */
	size_t residual;	 /* left to ld.so in objects that the mapping applies */
	size_t untouched;	 /* all relocations of objects that are left to ld.so whole */
	size_t undefined;	 /* lazily bound functions that nothing defines */
	size_t *bound_to;	 /* by scope index: references that other objects bind to it */
};

static const char *const rule_names[MATR_FOUND_RULES] = {
	"application", "preload",     "path",	      "rpath", "runpath", "cache",
	"default",     "interpreter", "library path", "edit",  "loaded",
};

static int count(const struct matr_mapping *mapping, const struct matr_applied_mapping *applied,
		 struct counts *counts, struct matr_error *err)
{
	counts->bound_to = calloc(mapping->n_scope, sizeof *counts->bound_to);
	if (!counts->bound_to)
		return matr_fail_memory(err);
	for (size_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_object *object = mapping->scope[i].object;
		const struct matr_binding *bindings = mapping->objects[i].bindings;
		size_t relative = object->n_relatives + object->n_relr;
		counts->relative += relative;
		if (applied->objects[i].untouched) {
			counts->untouched += relative + object->n_relocations;
		} else {
			counts->relative_applied += relative;
			counts->residual += applied->objects[i].residual;
		}
		for (size_t n = 0; n < object->n_relocations; n++) {
			uint32_t type = object->relocations[n].type;
			if (type < TYPES)
				counts->types[type]++;
			counts->applied[applied->objects[i].relocations[n]]++;
			if (!bindings)
				continue;
			if (bindings[n].provider < mapping->n_scope && bindings[n].provider != i)
				counts->bound_to[bindings[n].provider]++;
			counts->undefined += bindings[n].provider == MATR_PROVIDER_UNDEFINED;
		}
	}
	counts->types[R_X86_64_RELATIVE] += counts->relative;
	return 0;
}

/* One row per object of the scope. */
static int show_objects(const struct matr_mapping *mapping,
			const struct matr_applied_mapping *applied, const struct counts *counts,
			enum output_format format, struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"object", COLUMN_LEFT},       {"found", COLUMN_LEFT},
		{"loaded_by", COLUMN_LEFT},    {"relative", COLUMN_RIGHT},
		{"relocations", COLUMN_RIGHT}, {"residual", COLUMN_RIGHT},
		{"bound_to_it", COLUMN_RIGHT},
	};
	struct output output;

	output_open(&output, format, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_scope_entry *entry = &mapping->scope[i];
		output_text(&output, recorded_path(mapping, i));
		output_text(&output, rule_names[entry->rule]);
		output_text(&output,
			    entry->needed_as ? recorded_path(mapping, entry->loaded_by) : NULL);
		output_number(&output,
			      (int64_t)(entry->object->n_relatives + entry->object->n_relr));
		output_number(&output, (int64_t)entry->object->n_relocations);
		output_number(&output, (int64_t)applied->objects[i].residual);
		output_number(&output, (int64_t)counts->bound_to[i]);
	}
	return output_close(&output, err);
}

static size_t all_relocations(const struct counts *counts)
{
	size_t all = counts->relative;
	for (size_t i = 0; i < APPLIED; i++)
		all += counts->applied[i];
	return all;
}

static void show_number(const char *what, size_t number)
{
	char text[32];
	printf("%-24s%14s\n", what, output_grouped(number, text));
}

/* The placement in the image, if that is the epoch's. layout DEFAULT: it is not, or the program
 * is not in it. */
static int find_placement(const char *prefix, const struct recorded *recorded,
			  struct matr_placement *out, struct matr_error *err)
{
	struct matr_error why = {0};

	*out = (struct matr_placement){.layout = MATR_LAYOUT_DEFAULT};
	if (recorded->epoch.ended || matr_epoch_of_image(prefix) != recorded->epoch.image)
		return 0;
	if (matr_placement(prefix, recorded_path(recorded->mapping, 0), out, &why) == 0)
		return 0;
	out->layout = MATR_LAYOUT_DEFAULT;
	return why.code == MATR_ERROR_RESOURCES ? matr_error_copy(err, &why) : 0;
}

static void show_placement(const struct matr_placement *placement)
{
	if (placement->layout == MATR_LAYOUT_DEFAULT)
		return;
	printf("placement  %s", matr_layout_name(placement->layout));
	if (placement->address)
		printf(" at 0x%" PRIx64, placement->address);
	safe_printf(": %s\n\n", placement->why);
}

static struct json_object *json_placement(const struct matr_placement *placement)
{
	if (placement->layout == MATR_LAYOUT_DEFAULT)
		return NULL;
	struct json_object *object = json_object_new_object();
	json_object_object_add(object, "layout",
			       json_object_new_string(matr_layout_name(placement->layout)));
	json_object_object_add(object, "why", json_object_new_string(placement->why));
	char region[32];
	snprintf(region, sizeof region, "0x%" PRIx64, placement->address);
	json_object_object_add(object, "region",
			       placement->address ? json_object_new_string(region) : NULL);
	return object;
}

static int summary_table(const struct recorded *recorded, const struct matr_placement *placement,
			 const struct matr_applied_mapping *applied, const struct counts *counts,
			 struct matr_error *err)
{
	const struct matr_mapping *mapping = recorded->mapping;
	char buffer[32];

	output_bold("%s", recorded_path(mapping, 0));
	printf(": epoch %" PRId64 "%s\n\n", recorded->epoch.id,
	       recorded->epoch.ended ? " (ended)" : "");
	show_placement(placement);
	show_number("objects", mapping->n_scope);
	show_number("relocations", all_relocations(counts));
	for (uint32_t type = 0; type < TYPES; type++)
		if (counts->types[type])
			show_number(relocation_name(type, buffer), counts->types[type]);
	putchar('\n');
	output_bold("applied");
	putchar('\n');
	show_number("relative", counts->relative_applied);
	for (int i = 0; i < APPLIED; i++)
		if (counts->applied[i] && i != MATR_APPLIED_RESIDUAL)
			show_number(matr_applied_name((enum matr_applied)i), counts->applied[i]);
	show_number("residual (ld.so's)", counts->residual);
	show_number("untouched objects'", counts->untouched);
	if (counts->undefined)
		show_number("defined nowhere (lazy)", counts->undefined);
	putchar('\n');
	return show_objects(mapping, applied, counts, FORMAT_TABLE, err);
}

static void add_number(struct json_object *object, const char *name, size_t number)
{
	json_object_object_add(object, name, json_object_new_uint64(number));
}

static int summary_json(const struct recorded *recorded, const struct matr_placement *placement,
			const struct matr_applied_mapping *applied, const struct counts *counts,
			struct matr_error *err)
{
	const struct matr_mapping *mapping = recorded->mapping;
	struct json_object *root = json_object_new_object();
	struct json_object *types = json_object_new_object();
	struct json_object *how = json_object_new_object();
	struct json_object *objects = json_object_new_array();
	char buffer[32];

	if (!root || !types || !how || !objects) {
		json_object_put(root);
		json_object_put(types);
		json_object_put(how);
		json_object_put(objects);
		return matr_fail_memory(err);
	}
	json_object_object_add(root, "program", json_object_new_string(recorded_path(mapping, 0)));
	json_object_object_add(root, "epoch", json_object_new_int64(recorded->epoch.id));
	json_object_object_add(root, "ended", json_object_new_boolean(recorded->epoch.ended != 0));
	json_object_object_add(root, "placement", json_placement(placement));
	add_number(root, "relocations", all_relocations(counts));
	add_number(root, "relative", counts->relative);
	add_number(root, "residual", counts->residual);
	add_number(root, "untouched", counts->untouched);
	add_number(root, "undefined", counts->undefined);
	for (uint32_t type = 0; type < TYPES; type++)
		if (counts->types[type])
			add_number(types, relocation_name(type, buffer), counts->types[type]);
	json_object_object_add(root, "types", types);
	add_number(how, "relative", counts->relative_applied);
	for (int i = 0; i < APPLIED; i++)
		if (i != MATR_APPLIED_RESIDUAL)
			add_number(how, matr_applied_name((enum matr_applied)i),
				   counts->applied[i]);
	json_object_object_add(root, "applied", how);
	for (size_t i = 0; i < mapping->n_scope; i++) {
		const struct matr_scope_entry *entry = &mapping->scope[i];
		struct json_object *object = json_object_new_object();
		json_object_object_add(object, "object",
				       json_object_new_string(recorded_path(mapping, i)));
		json_object_object_add(object, "path", json_object_new_string(entry->path));
		json_object_object_add(object, "found",
				       json_object_new_string(rule_names[entry->rule]));
		json_object_object_add(object, "loaded_by",
				       entry->needed_as ? json_object_new_string(recorded_path(
								  mapping, entry->loaded_by))
							: NULL);
		json_object_object_add(object, "needed_as",
				       entry->needed_as ? json_object_new_string(entry->needed_as)
							: NULL);
		add_number(object, "relative", entry->object->n_relatives + entry->object->n_relr);
		add_number(object, "relocations", entry->object->n_relocations);
		add_number(object, "residual", applied->objects[i].residual);
		add_number(object, "bound_to_it", counts->bound_to[i]);
		json_object_array_add(objects, object);
	}
	json_object_object_add(root, "objects", objects);
	return output_json(root, err);
}

int inspect_summary(const char *prefix, const struct recorded *recorded,
		    const struct matr_applied_mapping *applied, enum output_format format,
		    struct matr_error *err)
{
	struct counts counts = {0};
	struct matr_placement placement;
	int result = find_placement(prefix, recorded, &placement, err);

	if (result == 0)
		result = count(recorded->mapping, applied, &counts, err);

	if (result == 0 && format == FORMAT_TABLE)
		result = summary_table(recorded, &placement, applied, &counts, err);
	else if (result == 0 && format == FORMAT_JSON)
		result = summary_json(recorded, &placement, applied, &counts, err);
	else if (result == 0)
		result = show_objects(recorded->mapping, applied, &counts, format, err);
	free(counts.bound_to);
	return result;
}
