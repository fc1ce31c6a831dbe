/* purl.c - package URLs, by the rules of package-url/purl-spec: everything is escaped except
 * unreserved characters and the colon. */
#include "common/purl.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

static const char status_file[] = "/var/lib/dpkg/status", release_file[] = "/etc/os-release";

struct release {
	char id[64], version[64];
};

static void add_escaped(struct text *text, const char *string, const char *kept)
{
	static const char unreserved[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789-._~";

	for (; *string; string++) {
		if (strchr(unreserved, *string) || strchr(kept, *string))
			text_add(text, string, 1);
		else
			text_printf(text, "%%%02X", (unsigned char)*string);
	}
}

/* The text, which is empty after that; NULL: out of memory. */
static char *take(struct text *text)
{
	char *string = text->failed ? NULL : strdup(text_string(text));

	text_free(text);
	return string;
}

/* ---- /etc/os-release ---- */

static void set_value(char out[64], const char *value)
{
	size_t quote = *value == '"' || *value == '\'';

	snprintf(out, 64, "%s", value + quote);
	out[strcspn(out, "\"'\n")] = 0;
}

/* Debian by default: dpkg's status is there. */
static void read_release(struct release *release)
{
	FILE *file = fopen(release_file, "r");
	char *line = NULL;
	size_t room = 0;

	*release = (struct release){.id = "debian"};
	while (file && getline(&line, &room, file) > 0) {
		if (strncmp(line, "ID=", 3) == 0)
			set_value(release->id, line + 3);
		if (strncmp(line, "VERSION_ID=", 11) == 0)
			set_value(release->version, line + 11);
	}
	free(line);
	if (file)
		fclose(file);
}

/* ---- dpkg's status ---- */

struct stanza {
	char package[128], version[128], architecture[32];
	bool installed;
};

static void read_field(struct stanza *stanza, char *line)
{
	line[strcspn(line, "\n")] = 0;
	if (strncmp(line, "Package: ", 9) == 0)
		snprintf(stanza->package, sizeof stanza->package, "%s", line + 9);
	else if (strncmp(line, "Version: ", 9) == 0)
		snprintf(stanza->version, sizeof stanza->version, "%s", line + 9);
	else if (strncmp(line, "Architecture: ", 14) == 0)
		snprintf(stanza->architecture, sizeof stanza->architecture, "%s", line + 14);
	else if (strncmp(line, "Status: ", 8) == 0)
		stanza->installed = strstr(line, " installed") != NULL;
}

/* "curl" or "libc6:amd64" */
static bool is_called(const struct stanza *stanza, const char *name)
{
	size_t length = strlen(stanza->package);

	return strncmp(name, stanza->package, length) == 0 &&
	       (!name[length] ||
		(name[length] == ':' && strcmp(name + length + 1, stanza->architecture) == 0));
}

static int set_purl(struct purl *purl, const struct stanza *stanza, const struct release *release,
		    struct matr_error *err)
{
	struct text text = {0};

	text_add_string(&text, "pkg:deb/");
	add_escaped(&text, release->id, "");
	text_add_string(&text, "/");
	add_escaped(&text, stanza->package, "");
	text_add_string(&text, "@");
	add_escaped(&text, stanza->version, ":");
	text_add_string(&text, "?arch=");
	add_escaped(&text, stanza->architecture, "");
	if (release->version[0]) {
		text_add_string(&text, "&distro=");
		add_escaped(&text, release->id, "");
		text_add_string(&text, "-");
		add_escaped(&text, release->version, "");
	}
	purl->url = take(&text);
	purl->package = strdup(stanza->package);
	purl->version = strdup(stanza->version);
	purl->architecture = strdup(stanza->architecture);
	if (!purl->url || !purl->package || !purl->version || !purl->architecture)
		return matr_fail_memory(err);
	return 0;
}

static int end_stanza(const struct stanza *stanza, const struct release *release,
		      char *const *names, size_t n, struct purl *out, struct matr_error *err)
{
	if (!stanza->installed || !stanza->package[0])
		return 0;
	for (size_t i = 0; i < n; i++)
		if (names[i] && !out[i].url && is_called(stanza, names[i]) &&
		    set_purl(&out[i], stanza, release, err) != 0)
			return -1;
	return 0;
}

int purls_make(char *const *names, size_t n, struct purl **out, struct matr_error *err)
{
	FILE *file = fopen(status_file, "r");
	struct stanza stanza = {.installed = false};
	struct release release;
	char *line = NULL;
	size_t room = 0;
	int result = 0;

	*out = calloc(n + 1, sizeof **out);
	if (!*out)
		result = matr_fail_memory(err);
	read_release(&release);
	while (file && !result && getline(&line, &room, file) > 0) {
		read_field(&stanza, line);
		if (line[0])
			continue;
		result = end_stanza(&stanza, &release, names, n, *out, err);
		stanza = (struct stanza){.installed = false};
	}
	if (file && !result)
		result = end_stanza(&stanza, &release, names, n, *out, err);
	free(line);
	if (file)
		fclose(file);
	if (result) {
		purls_free(*out, n);
		*out = NULL;
	}
	return result;
}

void purls_free(struct purl *purls, size_t n)
{
	for (size_t i = 0; purls && i < n; i++) {
		free(purls[i].package);
		free(purls[i].version);
		free(purls[i].architecture);
		free(purls[i].url);
	}
	free(purls);
}

char *purl_of_file(const struct purl *purl, const char *path)
{
	struct text text = {0};

	if (purl->url) {
		text_printf(&text, "%s#", purl->url);
		path += strspn(path, "/");
	} else {
		text_add_string(&text, "file://");
	}
	add_escaped(&text, path, "/");
	return take(&text);
}
