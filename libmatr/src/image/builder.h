/* builder.h - the state of an image while it is compiled, private to image/. */
#ifndef MATR_IMAGE_BUILDER_H
#define MATR_IMAGE_BUILDER_H

#include <matr/image.h>
#include <matr/image_format.h>

#include "base/buffer.h"
#include "mapping/plan.h"

struct matr_image_builder {
	struct buffer image; /* opens with room for the header */
	struct buffer scratch;
	uint64_t epoch;
	uint32_t cpu_level;
	uint64_t preload_size;
	int64_t preload_mtime;
	bool portable;
	uint64_t hash; /* the table's place in the image */
	uint32_t hash_size;
	struct matr_image_slot *applications; /* in the order they were added */
	size_t n_applications, capacity;
};

/* What an application's closures came to. */
struct image_closures {
	uint64_t offset; /* struct matr_image_closures; 0: none */
	size_t n_loaded, n_closures, n_relocations, n_residual;
};

/* Lay out the manifest that `plan` describes and add its key. */
int image_manifest_add(struct matr_image_builder *builder, const struct matr_mapping *mapping,
		       struct relocation_plan *plan, const struct image_closures *closures,
		       struct matr_error *err);

/* Everything an object's entry refers to outside the manifest, and the entry. */
int image_object_pieces(struct matr_image_builder *builder, const struct matr_scope_entry *entry,
			struct object_plan *plan, struct matr_image_object *out,
			struct matr_error *err);

/* Sort the plan's IFUNCs into one entry per resolver. Both arrays have room for plan->n_ifuncs; the result is the
 * number of entries. */
uint32_t image_group_ifuncs(struct relocation_plan *plan, struct matr_image_ifunc *ifuncs,
			    uint64_t *slots);

/* Lay out the closures, and give those that are not fit a reason. */
int image_closures_add(struct matr_image_builder *builder, struct matr_closure *closures,
		       size_t n_closures, struct image_closures *out, struct matr_error *err);

/* Enter a manifest that is in the image under its application's key. */
int image_builder_add_key(struct matr_image_builder *builder, uint64_t key, uint64_t manifest,
			  struct matr_error *err);

#endif
