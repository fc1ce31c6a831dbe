/* variant.c - page data of a library: its writable pages, relocated for the region.
 *
 * Applications bind most words of a library alike. So the first application's words make the first
 * variant, and of any other only the words that differ are kept, as patches that an exec writes.
 * Each page with a patch is a copy in every process; where that would be many, another variant
 * costs less.
 */
#include "image/image.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

enum {
	/* Pages that patches may touch before a variant of its own is better. */
	PATCHED_PAGES = 32,
	/* Bytes that all variants but the first of each library may take: programs at fixed
	 * addresses (ET_EXEC) with large C++ libraries would have a copy of these each. */
	FURTHER_VARIANTS = 64 << 20,
};

static bool is_in_pages(uint32_t provider)
{
	return provider == MATR_BASE_PLACE || provider == MATR_BASE_ABSOLUTE;
}

static uint64_t page_value(const struct image_builder *builder, const struct word *word)
{
	return word->provider == MATR_BASE_PLACE ? builder->region + word->value : word->value;
}

static uint64_t place_of(const struct image_binary *binary, uint64_t vaddr)
{
	const struct image_area *area = image_binary_area(binary, vaddr);

	return area ? area->at + vaddr - area->vaddr : UINT64_MAX;
}

static bool is_shifted(const struct image_variant *variant, uint64_t at)
{
	return variant->shifted[at / 512] >> at / 8 % 64 & 1;
}

static bool has_word(const struct image_builder *builder, const struct image_variant *variant,
		     uint64_t at, const struct word *word)
{
	uint64_t value;

	if (at == UINT64_MAX || !is_in_pages(word->provider))
		return false;
	memcpy(&value, builder->pages.bytes + variant->pages + at, sizeof value);
	return value == page_value(builder, word) &&
	       is_shifted(variant, at) == (word->provider == MATR_BASE_PLACE);
}

/* Count the pages that patches for these words would touch, up to `limit`. */
static size_t count_pages(const struct image_builder *builder, const struct image_binary *binary,
			  const struct image_variant *variant, const struct words *words,
			  uint64_t *touched, size_t limit)
{
	size_t n = 0;

	memset(touched, 0, binary->pages_size / MATR_IMAGE_PAGE / 8 + 8);
	for (size_t i = 0; i < words->n && n < limit; i++) {
		uint64_t at = place_of(binary, words->list[i].offset);
		if (at == UINT64_MAX || has_word(builder, variant, at, &words->list[i]))
			continue;
		/* Words relative to the application or to ld.so are patches in any variant. */
		uint64_t page = at / MATR_IMAGE_PAGE;
		if (is_in_pages(words->list[i].provider) &&
		    !(touched[page / 64] >> page % 64 & 1)) {
			touched[page / 64] |= UINT64_C(1) << page % 64;
			n++;
		}
	}
	return n;
}

static bool may_have_another(const struct image_builder *builder, const struct image_binary *binary)
{
	return binary->first_variant == IMAGE_NO_VARIANT ||
	       builder->further_variants + binary->pages_size <= FURTHER_VARIANTS;
}

/* IMAGE_NO_VARIANT: another is to be made. */
static int find_best(const struct image_builder *builder, const struct image_binary *binary,
		     const struct words *words, uint32_t *best, struct matr_error *err)
{
	uint64_t *touched = calloc(binary->pages_size / MATR_IMAGE_PAGE / 64 + 2, sizeof *touched);
	size_t least = may_have_another(builder, binary) ? PATCHED_PAGES + 1 : SIZE_MAX;

	*best = IMAGE_NO_VARIANT;
	if (!touched)
		return matr_fail_memory(err);
	for (uint32_t i = binary->first_variant; i != IMAGE_NO_VARIANT;
	     i = builder->variants[i].next) {
		size_t n =
			count_pages(builder, binary, &builder->variants[i], words, touched, least);
		if (n < least) {
			least = n;
			*best = i;
		}
		if (!n)
			break;
	}
	free(touched);
	return 0;
}

void image_word_mark(const struct image_binary *binary, uint64_t *shifted, uint64_t vaddr)
{
	uint64_t at = place_of(binary, vaddr);

	if (at != UINT64_MAX)
		shifted[at / 512] |= UINT64_C(1) << at / 8 % 64;
}

int image_variant_enter(struct image_builder *builder, const struct image_variant *variant,
			uint32_t *index, struct matr_error *err)
{
	struct image_binary *binary = &builder->binaries[variant->binary];

	if (array_reserve(&builder->variants, &builder->variants_capacity, builder->n_variants + 1,
			  sizeof *builder->variants, err) != 0)
		return -1;
	*index = (uint32_t)builder->n_variants;
	builder->variants[*index] = *variant;
	builder->variants[*index].next = binary->first_variant;
	if (binary->first_variant != IMAGE_NO_VARIANT)
		builder->further_variants += binary->pages_size;
	binary->first_variant = *index;
	binary->n_variants++;
	builder->n_variants++;
	return 0;
}

static void set_word(struct image_builder *builder, struct image_variant *variant, uint64_t at,
		     const struct word *word)
{
	uint64_t value = page_value(builder, word);

	memcpy(builder->pages.bytes + variant->pages + at, &value, sizeof value);
	if (word->provider == MATR_BASE_PLACE)
		variant->shifted[at / 512] |= UINT64_C(1) << at / 8 % 64;
}

static bool is_address(int64_t tag)
{
	switch (tag) {
	case DT_PLTGOT:
	case DT_HASH:
	case DT_STRTAB:
	case DT_SYMTAB:
	case DT_RELA:
	case DT_JMPREL:
	case DT_GNU_HASH:
	case DT_VERSYM:
		return true;
	default:
		return false;
	}
}

/* ld.so turns these offsets into addresses in the dynamic section itself (elf_get_dynamic_info).
 * Who reads l_ld expects that. */
static void set_dynamic(struct image_builder *builder, const struct image_binary *binary,
			struct image_variant *variant, const struct matr_object *object)
{
	for (size_t i = 0; i < object->n_dynamic; i++) {
		uint64_t vaddr =
			object->dynamic_vaddr + i * sizeof(Elf64_Dyn) + offsetof(Elf64_Dyn, d_un);
		uint64_t at = place_of(binary, vaddr);
		struct word word = {vaddr, binary->base + object->dynamic[i].value,
				    MATR_BASE_PLACE};
		if (at != UINT64_MAX && is_address(object->dynamic[i].tag))
			set_word(builder, variant, at, &word);
	}
}

static bool dynamic_is_writable(const struct matr_object *object)
{
	for (size_t i = 0; i < object->n_segments; i++) {
		if (object->segments[i].type == PT_DYNAMIC)
			return object->segments[i].flags & PF_W;
	}
	return false;
}

static int make_variant(struct image_builder *builder, struct image_binary *binary,
			uint32_t binary_index, const struct matr_object *object,
			const struct words *words, uint32_t *out, struct matr_error *err)
{
	struct image_variant variant = {.binary = binary_index};

	if (buffer_extend(&builder->pages, binary->pages_size, MATR_IMAGE_PAGE, &variant.pages,
			  err) < 0 ||
	    image_binary_read(binary, object, builder->pages.bytes + variant.pages, err) < 0)
		return -1;
	variant.shifted = calloc(binary->pages_size / 512 + 1, sizeof *variant.shifted);
	if (!variant.shifted)
		return matr_fail_memory(err);
	for (size_t i = 0; i < words->n; i++) {
		uint64_t at = place_of(binary, words->list[i].offset);
		if (at != UINT64_MAX && is_in_pages(words->list[i].provider))
			set_word(builder, &variant, at, &words->list[i]);
	}
	if (dynamic_is_writable(object))
		set_dynamic(builder, binary, &variant, object);
	if (image_variant_enter(builder, &variant, out, err) < 0) {
		free(variant.shifted);
		return -1;
	}
	return 0;
}

int image_variant_choose(struct image_builder *builder, uint32_t binary_index,
			 const struct matr_object *object, const struct words *words,
			 uint32_t *variant, struct words *patches, struct matr_error *err)
{
	struct image_binary *binary = &builder->binaries[binary_index];

	if (find_best(builder, binary, words, variant, err) < 0 ||
	    (*variant == IMAGE_NO_VARIANT &&
	     make_variant(builder, binary, binary_index, object, words, variant, err) < 0))
		return -1;
	for (size_t i = 0; i < words->n; i++) {
		const struct word *word = &words->list[i];
		uint64_t at = place_of(binary, word->offset);
		if (!has_word(builder, &builder->variants[*variant], at, word) &&
		    words_add(patches, word->offset, word->value, word->provider, err) < 0)
			return -1;
	}
	return 0;
}
