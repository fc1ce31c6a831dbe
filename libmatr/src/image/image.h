/* image.h - an epoch image in the making: what the files of image/ share.
 *
 * Metadata grows in one buffer, page data in another. A file that is a library of some application
 * has one `struct image_binary`: its base, its segments. What its writable pages hold once they are
 * relocated depends on the application, so there are variants of them, each with a library record
 * of its own. Most have one: what differs in an application is a patch.
 */
#ifndef MATR_IMAGE_IMAGE_H
#define MATR_IMAGE_IMAGE_H

#include <matr/image_format.h>

#include "base/buffer.h"
#include "base/map.h"
#include "image/builder.h"
#include "mapping/plan.h"

/* First address for libraries, relative to the place, and at most. The metadata is below it. */
#define IMAGE_FIRST_BASE     (UINT64_C(1) << 28)
#define IMAGE_FIRST_BASE_MAX (UINT64_C(1) << 30)
/* The most that all libraries of an epoch may take of the address space. */
#define IMAGE_REGION_MAX     (UINT64_C(1) << 36)

enum { IMAGE_AREAS = 4 }; /* writable PT_LOAD segments that a library may have */

/* A range of a library that is mapped from page data. */
struct image_area {
	uint64_t vaddr, size; /* whole pages */
	uint64_t at;	      /* relative to the library's page data */
};

struct image_binary {
	struct matr_file_id id;
	char *path; /* canonical */
	uint64_t base, first, span;
	uint64_t alignment; /* the largest p_align, at least a page */
	uint64_t dynamic;
	unsigned char *headers; /* ELF header and program headers, as in the file; NULL: not read */
	size_t headers_size;
	struct matr_image_segment *segments; /* IMAGE: offset is relative to the page data */
	uint32_t n_segments;
	struct image_area areas[IMAGE_AREAS];
	uint32_t n_areas;
	bool packed;	     /* every segment but a long .bss is page data, in one area */
	uint64_t pages_size; /* of all areas, bytes */
	uint64_t relro_low, relro_high;
	uint64_t content; /* in a portable image */
	uint32_t first_variant, n_variants;
};

#define IMAGE_NO_VARIANT UINT32_MAX

struct image_variant { /* becomes one struct matr_image_library */
	uint32_t binary;
	uint32_t next;	/* variant of the same binary */
	uint64_t pages; /* offset in the builder's page data */
	/* In the metadata, if this is of the image before; 0: to be made. */
	uint64_t shifts, segments, path;
	uint64_t *shifted; /* bits, one per word of page data: it holds an address of the region */
};

struct image_ifunc_result; /* ifunc_results.c */

struct image_builder {
	struct buffer image; /* opens with room for the header */
	struct buffer scratch;
	struct buffer pages;
	uint64_t epoch;
	uint64_t region;
	uint64_t next_base; /* relative to the place */
	uint32_t cpu_level;
	uint64_t loader_hash;
	uint64_t cpu; /* the CPU record; 0: none */
	struct matr_file_id loader, preload;
	bool portable;
	enum matr_layout layout; /* of what is added next */
	bool record;		 /* the same */
	size_t expected;	 /* applications */
	uint64_t first_base;	 /* of a library, relative to the place; the metadata is below it */
	uint64_t libraries;	 /* place of the records; 0: none yet */
	uint32_t libraries_room;
	uint64_t common;    /* room for what records of common libraries refer to; 0: none */
	uint64_t hash;	    /* the table's place in the image before */
	uint32_t hash_size; /* 0: there is none yet */
	struct matr_image_slot *applications; /* in the order they were added */
	size_t n_applications, applications_capacity;
	struct image_binary *binaries;
	size_t n_binaries, binaries_capacity;
	struct map binary_index; /* image_binary_key() -> index */
	struct image_variant *variants;
	size_t n_variants, variants_capacity;
	uint64_t further_variants; /* bytes of page data of all but the first of each binary */
	struct map ifunc_results;  /* of (binary, vaddr) -> result */
	struct map kept;	   /* of the image before: key of a path -> manifest */
	struct image_adopted {	   /* identities of files in the image before, and now */
		struct matr_image_file from, to;
	} * adopted;
	size_t n_adopted, adopted_capacity;
	uint64_t whole_size; /* of the last image that was built from nothing; 0: this one */
};

/* Test whether the libraries of the applications that are added next are packed. A portable image
 * packs none: in a copy of the file tree only the mapped file identifies the library. */
static inline bool image_packs(const struct image_builder *builder)
{
	return builder->layout == MATR_LAYOUT_PACK && !builder->portable;
}

/* Enter a binary, or a variant of one, that has been made. Owned by the builder on success. */
int image_binary_enter(struct image_builder *builder, const struct image_binary *binary,
		       uint64_t key, uint32_t *index, struct matr_error *err);
int image_variant_enter(struct image_builder *builder, const struct image_variant *variant,
			uint32_t *index, struct matr_error *err);

/* Mark the word at vaddr as one that holds an address of the region. */
void image_word_mark(const struct image_binary *binary, uint64_t *shifted, uint64_t vaddr);

/* Read the binary's headers, unless they have been. */
int image_binary_headers(struct image_binary *binary, const struct matr_object *object,
			 struct matr_error *err);

/* A packed file is a binary of its own, at another base. */
uint64_t image_binary_key(const struct matr_image_file *file, bool packed);

/* The file's binary: made when it is first asked for. *index is valid until the builder is closed.
 * `pack`: the packed one, if the file's segments are such that it can be.
 * MATR_ERROR_UNSUPPORTED: it cannot be served. */
int image_binary_find(struct image_builder *builder, const struct matr_object *object, bool pack,
		      uint32_t *index, struct matr_error *err);
void image_binary_free(struct image_binary *binary);

/* Read what page data has of the file, as it is before relocation, to where the areas have it:
 * `to` has pages_size bytes, zeroed. */
int image_binary_read(const struct image_binary *binary, const struct matr_object *object,
		      unsigned char *to, struct matr_error *err);

bool image_binary_is_relro(const struct image_binary *binary, uint64_t vaddr);

/* The area that has the word at vaddr; NULL: none has. */
const struct image_area *image_binary_area(const struct image_binary *binary, uint64_t vaddr);

/* Choose the variant of the binary that suits the words best, or make one. The words that are not
 * what its page data holds are left in *patches (free list). */
int image_variant_choose(struct image_builder *builder, uint32_t binary,
			 const struct matr_object *object, const struct words *words,
			 uint32_t *variant, struct words *patches, struct matr_error *err);

enum image_content {
	IMAGE_CONTENT_LIBRARY,	   /* for portable images: all that decides bindings, and data */
	IMAGE_CONTENT_APPLICATION, /* the same of an application */
	IMAGE_CONTENT_TELLING,	   /* for others: just enough to identify an application */
};

/* Add the hash that identifies the file by its bytes (struct matr_image_content). */
int image_content_add(struct image_builder *builder, const struct matr_object *object,
		      enum image_content kind, uint64_t *offset, struct matr_error *err);

/* The time at which a library is served. One that is loaded later has PT_GNU_RELRO in any case: at
 * ld.so's call for it the library's own dynamic section is given back. */
enum image_served { IMAGE_AT_START, IMAGE_ROOT, IMAGE_MEMBER }; /* of a closure */

/* The headers and the dynamic section that ld.so is shown of a library. */
int image_served_headers(struct image_builder *builder, uint32_t binary,
			 const struct matr_scope_entry *entry, const struct object_plan *plan,
			 enum image_served when, struct matr_image_object *out,
			 struct matr_error *err);

/* The binaries of a mapping's scope, and their words relative to bases that are known at exec. */
struct image_scope {
	const struct matr_mapping *mapping;
	uint32_t *binaries; /* parallel to the scope; undefined where image_scope_has() is false */
};

/* The first n_start objects are the application's and packed if its layout is; more are loaded
 * later. To be closed in any case. */
int image_scope_open(struct image_builder *builder, const struct matr_mapping *mapping,
		     size_t n_start, struct image_scope *out, struct matr_error *err);
void image_scope_close(struct image_scope *scope);

/* Test whether the object at this scope index has a library record. */
bool image_scope_has(const struct image_scope *scope, size_t index);

/* Turn the words of the object at this scope index from scope indices to MATR_BASE_*. */
void image_words_finish(const struct image_builder *builder, const struct image_scope *scope,
			uint32_t index, struct words *words);

/* Lay out the library at this scope index, `plan` being the object's. Its words are changed. */
int image_library_add(struct image_builder *builder, const struct image_scope *scope,
		      uint32_t index, struct object_plan *plan, enum image_served when,
		      struct matr_image_object *out, struct matr_error *err);

/* Sort the plan's IFUNCs into one entry per resolver, with its result if that is known: then it
 * becomes a word of each slot's object. Both arrays have room for plan->n_ifuncs. Returns the
 * number of entries, -1 on error. */
int image_ifuncs_add(struct image_builder *builder, const struct image_scope *scope,
		     struct relocation_plan *plan, struct matr_image_ifunc *ifuncs, uint64_t *slots,
		     struct matr_error *err);

struct image_closures_out {
	uint64_t offset;    /* of struct matr_image_closures; 0: none */
	uint64_t alignment; /* the largest of any member, at least a page */
	/* Of all members, each counted once. */
	uint32_t n_objects, n_relocations;
};

/* Lay out the closures, and give those that are not fit a reason. */
int image_closures_add(struct image_builder *builder, struct matr_closure *closures,
		       size_t n_closures, struct image_closures_out *out,
		       struct matr_image_summary *summary, struct matr_error *err);

/* The largest alignment of the scope's libraries, at least a page. */
uint64_t image_scope_alignment(const struct image_builder *builder,
			       const struct image_scope *scope);

/* Result of the resolver at vaddr on this machine, relative to the binary's load address. 0:
 * unknown, because this process has another file as that library. */
uint64_t image_ifunc_result(struct image_builder *builder, uint32_t binary, uint64_t vaddr);

/* Lay out the manifest of the application that `mapping` and `plan` describe, and add its key. */
int image_manifest_add(struct image_builder *builder, const struct matr_mapping *mapping,
		       struct relocation_plan *plan, const struct image_closures_out *closures,
		       struct matr_error *err);

/* Note in the manifest that was added last what the application added to the image, bytes. */
void image_manifest_set_bytes(struct image_builder *builder, uint64_t bytes);

/* Enter a manifest that is in the image under its application's key. */
int image_builder_add_key(struct image_builder *builder, uint64_t key, uint64_t manifest,
			  struct matr_error *err);

/* The identity of the file on this machine. */
struct matr_image_file image_file(const struct matr_file_id *id);

/* The same, as the image has it: of a portable one, the size. */
struct matr_image_file image_file_of(const struct image_builder *builder,
				     const struct matr_file_id *id);

#endif
