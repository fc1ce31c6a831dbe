/* baseline_read.c - reads what baseline_write.c writes, which people may have edited or merged.
 *
 * The file is read as a whole and taken apart in place: names become strings in it. The error names
 * the line of a mistake. The order within a block does not matter; it is sorted here. Comments (#)
 * and empty lines may stand anywhere; the writer writes no comments.
 */
#include <matr/baseline.h>
#include <matr/mapping.h>

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/file.h"
#include "base/intern.h"
#include "compare/baseline.h"

enum { SIZE_MAX_READ = 1 << 30 }; /* bytes */

static const char magic[] = "matr-baseline ";

struct reader {
	const char *path;
	unsigned line;
	struct matr_baseline *out;
	struct matr_error *err;
	size_t programs_room, blocks_room, objects_room, bindings_room;
	struct intern names; /* of the program's start and of the block */
};

/* Fail with a mistake in the line. `what`: a piece of it, shown without control characters. */
static int off(struct reader *reader, unsigned line, const char *reason, const char *what)
{
	char place[1024], piece[100];
	size_t n = 0;

	snprintf(place, sizeof place, "%s:%u", reader->path, line);
	if (!what)
		return matr_fail(reader->err, MATR_ERROR_MALFORMED, place, "%s", reason);
	for (; n < sizeof piece - 1 && what[n]; n++)
		piece[n] = (unsigned char)what[n] < ' ' || what[n] == 0x7f ? '?' : what[n];
	piece[n] = 0;
	return matr_fail(reader->err, MATR_ERROR_MALFORMED, place, "%s: %s", reason, piece);
}

static struct matr_baseline_program *last_program(struct reader *reader)
{
	struct matr_baseline *out = reader->out;
	return out->n_programs ? &out->programs[out->n_programs - 1] : NULL;
}

static struct matr_baseline_block *last_block(struct reader *reader)
{
	struct matr_baseline_program *program = last_program(reader);
	return program && program->n_blocks ? &program->blocks[program->n_blocks - 1] : NULL;
}

/* ---- names ---- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undo what put_name() did, in place. */
static int unescape(struct reader *reader, char *name)
{
	char *to = name;

	if (strcmp(name, "\\e") == 0) {
		*name = 0;
		return 0;
	}
	if (!*name)
		return off(reader, reader->line, "a name is missing", NULL);
	for (const char *from = name; *from; from++) {
		if (*from != '\\') {
			*to++ = *from;
			continue;
		}
		int high = from[1] == 'x' ? digit(from[2]) : -1;
		int low = high >= 0 ? digit(from[3]) : -1;
		if (low < 0 || high * 16 + low == 0)
			return off(reader, reader->line, "neither \\xNN nor \\e", name);
		*to++ = (char)(high * 16 + low);
		from += 3;
	}
	*to = 0;
	return 0;
}

/* The token up to the next space, which is cut off; *at is then what follows, NULL at the end. */
static char *token(char **at)
{
	char *start = *at;
	char *space = start ? strchr(start, ' ') : NULL;

	if (space)
		*space = 0;
	*at = space ? space + 1 : NULL;
	return start;
}

/* ---- lines ---- */

static const char *find_rule(const char *text, size_t length)
{
	for (int rule = 0; rule < MATR_FOUND_RULES; rule++) {
		const char *name = matr_search_rule_name((enum matr_search_rule)rule);
		if (strlen(name) == length && strncmp(name, text, length) == 0)
			return name;
	}
	return NULL;
}

static int add_object(struct reader *reader, char *name, char *rest)
{
	struct matr_baseline_block *block = last_block(reader);
	char *path = token(&rest);
	uint32_t id;

	size_t length = rest ? strlen(rest) : 0;
	const char *rule = length > 2 && rest[0] == '(' && rest[length - 1] == ')'
				   ? find_rule(rest + 1, length - 2)
				   : NULL;
	if (!path || *path != '/')
		return off(reader, reader->line,
			   "NAME = PATH (RULE), with an absolute path, please", name);
	if (!rule)
		return off(reader, reader->line, "no such search rule", rest ? rest : "none");
	if (unescape(reader, name) != 0 || unescape(reader, path) != 0)
		return -1;
	if (block->n_bindings)
		return off(reader, reader->line, "objects come before bindings", name);
	if (intern_find(&reader->names, name) != UINT32_MAX)
		return off(reader, reader->line, "the scope has two of that name", name);
	if (intern_add(&reader->names, name, &id, reader->err) != 0)
		return -1;
	if (array_reserve(&block->objects, &reader->objects_room, block->n_objects + 1,
			  sizeof *block->objects, reader->err) != 0)
		return -1;
	block->objects[block->n_objects++] =
		(struct matr_baseline_object){name, path, rule, reader->line};
	return 0;
}

static int add_binding(struct reader *reader, char *requester, char *rest)
{
	struct matr_baseline_block *block = last_block(reader);
	char *symbol = token(&rest), *arrow = token(&rest), *provider = token(&rest);
	char *copy = token(&rest);

	if (!symbol || !arrow || strcmp(arrow, "->") != 0 || !provider || rest ||
	    (copy && strcmp(copy, "copy") != 0))
		return off(reader, reader->line,
			   "REQUESTER: SYMBOL@VERSION -> PROVIDER, please; this is none of",
			   requester);
	requester[strlen(requester) - 1] = 0; /* the colon */
	char *version = strchr(symbol, '@');
	if (version)
		*version++ = 0;
	if (unescape(reader, requester) != 0 || unescape(reader, symbol) != 0 ||
	    (version && unescape(reader, version) != 0) || unescape(reader, provider) != 0)
		return -1;
	if (intern_find(&reader->names, requester) == UINT32_MAX)
		return off(reader, reader->line, "no such object in the scope", requester);
	if (strcmp(provider, MATR_BASELINE_NULL) != 0 &&
	    strcmp(provider, MATR_BASELINE_UNDEFINED) != 0 &&
	    intern_find(&reader->names, provider) == UINT32_MAX)
		return off(reader, reader->line, "no such object in the scope", provider);
	if (array_reserve(&block->bindings, &reader->bindings_room, block->n_bindings + 1,
			  sizeof *block->bindings, reader->err) != 0)
		return -1;
	block->bindings[block->n_bindings++] = (struct matr_baseline_binding){
		requester, symbol, version ? version : "", provider, copy != NULL, reader->line,
	};
	return 0;
}

static int add_names(struct reader *reader, const struct matr_baseline_block *block)
{
	uint32_t id;

	for (size_t i = 0; i < block->n_objects; i++)
		if (intern_add(&reader->names, block->objects[i].name, &id, reader->err) != 0)
			return -1;
	return 0;
}

/* The block is complete: put it in order. */
static int end_block(struct reader *reader)
{
	struct matr_baseline_block *block = last_block(reader);

	if (!block)
		return 0;
	if (!block->n_objects)
		return off(reader, block->line, "has no objects", NULL);
	if (block->n_bindings)
		qsort(block->bindings, block->n_bindings, sizeof *block->bindings,
		      baseline_compare_bindings);
	for (size_t i = 1; i < block->n_bindings; i++)
		if (baseline_compare_bindings(&block->bindings[i - 1], &block->bindings[i]) == 0)
			return off(reader, block->bindings[i].line, "the same binding again",
				   block->bindings[i].symbol);
	reader->objects_room = reader->bindings_room = 0;
	intern_free(&reader->names);
	reader->names = (struct intern){.entries = NULL};
	return 0;
}

static int begin_block(struct reader *reader, const char *load)
{
	struct matr_baseline_program *program = last_program(reader);

	if (array_reserve(&program->blocks, &reader->blocks_room, program->n_blocks + 1,
			  sizeof *program->blocks, reader->err) != 0)
		return -1;
	program->blocks[program->n_blocks++] =
		(struct matr_baseline_block){.load = load, .line = reader->line};
	/* A load binds to the objects of the start too. */
	return load ? add_names(reader, &program->blocks[0]) : 0;
}

static int end_program(struct reader *reader)
{
	struct matr_baseline_program *program = last_program(reader);

	if (!program)
		return 0;
	if (end_block(reader) != 0)
		return -1;
	qsort(program->blocks, program->n_blocks, sizeof *program->blocks, baseline_compare_blocks);
	for (size_t i = 1; i < program->n_blocks; i++)
		if (baseline_compare_blocks(&program->blocks[i - 1], &program->blocks[i]) == 0)
			return off(reader, program->blocks[i].line, "loaded twice",
				   program->blocks[i].load);
	reader->blocks_room = 0;
	return 0;
}

static int begin_program(struct reader *reader, char *path)
{
	struct matr_baseline *out = reader->out;

	if (end_program(reader) != 0)
		return -1;
	if (*path != '/')
		return off(reader, reader->line, "program PATH, absolute, please", path);
	if (array_reserve(&out->programs, &reader->programs_room, out->n_programs + 1,
			  sizeof *out->programs, reader->err) != 0)
		return -1;
	out->programs[out->n_programs++] =
		(struct matr_baseline_program){.path = path, .line = reader->line};
	return begin_block(reader, NULL);
}

static int begin_load(struct reader *reader, char *root)
{
	if (!last_program(reader))
		return off(reader, reader->line, "a program comes first", NULL);
	return end_block(reader) != 0 ? -1 : begin_block(reader, root);
}

static int read_head(struct reader *reader, char *line)
{
	char place[1024], *end;

	if (reader->line == 1) {
		if (strncmp(line, magic, strlen(magic)) != 0)
			return off(reader, 1, "is no baseline", NULL);
		unsigned long version = strtoul(line + strlen(magic), &end, 10);
		if (!isdigit((unsigned char)line[strlen(magic)]) || *end || !version)
			return off(reader, 1, "no such version", line + strlen(magic));
		if (version == MATR_BASELINE_VERSION)
			return 0;
		snprintf(place, sizeof place, "%s:1", reader->path);
		return matr_fail(reader->err, MATR_ERROR_STATE, place,
				 "was written by a newer MatR: version %lu, this one knows %d",
				 version, MATR_BASELINE_VERSION);
	}
	reader->out->all = strcmp(line, "covers all") == 0;
	if (!reader->out->all && strcmp(line, "covers chosen") != 0)
		return off(reader, reader->line, "\"covers all\" or \"covers chosen\", please",
			   line);
	return 0;
}

static int read_entry(struct reader *reader, char *line)
{
	static const char program[] = "program ", load[] = "load ";
	char *rest = line + 2;

	if (strncmp(line, program, strlen(program)) == 0) {
		line += strlen(program);
		return unescape(reader, line) != 0 ? -1 : begin_program(reader, line);
	}
	if (strncmp(line, load, strlen(load)) == 0) {
		line += strlen(load);
		return unescape(reader, line) != 0 ? -1 : begin_load(reader, line);
	}
	if (line[0] != ' ' || line[1] != ' ' || !line[2] || line[2] == ' ')
		return off(reader, reader->line,
			   "neither a program nor an object or binding of one", line);
	if (!last_program(reader))
		return off(reader, reader->line, "a program comes first", NULL);
	char *first = token(&rest);
	size_t length = strlen(first);
	if (first[length - 1] == ':' && length > 1)
		return add_binding(reader, first, rest);
	char *sign = token(&rest);
	if (!sign || strcmp(sign, "=") != 0)
		return off(reader, reader->line, "neither an object nor a binding", first);
	return add_object(reader, first, rest);
}

static int read_lines(struct reader *reader, char *text, size_t size)
{
	char *end = text + size;
	bool covered = false;

	*end = 0; /* file_read() leaves room */
	for (char *next; text < end; text = next) {
		char *line = text, *stop = memchr(text, '\n', (size_t)(end - text));
		reader->line++;
		if (!stop)
			stop = end;
		next = stop + 1;
		if (memchr(line, 0, (size_t)(stop - line)))
			return off(reader, reader->line, "has a NUL", NULL);
		if (stop > line && stop[-1] == '\r')
			stop--;
		*stop = 0;
		int result;
		if (reader->line > 1 && (*line == 0 || *line == '#'))
			continue;
		if (reader->line == 1 || !covered) {
			result = read_head(reader, line);
			covered = reader->line > 1;
		} else {
			result = read_entry(reader, line);
		}
		if (result)
			return -1;
	}
	if (!covered)
		return off(reader, reader->line + 1, reader->line ? "ends early" : "is no baseline",
			   NULL);
	return end_program(reader);
}

static int sort_programs(struct reader *reader)
{
	struct matr_baseline *out = reader->out;

	if (out->n_programs)
		qsort(out->programs, out->n_programs, sizeof *out->programs,
		      baseline_compare_programs);
	for (size_t i = 1; i < out->n_programs; i++) {
		const struct matr_baseline_program *a = &out->programs[i - 1], *b = a + 1;
		if (strcmp(a->path, b->path) == 0)
			return off(reader, a->line > b->line ? a->line : b->line,
				   "the same program again", a->path);
	}
	return 0;
}

int matr_baseline_read(const char *path, struct matr_baseline **out, struct matr_error *err)
{
	struct matr_baseline *baseline = calloc(1, sizeof *baseline);
	struct reader reader = {.path = path, .out = baseline, .err = err};
	void *data = NULL;
	size_t size;

	if (!baseline)
		return matr_fail_memory(err);
	int result = file_read(path, SIZE_MAX_READ, &data, &size, err);
	baseline->text = data;
	if (!result)
		result = read_lines(&reader, data, size);
	if (!result)
		result = sort_programs(&reader);
	intern_free(&reader.names);
	if (result) {
		matr_baseline_free(baseline);
		return -1;
	}
	*out = baseline;
	return 0;
}

void matr_baseline_free(struct matr_baseline *baseline)
{
	if (!baseline)
		return;
	for (size_t i = 0; i < baseline->n_programs; i++)
		matr_baseline_program_free(&baseline->programs[i]);
	free(baseline->programs);
	free(baseline->text);
	free(baseline);
}

static enum matr_baseline_file unreadable(const char *path, struct matr_error *err)
{
	matr_fail_errno(err, path, "cannot be read");
	return MATR_BASELINE_FILE_UNREADABLE;
}

enum matr_baseline_file matr_baseline_recognize(const char *path, struct matr_error *err)
{
	char head[sizeof magic] = "";
	struct stat status;

	if (stat(path, &status) != 0)
		return errno == ENOENT ? MATR_BASELINE_FILE_ABSENT : unreadable(path, err);
	if (!S_ISREG(status.st_mode))
		return MATR_BASELINE_FILE_OTHER;
	FILE *file = fopen(path, "re");
	if (!file)
		return unreadable(path, err);
	size_t n = fread(head, 1, sizeof magic - 1, file);
	bool failed = ferror(file);
	fclose(file);
	if (failed) {
		matr_fail(err, MATR_ERROR_SYSTEM, path, "cannot be read");
		return MATR_BASELINE_FILE_UNREADABLE;
	}
	if (n == 0)
		return MATR_BASELINE_FILE_EMPTY;
	return strcmp(head, magic) == 0 ? MATR_BASELINE_FILE_PRESENT : MATR_BASELINE_FILE_OTHER;
}

const struct matr_baseline_program *matr_baseline_find(const struct matr_baseline *baseline,
						       const char *path)
{
	struct matr_baseline_program wanted = {.path = path};

	if (!baseline->n_programs)
		return NULL;
	return bsearch(&wanted, baseline->programs, baseline->n_programs, sizeof wanted,
		       baseline_compare_programs);
}
