/* status.c - what is at the loader path (matr/loader.h). Looks, and changes nothing. */
#include "loader/place.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file_id.h"

static void examine_interpreter(const struct loader_place *place, struct matr_loader_status *out)
{
	struct stat status;
	struct matr_loader_config config;

	if (!place->has_interpreter || matr_loader_identify(place->interpreter, &config, NULL) != 1)
		return;
	snprintf(out->interpreter, sizeof out->interpreter, "%s", place->interpreter);
	snprintf(out->prefix, sizeof out->prefix, "%s", config.prefix);
	out->image_format_matches = config.format == MATR_IMAGE_FORMAT;
	memcpy(out->unserved, config.unserved, sizeof out->unserved);
	out->carries_real = out->real[0] && config.embedded && stat(out->real, &status) == 0 &&
			    (uint64_t)status.st_size == config.loader_size &&
			    timespec_ns(&status.st_mtim) == config.loader_mtime;
}

int matr_loader_status(const char *path, struct matr_loader_status *out, struct matr_error *err)
{
	struct loader_place place;
	struct matr_error why = {0};

	*out = (struct matr_loader_status){0};
	if (loader_place_look(path, &place, err) != 0)
		return -1;
	snprintf(out->path, sizeof out->path, "%s", place.path);
	out->has_original = place.has_original;
	if (loader_place_real(&place, out->real, &why) != 0)
		out->real[0] = 0;
	examine_interpreter(&place, out);
	if (!place.works) {
		out->state = MATR_LOADER_BROKEN;
		snprintf(out->problem, sizeof out->problem, "%s",
			 !place.exists ? "there is nothing at the loader path"
			 : place.ours  ? "it leads to " MATR_LOADER_FILE
					", which is missing or damaged"
				      : "it leads to no dynamic linker");
		return 0;
	}
	out->state = place.ours		  ? MATR_LOADER_INSTALLED
		     : place.has_original ? MATR_LOADER_DISPLACED
					  : MATR_LOADER_REAL;
	if (place.in_run)
		snprintf(out->problem, sizeof out->problem, "this is a namespace of `matr run`");
	else if (place.ours && !out->real[0])
		snprintf(out->problem, sizeof out->problem,
			 "the real dynamic linker is not to be found, programs live by the copy "
			 "in " MATR_LOADER_FILE ": %.300s: %.100s",
			 why.file, why.message);
	else if (place.ours && !place.has_original)
		snprintf(out->problem, sizeof out->problem,
			 MATR_LOADER_ORIGINAL " is missing; `matr loader install` makes it again");
	return 0;
}
