/* file_source.c - the rows of an export in a file of JSON lines, checked. */
#include "matr/export/file_source.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <matr/export.h>

#include "common/array.h"
#include "matr/export/in.h"
#include "matr/export/parse.h"
#include "matr/export/store_source.h"

/* Keys of a row that are kept, to check that the next one is in order. */
enum { KEYS_MAX = 3 };

struct object {
	int64_t id;
	char *path;
};

struct reading {
	struct export_in in;
	struct export_parser parser;
	const struct export_sink *sink;
	bool (*wanted)(int64_t object, void *whose);
	void *whose;
	unsigned tables;
	struct text host;
	int64_t epoch, rows;
	bool has_objects, ended, had_set;
	int stage;		      /* of the row before */
	enum export_table last_table; /* of the row before, apart from sets */
	int64_t numbers[KEYS_MAX];
	struct text texts[KEYS_MAX];
	struct object *objects;
	size_t n_objects;
	struct text set, provider;
	int64_t set_object, set_rows, last_set;
};

static int fail_line(const struct reading *reading, const char *why, struct matr_error *err)
{
	return matr_fail(err, MATR_ERROR_MALFORMED, reading->in.name, "line %zu %s",
			 reading->in.line, why);
}

static const struct object *find_object(const struct reading *reading, int64_t id)
{
	size_t low = 0, high = reading->n_objects;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (reading->objects[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < reading->n_objects && reading->objects[low].id == id ? &reading->objects[low]
									  : NULL;
}

static const struct export_value *value(const struct reading *reading, const char *column)
{
	return &reading->parser.values[export_column(reading->parser.table, column)];
}

/* ---- order ---- */

/* The columns by which the rows of each table are sorted; of bindings the provider's path. */
static const struct {
	const char *names[KEYS_MAX];
} orders[EXPORT_TABLES] = {
	[EXPORT_OBJECTS] = {{"id"}},
	[EXPORT_APPLICATIONS] = {{"id"}},
	[EXPORT_SCOPE] = {{"application", "load", "position"}},
	[EXPORT_BINDINGS] = {{"requester", "symbol", "version"}},
	[EXPORT_BINDING_SETS] = {{"object"}},
	[EXPORT_EDITS] = {{"id"}},
	[EXPORT_VIOLATIONS] = {{"id"}},
	[EXPORT_DECLINED] = {{"path"}},
	[EXPORT_REMOVED] = {{"kind", "id"}},
};

static int compare_texts(const char *a, size_t n_a, const char *b, size_t n_b)
{
	int order = memcmp(a, b, n_a < n_b ? n_a : n_b);

	return order ? order : (n_a > n_b) - (n_a < n_b);
}

/* Compare the row with the one before in the same table, and keep it. */
static int order_of(struct reading *reading)
{
	const enum export_table table = reading->parser.table;
	int order = 0;

	for (int i = 0; i < KEYS_MAX && orders[table].names[i]; i++) {
		const struct export_value *now = value(reading, orders[table].names[i]);
		if (now->text) {
			if (order == 0)
				order = compare_texts(
					reading->texts[i].bytes ? reading->texts[i].bytes : "",
					reading->texts[i].size, now->text, now->size);
			text_clear(&reading->texts[i]);
			text_add(&reading->texts[i], now->text, now->size);
		} else {
			if (order == 0)
				order = (reading->numbers[i] > now->number) -
					(reading->numbers[i] < now->number);
			reading->numbers[i] = now->number;
		}
	}
	return order;
}

/* Sets have an order of their own, since they stand between bindings. */
static int order_of_set(struct reading *reading)
{
	int64_t object = value(reading, "object")->number, last = reading->last_set;

	reading->last_set = object;
	return (last > object) - (last < object);
}

/* Compare the provider with that of the binding before, and keep it. */
static int order_of_provider(struct reading *reading)
{
	const struct object *provider = find_object(reading, value(reading, "provider")->number);
	const char *path = provider ? provider->path : "";
	int order = strcmp(text_string(&reading->provider), path);

	text_clear(&reading->provider);
	text_add_string(&reading->provider, path);
	return provider ? order : -1;
}

static int check_order(struct reading *reading, struct matr_error *err)
{
	const enum export_table table = reading->parser.table;
	const bool is_set = table == EXPORT_BINDING_SETS;
	int stage = is_set ? EXPORT_BINDINGS : (int)table;

	if (stage < reading->stage)
		return fail_line(reading, "is out of order: its table has ended", err);
	reading->stage = stage;
	bool first = is_set ? !reading->had_set : reading->last_table != table;
	int order = is_set ? order_of_set(reading) : order_of(reading);
	if (table == EXPORT_BINDINGS) {
		int of_provider = order_of_provider(reading);
		order = order ? order : of_provider;
	}
	if (is_set)
		reading->had_set = true;
	else
		reading->last_table = table;
	if (first || table == EXPORT_EXPORT || table == EXPORT_END)
		return 0;
	if (order > 0)
		return fail_line(reading, "is out of order", err);
	return order == 0 ? fail_line(reading, "is there twice", err) : 0;
}

/* ---- content to which rows refer ---- */

static int take_export(struct reading *reading, struct matr_error *err)
{
	const struct export_value *host = value(reading, "host");
	const struct export_value *tables = value(reading, "tables");
	int64_t format = value(reading, "format")->number;

	if (format != EXPORT_FORMAT)
		return matr_fail(err, MATR_ERROR_STATE, reading->in.name,
				 "is an export of format %" PRId64 "; this MatR reads format %d",
				 format, EXPORT_FORMAT);
	text_add(&reading->host, host->text, host->size);
	if (reading->host.failed)
		return matr_fail_memory(err);
	if (strlen(text_string(&reading->host)) != reading->host.size ||
	    !export_is_host_name(text_string(&reading->host)))
		return fail_line(reading, "has a host name that is none", err);
	reading->epoch = value(reading, "epoch")->number;
	/* The names are separated by commas. */
	reading->has_objects = tables->is_null || strncmp(tables->text, "objects", 7) == 0;
	return 0;
}

static int take_object(struct reading *reading, struct matr_error *err)
{
	if (array_grow(&reading->objects, reading->n_objects, sizeof *reading->objects, err) != 0)
		return -1;
	struct object *object = &reading->objects[reading->n_objects++];
	object->id = value(reading, "id")->number;
	object->path = strdup(value(reading, "path")->text);
	return object->path ? 0 : matr_fail_memory(err);
}

static int check_object(const struct reading *reading, const char *column, struct matr_error *err)
{
	if (!reading->has_objects || find_object(reading, value(reading, column)->number))
		return 0;
	return fail_line(reading, "refers to an object that the export does not have", err);
}

static int take_binding(struct reading *reading, struct matr_error *err)
{
	int64_t requester = value(reading, "requester")->number;
	const char *symbol = value(reading, "symbol")->text;
	const char *version = value(reading, "version")->text;

	if (check_object(reading, "requester", err) != 0 ||
	    check_object(reading, "provider", err) != 0)
		return -1;
	if (reading->set_rows && requester != reading->set_object)
		return fail_line(reading, "comes before the set of the bindings above it", err);
	reading->set_object = requester;
	reading->set_rows++;
	if (reading->has_objects)
		export_add_to_set(&reading->set, symbol, version,
				  find_object(reading, value(reading, "provider")->number)->path);
	return 0;
}

/* Without the bindings of the set, or the names of objects, there is nothing to compare with. */
static int take_set(struct reading *reading, struct matr_error *err)
{
	char hash[MATR_EXPORT_HASH];

	if (check_object(reading, "object", err) != 0)
		return -1;
	if (!reading->set_rows)
		return 0;
	matr_export_hash(text_string(&reading->set), reading->set.size, hash);
	if (reading->set.failed)
		return matr_fail_memory(err);
	bool same = value(reading, "object")->number == reading->set_object &&
		    value(reading, "bindings")->number == reading->set_rows &&
		    (!reading->has_objects || strcmp(value(reading, "hash")->text, hash) == 0);
	reading->set_rows = 0;
	text_clear(&reading->set);
	return same ? 0 : fail_line(reading, "is not the set of the bindings above it", err);
}

static int check_row(struct reading *reading, struct matr_error *err)
{
	switch (reading->parser.table) {
	case EXPORT_EXPORT:
		return take_export(reading, err);
	case EXPORT_OBJECTS:
		return take_object(reading, err);
	case EXPORT_APPLICATIONS:
	case EXPORT_SCOPE:
		return check_object(reading, "object", err);
	case EXPORT_BINDINGS:
		return take_binding(reading, err);
	case EXPORT_BINDING_SETS:
		return take_set(reading, err);
	case EXPORT_END:
		if (value(reading, "rows")->number != reading->rows)
			return matr_fail(err, MATR_ERROR_MALFORMED, reading->in.name,
					 "rows are missing: %" PRId64 " of %" PRId64 " are there",
					 reading->rows, value(reading, "rows")->number);
		reading->ended = true;
		return 0;
	default:
		return 0;
	}
}

/* ---- rows ---- */

static int not_an_export(struct reading *reading, const char *line, struct matr_error *err)
{
	const char *format = strstr(line, "\"format\":");

	if (strncmp(line, "{\"table\":\"export\"", 17) == 0 && format &&
	    strtol(format + 9, NULL, 10) != EXPORT_FORMAT)
		return matr_fail(err, MATR_ERROR_STATE, reading->in.name,
				 "is an export of format %ld; this MatR reads format %d",
				 strtol(format + 9, NULL, 10), EXPORT_FORMAT);
	if (strncmp(line, "{\"table\":\"export\"", 17) == 0)
		return fail_line(reading, reading->parser.why ? reading->parser.why : "", err);
	if (strncmp(line, "SQLite format 3", 15) == 0)
		return matr_fail(err, MATR_ERROR_USAGE, reading->in.name,
				 "is an SQLite database; matr reads exports of --format jsonl");
	return matr_fail(err, MATR_ERROR_MALFORMED, reading->in.name,
			 "is no export of --format jsonl");
}

static bool is_wanted(const struct reading *reading)
{
	enum export_table table = reading->parser.table;

	if (table == EXPORT_EXPORT || table == EXPORT_END)
		return true;
	if (!(reading->tables & 1U << table))
		return false;
	if (table == EXPORT_BINDINGS && reading->wanted)
		return reading->wanted(value(reading, "requester")->number, reading->whose);
	if (table == EXPORT_BINDING_SETS && reading->wanted)
		return reading->wanted(value(reading, "object")->number, reading->whose);
	return true;
}

static int read_row(struct reading *reading, const char *line, size_t size, struct matr_error *err)
{
	const bool first = reading->in.line == 1;

	if (reading->ended)
		return fail_line(reading, "comes behind the end of the export", err);
	if (export_parse(&reading->parser, line, size) != 0) {
		if (!reading->parser.why)
			return matr_fail_memory(err);
		return first ? not_an_export(reading, line, err)
			     : fail_line(reading, reading->parser.why, err);
	}
	if (first != (reading->parser.table == EXPORT_EXPORT))
		return first ? not_an_export(reading, line, err)
			     : fail_line(reading, "begins another export", err);
	/* NUL in a name: no file system and no ELF file has that. */
	for (int i = 0; i < export_schemas[reading->parser.table].n_columns; i++)
		if (reading->parser.values[i].text &&
		    strlen(reading->parser.values[i].text) != reading->parser.values[i].size)
			return fail_line(reading, "has a NUL in a name", err);
	if (check_order(reading, err) != 0 || check_row(reading, err) != 0)
		return -1;
	const struct export_value *host = &reading->parser.values[EXPORT_HOST];
	if (strcmp(host->text, text_string(&reading->host)) != 0 ||
	    reading->parser.values[EXPORT_EPOCH].number != reading->epoch)
		return fail_line(reading, "is of another host or epoch", err);
	reading->rows++;
	return is_wanted(reading)
		       ? reading->sink->row(reading->sink->context, reading->parser.table,
					    reading->parser.values, err)
		       : 0;
}

static int read_rows(struct reading *reading, struct matr_error *err)
{
	char *line;
	size_t size;
	int more, result = 0;

	while (result == 0 && (more = export_in_line(&reading->in, &line, &size, err)) != 0)
		result = more < 0 ? -1 : read_row(reading, line, size, err);
	if (result == 0 && reading->in.line == 0)
		return matr_fail(err, MATR_ERROR_MALFORMED, reading->in.name, "is empty");
	if (result == 0 && !reading->ended)
		return matr_fail(err, MATR_ERROR_MALFORMED, reading->in.name,
				 "is cut off behind line %zu", reading->in.line);
	return result;
}

int export_file_rows(void *name, unsigned tables, bool (*wanted)(int64_t object, void *whose),
		     void *whose, const struct export_sink *sink, struct matr_error *err)
{
	struct reading reading = {.sink = sink, .wanted = wanted, .whose = whose, .tables = tables};
	int result = export_in_open(&reading.in, name, err);

	if (result == 0)
		result = read_rows(&reading, err);
	for (size_t i = 0; i < reading.n_objects; i++)
		free(reading.objects[i].path);
	free(reading.objects);
	for (int i = 0; i < KEYS_MAX; i++)
		text_free(&reading.texts[i]);
	text_free(&reading.host);
	text_free(&reading.set);
	text_free(&reading.provider);
	export_parser_free(&reading.parser);
	export_in_close(&reading.in);
	return result;
}

bool export_file_recognize(const char *name)
{
	static const char json[] = "{\"table\":\"export\"", zstd[] = "\x28\xb5\x2f\xfd";
	char begin[sizeof json - 1];
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return false;
	ssize_t size = read(fd, begin, sizeof begin);
	close(fd);
	return (size == (ssize_t)sizeof begin && memcmp(begin, json, sizeof begin) == 0) ||
	       (size >= 4 && memcmp(begin, zstd, 4) == 0);
}
