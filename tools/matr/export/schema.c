/* schema.c - the tables of an export, which all formats share: docs/fleet.md. */
#include "matr/export/schema.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define TEXT(name)                                                                                 \
	{                                                                                          \
		name, true, false                                                                  \
	}
#define TEXT_OR_NULL(name)                                                                         \
	{                                                                                          \
		name, true, true                                                                   \
	}
#define NUMBER(name)                                                                               \
	{                                                                                          \
		name, false, false                                                                 \
	}
#define NUMBER_OR_NULL(name)                                                                       \
	{                                                                                          \
		name, false, true                                                                  \
	}
#define HOST_AND_EPOCH TEXT("host"), NUMBER("epoch")

const struct export_schema export_schemas[EXPORT_TABLES] = {
	[EXPORT_EXPORT] = {"export",
			   "host, epoch",
			   {HOST_AND_EPOCH, NUMBER("format"), TEXT("matr"), NUMBER("begun"),
			    NUMBER_OR_NULL("ended"), TEXT("cpu_level"), NUMBER("portable"),
			    TEXT("cause"), NUMBER_OR_NULL("since"), TEXT_OR_NULL("tables")},
			   11},
	[EXPORT_OBJECTS] = {"objects",
			    "host, epoch, id",
			    {HOST_AND_EPOCH, NUMBER("id"), TEXT("path"), TEXT_OR_NULL("build_id"),
			     TEXT_OR_NULL("soname"), NUMBER("size"), TEXT_OR_NULL("package"),
			     TEXT_OR_NULL("version")},
			    9},
	[EXPORT_APPLICATIONS] = {"applications",
				 "host, epoch, id",
				 {HOST_AND_EPOCH, NUMBER("id"), TEXT("path"), NUMBER("object"),
				  NUMBER("edited"), TEXT_OR_NULL("library_path")},
				 7},
	[EXPORT_SCOPE] = {"scope",
			  "host, epoch, application, load, position",
			  {HOST_AND_EPOCH, NUMBER("application"), TEXT("load"), NUMBER("position"),
			   NUMBER("object"), TEXT("rule"), NUMBER_OR_NULL("loaded_by")},
			  8},
	[EXPORT_BINDINGS] = {"bindings",
			     "host, epoch, requester, symbol, version, provider",
			     {HOST_AND_EPOCH, NUMBER("requester"), TEXT("symbol"), TEXT("version"),
			      NUMBER("provider")},
			     6},
	[EXPORT_BINDING_SETS] = {"binding_sets",
				 "host, epoch, object",
				 {HOST_AND_EPOCH, NUMBER("object"), NUMBER("bindings"),
				  TEXT("hash")},
				 5},
	[EXPORT_EDITS] = {"edits",
			  "host, epoch, id",
			  {HOST_AND_EPOCH, NUMBER("id"), TEXT("program"), TEXT_OR_NULL("requester"),
			   TEXT("symbol"), TEXT_OR_NULL("version"), TEXT("library"),
			   TEXT_OR_NULL("to_symbol"), TEXT("author"), TEXT("reason"),
			   NUMBER("time"), TEXT("state"), TEXT_OR_NULL("complaint")},
			  14},
	[EXPORT_VIOLATIONS] = {"violations",
			       "host, epoch, id",
			       {HOST_AND_EPOCH, NUMBER("id"), NUMBER("time"), TEXT("path"),
				TEXT("kind"), TEXT("action"), NUMBER_OR_NULL("pid"),
				NUMBER_OR_NULL("uid"), TEXT_OR_NULL("command"),
				TEXT_OR_NULL("detail"), NUMBER("withdrawn")},
			       12},
	[EXPORT_DECLINED] = {"declined",
			     "host, epoch, path",
			     {HOST_AND_EPOCH, TEXT("path"), TEXT("reason")},
			     4},
	[EXPORT_REMOVED] = {"removed",
			    "host, epoch, kind, id",
			    {HOST_AND_EPOCH, TEXT("kind"), NUMBER("id")},
			    4},
	[EXPORT_END] = {"end", "host, epoch", {HOST_AND_EPOCH, NUMBER("rows")}, 3},
};

enum export_table export_table_named(const char *name, size_t size)
{
	int table = 0;

	while (table < EXPORT_TABLES && (strlen(export_schemas[table].name) != size ||
					 memcmp(export_schemas[table].name, name, size) != 0))
		table++;
	return (enum export_table)table;
}

int export_column(enum export_table table, const char *name)
{
	for (int i = 0; i < export_schemas[table].n_columns; i++)
		if (strcmp(export_schemas[table].columns[i].name, name) == 0)
			return i;
	abort();
}

/* ---- bytes that are not UTF-8 ---- */

enum { RAW_BYTES = 0xef00, RAW_FIRST = 0xef80, RAW_LAST = 0xefff };

static void add_raw(struct text *text, unsigned char byte)
{
	unsigned character = RAW_BYTES + byte;
	const char bytes[3] = {(char)(0xe0 | character >> 12),
			       (char)(0x80 | (character >> 6 & 0x3f)),
			       (char)(0x80 | (character & 0x3f))};

	text_add(text, bytes, sizeof bytes);
}

void export_portable(const struct export_value *value, struct text *scratch, const char **out,
		     size_t *size)
{
	size_t at = 0;

	*out = value->text;
	*size = value->size;
	while (at < value->size && (unsigned char)value->text[at] < 0x80)
		at++;
	if (at == value->size)
		return;
	text_clear(scratch);
	text_add(scratch, value->text, at);
	while (at < value->size) {
		unsigned character = 0;
		size_t length = text_decode(value->text + at, value->size - at, &character);
		bool is_raw = !length || (character >= RAW_FIRST && character <= RAW_LAST);
		length = length ? length : 1;
		for (size_t i = 0; i < length && is_raw; i++)
			add_raw(scratch, (unsigned char)value->text[at + i]);
		if (!is_raw)
			text_add(scratch, value->text + at, length);
		at += length;
	}
	*out = text_string(scratch);
	*size = scratch->size;
}

void export_from_portable(struct text *text)
{
	size_t to = 0;

	for (size_t at = 0; at < text->size;) {
		unsigned character = 0;
		size_t length =
			(unsigned char)text->bytes[at] < 0x80
				? 1
				: text_decode(text->bytes + at, text->size - at, &character);
		if (character >= RAW_FIRST && character <= RAW_LAST) {
			text->bytes[to++] = (char)(character - RAW_BYTES);
		} else {
			length = length ? length : 1;
			memmove(text->bytes + to, text->bytes + at, length);
			to += length;
		}
		at += length;
	}
	text->size = to;
	if (text->bytes)
		text->bytes[to] = 0;
}
