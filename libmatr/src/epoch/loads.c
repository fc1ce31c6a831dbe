/* loads.c - loads that the configuration lists (matr.conf(5)), in addition to those that were
 * recorded.
 *
 * Patterns are expanded as the shell would. The result depends on the directories that were read,
 * so these become probes: a new plug-in in one of them is noticed by the next epoch.
 */
#include "epoch/loads.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/config.h>

#include "base/expand.h"
#include "base/file_id.h"
#include "base/resources.h"

/* A directory's times change when a name in it appears or goes. */
static int probe_directory(struct probes *probes, const char *path, struct matr_error *err)
{
	struct matr_file_id id = {.size = 0};
	struct stat status;

	if (stat(path, &status) == 0)
		id = file_id_of(&status);
	return probes_add(probes, path, &id, false, err);
}

/* Every directory that is read on the way: for /a/b?/c/d?.so these are /a, /a/b? and /a/b?/c. */
static int probe_way(struct probes *probes, const char *pattern, struct matr_error *err)
{
	char *way = strdup(pattern);
	size_t at = strcspn(pattern, "*?[");
	int result = way ? 0 : matr_fail_memory(err);

	while (at > 0 && pattern[at] != '/')
		at--;
	/* The search for a name without wildcards makes its own probe. */
	for (const char *slash = strpbrk(pattern, "*?[") ? pattern + at : NULL; slash && !result;
	     slash = strchr(slash + 1, '/')) {
		glob_t found;
		way[slash - pattern] = 0;
		result = expand_pattern(*way ? way : "/", GLOB_ONLYDIR | GLOB_NOSORT, &found, err);
		for (size_t i = 0; i < found.gl_pathc && !result; i++)
			result = probe_directory(probes, found.gl_pathv[i], err);
		globfree(&found);
		way[slash - pattern] = '/';
	}
	free(way);
	return result;
}

/* Patterns may well match what is no library. Returns 1 for an ELF file, 0 for any other, -1 for
 * an error. */
static int is_elf_file(const char *path, struct matr_error *err)
{
	char magic[SELFMAG];
	struct stat status;

	if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return resources_ran_out(errno) ? matr_fail_errno(err, path, "cannot be read") : 0;
	bool is = pread(fd, magic, sizeof magic, 0) == sizeof magic &&
		  memcmp(magic, ELFMAG, SELFMAG) == 0;
	close(fd);
	return is;
}

static bool is_recorded(const struct matr_recordings *recordings, const char *application,
			const char *root)
{
	for (size_t i = 0; i < recordings->n; i++) {
		if (!strcmp(recordings->list[i].root, root) &&
		    !strcmp(recordings->list[i].application, application))
			return true;
	}
	return false;
}

static int add_pattern(struct matr_epoch *epoch, const char *application, const char *pattern,
		       const char *flags, struct matr_error *err)
{
	glob_t found;

	int result = expand_pattern(pattern, GLOB_NOMAGIC, &found, err);
	bool is_pattern = strpbrk(pattern, "*?[") != NULL;
	for (size_t i = 0; i < found.gl_pathc && !result; i++) {
		char *root = found.gl_pathv[i];
		struct matr_recorded_load load = {(char *)(uintptr_t)application, root,
						  (char *)(uintptr_t)flags, root};
		int is_library = is_pattern ? is_elf_file(root, err) : 1;
		/* A recording is more precise. */
		if (is_library > 0 && is_recorded(&epoch->recordings, application, root))
			continue;
		if (is_library < 0 ||
		    (is_library && matr_recordings_add(&epoch->recordings, &load, err) < 0))
			result = -1;
	}
	globfree(&found);
	return result ? -1 : probe_way(&epoch->probes, pattern, err);
}

int epoch_add_configured_loads(struct matr_epoch *epoch, struct matr_error *err)
{
	for (size_t i = 0; i < epoch->n_results; i++) {
		const char *path = epoch->results[i].path;
		const struct matr_config_program *program =
			epoch->config ? matr_config_program(epoch->config, path) : NULL;
		if (!program || epoch->results[i].reason)
			continue;
		for (size_t n = 0; n < program->load_now.n; n++)
			if (add_pattern(epoch, path, program->load_now.items[n], "now", err) != 0)
				return -1;
		for (size_t n = 0; n < program->load.n; n++)
			if (add_pattern(epoch, path, program->load.items[n], "-", err) != 0)
				return -1;
	}
	return 0;
}
