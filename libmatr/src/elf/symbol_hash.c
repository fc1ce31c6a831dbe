/* symbol_hash.c - which symbols a lookup can find, and how many symbols there are at all.
 *
 * A loaded object has no field for the length of its symbol table. It follows from the hash table:
 * DT_HASH has an entry for every symbol; DT_GNU_HASH (which ld.so prefers) has its symbols at the
 * end of the table and the last chain ends with the last symbol.
 *
 * A symbol counts as hashed if the lookup of its own name arrives at it: bloom filter, bucket,
 * chain and hash value all have to agree. ld.so would not find it otherwise, whatever the table
 * intended.
 *
 * DT_GNU_HASH: nbuckets, first hashed symbol, bloom words, bloom shift (32 bits each); bloom filter
 * (64-bit words); buckets (32-bit symbol indices, 0 for none); then one 32-bit value per hashed
 * symbol, its hash with bit 0 set where a chain ends. A chain is a run of neighbours.
 */
#include <matr/image_format.h>

#include "elf/reader.h"

#include <stdlib.h>
#include <string.h>

struct gnu_hash {
	uint32_t n_buckets, first_symbol, n_bloom, bloom_shift;
	const unsigned char *bloom, *buckets;
	uint64_t chains_vaddr;
	uint64_t n_symbols; /* of the symbol table: one more than the last in a chain */
};

static uint32_t word32(const unsigned char *table, uint64_t i)
{
	uint32_t word;

	memcpy(&word, table + i * sizeof word, sizeof word);
	return word;
}

static uint64_t word64(const unsigned char *table, uint64_t i)
{
	uint64_t word;

	memcpy(&word, table + i * sizeof word, sizeof word);
	return word;
}

static uint32_t sysv_hash(const char *name) /* gABI, "Hash Table" */
{
	uint32_t hash = 0;

	for (; *name; name++) {
		hash = (hash << 4) + (unsigned char)*name;
		hash ^= hash >> 24 & 0xf0;
		hash &= 0x0fffffff;
	}
	return hash;
}

static int fail_hash(struct elf_reader *reader, const char *fault)
{
	return matr_fail(reader->err, MATR_ERROR_MALFORMED, reader->path, "the hash table %s",
			 fault);
}

/* ---- DT_GNU_HASH ---- */

/* Find the end of the chain of the highest bucket, which is the end of the symbol table. */
static int count_gnu_symbols(struct elf_reader *reader, struct gnu_hash *hash)
{
	uint32_t last = 0, value;

	for (uint64_t i = 0; i < hash->n_buckets; i++) {
		uint32_t bucket = word32(hash->buckets, i);
		if (bucket != 0 && bucket < hash->first_symbol)
			return fail_hash(reader, "has a bucket before its first symbol");
		if (bucket > last)
			last = bucket;
	}
	hash->n_symbols = hash->first_symbol;
	if (last == 0) /* nothing is hashed */
		return 0;
	for (;; last++) {
		uint64_t vaddr = hash->chains_vaddr + (last - hash->first_symbol) * sizeof value;
		if (elf_reader_copy(reader, vaddr, &value, sizeof value, "a hash chain") != 0)
			return -1;
		if (value & 1)
			break;
		if (last == UINT32_MAX)
			return fail_hash(reader, "has an endless chain");
	}
	hash->n_symbols = (uint64_t)last + 1;
	return 0;
}

static int read_gnu_hash(struct elf_reader *reader, uint64_t vaddr, struct gnu_hash *hash)
{
	const unsigned char *head = elf_reader_at(reader, vaddr, 16, "the hash table");
	uint64_t bloom_size, buckets_size;

	if (!head)
		return -1;
	hash->n_buckets = word32(head, 0);
	hash->first_symbol = word32(head, 1);
	hash->n_bloom = word32(head, 2);
	hash->bloom_shift = word32(head, 3);
	if (hash->n_bloom == 0 || (hash->n_bloom & (hash->n_bloom - 1)) != 0)
		return fail_hash(reader, "has a bloom filter whose size is no power of two");
	bloom_size = hash->n_bloom * (uint64_t)8;
	buckets_size = hash->n_buckets * (uint64_t)4;
	/* A table that fits the file also fits its segment's address range, so that no sum
	 * overflows. */
	hash->bloom = elf_reader_at(reader, vaddr + 16, bloom_size, "the hash table's filter");
	if (!hash->bloom)
		return -1;
	hash->buckets = elf_reader_at(reader, vaddr + 16 + bloom_size, buckets_size,
				      "the hash table's buckets");
	if (!hash->buckets)
		return -1;
	hash->chains_vaddr = vaddr + 16 + bloom_size + buckets_size;
	return count_gnu_symbols(reader, hash);
}

static bool passes_bloom(const struct gnu_hash *hash, uint32_t value)
{
	uint64_t word = word64(hash->bloom, value / 64 & (hash->n_bloom - 1));
	uint32_t shifted = hash->bloom_shift < 32 ? value >> hash->bloom_shift : 0;

	return word >> (value % 64) & 1 && word >> (shifted % 64) & 1;
}

static int mark_gnu_symbols(struct elf_reader *reader, uint64_t vaddr)
{
	struct matr_object *object = reader->object;
	struct gnu_hash hash = {0};
	const unsigned char *chains;
	uint64_t chain_start;

	if (read_gnu_hash(reader, vaddr, &hash) != 0)
		return -1;
	if (hash.n_buckets == 0 || hash.n_symbols == hash.first_symbol)
		return 0;
	chains = elf_reader_at(reader, hash.chains_vaddr, (hash.n_symbols - hash.first_symbol) * 4,
			       "the hash chains");
	if (!chains)
		return -1;
	chain_start = hash.first_symbol;
	for (uint64_t i = hash.first_symbol; i < hash.n_symbols && i < object->n_symbols; i++) {
		uint32_t chain = word32(chains, i - hash.first_symbol);
		uint32_t value = matr_image_name_hash(object->symbols[i].name);
		uint32_t bucket = word32(hash.buckets, value % hash.n_buckets);
		/* The walk from the bucket arrives here if it starts in this run of symbols. */
		object->symbols[i].hashed = (chain | 1) == (value | 1) && bucket != 0 &&
					    bucket >= chain_start && bucket <= i &&
					    passes_bloom(&hash, value);
		if (chain & 1)
			chain_start = i + 1;
	}
	return 0;
}

/* ---- DT_HASH: nbucket, nchain, buckets, chains (all 32 bits) ---- */

static const unsigned char *read_sysv_hash(struct elf_reader *reader, uint64_t vaddr,
					   uint32_t *n_buckets, uint32_t *n_chains)
{
	const unsigned char *head = elf_reader_at(reader, vaddr, 8, "the hash table");

	if (!head)
		return NULL;
	*n_buckets = word32(head, 0);
	*n_chains = word32(head, 1);
	return elf_reader_at(reader, vaddr + 8, ((uint64_t)*n_buckets + *n_chains) * 4,
			     "the hash table's chains");
}

/* Count the chain entries that lead to each symbol. 0: none. */
struct chain_walk {
	uint32_t *position; /* per symbol, counted over all chains */
	uint32_t n;
	bool goes_up; /* somewhere a chain leads to a higher index */
};

/* Chains that meet, or a chain that bites its own tail (on which ld.so would hang), are not what a
 * hash table has. */
static int walk_sysv_chains(struct elf_reader *reader, const unsigned char *buckets,
			    uint32_t n_buckets, uint32_t n_chains, struct chain_walk *walk)
{
	struct matr_object *object = reader->object;
	const unsigned char *chains = buckets + n_buckets * (uint64_t)4;

	for (uint32_t bucket = 0; bucket < n_buckets; bucket++) {
		for (uint32_t i = word32(buckets, bucket); i != STN_UNDEF; i = word32(chains, i)) {
			if (i >= n_chains || i >= object->n_symbols)
				return fail_hash(reader, "names a symbol that is not there");
			if (walk->position[i])
				return fail_hash(reader, "has chains that meet or form a circle");
			walk->position[i] = ++walk->n;
			object->symbols[i].hashed =
				sysv_hash(object->symbols[i].name) % n_buckets == bucket;
			walk->goes_up |= word32(chains, i) > i;
		}
	}
	return 0;
}

static int compare_names(const void *left, const void *right)
{
	const struct matr_symbol *const *a = left, *const *b = right;
	int order = strcmp((*a)->name, (*b)->name);

	return order ? order : (*a > *b) - (*a < *b);
}

/* Find names for which the chain leads first to another symbol than the one of the highest index.
 * MATR_OBJECT_ODD_CHAINS is set if there are any. Lookups take the first symbol of a name in the
 * chain; symbol_index.c takes the one of the highest index. */
static int find_odd_chains(struct elf_reader *reader, const struct chain_walk *walk)
{
	struct matr_object *object = reader->object;
	const struct matr_symbol **list =
		elf_reader_allocate(reader, object->n_symbols, sizeof(const struct matr_symbol *));
	size_t n = 0;

	if (!list)
		return -1;
	for (size_t i = 0; i < object->n_symbols; i++)
		if (object->symbols[i].hashed)
			list[n++] = &object->symbols[i];
	qsort(list, n, sizeof(const struct matr_symbol *), compare_names);
	for (size_t i = 1; i < n; i++)
		if (strcmp(list[i - 1]->name, list[i]->name) == 0 &&
		    walk->position[list[i - 1] - object->symbols] <
			    walk->position[list[i] - object->symbols])
			object->flags |= MATR_OBJECT_ODD_CHAINS;
	free(list);
	return 0;
}

static int mark_sysv_symbols(struct elf_reader *reader, uint64_t vaddr)
{
	uint32_t n_buckets, n_chains;
	const unsigned char *buckets = read_sysv_hash(reader, vaddr, &n_buckets, &n_chains);
	struct chain_walk walk = {.n = 0};
	int result;

	if (!buckets)
		return -1;
	walk.position = elf_reader_allocate(reader, n_chains, sizeof *walk.position);
	if (!walk.position)
		return -1;
	result = walk_sysv_chains(reader, buckets, n_buckets, n_chains, &walk);
	if (result == 0 && walk.goes_up)
		result = find_odd_chains(reader, &walk);
	free(walk.position);
	return result;
}

/* ---- either ---- */

int elf_count_hashed_symbols(struct elf_reader *reader, uint64_t *n_symbols)
{
	struct gnu_hash hash = {0};
	uint32_t n_buckets, n_chains = 0;
	uint64_t vaddr, n = 0;

	if (elf_dynamic_value(reader->object, DT_GNU_HASH, &vaddr)) {
		if (read_gnu_hash(reader, vaddr, &hash) != 0)
			return -1;
		n = hash.n_symbols;
	} else if (elf_dynamic_value(reader->object, DT_HASH, &vaddr)) {
		if (!read_sysv_hash(reader, vaddr, &n_buckets, &n_chains))
			return -1;
		n = n_chains;
	}
	if (*n_symbols < n)
		*n_symbols = n;
	return 0;
}

int elf_mark_hashed_symbols(struct elf_reader *reader)
{
	uint64_t vaddr;

	if (elf_dynamic_value(reader->object, DT_GNU_HASH, &vaddr))
		return mark_gnu_symbols(reader, vaddr);
	if (elf_dynamic_value(reader->object, DT_HASH, &vaddr))
		return mark_sysv_symbols(reader, vaddr);
	return 0;
}
