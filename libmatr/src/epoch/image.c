/* image.c - from the store's records to the image.
 *
 * What was carried over from the epoch before is carried over from its image too, if that is still
 * there; the rest is compiled. If nothing has changed at all, the new epoch goes on with the image
 * as it is.
 */
#include "epoch/image.h"

#include <stdlib.h>
#include <string.h>

#include <matr/config.h>
#include <matr/epoch.h>
#include <matr/prefix.h>

#include "base/path.h"
#include "epoch/placement.h"
#include "epoch/results.h"
#include "image/builder.h"
#include "loader/cpu_record.h"
#include "loader/stamp.h"
#include "store/closure.h"
#include "store/epoch.h"
#include "store/mapping.h"

enum {
	PROGRAMS_AT_ONCE = 16,
	CPU_PROGRAMS = 8, /* with which a CPU record is tried */
};

static size_t count_applications(const struct matr_epoch *epoch)
{
	size_t n = 0;

	for (size_t i = 0; i < epoch->n_results; i++)
		n += epoch->results[i].application != 0;
	return n;
}

/* Places of the previous epoch's image: in force, or kept when that epoch ended. */
static const char *const image_names[] = {MATR_IMAGE_FILE, MATR_ENDED_IMAGE_FILE};

/* If nothing has changed since the epoch before, its image serves this one. From an image with
 * violations some applications are missing. */
static int find_reusable(struct matr_epoch *epoch, struct matr_error *err)
{
	struct matr_image_info info;
	char path[PATH_MAX];

	for (size_t i = 0; i < 2 && epoch->all_carried && !epoch->with_summaries && !epoch->reuse;
	     i++) {
		if (path_join(epoch->prefix, image_names[i], path, err) != 0)
			return -1;
		if (matr_image_check(path, &info, NULL) == 0 &&
		    (int64_t)info.epoch == epoch->previous.image &&
		    info.applications >= count_applications(epoch))
			epoch->reuse = image_names[i];
	}
	return 0;
}

/* The image of the epoch before has what was carried over from that epoch. */
static int build_on_previous(struct matr_epoch *epoch, struct matr_error *err)
{
	char path[PATH_MAX];
	int used = 0;

	for (size_t i = 0; i < epoch->n_adopted; i++)
		if (image_builder_adopt(epoch->builder, &epoch->adopted[i].from,
					&epoch->adopted[i].to, err) != 0)
			return -1;
	for (size_t i = 0; i < 2 && used == 0 && epoch->previous.id; i++) {
		if (path_join(epoch->prefix, image_names[i], path, err) != 0)
			return -1;
		used = image_builder_reuse(epoch->builder, path, epoch->previous.image, err);
	}
	return used < 0 ? -1 : 0;
}

/* Try programs until ld.so gets as far as mapping one: by name some do not find their libraries.
 * NULL: none does, or no record can be made. */
static struct matr_image_cpu *make_cpu_record(const struct matr_epoch *epoch,
					      const void *interpreter, size_t size)
{
	struct matr_image_cpu *cpu = NULL;

	for (size_t i = 0, tried = 0; i < epoch->n_results && tried < CPU_PROGRAMS && !cpu; i++) {
		if (!epoch->results[i].application)
			continue;
		tried++;
		(void)loader_cpu_record_make(interpreter, size, epoch->interpreter,
					     epoch->results[i].path, &cpu, NULL);
	}
	if (!cpu)
		(void)loader_cpu_record_make(interpreter, size, epoch->interpreter, "/bin/true",
					     &cpu, NULL);
	return cpu;
}

/* Put the record first: every exec reads it, as it does the header. A start does without one. A
 * copy of a portable image may run on another CPU, which an exec notices. */
static int add_cpu_record(struct matr_epoch *epoch, struct matr_error *err)
{
	const struct matr_image_cpu *before = image_builder_cpu_before(epoch->builder);
	void *interpreter;
	size_t size;

	if ((before && loader_cpu_record_is_current(before)) ||
	    loader_make(epoch->prefix, epoch->ld_stable, epoch->interpreter, NULL, &interpreter,
			&size, NULL) != 0)
		return 0;
	struct matr_image_cpu *cpu = make_cpu_record(epoch, interpreter, size);
	free(interpreter);
	int result = cpu ? image_builder_cpu(epoch->builder, cpu, err) : 0;
	free(cpu);
	return result;
}

static int start(struct matr_epoch *epoch, struct matr_error *err)
{
	struct matr_store_epoch record;

	if (find_reusable(epoch, err) != 0)
		return -1;
	if (epoch->reuse) {
		epoch->next = epoch->n_results;
		return store_set_image(epoch->store, epoch->id, epoch->previous.image, err);
	}
	if (matr_store_epoch(epoch->store, epoch->id, &record, err) != 0 ||
	    outward_read(&epoch->outward, err) != 0)
		return -1;
	if (image_builder_open((uint64_t)epoch->id, record.cpu_level, epoch->n_results,
			       &epoch->builder, err) != 0 ||
	    image_builder_loader(epoch->builder, epoch->interpreter, err) != 0)
		return -1;
	image_builder_preload(epoch->builder, &epoch->preload);
	if (epoch->portable)
		image_builder_portable(epoch->builder);
	if (build_on_previous(epoch, err) != 0)
		return -1;
	return count_applications(epoch) ? add_cpu_record(epoch, err) : 0;
}

/* 1: done, 0: it has to be compiled. */
static int keep(struct matr_epoch *epoch, struct matr_epoch_result *result, struct matr_error *err)
{
	struct matr_file_id file;

	if (!result->carried)
		return 0;
	if (store_application_file(epoch->store, result->application, &file, err) != 0)
		return -1;
	return image_builder_keep(epoch->builder, result->path, &file, &result->summary, err);
}

/* Read what the application loads. *closures: matr_closures_free(); ids: the store's, free(). */
static int read_closures(struct matr_epoch *epoch, int64_t application,
			 struct matr_closure **closures, int64_t **ids, size_t *n,
			 struct matr_error *err)
{
	struct matr_store_closure *records;
	size_t n_records;

	*n = 0;
	if (matr_store_closures(epoch->store, application, &records, &n_records, err) != 0)
		return -1;
	*closures = calloc(n_records + 1, sizeof **closures);
	*ids = calloc(n_records + 1, sizeof **ids);
	int result = *closures && *ids ? 0 : matr_fail_memory(err);
	for (size_t i = 0; i < n_records && !result; i++) {
		if (!records[i].objects)
			continue;
		result = matr_store_closure(epoch->store, application, &records[i],
					    &(*closures)[*n], err);
		(*ids)[*n] = records[i].id;
		*n += !result;
	}
	matr_store_closures_free(records, n_records);
	return result;
}

/* Add an application to the image. *declined: it was not added, and *why has the reason. */
static int add_to_image(struct matr_epoch *epoch, struct matr_epoch_result *result,
			struct matr_error *why, bool *declined, struct matr_error *err)
{
	struct matr_mapping *mapping = NULL;
	struct matr_closure *closures = NULL;
	int64_t *ids = NULL;
	size_t n = 0;

	*declined = false;
	int done = matr_store_mapping(epoch->store, result->application, &mapping, err);
	if (done == 0)
		done = read_closures(epoch, result->application, &closures, &ids, &n, err);
	if (done == 0 &&
	    image_builder_add(epoch->builder, mapping, closures, n, &result->summary, why) != 0) {
		*declined = why->code == MATR_ERROR_UNSUPPORTED;
		if (!*declined)
			done = matr_error_copy(err, why);
	}
	for (size_t i = 0; i < n && done == 0 && !*declined; i++) {
		if (closures[i].reason)
			done = store_decline_closure(epoch->store, ids[i], closures[i].reason, err);
	}
	matr_closures_free(closures, n);
	free(ids);
	matr_mapping_free(mapping);
	return done;
}

/* Compile one application from what the store holds of it. */
static int compile(struct matr_epoch *epoch, struct matr_epoch_result *result,
		   struct matr_error *err)
{
	struct matr_error why = {0};
	bool declined;

	if (add_to_image(epoch, result, &why, &declined, err) != 0)
		return -1;
	if (!declined)
		return 0;
	if (store_remove(epoch->store, epoch->id, result->application, err) != 0)
		return -1;
	result->application = 0;
	return epoch_decline(epoch, result, &why, err);
}

int epoch_image_step(struct matr_epoch *epoch, struct matr_error *err)
{
	if (epoch->next == 0 && start(epoch, err) != 0)
		return -1;
	for (size_t n = 0; n < PROGRAMS_AT_ONCE && epoch->next < epoch->n_results; epoch->next++) {
		struct matr_epoch_result *result = &epoch->results[epoch->next];
		if (!result->application)
			continue;
		image_builder_layout(epoch->builder,
				     epoch_layout(epoch->config, &epoch->outward, result->path));
		image_builder_record(epoch->builder,
				     matr_config_records(epoch->config, result->path));
		int kept = keep(epoch, result, err);
		if (kept < 0 || (kept == 0 && compile(epoch, result, err) != 0))
			return -1;
		n += kept == 0;
	}
	if (epoch->next == epoch->n_results)
		epoch->phase = EPOCH_READY;
	return 0;
}

int epoch_image_write(struct matr_epoch *epoch, const char *path, struct matr_error *err)
{
	if (count_applications(epoch) == 0)
		return matr_fail(err, MATR_ERROR_STATE, epoch->prefix, "no epoch was begun: %s",
				 epoch->n_results ? "every program was declined"
						  : "there are no programs");
	if (!epoch->builder)
		return 0; /* it is there */
	if (image_builder_write(epoch->builder, path, NULL, err) != 0)
		return -1;
	/* It is as large as the image, which the check maps. */
	image_builder_close(epoch->builder);
	epoch->builder = NULL;
	return matr_image_check(path, NULL, err);
}
