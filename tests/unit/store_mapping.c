/* store_mapping.c - what goes into the store comes out of it again, and nothing else.
 *
 * Mappings of real programs and an artificial one with every kind of binding are written, read back
 * from another handle, and compared field by field. Then: equal things are stored once, old epochs
 * go, and damage is noticed.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>
#include <sqlite3.h>

#include <matr/epoch.h>
#include <matr/exposure.h>
#include <matr/names.h>
#include <matr/resolve.h>
#include <matr/store.h>

#include "base/blake2b.h"
#include "codec/bindings.h"
#include "codec/object.h"
#include "store/declined.h"
#include "store/mapping.h"
#include "store/object.h"
#include "store/prune.h"
#include "store/store.h"
#include "unit.h"

static char prefix[] = "/tmp/matr-test-store.XXXXXX";
static struct matr_error err;

static void setup(void)
{
	unit_directory_make(prefix);
}

static void teardown(void)
{
	unit_directory_remove(prefix);
}

static void check_ok(int result)
{
	ck_assert_msg(result == 0, "%s: %s", err.file, err.message);
}

/* One number from the database. */
static int64_t query(const char *sql)
{
	char path[64];
	sqlite3 *db;
	sqlite3_stmt *statement;

	snprintf(path, sizeof path, "%s/" MATR_STORE_FILE, prefix);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	int64_t result =
		sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return result;
}

/* ---- comparing ---- */

static void check_string(const char *a, const char *b)
{
	ck_assert_msg((!a && !b) || (a && b && strcmp(a, b) == 0), "'%s' and '%s'", a ? a : "NULL",
		      b ? b : "NULL");
}

static void check_headers(const struct matr_object *a, const struct matr_object *b)
{
	check_string(a->path, b->path);
	ck_assert_mem_eq(&a->file, &b->file, sizeof a->file);
	ck_assert_uint_eq(a->build_id.size, b->build_id.size);
	ck_assert(memcmp(a->build_id.bytes, b->build_id.bytes, a->build_id.size) == 0);
	ck_assert_uint_eq(a->build_id_vaddr, b->build_id_vaddr);
	ck_assert_uint_eq(a->flags, b->flags);
	ck_assert_uint_eq(a->machine, b->machine);
	check_string(a->interpreter, b->interpreter);
	check_string(a->soname, b->soname);
	check_string(a->rpath, b->rpath);
	check_string(a->runpath, b->runpath);
	ck_assert_uint_eq(a->n_needed, b->n_needed);
	for (size_t i = 0; i < a->n_needed; i++)
		check_string(a->needed[i], b->needed[i]);
	ck_assert_uint_eq(a->n_segments, b->n_segments);
	for (size_t i = 0; i < a->n_segments; i++)
		ck_assert_mem_eq(&a->segments[i], &b->segments[i], sizeof *a->segments);
	ck_assert_uint_eq(a->n_dynamic, b->n_dynamic);
	for (size_t i = 0; i < a->n_dynamic; i++)
		ck_assert_mem_eq(&a->dynamic[i], &b->dynamic[i], sizeof *a->dynamic);
	ck_assert_uint_eq(a->dynamic_vaddr, b->dynamic_vaddr);
}

static void check_symbols(const struct matr_object *a, const struct matr_object *b)
{
	ck_assert_uint_eq(a->n_versions, b->n_versions);
	for (size_t i = 0; i < a->n_versions; i++) {
		check_string(a->versions[i].name, b->versions[i].name);
		check_string(a->versions[i].file, b->versions[i].file);
		ck_assert_uint_eq(a->versions[i].hash, b->versions[i].hash);
		ck_assert(a->versions[i].hidden == b->versions[i].hidden);
		ck_assert(a->versions[i].weak == b->versions[i].weak);
		ck_assert(a->versions[i].defined == b->versions[i].defined);
	}
	ck_assert_uint_eq(a->n_symbols, b->n_symbols);
	for (size_t i = 0; i < a->n_symbols; i++) {
		const struct matr_symbol *x = &a->symbols[i], *y = &b->symbols[i];
		check_string(x->name, y->name);
		ck_assert(x->value == y->value && x->size == y->size && x->section == y->section);
		ck_assert(x->version == y->version && x->type == y->type);
		ck_assert(x->binding == y->binding && x->visibility == y->visibility);
		ck_assert(x->hashed == y->hashed);
	}
}

static void check_relatives(const struct matr_relative *a, size_t n, const struct matr_relative *b,
			    size_t m)
{
	ck_assert_uint_eq(n, m);
	for (size_t i = 0; i < n; i++)
		ck_assert(a[i].offset == b[i].offset && a[i].addend == b[i].addend);
}

static void check_object(const struct matr_object *a, const struct matr_object *b)
{
	check_headers(a, b);
	check_symbols(a, b);
	ck_assert_uint_eq(a->n_relocations, b->n_relocations);
	for (size_t i = 0; i < a->n_relocations; i++) {
		const struct matr_relocation *x = &a->relocations[i], *y = &b->relocations[i];
		ck_assert(x->offset == y->offset && x->addend == y->addend && x->type == y->type);
		ck_assert(x->symbol == y->symbol && x->table == y->table && x->word == y->word);
	}
	check_relatives(a->relatives, a->n_relatives, b->relatives, b->n_relatives);
	check_relatives(a->relr, a->n_relr, b->relr, b->n_relr);
}

static void check_bindings(const struct matr_mapping *a, const struct matr_mapping *b, size_t i)
{
	for (size_t n = 0; n < a->scope[i].object->n_relocations; n++) {
		ck_assert_uint_eq(a->objects[i].bindings[n].provider,
				  b->objects[i].bindings[n].provider);
		ck_assert_uint_eq(a->objects[i].bindings[n].symbol,
				  b->objects[i].bindings[n].symbol);
	}
}

static void check_mapping(const struct matr_mapping *a, const struct matr_mapping *b)
{
	ck_assert_uint_eq(a->flags, b->flags);
	ck_assert_uint_eq(a->interpreter, b->interpreter);
	ck_assert_uint_eq(a->n_scope, b->n_scope);
	for (size_t i = 0; i < a->n_scope; i++) {
		check_string(a->scope[i].path, b->scope[i].path);
		check_string(a->scope[i].needed_as, b->scope[i].needed_as);
		ck_assert_uint_eq(a->scope[i].rule, b->scope[i].rule);
		ck_assert_uint_eq(a->scope[i].loaded_by, b->scope[i].loaded_by);
		check_object(a->scope[i].object, b->scope[i].object);
		check_bindings(a, b, i);
	}
	ck_assert_uint_eq(a->n_directories, b->n_directories);
	for (size_t i = 0; i < a->n_directories; i++) {
		check_string(a->directories[i].path, b->directories[i].path);
		ck_assert_int_eq(a->directories[i].mtime, b->directories[i].mtime);
	}
}

/* ---- real programs ---- */

static const char *const programs[] = {"/usr/bin/bash", "/usr/bin/ls", "/usr/bin/env"};
enum { N_PROGRAMS = sizeof programs / sizeof *programs };

/* Add an application as the beginning of an epoch does: its objects, then the encoded mapping. */
static int add_application(struct matr_store *store, int64_t epoch,
			   const struct matr_mapping *mapping, int64_t *application)
{
	struct store_encoded_mapping encoded;
	int64_t id;

	for (size_t i = 0; i < mapping->n_scope; i++)
		check_ok(store_put_object(store, mapping->scope[i].object, &id, &err));
	check_ok(store_encode_mapping(store, mapping, &encoded, &err));
	int result = store_add_encoded(store, epoch, mapping, &encoded, application, &err);
	store_encoded_mapping_free(&encoded);
	return result;
}

/* An epoch with all of the programs; the mappings are left to the caller. */
static int64_t write_epoch(struct matr_session *session, struct matr_mapping **mappings)
{
	struct matr_store *store;
	int64_t epoch, application;

	check_ok(store_open_to_write(prefix, &store, &err));
	check_ok(store_begin(store, "", 0, &epoch, &err));
	for (size_t i = 0; i < N_PROGRAMS; i++) {
		check_ok(matr_resolve(session, programs[i], &mappings[i], &err));
		check_ok(add_application(store, epoch, mappings[i], &application));
		ck_assert_int_ne(application, 0);
	}
	check_ok(add_application(store, epoch, mappings[0], &application));
	ck_assert_msg(application == 0, "a second time is no second application");
	check_ok(store_decline(store, epoch, "/etc/passwd", "is not an ELF file", &err));
	check_ok(store_commit(store, 2, &err));
	matr_store_close(store);
	return epoch;
}

static void free_mappings(struct matr_mapping **mappings)
{
	for (size_t i = 0; i < N_PROGRAMS; i++)
		matr_mapping_free(mappings[i]);
}

START_TEST(round_trip)
{
	struct matr_mapping *mappings[N_PROGRAMS], *read_back[N_PROGRAMS];
	struct matr_session *session;
	struct matr_store *store;
	struct matr_store_epoch epoch;

	check_ok(matr_session_open(NULL, &session, &err));
	int64_t id = write_epoch(session, mappings);
	check_ok(matr_store_open(prefix, &store, &err));
	check_ok(matr_store_epoch(store, 0, &epoch, &err));
	ck_assert_int_eq(epoch.id, id);
	ck_assert_uint_eq(epoch.applications, N_PROGRAMS);
	ck_assert_uint_eq(epoch.declined, 1);
	for (size_t i = 0; i < N_PROGRAMS; i++) {
		int64_t application;
		check_ok(matr_store_find(store, id, programs[i], &application, &err));
		check_ok(matr_store_mapping(store, application, &read_back[i], &err));
		check_mapping(mappings[i], read_back[i]);
	}
	/* libc is one object for all its users. */
	size_t libc[2] = {0, 0};
	for (size_t i = 0; i < 2; i++)
		while (!read_back[i]->scope[libc[i]].object->soname ||
		       strcmp(read_back[i]->scope[libc[i]].object->soname, "libc.so.6") != 0)
			libc[i]++;
	ck_assert_ptr_eq(read_back[0]->scope[libc[0]].object, read_back[1]->scope[libc[1]].object);

	int64_t application;
	ck_assert_int_eq(matr_store_find(store, id, "/etc/passwd", &application, &err), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(err.message, "is not an ELF file"));
	free_mappings(read_back);
	matr_store_close(store);
	free_mappings(mappings);
	matr_session_close(session);
}
END_TEST

START_TEST(old_epochs_go)
{
	struct matr_mapping *mappings[N_PROGRAMS];
	struct matr_session *session;
	int64_t ids[4];

	check_ok(matr_session_open(NULL, &session, &err));
	for (size_t i = 0; i < 4; i++) {
		ids[i] = write_epoch(session, mappings);
		free_mappings(mappings);
		if (i > 0)
			ck_assert_int_gt(ids[i], ids[i - 1]);
		/* Nothing changed on disk, so nothing new is stored. */
		ck_assert_int_eq(query("SELECT count(*) FROM objects"),
				 query("SELECT count(DISTINCT path) FROM objects"));
	}
	ck_assert_int_eq(query("SELECT count(*) FROM epochs"), 2);
	ck_assert_int_eq(query("SELECT min(id) FROM epochs"), ids[2]);
	ck_assert_int_eq(query("SELECT count(*) FROM applications"), 2 * N_PROGRAMS);

	/* An epoch with one program: after the next one, only its objects are left. */
	struct matr_store *store;
	struct matr_mapping *mapping;
	int64_t epoch, application;
	for (int i = 0; i < 2; i++) {
		check_ok(store_open_to_write(prefix, &store, &err));
		check_ok(store_begin(store, "", 0, &epoch, &err));
		check_ok(matr_resolve(session, "/usr/bin/env", &mapping, &err));
		check_ok(add_application(store, epoch, mapping, &application));
		check_ok(store_commit(store, 2, &err));
		ck_assert_int_eq(query("SELECT count(*) FROM objects") == (int64_t)mapping->n_scope,
				 i == 1);
		matr_mapping_free(mapping);
		matr_store_close(store);
	}
	ck_assert_int_eq(query("SELECT count(*) FROM blobs WHERE id NOT IN (SELECT blob_id FROM "
			       "object_blobs UNION SELECT blob_id FROM vectors)"),
			 0);
	ck_assert_int_eq(query("SELECT count(*) FROM pragma_foreign_key_check"), 0);
	matr_session_close(session);
}
END_TEST

/* Kept epochs share what they have in common; what one has alone goes with it. */
START_TEST(epochs_are_kept)
{
	struct matr_session *session;
	struct matr_store *store;
	struct matr_mapping *env, *cat, *read_back;
	int64_t first = 0, application, ids[5], *list;
	size_t n;

	check_ok(matr_session_open(NULL, &session, &err));
	check_ok(matr_resolve(session, "/usr/bin/env", &env, &err));
	check_ok(matr_resolve(session, "/usr/bin/cat", &cat, &err));
	check_ok(store_open_to_write(prefix, &store, &err));
	for (int i = 0; i < 5; i++) {
		check_ok(store_begin(store, "", 0, &ids[i], &err));
		check_ok(add_application(store, ids[i], i == 0 ? cat : env, &application));
		check_ok(store_commit(store, 5, &err));
		if (i == 0)
			first = application;
	}
	check_ok(matr_store_epochs(store, &list, &n, &err));
	ck_assert_uint_ge(n, 5);
	ck_assert_int_eq(list[n - 1], ids[4]);
	ck_assert_int_eq(list[n - 5], ids[0]);
	free(list);
	check_ok(matr_store_mapping(store, first, &read_back, &err));
	matr_mapping_free(read_back);
	ck_assert_int_gt(query("SELECT count(*) FROM objects WHERE path LIKE '%/cat'"), 0);

	/* One that is needed stays, whatever was asked for, and so do all after it. */
	check_ok(store_prune(store, 1, ids[2], &n, &err));
	ck_assert_uint_ge(n, 2);
	ck_assert_int_eq(query("SELECT min(id) FROM epochs"), ids[2]);
	ck_assert_int_eq(query("SELECT count(*) FROM objects WHERE path LIKE '%/cat'"), 0);
	check_ok(store_prune(store, 1, ids[4], &n, &err));
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(query("SELECT count(*) FROM objects"), (int64_t)env->n_scope);
	ck_assert_int_eq(query("SELECT count(*) FROM blobs WHERE id NOT IN (SELECT blob_id FROM "
			       "object_blobs UNION SELECT blob_id FROM vectors)"),
			 0);
	check_ok(store_prune(store, 1, ids[4], &n, &err));
	ck_assert_uint_eq(n, 0);
	struct matr_store_epoch gone;
	ck_assert_int_eq(matr_store_epoch(store, ids[0], &gone, &err), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_NOT_FOUND);
	matr_store_close(store);
	matr_mapping_free(env);
	matr_mapping_free(cat);
	matr_session_close(session);
}
END_TEST

START_TEST(uncommitted_is_undone)
{
	struct matr_mapping *mappings[N_PROGRAMS], *mapping;
	struct matr_session *session;
	struct matr_store *store;
	int64_t epoch, application;

	check_ok(matr_session_open(NULL, &session, &err));
	int64_t first = write_epoch(session, mappings);
	free_mappings(mappings);
	check_ok(store_open_to_write(prefix, &store, &err));
	check_ok(store_begin(store, "", 0, &epoch, &err));
	check_ok(matr_resolve(session, "/usr/bin/cat", &mapping, &err));
	check_ok(add_application(store, epoch, mapping, &application));
	matr_store_close(store);
	matr_mapping_free(mapping);
	ck_assert_int_eq(query("SELECT max(id) FROM epochs"), first);
	ck_assert_int_eq(query("SELECT count(*) FROM objects WHERE path LIKE '%/cat'"), 0);
	matr_session_close(session);
}
END_TEST

/* ---- an artificial mapping: every kind of binding ---- */

enum { SYMBOLS = 8, RELOCATIONS = 9 };

static struct matr_symbol symbols[SYMBOLS] = {
	{.name = ""},  {.name = "a"}, {.name = "b"}, {.name = "c"},
	{.name = "d"}, {.name = "e"}, {.name = "f"}, {.name = "g"},
};

/* Symbol 1 comes thrice with two different bindings, an exception to what is predicted. */
static struct matr_relocation relocations[RELOCATIONS] = {
	{.offset = 8, .type = R_X86_64_GLOB_DAT, .symbol = 1},
	{.offset = 16, .type = R_X86_64_JUMP_SLOT, .symbol = 1, .word = 0x1026},
	{.offset = 24, .type = R_X86_64_64, .symbol = 1, .addend = INT64_MIN},
	{.offset = 32, .type = R_X86_64_64, .symbol = 2, .addend = INT64_MAX},
	{.offset = 0, .type = R_X86_64_TPOFF64},
	{.offset = UINT64_MAX, .type = R_X86_64_64, .symbol = 3},
	{.offset = 48, .type = R_X86_64_64, .symbol = 4},
	{.offset = 56, .type = R_X86_64_JUMP_SLOT, .symbol = 5, .word = 0x1016},
	{.offset = 64, .type = R_X86_64_DTPMOD64, .symbol = 6},
};

static struct matr_binding bindings[RELOCATIONS] = {
	{2, 7},
	{1, 3},
	{1, 3},
	{0, 2},
	{MATR_PROVIDER_NONE, 0},
	{0, 7},
	{MATR_PROVIDER_WEAK_NULL, 0},
	{MATR_PROVIDER_UNDEFINED, 0},
	{3, 1},
};

struct artificial {
	struct matr_object objects[4];
	struct matr_scope_entry scope[4];
	struct matr_mapped_object mapped[4];
	struct matr_mapping mapping;
};

/* Object 0 has the relocations; order[] says at which scope position each object stands. */
static void make_artificial(struct artificial *a, const size_t order[4])
{
	static char *const paths[4] = {"/x/app", "/x/liba", "/x/libb", "/x/libc"};

	*a = (struct artificial){0};
	for (size_t i = 0; i < 4; i++) {
		a->objects[i] = (struct matr_object){
			.path = paths[i], .symbols = symbols, .n_symbols = SYMBOLS};
		a->scope[order[i]] =
			(struct matr_scope_entry){.object = &a->objects[i], .path = paths[i]};
	}
	a->objects[0].relocations = relocations;
	a->objects[0].n_relocations = RELOCATIONS;
	struct matr_binding *own = calloc(RELOCATIONS, sizeof *own);
	for (size_t i = 0; i < RELOCATIONS; i++) {
		own[i] = bindings[i];
		if (own[i].provider < 4)
			own[i].provider = (uint32_t)order[own[i].provider];
	}
	a->mapped[order[0]].bindings = own;
	a->mapping = (struct matr_mapping){
		.scope = a->scope, .objects = a->mapped, .n_scope = 4, .interpreter = 4};
}

START_TEST(bindings_do_not_depend_on_scope_order)
{
	static const size_t orders[2][4] = {{0, 1, 2, 3}, {2, 3, 0, 1}};
	struct artificial a;
	struct varint_buffer out[2] = {{0}};
	uint32_t providers[2][4];
	size_t n[2];

	for (size_t i = 0; i < 2; i++) {
		make_artificial(&a, orders[i]);
		size_t requester = orders[i][0];
		codec_encode_bindings(&a.mapping, requester, &out[i], providers[i], &n[i]);
		struct matr_binding *original = a.mapped[requester].bindings;
		a.mapped[requester].bindings = calloc(RELOCATIONS, sizeof *original);
		struct varint_cursor in = {.at = out[i].data, .end = out[i].data + out[i].size};
		ck_assert_int_eq(
			codec_decode_bindings(&a.mapping, requester, &in, providers[i], n[i]), 0);
		ck_assert_mem_eq(original, a.mapped[requester].bindings,
				 RELOCATIONS * sizeof *original);
		free(original);
		free(a.mapped[requester].bindings);
	}
	ck_assert_uint_eq(n[0], n[1]);
	for (size_t i = 0; i < n[0]; i++)
		ck_assert_uint_eq(orders[1][providers[0][i]], providers[1][i]);
	ck_assert_uint_eq(out[0].size, out[1].size);
	ck_assert_mem_eq(out[0].data, out[1].data, out[0].size);
	varint_buffer_free(&out[0]);
	varint_buffer_free(&out[1]);
}
END_TEST

/* Find the providers of the artificial object's symbols, in the order of the first references, in
 * its encoded bindings. */
START_TEST(providers_are_found)
{
	static const size_t order[4] = {0, 1, 2, 3};
	static const uint32_t wanted[] = {1, 0, 0, 0, 0, 0, 3}; /* 0: none but itself */
	enum { SYMBOLS_REFERRED_TO = sizeof wanted / sizeof *wanted };
	struct artificial a;
	struct varint_buffer alike = {0}, different = {0};
	uint32_t providers[4], provider;
	size_t n;

	make_artificial(&a, order);
	codec_encode_bindings(&a.mapping, 0, &different, providers, &n);
	ck_assert(!codec_find_provider(different.data, different.size, SYMBOLS_REFERRED_TO, 1,
				       &provider));
	a.mapped[0].bindings[0] = a.mapped[0].bindings[1];
	codec_encode_bindings(&a.mapping, 0, &alike, providers, &n);
	for (size_t i = 0; i < SYMBOLS_REFERRED_TO; i++) {
		ck_assert(codec_find_provider(alike.data, alike.size, SYMBOLS_REFERRED_TO, i,
					      &provider));
		ck_assert(provider == UINT32_MAX || provider < n);
		ck_assert_uint_eq(provider == UINT32_MAX ? 0 : providers[provider], wanted[i]);
	}
	ck_assert(!codec_find_provider(alike.data, alike.size, SYMBOLS_REFERRED_TO,
				       SYMBOLS_REFERRED_TO, &provider));
	ck_assert(!codec_find_provider(alike.data, alike.size, 100, 1, &provider));
	for (size_t i = 0; i < 2 + SYMBOLS_REFERRED_TO; i++) {
		uint8_t *copy = malloc(i + 1); /* exactly sized, for ASan to see */
		memcpy(copy, alike.data, i);
		ck_assert(!codec_find_provider(copy, i, SYMBOLS_REFERRED_TO, 1, &provider));
		free(copy);
	}
	varint_buffer_free(&alike);
	varint_buffer_free(&different);
	free(a.mapped[0].bindings);
}
END_TEST

/* ---- names without decoding ---- */

static bool is_or_begins(const char *name, const void *context)
{
	return strncmp(name, context, strlen(context)) == 0;
}

/* Search for names that begin with `text`, with the text known or not. */
static void check_named(struct matr_store *store, int64_t id, const struct matr_object *object,
			const char *text, bool known)
{
	struct store_named named = {
		.text = known ? text : NULL, .is_named = is_or_begins, .context = text};
	size_t n = 0;

	int found = store_find_named(store, id, &named, &err);
	check_ok(found < 0);
	for (size_t i = 1; i < object->n_symbols; i++) {
		bool wanted = is_or_begins(object->symbols[i].name, text);
		ck_assert(wanted == (named.found && named.found[i]));
		n += wanted;
	}
	ck_assert_int_eq(found, n > 0);
	ck_assert(!found || (named.n == object->n_symbols && !named.found[0]));
	free(named.found);
}

static void check_relocations(struct matr_store *store, int64_t id,
			      const struct matr_object *object)
{
	struct matr_relocation *list;
	size_t n;

	check_ok(store_object_relocations(store, id, object->n_symbols, &list, &n, &err));
	ck_assert_uint_eq(n, object->n_relocations);
	for (size_t i = 0; i < n; i++)
		ck_assert_uint_eq(list[i].symbol, object->relocations[i].symbol);
	free(list);
}

static void check_exposure(struct matr_store *store, int64_t epoch)
{
	char malloc_name[] = "malloc", version[] = "GLIBC_2.2.5";
	const struct matr_symbol_name any = {.name = malloc_name, .any_version = true};
	const struct matr_symbol_name one = {.name = malloc_name, .version = version};
	struct matr_exposure by_view, decoded; /* one way of reading bindings each */

	check_ok(matr_exposure(store, epoch, &any, NULL, &by_view, &err));
	check_ok(matr_exposure(store, epoch, &one, NULL, &decoded, &err));
	ck_assert_uint_ge(by_view.n_programs, N_PROGRAMS);
	ck_assert_uint_eq(by_view.n, decoded.n);
	for (size_t i = 0; i < by_view.n; i++) {
		check_string(by_view.list[i].program, decoded.list[i].program);
		check_string(by_view.list[i].requester, decoded.list[i].requester);
	}
	matr_exposure_free(&by_view);
	matr_exposure_free(&decoded);
}

START_TEST(names_are_found)
{
	static const char *const texts[] = {"malloc", "", "__", "nothing_has_this_name"};
	struct matr_mapping *mappings[N_PROGRAMS];
	struct matr_session *session;
	struct matr_store *store;
	struct matr_object **objects;
	size_t n;

	check_ok(matr_session_open(NULL, &session, &err));
	int64_t epoch = write_epoch(session, mappings), id;
	check_ok(matr_store_open(prefix, &store, &err));
	check_ok(store_object_headers(store, epoch, &objects, &n, &err));
	ck_assert_uint_gt(n, N_PROGRAMS);
	for (size_t i = 0; i < n; i++) {
		ck_assert(store_object_id(store, objects[i], &id));
		check_ok(store_complete_object(store, objects[i], &err));
		for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
			check_named(store, id, objects[i], texts[t], true);
			check_named(store, id, objects[i], texts[t], false);
		}
		check_relocations(store, id, objects[i]);
	}
	check_exposure(store, epoch);
	free(objects);
	matr_store_close(store);
	free_mappings(mappings);
	matr_session_close(session);
}
END_TEST

/* ---- damage ---- */

/* Any prefix of a blob, and any blob with a byte changed: no crash, and nothing out of range. */
START_TEST(damaged_bindings)
{
	static const size_t order[4] = {0, 1, 2, 3};
	struct artificial a;
	struct varint_buffer out = {0};
	uint32_t providers[4];
	size_t n;

	make_artificial(&a, order);
	codec_encode_bindings(&a.mapping, 0, &out, providers, &n);
	for (size_t i = 0; i < out.size; i++) {
		uint8_t *copy = malloc(out.size);
		memcpy(copy, out.data, out.size);
		struct varint_cursor in = {.at = copy, .end = copy + i};
		ck_assert_int_eq(codec_decode_bindings(&a.mapping, 0, &in, providers, n), -1);
		for (int value = 0; value < 256; value++) {
			copy[i] = (uint8_t)value;
			in = (struct varint_cursor){.at = copy, .end = copy + out.size};
			if (codec_decode_bindings(&a.mapping, 0, &in, providers, n) != 0)
				continue;
			for (size_t r = 0; r < RELOCATIONS; r++)
				ck_assert(a.mapped[0].bindings[r].symbol < SYMBOLS);
		}
		free(copy);
	}
	varint_buffer_free(&out);
	free(a.mapped[0].bindings);
}
END_TEST

static void free_arrays(struct matr_object *object)
{
	free(object->segments);
	free(object->dynamic);
	free(object->versions);
	free(object->symbols);
	free(object->relocations);
	free(object->relatives);
	free(object->relr);
}

START_TEST(damaged_names)
{
	struct varint_buffer out = {0};
	struct matr_object *object;
	const char *names;
	size_t n;

	check_ok(matr_object_open("/usr/bin/true", &object, &err));
	codec_encode_part(object, CODEC_SYMBOLS, &out);
	ck_assert_int_eq(codec_symbol_names(out.data, out.size, &names, &n), 0);
	ck_assert_uint_eq(n, object->n_symbols);
	for (size_t i = 0; i < n; i++, names += strlen(names) + 1)
		ck_assert_str_eq(names, object->symbols[i].name);
	ck_assert_ptr_eq(names, (const char *)out.data + out.size);
	for (size_t i = 0; i < out.size; i++) {
		uint8_t *copy = malloc(i + 1); /* exactly sized, for ASan to see */
		memcpy(copy, out.data, i);
		if (codec_symbol_names(copy, i, &names, &n) == 0)
			ck_assert_uint_eq(copy[i - 1], 0);
		free(copy);
	}
	varint_buffer_free(&out);
	matr_object_free(object);
}
END_TEST

START_TEST(damaged_objects)
{
	struct matr_object *object;

	check_ok(matr_object_open("/usr/bin/true", &object, &err));
	for (size_t part = 0; part < CODEC_N_PARTS; part++) {
		struct varint_buffer out = {0};
		codec_encode_part(object, (enum codec_part)part, &out);
		ck_assert(!out.failed);
		for (size_t i = 0; i < out.size; i++) {
			struct matr_object back = {.n_symbols = object->n_symbols};
			uint8_t *copy = malloc(i + 1); /* exactly sized, for ASan to see */
			memcpy(copy, out.data, i);
			struct varint_cursor in = {.at = copy, .end = copy + i};
			ck_assert_int_eq(codec_decode_part(&back, (enum codec_part)part, &in), -1);
			ck_assert(in.damaged);
			free_arrays(&back);
			free(copy);
		}
		varint_buffer_free(&out);
	}
	matr_object_free(object);
}
END_TEST

static void write_store_file(const char *contents, size_t size)
{
	char path[64];

	snprintf(path, sizeof path, "%s/" MATR_STORE_FILE, prefix);
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(contents, 1, size, file), size);
	fclose(file);
}

static int (*const opens[])(const char *, struct matr_store **,
			    struct matr_error *) = {matr_store_open, store_open_to_write};

START_TEST(not_a_store)
{
	struct matr_store *store;
	char noise[4096];

	ck_assert_int_eq(matr_store_open(prefix, &store, &err), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_NOT_FOUND);
	memset(noise, 'x', sizeof noise);
	write_store_file(noise, sizeof noise);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(opens[i](prefix, &store, &err), -1);
		ck_assert_int_eq(err.code, MATR_ERROR_MALFORMED);
	}
}
END_TEST

START_TEST(other_versions)
{
	struct matr_store *store;

	check_ok(store_open_to_write(prefix, &store, &err));
	matr_store_close(store);
	ck_assert_int_eq(query("PRAGMA user_version"), MATR_STORE_VERSION);
	query("PRAGMA user_version = 99");
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(opens[i](prefix, &store, &err), -1);
		ck_assert_int_eq(err.code, MATR_ERROR_STATE);
	}
	query("PRAGMA user_version = 0");
	ck_assert_msg(store_open_to_write(prefix, &store, &err) == -1,
		      "version 0 with tables is somebody else's database");
	ck_assert_int_eq(err.code, MATR_ERROR_MALFORMED);
}
END_TEST

/* A store of version 10 has columns that version 11 has not, and lacks those of 12 and 13; all else
 * is kept. */
START_TEST(migrates)
{
	static const char *const dropped[] = {"dynamic_fingerprint", "witness_vaddr",
					      "witness_word"};
	struct matr_mapping *mappings[N_PROGRAMS], *read_back;
	struct matr_session *session;
	struct matr_store_epoch epoch;
	struct matr_store *store;
	int64_t application;
	char sql[128];

	check_ok(matr_session_open(NULL, &session, &err));
	int64_t id = write_epoch(session, mappings);
	for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++) {
		snprintf(sql, sizeof sql,
			 "ALTER TABLE objects ADD COLUMN %s INTEGER NOT NULL DEFAULT 7",
			 dropped[i]);
		query(sql);
	}
	query("ALTER TABLE objects DROP COLUMN content");
	query("ALTER TABLE epochs DROP COLUMN cause");
	query("PRAGMA user_version = 10");
	ck_assert_int_eq(matr_store_open(prefix, &store, &err), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_STATE);

	check_ok(store_open_to_write(prefix, &store, &err));
	matr_store_close(store);
	ck_assert_int_eq(query("PRAGMA user_version"), MATR_STORE_VERSION);
	ck_assert_int_eq(query("SELECT count(*) FROM pragma_table_info('objects') WHERE name IN"
			       " ('dynamic_fingerprint', 'witness_vaddr', 'witness_word')"),
			 0);
	ck_assert_int_eq(query("SELECT count(*) FROM objects WHERE content IS NULL"),
			 query("SELECT count(*) FROM objects"));
	check_ok(matr_store_open(prefix, &store, &err));
	check_ok(matr_store_epoch(store, id, &epoch, &err));
	ck_assert_str_eq(epoch.cause, "");
	for (size_t i = 0; i < N_PROGRAMS; i++) {
		check_ok(matr_store_find(store, id, programs[i], &application, &err));
		check_ok(matr_store_mapping(store, application, &read_back, &err));
		check_mapping(mappings[i], read_back);
		matr_mapping_free(read_back);
	}
	matr_store_close(store);
	free_mappings(mappings);
	matr_session_close(session);
}
END_TEST

START_TEST(damaged_blob)
{
	struct matr_mapping *mappings[N_PROGRAMS], *mapping;
	struct matr_session *session;
	struct matr_store *store;
	int64_t application;

	check_ok(matr_session_open(NULL, &session, &err));
	int64_t epoch = write_epoch(session, mappings);
	free_mappings(mappings);
	matr_session_close(session);
	query("UPDATE blobs SET data = substr(data, 1, length(data) - 1)");
	check_ok(matr_store_open(prefix, &store, &err));
	check_ok(matr_store_find(store, epoch, programs[0], &application, &err));
	ck_assert_int_eq(matr_store_mapping(store, application, &mapping, &err), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_MALFORMED);
	matr_store_close(store);
}
END_TEST

/* A store as bytes from another process: the same records, one snapshot, and never a crash. */
START_TEST(copies)
{
	struct matr_mapping *mappings[N_PROGRAMS], *read_back;
	struct matr_session *session;
	struct matr_store *store, *writer;
	struct matr_store_copy copy, part;
	struct matr_store_epoch epoch;
	int64_t application, next;

	check_ok(matr_session_open(NULL, &session, &err));
	int64_t id = write_epoch(session, mappings);
	check_ok(store_open_to_write(prefix, &writer, &err));
	check_ok(store_begin(writer, "", 0, &next, &err));
	check_ok(store_commit(writer, 2, &err)); /* still in the journal */
	check_ok(matr_store_copy_make(prefix, 0, &copy, &err));
	ck_assert_int_eq(copy.image, 0);
	matr_store_close(writer);

	for (size_t size = 0; size < copy.size; size += size < 4096 ? 97 : 5003) {
		part = (struct matr_store_copy){matr_store_copy_room(size + 1), size, 0};
		memcpy(part.bytes, copy.bytes, size);
		if (matr_store_open_copy(prefix, &part, &store, &err) != 0)
			continue;
		(void)matr_store_epoch(store, 0, &epoch, &err);
		matr_store_close(store);
	}
	copy.image = id;
	check_ok(matr_store_open_copy(prefix, &copy, &store, &err));
	ck_assert_ptr_null(copy.bytes);
	ck_assert_int_eq(matr_store_copied(store)->image, id);
	check_ok(matr_store_epoch(store, 0, &epoch, &err));
	ck_assert_int_eq(epoch.id, next);
	check_ok(matr_epoch_current(prefix, store, &epoch, &err));
	ck_assert_int_eq(epoch.id, id);
	for (size_t i = 0; i < N_PROGRAMS; i++) {
		check_ok(matr_store_find(store, id, programs[i], &application, &err));
		check_ok(matr_store_mapping(store, application, &read_back, &err));
		check_mapping(mappings[i], read_back);
		matr_mapping_free(read_back);
	}
	ck_assert_msg(store_end_epoch(store, id, &err) != 0, "a copy is not written");
	matr_store_close(store);
	free_mappings(mappings);
	matr_session_close(session);
}
END_TEST

START_TEST(hash_vectors)
{
	/* b2sum -l 160 */
	static const struct {
		const char *text;
		uint8_t start[4];
	} vectors[] = {
		{"", {0x33, 0x45, 0x52, 0x4a}},
		{"abc", {0x38, 0x42, 0x64, 0xf6}},
	};
	uint8_t hash[MATR_HASH_SIZE];

	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		blake2b(vectors[i].text, strlen(vectors[i].text), hash);
		ck_assert_mem_eq(hash, vectors[i].start, 4);
	}
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("store");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, round_trip);
	tcase_add_test(tests, old_epochs_go);
	tcase_add_test(tests, epochs_are_kept);
	tcase_add_test(tests, uncommitted_is_undone);
	tcase_add_test(tests, bindings_do_not_depend_on_scope_order);
	tcase_add_test(tests, providers_are_found);
	tcase_add_test(tests, names_are_found);
	tcase_add_test(tests, damaged_bindings);
	tcase_add_test(tests, damaged_names);
	tcase_add_test(tests, damaged_objects);
	tcase_add_test(tests, not_a_store);
	tcase_add_test(tests, other_versions);
	tcase_add_test(tests, migrates);
	tcase_add_test(tests, damaged_blob);
	tcase_add_test(tests, copies);
	tcase_add_test(tests, hash_vectors);
	return unit_run(tests, "store");
}
