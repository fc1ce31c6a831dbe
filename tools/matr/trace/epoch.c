/* epoch.c - the epoch of a `matr trace`: a temporary prefix with the one program in it.
 *
 * There each traced binding is edited to go to a thunk of a private copy of matr-trace.so, and the
 * thunk's target to what the binding went to (tools/trace/runtime.c).
 */
#include "common/program.h"
#include "common/temporary_prefix.h"
#include "matr/trace/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/edit.h>
#include <matr/epoch.h>
#include <matr/prefix.h>

static int write_all(const char *path, const void *data, size_t size, struct matr_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	const char *at = data;

	if (fd < 0)
		return matr_fail_errno(err, path, "cannot be written");
	while (size) {
		ssize_t n = write(fd, at, size);
		if (n < 0) {
			matr_fail_errno(err, path, "cannot be written");
			close(fd);
			return -1;
		}
		at += n;
		size -= (size_t)n;
	}
	return close(fd) == 0 ? 0 : matr_fail_errno(err, path, "cannot be written");
}

/* Write into our copy of matr-trace.so where the results go, and the kind of each thunk. */
static int write_module(struct trace_run *run, struct matr_error *err)
{
	char source[PATH_MAX];
	struct stat status;
	const uint64_t magic[2] = {TRACE_MAGIC, TRACE_MAGIC};

	if (program_trace_module(source, err) != 0)
		return -1;
	int fd = open(source, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) != 0) {
		matr_fail_errno(err, source, "cannot be read");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	size_t size = (size_t)status.st_size;
	char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	if (bytes == MAP_FAILED)
		return matr_fail_errno(err, source, "cannot be mapped");
	char *at = memmem(bytes, size, magic, sizeof magic);
	int result = -1;
	if (!at || (size_t)(bytes + size - at) < sizeof(struct trace_config)) {
		matr_fail(err, MATR_ERROR_MALFORMED, source, "is not matr-trace.so");
	} else {
		struct trace_config *config = (struct trace_config *)at;
		memcpy(config->path, run->file,
		       strlen(run->file) + 1); /* trace_make_prefix() saw to the size */
		for (size_t i = 0; i < run->n; i++)
			config->kinds[i] = run->list[i].kind;
		unlink(run->module);
		result = write_all(run->module, bytes, size, err);
	}
	munmap(bytes, size);
	return result;
}

int trace_make_prefix(struct trace_run *run, struct matr_error *err)
{
	if (temporary_prefix_make("trace", run->prefix, err) != 0)
		return -1;
	if (snprintf(run->module, sizeof run->module, "%s/matr-trace.so", run->prefix) >=
		    TRACE_PATH ||
	    snprintf(run->file, sizeof run->file, "%s/results", run->prefix) >= TRACE_PATH)
		return matr_fail(err, MATR_ERROR_USAGE, run->prefix, "path is too long");
	struct trace_results *empty = calloc(1, sizeof *empty);
	if (!empty)
		return matr_fail_memory(err);
	empty->magic = TRACE_MAGIC;
	int result = write_all(run->file, empty, sizeof *empty, err);
	free(empty);
	if (result != 0)
		return -1;
	int fd = open(run->file, O_RDWR | O_CLOEXEC);
	void *results = fd < 0 ? MAP_FAILED
			       : mmap(NULL, sizeof *run->results, PROT_READ, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (results == MAP_FAILED)
		return matr_fail_errno(err, run->file, "cannot be mapped");
	run->results = results;
	return 0;
}

static int add_edits(struct trace_run *run, struct matr_epoch *epoch, struct matr_error *err)
{
	char thunk[64], target[64];

	for (size_t i = 0; i < run->n; i++) {
		struct traced *traced = &run->list[i];
		snprintf(thunk, sizeof thunk, "matr_trace_thunk_%zu", i);
		snprintf(target, sizeof target, "matr_trace_target_%zu", i);
		const struct matr_edit to_thunk = {
			.program = run->path,
			.symbol = traced->symbol,
			.version = traced->version,
			.requester = traced->caller,
			.library = run->module,
			.to_symbol = thunk,
		};
		const struct matr_edit from_thunk = {
			.program = run->path,
			.symbol = target,
			.requester = run->module,
			.library = traced->library,
			.to_symbol = traced->definition,
		};
		if (matr_epoch_add_edit(epoch, &to_thunk, &traced->edits[0], err) != 0 ||
		    matr_epoch_add_edit(epoch, &from_thunk, &traced->edits[1], err) != 0)
			return -1;
	}
	return 0;
}

static void free_binding(struct traced *traced)
{
	free(traced->caller);
	free(traced->symbol);
	free(traced->version);
	free(traced->callee);
	free(traced->definition);
	free(traced->library);
}

static bool holds(const struct matr_epoch *epoch, int64_t id)
{
	size_t n;
	const struct matr_edit *edits = matr_epoch_edits(epoch, &n);

	for (size_t i = 0; i < n; i++)
		if (edits[i].id == id)
			return strcmp(edits[i].state, "applied") == 0;
	return false;
}

/* Leave out what could not be edited. Returns how many. */
static size_t drop_refused(struct trace_run *run, const struct matr_epoch *epoch)
{
	size_t kept = 0, n = run->n;

	for (size_t i = 0; i < n; i++) {
		if (holds(epoch, run->list[i].edits[0]) && holds(epoch, run->list[i].edits[1])) {
			run->list[kept++] = run->list[i];
			continue;
		}
		run->left_out += run->list[i].shown;
		free_binding(&run->list[i]);
	}
	run->n = kept;
	return n - kept;
}

/* Returns 1 if begun, 0 if some edits were refused and are to be left out at the next try, -1 on
 * error. */
static int try_begin(struct trace_run *run, struct matr_error *err)
{
	const struct matr_epoch_options options = {.prefix = run->prefix,
						   .ld_stable = run->ld_stable,
						   .jobs = 1,
						   .edit_protected = true};
	struct matr_epoch *epoch;
	int more = -1;

	if (write_module(run, err) != 0 || matr_epoch_open(&options, &epoch, err) != 0)
		return -1;
	if (add_edits(run, epoch, err) == 0 && matr_epoch_add(epoch, run->path, err) == 0)
		while ((more = matr_epoch_step(epoch, NULL, err)) > 0)
			;
	int result = more;
	size_t n;
	const struct matr_epoch_result *results = matr_epoch_results(epoch, &n);
	if (result == 0 && !results[0].application)
		result = matr_fail(err, MATR_ERROR_UNSUPPORTED, run->path, "%s", results[0].reason);
	else if (result == 0 && drop_refused(run, epoch) == 0)
		result = matr_epoch_commit(epoch, err) == 0 ? 1 : -1;
	matr_epoch_close(epoch);
	return result;
}

int trace_begin(struct trace_run *run, struct matr_error *err)
{
	int begun = 0;

	while (begun == 0 && run->n)
		begun = try_begin(run, err);
	if (begun == 0)
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, run->path,
				 "none of the bindings that match can be traced");
	return begun > 0 ? 0 : -1;
}

void trace_end(struct trace_run *run)
{
	if (run->results)
		munmap(run->results, sizeof *run->results);
	temporary_prefix_remove(run->prefix);
	for (size_t i = 0; run->list && i < run->n; i++)
		free_binding(&run->list[i]);
	free(run->list);
	free(run->matched);
	if (run->output_fd >= 0)
		close(run->output_fd);
}
