/* store.h - the store as the tables of the mapping read it.
 *
 * The tables do not read the store through the connection that they are used from, which may have
 * any database as its own, but through one that belongs to them: opened by the first query, read
 * only, with one snapshot for as long as any cursor is in use. So a query sees one state of the
 * store, also while an epoch begins.
 *
 * Objects and binding vectors are decoded when a query comes to them, and kept for as long as they
 * fit into a fixed amount of memory, those used last.
 */
#ifndef MATR_SQL_MAPPING_STORE_H
#define MATR_SQL_MAPPING_STORE_H

#include "base/map.h"
#include "codec/object.h"
#include "sql/vtab/connection.h"

struct mapping_cached { /* the cache's part of an entry; the first member of each */
	struct mapping_cached *newer, *older;
	uint64_t key; /* object: 2 * id, vector: 2 * id + 1 */
	size_t memory;
	unsigned pins; /* in use: not to be freed */
};

struct mapping_object {
	struct mapping_cached cached;
	int64_t id;
	struct matr_object object; /* path, soname, flags, and the parts that were asked for */
	uint8_t *contents[CODEC_N_PARTS];
	size_t sizes[CODEC_N_PARTS];
	bool decoded[CODEC_N_PARTS];
	uint32_t *same; /* per symbol: the first one with this name and version */
};

struct mapping_bound {	   /* a symbol reference of a vector's object, and its binding */
	uint32_t symbol;   /* of the object */
	uint32_t provider; /* 0 the object itself, 1... providers[i - 1], or MATR_PROVIDER_* */
	uint32_t provider_symbol; /* index into the provider's symbols */
	uint32_t relocations;	  /* how many bind like this */
	uint32_t next;		  /* for building the list */
};

struct mapping_vector {
	struct mapping_cached cached;
	int64_t *providers; /* object ids */
	size_t n_providers;
	struct matr_binding
		*bindings;	      /* parallel to the object's relocations; providers as above */
	struct mapping_bound *bounds; /* every different binding that was looked up, once */
	size_t n_bounds;
};

struct mapping_store {
	char *prefix, *path;
	const struct matr_store_copy *copy; /* what is read instead of the files; NULL: they are */
	int (*add_functions)(struct mapping_store *store);
	sqlite3 *db;	     /* NULL: not open */
	uint64_t opened[6];  /* what the files were when it was opened: see identify() */
	int64_t version;     /* PRAGMA data_version that the cache is about */
	unsigned cursors;    /* in use; the snapshot lasts as long as there are any */
	int64_t selection;   /* an epoch's id, or MATR_SQL_EPOCH_* */
	int64_t first, last; /* the epochs selected, inclusive; first > last: none */
	struct map names;    /* object id -> struct mapping_name * */
	struct map own;	     /* application id -> id of its own object, where the paths differ */
	struct map aliased;  /* object id -> 1 where it is the value of one of these */
	struct map entries;  /* key of struct mapping_cached -> its address, 0: freed */
	struct mapping_cached *newest, *oldest;
	size_t memory;			   /* of all entries */
	struct ZSTD_DCtx_s *decompression; /* made on first use */
};

struct mapping_name {
	uint32_t n_symbols, flags;
	const char *soname; /* NULL: none */
	char path[];	    /* canonical, and behind it the soname */
};

/* prefix NULL: MATR_PREFIX, else the system's. copy: as in struct matr_sql_options.
 * add_functions: called for each connection that is opened, to add functions for the tables'
 * queries; gives an SQLite result code. */
struct mapping_store *mapping_store_new(const char *prefix, int64_t epoch,
					const struct matr_store_copy *copy,
					int (*add_functions)(struct mapping_store *store));
void mapping_store_free(struct mapping_store *store);

/* Get the epoch whose image is in force; 0 if there is none. */
int64_t mapping_store_image(const struct mapping_store *store);

/* A cursor starts, or ends, to read. NOT_FOUND: there is no store, or not the epoch asked for. */
int mapping_store_enter(struct mapping_store *store, struct matr_error *err);
void mapping_store_leave(struct mapping_store *store);

/* Fill *err from the connection's last error; -1. */
int mapping_fail(struct mapping_store *store, struct matr_error *err);
/* A statement over the store; to be finalized before the cursor leaves. NULL: error. */
sqlite3_stmt *mapping_prepare(struct mapping_store *store, const char *sql, struct matr_error *err);
/* 1 row, 0 done, -1 error. */
int mapping_step(struct mapping_store *store, sqlite3_stmt *statement, struct matr_error *err);

/* An object's name; NULL (with an error): the store is damaged. */
const struct mapping_name *mapping_name(struct mapping_store *store, int64_t object,
					struct matr_error *err);

/* An object with these parts decoded (1 << MATR_PART_*), pinned until mapping_unpin(). NULL:
 * error. */
struct mapping_object *mapping_object(struct mapping_store *store, int64_t id, unsigned parts,
				      struct matr_error *err);

/* Read the object's DT_NEEDED and the like: object.needed. */
int mapping_object_needed(struct mapping_store *store, struct mapping_object *object,
			  struct matr_error *err);

/* Test whether the object's symbols may have that name, defined or not. Nothing is decoded for
 * that. Returns 1 if so, or if a name only ends with it, 0 if not, -1 on error. */
int mapping_object_mentions(struct mapping_store *store, int64_t id, const char *symbol,
			    struct matr_error *err);

/* A vector of the object, which has symbols and relocations decoded; pinned. */
struct mapping_vector *mapping_vector(struct mapping_store *store, struct mapping_object *object,
				      int64_t id, struct matr_error *err);

void mapping_unpin(struct mapping_store *store, void *entry); /* NULL is allowed */

#endif
