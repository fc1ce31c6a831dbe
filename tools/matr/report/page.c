/* page.c - the page: a frame, styles, the data as JSON, the script, and text for browsers without
 * scripts. Nothing in it is fetched, which a Content-Security-Policy sees to. */
#include "matr/report/report.h"

#include "common/safe.h"

#include <string.h>

/* Text in HTML, also between quotes. */
static void add_html(struct text *out, const char *string)
{
	struct text safe = {0};

	text_add_safe(&safe, string, strlen(string));
	for (const char *at = text_string(&safe); *at; at++) {
		switch (*at) {
		case '&':
			text_add_string(out, "&amp;");
			break;
		case '<':
			text_add_string(out, "&lt;");
			break;
		case '>':
			text_add_string(out, "&gt;");
			break;
		case '"':
			text_add_string(out, "&quot;");
			break;
		default:
			text_add(out, at, 1);
		}
	}
	out->failed |= safe.failed;
	text_free(&safe);
}

/* A JSON document in a script element, which "</script" would end. "<" is in strings only. */
static void add_data(struct text *out, struct json_object *data)
{
	struct text document = {0};

	const char *plain = json_object_to_json_string_ext(
		data, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (plain)
		text_add_json_document(&document, plain);
	for (const char *at = text_string(&document), *next; *at; at = next) {
		next = at + strcspn(at, "<");
		text_add(out, at, (size_t)(next - at));
		if (*next) {
			text_add_string(out, "\\u003c");
			next++;
		}
	}
	out->failed |= !plain || document.failed;
	text_free(&document);
}

static const char *string_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? json_object_get_string(value) : "";
}

/* The text for browsers without scripts. */
static void add_fallback(struct text *out, struct json_object *data)
{
	enum { SHOWN = 500 };
	struct json_object *list, *objects;

	text_add_string(out, "<noscript><p>");
	add_html(out, string_of(data, "sentence"));
	text_add_string(out, "</p><p>This page draws with a script of its own, which this browser "
			     "does not run. Its programs:</p><ul>");
	if (json_object_object_get_ex(data, "programs", &list) &&
	    json_object_object_get_ex(data, "objects", &objects)) {
		size_t n = json_object_array_length(list);
		for (size_t i = 0; i < n && i < SHOWN; i++) {
			struct json_object *program = json_object_array_get_idx(list, i);
			size_t id = (size_t)json_object_get_int64(
				json_object_array_get_idx(program, 0));
			text_add_string(out, "<li>");
			add_html(out, string_of(json_object_array_get_idx(objects, id), "p"));
			text_printf(
				out, " (%zu objects)</li>",
				json_object_array_length(json_object_array_get_idx(program, 1)));
		}
		if (n > SHOWN)
			text_printf(out, "<li>and %zu more</li>", n - SHOWN);
	}
	text_add_string(out, "</ul></noscript>\n");
}

int report_page(struct json_object *data, struct text *out, struct matr_error *err)
{
	text_add_string(
		out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		     "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
		     "<meta name=\"viewport\" content=\"width=device-width, "
		     "initial-scale=1\">\n<title>");
	add_html(out, string_of(data, "title"));
	text_add_string(out, "</title>\n<style>\n");
	text_add_string(out, (const char *)report_style);
	text_add_string(out, "</style>\n</head>\n<body>\n<header><h1>");
	add_html(out, string_of(data, "title"));
	text_add_string(out, "</h1><p id=\"sentence\">");
	add_html(out, string_of(data, "sentence"));
	text_add_string(out, "</p></header>\n");
	add_fallback(out, data);
	text_add_string(out, (const char *)report_body);
	text_add_string(out, "<script type=\"application/json\" id=\"data\">");
	add_data(out, data);
	text_add_string(out, "</script>\n<script>\n");
	text_add_string(out, (const char *)report_script);
	text_add_string(out, "</script>\n</body>\n</html>\n");
	return out->failed ? matr_fail_memory(err) : 0;
}
