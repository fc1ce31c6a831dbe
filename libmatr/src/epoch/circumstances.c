/* circumstances.c - conditions for an epoch to build on the one before. */
#include "epoch/circumstances.h"

#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <matr/epoch.h>

#include "store/epoch.h"

/* The file that this code is in, as it lies in memory; the link editor defines it. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

static void append_hex(char *text, size_t size, const unsigned char *bytes, size_t n)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < n && length + 2 < size; i++, length += 2)
		snprintf(text + length, size - length, "%02x", bytes[i]);
}

static void read_notes(const char *at, const char *end, char *text, size_t size)
{
	while ((size_t)(end - at) >= sizeof(Elf64_Nhdr)) {
		const Elf64_Nhdr *note = (const Elf64_Nhdr *)at;
		size_t name = (note->n_namesz + 3u) & ~3u, contents = (note->n_descsz + 3u) & ~3u;
		if (name + contents > (size_t)(end - at) - sizeof *note)
			return;
		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4)
			append_hex(text, size, (const unsigned char *)(note + 1) + name,
				   note->n_descsz);
		at += sizeof *note + name + contents;
	}
}

/* Our own build-id; where there is none, the process, so that nothing is ever built on. */
static void own_build_id(char *text, size_t size)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)__ehdr_start;
	const Elf64_Phdr *segments = (const Elf64_Phdr *)(__ehdr_start + header->e_phoff);
	uint64_t first = 0;

	text[0] = 0;
	for (size_t i = header->e_phnum; i-- > 0;)
		if (segments[i].p_type == PT_LOAD)
			first = segments[i].p_vaddr - segments[i].p_offset;
	for (size_t i = 0; i < header->e_phnum; i++) {
		const char *notes = __ehdr_start - first + segments[i].p_vaddr;
		if (segments[i].p_type == PT_NOTE && segments[i].p_align <= 4)
			read_notes(notes, notes + segments[i].p_memsz, text, size);
	}
	if (!text[0])
		snprintf(text, size, "process %d", (int)getpid());
}

char *epoch_circumstances(const char *cpu_level, const char *config_file, bool portable,
			  struct matr_error *err)
{
	char own[256], *text;

	own_build_id(own, sizeof own);
	if (asprintf(&text, "libmatr %s\nlevel %s\nuser %u\nconfiguration %s\n%s", own, cpu_level,
		     (unsigned)geteuid(), config_file ? config_file : "usual",
		     portable ? "for copies\n" : "") < 0) {
		matr_fail_memory(err);
		return NULL;
	}
	return text;
}

/* Find the configuration file in the text of epoch_circumstances(). */
static void parse_circumstances(const char *text, char config[PATH_MAX])
{
	static const char key[] = "\nconfiguration ";
	const char *at = strstr(text, key);

	if (!at)
		return;
	at += sizeof key - 1;
	snprintf(config, PATH_MAX, "%.*s", (int)strcspn(at, "\n"), at);
	if (strcmp(config, "usual") == 0)
		config[0] = 0;
}

int matr_epoch_last_options(const char *prefix, char config[PATH_MAX], bool *portable,
			    struct matr_error *err)
{
	struct matr_store *store;
	struct matr_error why;
	char *text;

	config[0] = 0;
	*portable = false;
	/* The next begin handles a store that cannot be read. */
	if (matr_store_open(prefix, &store, &why) != 0)
		return why.code == MATR_ERROR_RESOURCES ? matr_error_copy(err, &why) : 0;
	int found = store_newest_circumstances(store, &text, portable, err);
	if (text)
		parse_circumstances(text, config);
	free(text);
	matr_store_close(store);
	return found < 0 ? -1 : 0;
}
