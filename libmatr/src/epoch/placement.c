/* placement.c - which layout a program gets, and why. */
#include "epoch/placement.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <matr/config.h>
#include <matr/epoch.h>
#include <matr/placement.h>
#include <matr/prefix.h>

#include "base/path.h"
#include "image/placement.h"

enum matr_layout epoch_layout(const struct matr_config *config, const struct outward *outward,
			      const char *application)
{
	enum matr_layout layout = matr_config_layout(config, application);

	return layout == MATR_LAYOUT_AUTO && outward_find(outward, application) ? MATR_LAYOUT_RANDOM
										: layout;
}

const char *matr_layout_name(enum matr_layout layout)
{
	static const char *const names[] = {
		[MATR_LAYOUT_DEFAULT] = "default", [MATR_LAYOUT_AUTO] = "auto",
		[MATR_LAYOUT_SHARED] = "shared",   [MATR_LAYOUT_RANDOM] = "random",
		[MATR_LAYOUT_PACK] = "pack",
	};

	return names[layout];
}

/* Configuration and units are as they are now: an epoch that began before they changed has what
 * they were. */
static void explain(const struct matr_config *config, const struct outward *outward,
		    const char *application, const struct image_placement *found,
		    struct matr_placement *out)
{
	enum matr_layout wanted = matr_config_layout(config, application);
	enum outward_kind kind = outward_find(outward, application);
	bool random = found->layout == MATR_LAYOUT_RANDOM;

	bool by_size =
		random == image_is_random(MATR_LAYOUT_AUTO, found->n_relocations, found->n_objects);

	if (wanted == found->layout)
		snprintf(out->why, sizeof out->why, "layout = %s in the configuration",
			 matr_layout_name(wanted));
	else if (wanted != MATR_LAYOUT_AUTO)
		snprintf(out->why, sizeof out->why,
			 "the configuration has layout = %s, which the next begin follows",
			 matr_layout_name(wanted));
	else if (by_size)
		snprintf(out->why, sizeof out->why, "%u relocations in %u objects are %s",
			 found->n_relocations, found->n_objects, random ? "few" : "many");
	else if (random && kind != OUTWARD_NOT)
		snprintf(out->why, sizeof out->why, "%s",
			 kind == OUTWARD_UNIT ? "a systemd unit starts it"
					      : "it opens addresses of the web");
	else if (!random)
		snprintf(out->why, sizeof out->why,
			 "%u relocations in %u objects, and those of what it loads, are many",
			 found->n_relocations, found->n_objects);
	else
		snprintf(out->why, sizeof out->why,
			 "the configuration was another when the epoch began");
}

int matr_placement(const char *prefix, const char *application, struct matr_placement *out,
		   struct matr_error *err)
{
	char image[PATH_MAX], file[PATH_MAX];
	struct matr_config *config = NULL;
	struct outward outward = {.n = 0};
	struct image_placement found;
	bool portable;

	*out = (struct matr_placement){.layout = MATR_LAYOUT_DEFAULT};
	if (path_join(prefix, MATR_IMAGE_FILE, image, err) != 0)
		return -1;
	int result = image_placement(image, application, &found, err);
	if (result == 0)
		return matr_fail(err, MATR_ERROR_NOT_FOUND, application,
				 "is not in the image that is in force");
	if (result < 0 || matr_epoch_last_options(prefix, file, &portable, err) != 0)
		return -1;
	out->layout = found.layout;
	out->address = found.layout == MATR_LAYOUT_RANDOM ? 0 : found.region;
	result = matr_config_load(file[0] ? file : NULL, &config, err);
	if (result == 0)
		result = outward_read(&outward, err);
	if (result == 0)
		explain(config, &outward, application, &found, out);
	outward_free(&outward);
	matr_config_free(config);
	return result;
}
