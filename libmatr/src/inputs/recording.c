/* recording.c - reading and writing PREFIX/recordings.
 *
 * A line per load: application, library, flags, name asked for, separated by spaces; in each, bytes
 * that would be mistaken for something else are written %xx. Lines that start with # are comments.
 */
#include <matr/recording.h>

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/file.h"
#include "base/path.h"
#include "base/percent.h"
#include "base/prefix.h"
#include "inputs/recording.h"

enum { MAX_FILE = 64 << 20, N_FIELDS = 4 };

static const char heading[] =
	"# What programs were seen to load with dlopen(), by matr record (matr-record(1)).\n"
	"# program library flags name-asked-for\n";

void matr_recordings_free(struct matr_recordings *recordings)
{
	matr_recordings_forget(recordings, NULL);
	free(recordings->list);
	*recordings = (struct matr_recordings){0};
}

static void free_load(struct matr_recorded_load *load)
{
	free(load->application);
	free(load->root);
	free(load->flags);
	free(load->asked);
}

size_t matr_recordings_forget(struct matr_recordings *recordings, const char *application)
{
	size_t kept = 0, n = recordings->n;

	for (size_t i = 0; i < n; i++) {
		struct matr_recorded_load *load = &recordings->list[i];
		if (application && strcmp(load->application, application) != 0)
			recordings->list[kept++] = *load;
		else
			free_load(load);
	}
	recordings->n = kept;
	return n - kept;
}

bool matr_loads_now(const char *flags)
{
	return !strncmp(flags, "now", 3) && (!flags[3] || flags[3] == ',');
}

static int weaken(struct matr_recorded_load *known, const char *flags, struct matr_error *err)
{
	if (!matr_loads_now(known->flags) || matr_loads_now(flags))
		return 0;
	char *copy = strdup(flags);
	if (!copy)
		return matr_fail_memory(err);
	free(known->flags);
	known->flags = copy;
	return 0;
}

int matr_recordings_add(struct matr_recordings *recordings, const struct matr_recorded_load *load,
			struct matr_error *err)
{
	for (size_t i = 0; i < recordings->n; i++) {
		if (!strcmp(recordings->list[i].root, load->root) &&
		    !strcmp(recordings->list[i].application, load->application))
			return weaken(&recordings->list[i], load->flags, err);
	}
	if (array_reserve(&recordings->list, &recordings->capacity, recordings->n + 1,
			  sizeof *recordings->list, err) != 0)
		return -1;
	struct matr_recorded_load copy = {
		.application = strdup(load->application),
		.root = strdup(load->root),
		.flags = strdup(load->flags),
		.asked = strdup(load->asked),
	};
	if (!copy.application || !copy.root || !copy.flags || !copy.asked) {
		free_load(&copy);
		return matr_fail_memory(err);
	}
	recordings->list[recordings->n++] = copy;
	return 1;
}

/* ---- reading ---- */

/* Take the line apart. */
static bool split_line(char *line, struct matr_recorded_load *load)
{
	char *fields[N_FIELDS], *rest = line;
	size_t n = 0;

	for (char *at; n < N_FIELDS && (at = strsep(&rest, " "));) {
		if (!*at || !percent_decode(at))
			break;
		fields[n++] = at;
	}
	if (n != N_FIELDS || rest || fields[0][0] != '/' || fields[1][0] != '/')
		return false;
	*load = (struct matr_recorded_load){fields[0], fields[1], fields[2], fields[3]};
	return true;
}

static int parse(struct matr_recordings *recordings, const char *file, char *text, size_t size,
		 struct matr_error *err)
{
	unsigned number = 0;

	if (memchr(text, 0, size))
		return matr_fail(err, MATR_ERROR_MALFORMED, file, "is not a text file");
	for (char *line; (line = strsep(&text, "\n"));) {
		struct matr_recorded_load load;
		number++;
		if (!*line || *line == '#')
			continue;
		if (!split_line(line, &load))
			return matr_fail(err, MATR_ERROR_MALFORMED, file,
					 "line %u: is not \"program library flags name\"", number);
		if (matr_recordings_add(recordings, &load, err) < 0)
			return -1;
	}
	return 0;
}

int matr_recordings_read_file(const char *file, struct matr_recordings *out, struct matr_error *err)
{
	void *data;
	size_t size;

	*out = (struct matr_recordings){0};
	if (file_read(file, MAX_FILE, &data, &size, err) < 0)
		return -1;
	((char *)data)[size] = 0; /* file_read leaves room */
	int result = parse(out, file, data, size, err);
	free(data);
	if (result != 0)
		matr_recordings_free(out);
	return result;
}

int recordings_parse_noted(char *text, size_t size, struct matr_recordings *out,
			   struct matr_error *err)
{
	char *at = text, *end = text + size;

	for (char *newline; (newline = memchr(at, '\n', (size_t)(end - at))); at = newline + 1) {
		struct matr_recorded_load load;
		*newline = 0;
		if (strlen(at) == (size_t)(newline - at) && split_line(at, &load) &&
		    matr_recordings_add(out, &load, err) < 0)
			return -1;
	}
	return 0;
}

int matr_recordings_read_noted(const char *file, struct matr_recordings *out,
			       struct matr_error *err)
{
	void *data;
	size_t size;

	*out = (struct matr_recordings){0};
	if (file_read(file, MAX_FILE, &data, &size, err) < 0)
		return -1;
	int result = recordings_parse_noted(data, size, out, err);
	free(data);
	if (result != 0)
		matr_recordings_free(out);
	return result;
}

int matr_recordings_read(const char *prefix, struct matr_recordings *out, struct matr_error *err)
{
	char canonical[PATH_MAX], file[PATH_MAX];

	*out = (struct matr_recordings){0};
	if (path_join(prefix, MATR_RECORDINGS_FILE, file, err) < 0)
		return -1;
	if (access(file, F_OK) != 0)
		return 0;
	/* It decides what code a mapping is made for. */
	if (!realpath(prefix, canonical))
		return matr_fail_errno(err, prefix, "cannot be resolved");
	if (prefix_check_file(canonical, MATR_RECORDINGS_FILE, err) < 0)
		return -1;
	return matr_recordings_read_file(file, out, err);
}

/* ---- writing ---- */

static void write_field(FILE *to, const char *text, char end)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c <= ' ' || c == '%' || c == 0x7f)
			fprintf(to, "%%%02x", c);
		else
			putc(c, to);
	}
	putc(end, to);
}

int matr_recordings_write(const char *prefix, const struct matr_recordings *recordings,
			  struct matr_error *err)
{
	char canonical[PATH_MAX], file[PATH_MAX];
	char *text = NULL;
	size_t size = 0;

	if (prefix_make(prefix, canonical, err) < 0 || prefix_check(canonical, err) < 0 ||
	    path_join(canonical, MATR_RECORDINGS_FILE, file, err) < 0)
		return -1;
	FILE *to = open_memstream(&text, &size);
	if (!to)
		return matr_fail_memory(err);
	fputs(heading, to);
	for (size_t i = 0; i < recordings->n; i++) {
		const struct matr_recorded_load *load = &recordings->list[i];
		write_field(to, load->application, ' ');
		write_field(to, load->root, ' ');
		write_field(to, load->flags, ' ');
		write_field(to, load->asked, '\n');
	}
	int result = fclose(to) == 0 ? 0 : matr_fail_memory(err);
	if (!result)
		result = file_write(file, text, size, 0644, err);
	free(text);
	return result;
}
