/* exposure.c - which programs bind to a symbol or a library.
 *
 * For a library the store has the answer in a table: `providers`. For a symbol the names of every
 * object's symbols are decompressed and searched. Of an object that refers to it, relocations and
 * vectors are decoded, and freed before the next object comes. Symbols are decoded only to compare
 * versions.
 */
#include <matr/exposure.h>
#include <matr/names.h>
#include <matr/nearest.h>

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/path.h"
#include "codec/bindings.h"
#include "query/names.h"
#include "query/package_files.h"
#include "store/binding.h"
#include "store/object.h"
#include "store/usage.h"

struct search {
	struct matr_store *store;
	int64_t epoch;
	const struct matr_symbol_name *symbol;
	const char *library;
	struct package_files *package; /* of that name, where no object is called so */
	struct map libraries; /* object ids that are called so, or that provide the symbol */
	struct map vectors;   /* that bind to it */
};

struct library_search {
	struct search *search;
	struct matr_nearest nearest;
};

static int look_at_library(const struct store_library *library, void *context,
			   struct matr_error *err)
{
	struct library_search *of = context;
	struct map *libraries = &of->search->libraries;
	const struct matr_object object = {.path = (char *)library->path,
					   .soname = library->soname};

	if (of->search->package
		    ? package_files_have(of->search->package, library->path)
		    : matr_object_is_called(&object, library->found_as, of->search->library))
		return map_set(libraries, (uint64_t)library->object, 1) != 0 ? matr_fail_memory(err)
									     : 0;
	matr_nearest_offer(&of->nearest,
			   library->soname ? library->soname : path_name(library->path), NULL);
	return 0;
}

static int each_library(struct library_search *of, struct matr_error *err)
{
	struct search *search = of->search;

	return store_each_library(search->store, search->epoch, look_at_library, of, err);
}

/* By name; where no object is called so, those of the package that is. */
static int find_libraries(struct search *search, struct matr_error *err)
{
	struct library_search of = {.search = search, .nearest = {.wanted = search->library}};
	int result = each_library(&of, err);

	if (result == 0 && !search->libraries.used) {
		result = package_files_read(NULL, search->library, &search->package, err);
		if (result > 0)
			result = each_library(&of, err);
	}
	if (result != 0 || search->libraries.used) {
		matr_nearest_free(&of.nearest);
		return result;
	}
	if (search->package) {
		matr_nearest_free(&of.nearest);
		return matr_fail(err, MATR_ERROR_NOT_FOUND, search->library,
				 "no program of epoch %lld loads a library of this package",
				 (long long)search->epoch);
	}
	return matr_nearest_fail(&of.nearest, err, "no such library in epoch %lld",
				 (long long)search->epoch);
}

/* ---- a symbol ---- */

/* Offer what the object binds or could be bound to. */
static int offer_symbols(struct search *search, int64_t id, struct matr_nearest *nearest,
			 struct matr_error *err)
{
	struct store_symbols symbols;

	if (store_object_symbols(search->store, id, &symbols, err) != 0)
		return -1;
	for (size_t i = 1; i < symbols.n; i++)
		if (matr_symbol_is_looked_up(&symbols.list[i]))
			matr_nearest_offer(nearest, symbols.list[i].name, NULL);
	store_symbols_free(&symbols);
	return 0;
}

static bool is_named(const char *name, const void *context)
{
	return query_symbol_name_alone_is(context, name);
}

/* Find the object's symbols of the wanted name, whatever their versions. Returns 1 if there are
 * any, 0 if not, -1 on error. */
static int find_named(struct search *search, int64_t id, struct store_named *out,
		      struct matr_error *err)
{
	const struct matr_symbol_name *symbol = search->symbol;

	*out = (struct store_named){
		.text = symbol->pattern ? symbol->literal : symbol->name,
		.is_named = is_named,
		.context = symbol,
	};
	return store_find_named(search->store, id, out, err);
}

/* The object whose vectors are looked at. */
struct subject {
	int64_t id;
	bool *wanted;		     /* per symbol: it has the wanted name; NULL: none has */
	struct matr_object object;   /* relocations alone */
	struct matr_object *decoded; /* with symbols and versions; NULL: not needed so far */
	unsigned kept;		     /* parts of that which stay with it: others use them */
	/* Wanted symbols that it refers to, as places among all symbols that it refers to. */
	size_t *places, n_places, n_referred;
};

static void free_subject(struct subject *subject)
{
	if (subject->decoded)
		store_drop_parts(subject->decoded, ~subject->kept);
	free(subject->object.relocations);
	free(subject->wanted);
	free(subject->places);
	*subject = (struct subject){.wanted = NULL};
}

/* List the symbols that the object refers to, in the order of the first references. */
static int find_places(struct subject *subject, struct matr_error *err)
{
	const struct matr_object *object = &subject->object;
	bool *seen = calloc(object->n_symbols + 1, sizeof *seen);
	int result = seen ? 0 : matr_fail_memory(err);

	for (size_t i = 0; i < object->n_relocations && !result; i++) {
		uint32_t symbol = object->relocations[i].symbol;
		if (seen[symbol])
			continue;
		seen[symbol] = true;
		if (subject->wanted[symbol]) {
			result = array_grow(&subject->places, subject->n_places,
					    sizeof *subject->places, err);
			if (!result)
				subject->places[subject->n_places++] = subject->n_referred;
		}
		subject->n_referred++;
	}
	free(seen);
	return result;
}

/* Test whether the object refers to a symbol of the wanted name. Returns 1 if so, 0 if not, -1 on
 * error. *out, if 1: free_subject(). */
static int refers(struct search *search, int64_t id, struct subject *out, struct matr_error *err)
{
	struct store_named named;
	int there = find_named(search, id, &named, err);

	*out = (struct subject){.id = id, .wanted = named.found, .object = {.n_symbols = named.n}};
	if (there > 0 &&
	    (store_object_relocations(search->store, id, named.n, &out->object.relocations,
				      &out->object.n_relocations, err) != 0 ||
	     find_places(out, err) != 0))
		there = -1;
	if (there > 0)
		there = out->n_places > 0;
	if (there <= 0)
		free_subject(out);
	return there;
}

/* For a symbol to which nothing binds: fail unless some object of the epoch has such a name. */
static int check_name(struct search *search, struct matr_error *err)
{
	struct matr_nearest nearest = {.wanted = search->symbol->name};
	int64_t *objects;
	size_t n;
	int there = 0, result = 0;

	if (store_object_ids(search->store, search->epoch, &objects, &n, err) != 0)
		return -1;
	for (size_t i = 0; i < n && !result && !there; i++) {
		struct store_named named;
		there = find_named(search, objects[i], &named, err);
		result = there < 0 ? -1 : 0;
		free(named.found);
	}
	for (size_t i = 0; i < n && !result && !there; i++)
		result = offer_symbols(search, objects[i], &nearest, err);
	free(objects);
	if (!result && !there)
		return matr_nearest_fail(&nearest, err, "no object of epoch %lld has such a symbol",
					 (long long)search->epoch);
	matr_nearest_free(&nearest);
	return result;
}

/* Test whether the reference or its definition has the wanted version. Returns 1 if so, 0 if not,
 * -1 on error. */
static int is_version(struct search *search, struct subject *subject, uint32_t reference,
		      int64_t provider, uint32_t definition, struct matr_error *err)
{
	const struct matr_symbol_name *symbol = search->symbol;

	if (symbol->any_version)
		return 1;
	if (!subject->decoded) {
		subject->kept = store_parts_read(search->store, subject->id);
		subject->decoded =
			store_get_with_symbol(search->store, subject->id, reference, err);
		if (!subject->decoded)
			return -1;
	}
	if (matr_symbol_name_matches(symbol, subject->decoded,
				     &subject->decoded->symbols[reference]))
		return 1;
	const struct matr_object *read =
		store_get_with_symbol(search->store, provider, definition, err);
	if (!read)
		return -1;
	return matr_symbol_name_matches(symbol, read, &read->symbols[definition]);
}

/* Note a provider of the symbol, unless the wanted library is another. Returns 1 if it counts, 0 if
 * not, -1 on error. */
static int note_provider(struct search *search, int64_t id, struct matr_error *err)
{
	uint64_t ignored;

	if (search->library && !map_get(&search->libraries, (uint64_t)id, &ignored))
		return 0;
	return map_set(&search->libraries, (uint64_t)id, 1) != 0 ? matr_fail_memory(err) : 1;
}

/* Test whether a vector binds to the symbol. Its mapping has the object at 0 and the providers
 * after it. Returns 1 if so, 0 if not, -1 on error. */
static int binds(struct search *search, struct subject *subject,
		 const struct store_vector_mapping *vector, struct matr_error *err)
{
	const struct matr_object *object = &subject->object;
	const struct matr_mapping *mapping = &vector->mapping;
	int found = 0;

	for (size_t i = 0; i < object->n_relocations; i++) {
		uint32_t symbol = object->relocations[i].symbol;
		struct matr_binding binding = mapping->objects[0].bindings[i];
		if (!subject->wanted[symbol] || binding.provider == 0 ||
		    binding.provider >= mapping->n_scope)
			continue;
		int64_t id = vector->ids[binding.provider];
		int is = is_version(search, subject, symbol, id, binding.symbol, err);
		if (is > 0)
			is = note_provider(search, id, err);
		if (is < 0)
			return -1;
		found |= is;
	}
	return found;
}

/* Test the same with the whole vector decoded. */
static int binds_when_decoded(struct search *search, struct subject *subject,
			      const struct store_vector *vector, struct matr_error *err)
{
	struct store_vector_mapping decoded;

	if (store_vector(search->store, vector, &subject->object, &decoded, err) != 0)
		return -1;
	int result = binds(search, subject, &decoded, err);
	store_vector_mapping_free(&decoded);
	return result;
}

enum {
	NOT_SIMPLE = 2,
	REMEMBERED = 128, /* providers of a vector that are looked up once */
};

/* Test the same without decoding the vector. Returns NOT_SIMPLE if that cannot be done, else as
 * above. */
static int binds_by_view(struct search *search, const struct subject *subject,
			 const struct store_vector *vector, struct matr_error *err)
{
	bool seen[REMEMBERED] = {false};
	const uint8_t *contents;
	size_t size;
	int found = 0;

	if (store_blob_view(search->store, vector->blob, &contents, &size, err) != 0)
		return -1;
	for (size_t i = 0; i < subject->n_places; i++) {
		uint32_t provider;
		int64_t id;
		if (!codec_find_provider(contents, size, subject->n_referred, subject->places[i],
					 &provider))
			return NOT_SIMPLE;
		if (provider == UINT32_MAX || (provider < REMEMBERED && seen[provider]))
			continue;
		if (provider < REMEMBERED)
			seen[provider] = true;
		if (store_vector_provider(search->store, vector, provider, &id, err) != 0)
			return -1;
		int is = note_provider(search, id, err);
		if (is < 0)
			return -1;
		found |= is;
	}
	return found;
}

static int look_at_vector(struct search *search, struct subject *subject,
			  const struct store_vector *vector, struct matr_error *err)
{
	/* Versions are compared by the providers' symbols, whose indices have to be decoded. */
	int found = search->symbol->any_version ? binds_by_view(search, subject, vector, err)
						: NOT_SIMPLE;

	if (found == NOT_SIMPLE)
		found = binds_when_decoded(search, subject, vector, err);
	if (found > 0 && map_set(&search->vectors, (uint64_t)vector->id, 1) != 0)
		return matr_fail_memory(err);
	return found < 0 ? -1 : 0;
}

/* Search the epoch's vectors; other epochs do not count. */
static int find_by_symbol(struct search *search, struct matr_error *err)
{
	struct subject subject = {.wanted = NULL};
	struct store_vector *vectors;
	size_t n;
	int there = 0, result = 0;

	if (store_vectors(search->store, search->epoch, &vectors, &n, err) != 0)
		return -1;
	for (size_t i = 0; i < n && !result; i++) {
		int64_t object = vectors[i].object;
		if (i == 0 || object != vectors[i - 1].object) {
			free_subject(&subject);
			there = refers(search, object, &subject, err);
		}
		result = there > 0 ? look_at_vector(search, &subject, &vectors[i], err) : there;
	}
	free_subject(&subject);
	free(vectors);
	if (!result && !search->vectors.used)
		result = check_name(search, err);
	return result;
}

/* ---- the programs ---- */

static int put_exposed(struct matr_exposure *out, const struct store_entry *entry,
		       struct matr_error *err)
{
	if (array_grow(&out->list, out->n, sizeof *out->list, err) != 0)
		return -1;
	struct matr_exposed *exposed = &out->list[out->n++];
	*exposed = (struct matr_exposed){
		.program = strdup(entry->application),
		.requester = strdup(entry->path),
		.loaded = entry->root ? strdup(entry->root) : NULL,
	};
	return exposed->program && exposed->requester && (!entry->root || exposed->loaded)
		       ? 0
		       : matr_fail_memory(err);
}

static int put_loading(struct matr_exposure *out, const char *program, struct matr_error *err)
{
	if (array_grow(&out->loading, out->n_loading, sizeof *out->loading, err) != 0)
		return -1;
	char *copy = strdup(program);
	out->loading[out->n_loading++] = copy;
	return copy ? 0 : matr_fail_memory(err);
}

/* The program's rows are all seen: it binds, or it only loads. */
static int end_program(struct matr_exposure *out, const char *program, bool loads, bool exposed,
		       struct matr_error *err)
{
	out->n_programs += exposed;
	return loads && !exposed ? put_loading(out, program, err) : 0;
}

struct listing { /* the program whose entries come */
	const struct search *search;
	struct matr_exposure *out;
	char *program; /* NULL: none yet */
	bool loads, exposed;
};

static int end_listed(struct listing *listing, struct matr_error *err)
{
	if (!listing->program)
		return 0;
	return end_program(listing->out, listing->program, listing->loads, listing->exposed, err);
}

static int look_at_entry(const struct store_entry *entry, void *context, struct matr_error *err)
{
	struct listing *listing = context;
	uint64_t ignored;

	if (!listing->program || strcmp(listing->program, entry->application) != 0) {
		if (end_listed(listing, err) != 0)
			return -1;
		free(listing->program);
		listing->program = strdup(entry->application);
		listing->loads = listing->exposed = false;
		if (!listing->program)
			return matr_fail_memory(err);
	}
	if (map_get(&listing->search->libraries, (uint64_t)entry->object, &ignored))
		listing->loads = true;
	if (!map_get(&listing->search->vectors, (uint64_t)entry->vector, &ignored))
		return 0;
	listing->exposed = true;
	return put_exposed(listing->out, entry, err);
}

static int list_programs(const struct search *search, struct matr_exposure *out,
			 struct matr_error *err)
{
	struct listing listing = {.search = search, .out = out};
	int result = store_each_entry(search->store, search->epoch, look_at_entry, &listing, err);

	if (result == 0)
		result = end_listed(&listing, err);
	free(listing.program);
	return result;
}

int matr_exposure(struct matr_store *store, int64_t epoch, const struct matr_symbol_name *symbol,
		  const char *library, struct matr_exposure *out, struct matr_error *err)
{
	struct search search = {
		.store = store, .epoch = epoch, .symbol = symbol, .library = library};
	int result = 0;

	*out = (struct matr_exposure){.list = NULL};
	if (library)
		result = find_libraries(&search, err);
	if (!result)
		result = symbol ? find_by_symbol(&search, err)
				: store_vectors_bound_to(store, &search.libraries, &search.vectors,
							 err);
	if (!result)
		result = list_programs(&search, out, err);
	package_files_free(search.package);
	map_free(&search.libraries);
	map_free(&search.vectors);
	if (result)
		matr_exposure_free(out);
	return result;
}

void matr_exposure_free(struct matr_exposure *exposure)
{
	for (size_t i = 0; i < exposure->n; i++) {
		free(exposure->list[i].program);
		free(exposure->list[i].requester);
		free(exposure->list[i].loaded);
	}
	for (size_t i = 0; i < exposure->n_loading; i++)
		free(exposure->loading[i]);
	free(exposure->list);
	free(exposure->loading);
	*exposure = (struct matr_exposure){.list = NULL};
}
