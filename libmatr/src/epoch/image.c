/* image.c - from the store's records to the image.
 *
 * What was carried over from the epoch before is carried over from its image too, if that is still there; the rest is
 * compiled. If nothing has changed at all, the new epoch goes on with the image as it is.
 */
#include "epoch/image.h"

#include <stdlib.h>
#include <string.h>

#include <matr/epoch.h>
#include <matr/prefix.h>

#include "base/path.h"
#include "epoch/results.h"
#include "image/builder.h"
#include "image/source.h"
#include "store/closure.h"
#include "store/epoch.h"
#include "store/mapping.h"

enum { PROGRAMS_AT_ONCE = 16 };

/* The image of the epoch before: in force, or kept when that ended. */
static int open_source(struct matr_epoch *epoch, struct matr_error *err)
{
	static const char *const names[] = {MATR_IMAGE_FILE, MATR_ENDED_IMAGE_FILE};
	char path[PATH_MAX];
	int found = 0;

	for (size_t i = 0; i < 2 && found == 0 && epoch->previous.id; i++) {
		if (path_join(epoch->prefix, names[i], path, err) != 0)
			return -1;
		found = image_source_open(path, epoch->previous.image, &epoch->source, err);
		epoch->source_in_force = i == 0;
	}
	return found < 0 ? -1 : 0;
}

static size_t count_applications(const struct matr_epoch *epoch)
{
	size_t n = 0;

	for (size_t i = 0; i < epoch->n_results; i++)
		n += epoch->results[i].application != 0;
	return n;
}

static int start(struct matr_epoch *epoch, struct matr_error *err)
{
	struct matr_store_epoch record;

	if (open_source(epoch, err) != 0)
		return -1;
	/* From an image with violations some applications are missing. */
	if (epoch->all_carried && epoch->source && !epoch->with_summaries &&
	    image_source_applications(epoch->source) >= count_applications(epoch)) {
		epoch->next = epoch->n_results;
		return matr_store_set_image(epoch->store, epoch->id, epoch->previous.image, err);
	}
	if (matr_store_epoch(epoch->store, epoch->id, &record, err) != 0)
		return -1;
	if (image_builder_open((uint64_t)epoch->id, record.cpu_level, epoch->n_results,
			       &epoch->builder, err) != 0)
		return -1;
	image_builder_preload(epoch->builder, &epoch->preload);
	if (epoch->portable)
		image_builder_portable(epoch->builder);
	return 0;
}

/* 1: done, 0: it has to be compiled. */
static int copy(struct matr_epoch *epoch, struct matr_epoch_result *result, struct matr_error *err)
{
	struct matr_directory *directories;
	size_t n;

	if (!epoch->source || !result->carried)
		return 0;
	int copied = matr_store_application_directories(epoch->store, result->application,
							&directories, &n, err);
	if (copied == 0)
		copied = image_source_copy(epoch->source, epoch->builder, result->path, directories,
					   n, &result->summary, err);
	for (size_t i = 0; i < n; i++)
		free(directories[i].path);
	free(directories);
	return copied;
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

/* 0: done; 1: declined, and *why has the reason. */
static int add_to_image(struct matr_epoch *epoch, struct matr_epoch_result *result,
			struct matr_error *why, struct matr_error *err)
{
	struct matr_mapping *mapping = NULL;
	struct matr_closure *closures = NULL;
	int64_t *ids = NULL;
	size_t n = 0;

	int done = matr_store_mapping(epoch->store, result->application, &mapping, err);
	if (done == 0)
		done = read_closures(epoch, result->application, &closures, &ids, &n, err);
	if (done == 0 &&
	    image_builder_add(epoch->builder, mapping, closures, n, &result->summary, why) != 0)
		done = why->code == MATR_ERROR_UNSUPPORTED ? 1 : -1;
	if (done < 0 && why->code != MATR_OK && err)
		*err = *why;
	for (size_t i = 0; i < n && done == 0; i++) {
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

	int declined = add_to_image(epoch, result, &why, err);
	if (declined <= 0)
		return declined;
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
		int copied = copy(epoch, result, err);
		if (copied < 0 || (copied == 0 && compile(epoch, result, err) != 0))
			return -1;
		n += copied == 0;
	}
	if (epoch->next == epoch->n_results)
		epoch->phase = EPOCH_READY;
	return 0;
}

int epoch_image_write(struct matr_epoch *epoch, const char *path, struct matr_error *err)
{
	size_t applications = 0;

	for (size_t i = 0; i < epoch->n_results; i++)
		applications += epoch->results[i].application != 0;
	if (applications == 0)
		return matr_fail(err, MATR_ERROR_STATE, epoch->prefix, "no epoch was begun: %s",
				 epoch->n_results ? "every program was declined"
						  : "there are no programs");
	if (!epoch->builder)
		return 0; /* it is there */
	if (image_builder_write(epoch->builder, path, NULL, err) != 0)
		return -1;
	return matr_image_check(path, NULL, err);
}
