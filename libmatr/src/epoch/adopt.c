/* adopt.c - files that were touched or replaced, and have the same content.
 *
 * A package that is installed again, a touch, a new hard link: the file has other times or another
 * inode, and the same bytes. What it binds to has not changed, so nothing is resolved again. The
 * record of the object is given the file's identity; records and mappings that refer to it stay.
 *
 * Two things have to be equal: everything that the store holds of the object, by its cryptographic
 * hash, and all bytes of the file, by a checksum. The hash covers what decides bindings. The
 * checksum covers what else the image has of the file: data, and code in packed libraries. A forged
 * checksum gains nothing, because the author of a library decides what it does in any case.
 */
#include "epoch/adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/image_format.h>

#include "base/array.h"
#include "base/file_id.h"
#include "base/parallel.h"
#include "store/object.h"

enum { CHUNK = 256 * 1024 };

/* ---- content ---- */

static ssize_t read_chunk(int fd, unsigned char *to, off_t offset)
{
	size_t n = 0;

	while (n < CHUNK) {
		ssize_t got = pread(fd, to + n, CHUNK - n, offset + (off_t)n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

/* The file is read rather than mapped: if it is truncated meanwhile, that must not kill us. */
static bool sum_file(int fd, uint64_t *content)
{
	unsigned char *chunk = malloc(CHUNK);
	off_t offset = 0;
	ssize_t n = 0;

	*content = 0;
	while (chunk && (n = read_chunk(fd, chunk, offset)) > 0) {
		*content = matr_image_checksum64(chunk, (size_t)n, *content);
		offset += n;
	}
	bool whole = chunk && n == 0;
	free(chunk);
	return whole;
}

static bool is_file(int fd, const struct matr_file_id *id)
{
	struct stat status;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		return false;
	struct matr_file_id now = file_id_of(&status);
	return file_id_equal(&now, id);
}

bool epoch_file_content(const char *path, const struct matr_file_id *id, uint64_t *content)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return false;
	bool summed = is_file(fd, id) && sum_file(fd, content) && is_file(fd, id);
	close(fd);
	return summed;
}

/* ---- comparing ---- */

struct candidate {
	size_t index; /* of the object */
	struct matr_file_id now;
	struct store_object_content recorded;
	uint8_t hash[MATR_HASH_SIZE]; /* the object's, as it will be */
	bool equal;
	struct matr_error why; /* RESOURCES only */
};

struct comparison {
	struct matr_object *const *objects;
	struct candidate *list;
	size_t n, capacity;
};

/* Test whether the store would hold the same object for the file as it is now. Sets candidate->hash
 * if so. */
static bool same_object(struct candidate *candidate, const struct matr_object *object)
{
	struct matr_object *fresh;
	uint8_t before[MATR_HASH_SIZE];

	if (matr_object_open(object->path, &fresh, &candidate->why) != 0)
		return false;
	bool same = file_id_equal(&fresh->file, &candidate->now);
	fresh->file = object->file;
	same = same && store_object_hash(fresh, before, &candidate->why) == 0 &&
	       memcmp(before, candidate->recorded.hash, sizeof before) == 0;
	fresh->file = candidate->now;
	same = same && store_object_hash(fresh, candidate->hash, &candidate->why) == 0;
	matr_object_free(fresh);
	return same;
}

static void compare(void *context, size_t i)
{
	const struct comparison *comparison = context;
	struct candidate *candidate = &comparison->list[i];
	const struct matr_object *object = comparison->objects[candidate->index];
	uint64_t content;

	candidate->equal = epoch_file_content(object->path, &candidate->now, &content) &&
			   content == candidate->recorded.content && same_object(candidate, object);
}

/* Find the objects that are worth a comparison. */
static int find_candidates(struct matr_epoch *epoch, size_t n, struct comparison *comparison,
			   struct matr_error *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct matr_object *object = comparison->objects[i];
		struct candidate candidate = {.index = i};
		struct stat status;
		int64_t id;
		if (stat(object->path, &status) != 0 || !S_ISREG(status.st_mode))
			continue;
		candidate.now = file_id_of(&status);
		if (candidate.now.size != object->file.size ||
		    file_id_unchanged(&object->file, &candidate.now, epoch->previous.trusted) ||
		    !store_object_id(epoch->store, object, &id))
			continue;
		int known = store_object_content(epoch->store, id, &candidate.recorded, err);
		if (known < 0 ||
		    (known > 0 && array_reserve(&comparison->list, &comparison->capacity,
						comparison->n + 1, sizeof candidate, err) != 0))
			return -1;
		if (known > 0)
			comparison->list[comparison->n++] = candidate;
	}
	return 0;
}

/* Returns 1 if done, 0 if the object cannot be adopted, -1 on error. */
static int adopt(struct matr_epoch *epoch, struct matr_object *object,
		 const struct candidate *candidate, struct matr_error *err)
{
	const struct adopted adopted = {object->file, candidate->now};
	int64_t id;

	if (!store_object_id(epoch->store, object, &id))
		return 0;
	int done = store_object_move(epoch->store, id, &candidate->now, candidate->hash, err);
	if (done <= 0)
		return done;
	object->file = candidate->now;
	if (file_id_equal(&adopted.from, &adopted.to))
		return 1;
	if (array_reserve(&epoch->adopted, &epoch->adopted_capacity, epoch->n_adopted + 1,
			  sizeof adopted, err) != 0)
		return -1;
	epoch->adopted[epoch->n_adopted++] = adopted;
	return 1;
}

static int adopt_equal(struct matr_epoch *epoch, const struct comparison *comparison, bool *current,
		       struct matr_error *err)
{
	for (size_t i = 0; i < comparison->n; i++) {
		const struct candidate *candidate = &comparison->list[i];
		int done = 0;
		if (candidate->why.code == MATR_ERROR_RESOURCES)
			return matr_error_copy(err, &candidate->why);
		if (candidate->equal)
			done = adopt(epoch, comparison->objects[candidate->index], candidate, err);
		if (done < 0)
			return -1;
		current[candidate->index] = done;
		epoch->n_differ += !done;
	}
	return 0;
}

int epoch_adopt(struct matr_epoch *epoch, struct matr_object *const *objects, size_t n,
		bool *current, struct matr_error *err)
{
	struct comparison comparison = {.objects = objects};

	int result = find_candidates(epoch, n, &comparison, err);
	if (result == 0) {
		parallel_run(epoch->jobs, comparison.n, compare, &comparison);
		epoch->n_compared = comparison.n;
		result = adopt_equal(epoch, &comparison, current, err);
	}
	free(comparison.list);
	return result;
}
