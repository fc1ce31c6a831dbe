/* schema.c - the tables of the store and how an older store becomes a newer one.
 *
 * PRAGMA user_version counts the migrations that a store has seen: entry n of the list below brings
 * version n to version n + 1, each in a transaction of its own. The list is only ever appended to.
 *
 * Tables whose names SQL users guess first are plain (epochs, applications, objects, needed,
 * declined) or views over the normalised ones (scopes). Bulk data (symbols, relocations, bindings)
 * is in blobs: as rows it would take about twenty times the space. docs/store.md has it all.
 */
#include "store/schema.h"

#include "store/statement.h"

static const char version_1[] =
	"CREATE TABLE epochs ("
	" id INTEGER PRIMARY KEY,"
	" begun INTEGER NOT NULL,"
	" ended INTEGER,"
	" cpu_level TEXT NOT NULL);"

	"CREATE TABLE blobs ("
	" id INTEGER PRIMARY KEY,"
	" hash BLOB NOT NULL UNIQUE,"
	" size INTEGER NOT NULL,"
	" data BLOB NOT NULL);"

	"CREATE TABLE objects ("
	" id INTEGER PRIMARY KEY,"
	" path TEXT NOT NULL,"
	" build_id TEXT NOT NULL,"
	" device INTEGER NOT NULL,"
	" inode INTEGER NOT NULL,"
	" size INTEGER NOT NULL,"
	" mtime INTEGER NOT NULL,"
	" ctime INTEGER NOT NULL,"
	" build_id_vaddr INTEGER NOT NULL,"
	" flags INTEGER NOT NULL,"
	" machine INTEGER NOT NULL,"
	" interpreter TEXT,"
	" soname TEXT,"
	" rpath TEXT,"
	" runpath TEXT,"
	" dynamic_vaddr INTEGER NOT NULL,"
	" dynamic_fingerprint INTEGER NOT NULL,"
	" witness_vaddr INTEGER NOT NULL,"
	" witness_word INTEGER NOT NULL,"
	" n_symbols INTEGER NOT NULL,"
	" n_relocations INTEGER NOT NULL,"
	" n_relatives INTEGER NOT NULL,"
	" n_relr INTEGER NOT NULL,"
	" hash BLOB NOT NULL UNIQUE);" /* of all of the above and the contents of the blobs */
	"CREATE INDEX objects_path ON objects (path);"

	"CREATE TABLE needed ("
	" object_id INTEGER NOT NULL REFERENCES objects ON DELETE CASCADE,"
	" position INTEGER NOT NULL,"
	" name TEXT NOT NULL,"
	" PRIMARY KEY (object_id, position)) WITHOUT ROWID;"

	"CREATE TABLE object_blobs ("
	" object_id INTEGER NOT NULL REFERENCES objects ON DELETE CASCADE,"
	" part INTEGER NOT NULL," /* enum codec_part */
	" blob_id INTEGER NOT NULL REFERENCES blobs,"
	" PRIMARY KEY (object_id, part)) WITHOUT ROWID;"
	"CREATE INDEX object_blobs_blob ON object_blobs (blob_id);"

	/* Bindings of one object, for every application in which it binds like this. */
	"CREATE TABLE vectors ("
	" id INTEGER PRIMARY KEY,"
	" object_id INTEGER NOT NULL REFERENCES objects,"
	" hash BLOB NOT NULL UNIQUE," /* of the object, its providers and the blob */
	" blob_id INTEGER NOT NULL REFERENCES blobs);"
	"CREATE INDEX vectors_object ON vectors (object_id);"
	"CREATE INDEX vectors_blob ON vectors (blob_id);"

	"CREATE TABLE providers ("
	" vector_id INTEGER NOT NULL REFERENCES vectors ON DELETE CASCADE,"
	" position INTEGER NOT NULL,"
	" object_id INTEGER NOT NULL REFERENCES objects,"
	" PRIMARY KEY (vector_id, position)) WITHOUT ROWID;"
	"CREATE INDEX providers_object ON providers (object_id);"

	/* An object under a name by which it was found (not canonical: /lib/..., libfoo.so.1). */
	"CREATE TABLE locations ("
	" id INTEGER PRIMARY KEY,"
	" object_id INTEGER NOT NULL REFERENCES objects,"
	" path TEXT NOT NULL,"
	" UNIQUE (object_id, path));"

	"CREATE TABLE applications ("
	" id INTEGER PRIMARY KEY,"
	" epoch_id INTEGER NOT NULL REFERENCES epochs ON DELETE CASCADE,"
	" path TEXT NOT NULL,"
	" flags INTEGER NOT NULL,"
	" interpreter INTEGER NOT NULL,"
	" UNIQUE (epoch_id, path));"

	"CREATE TABLE scope_entries ("
	" application_id INTEGER NOT NULL REFERENCES applications ON DELETE CASCADE,"
	" position INTEGER NOT NULL,"
	" location_id INTEGER NOT NULL REFERENCES locations,"
	" rule INTEGER NOT NULL REFERENCES rules,"
	" loaded_by INTEGER NOT NULL,"
	" needed INTEGER," /* position in the needed list of loaded_by's object */
	" vector_id INTEGER REFERENCES vectors," /* NULL: the object has no bindings */
	" PRIMARY KEY (application_id, position)) WITHOUT ROWID;"
	"CREATE INDEX scope_entries_location ON scope_entries (location_id);"
	"CREATE INDEX scope_entries_vector ON scope_entries (vector_id);"

	"CREATE TABLE directories ("
	" application_id INTEGER NOT NULL REFERENCES applications ON DELETE CASCADE,"
	" position INTEGER NOT NULL,"
	" path TEXT NOT NULL,"
	" mtime INTEGER NOT NULL,"
	" PRIMARY KEY (application_id, position)) WITHOUT ROWID;"

	"CREATE TABLE declined ("
	" epoch_id INTEGER NOT NULL REFERENCES epochs ON DELETE CASCADE,"
	" path TEXT NOT NULL,"
	" reason TEXT NOT NULL,"
	" PRIMARY KEY (epoch_id, path)) WITHOUT ROWID;"

	/* enum matr_search_rule */
	"CREATE TABLE rules (id INTEGER PRIMARY KEY, name TEXT NOT NULL);"
	"INSERT INTO rules (id, name) VALUES (0, 'application'), (1, 'preload'), (2, 'path'),"
	" (3, 'rpath'), (4, 'runpath'), (5, 'cache'), (6, 'default'), (7, 'interpreter');"

	"CREATE VIEW scopes AS"
	" SELECT a.epoch_id AS epoch, a.path AS application, s.position, l.path,"
	"  o.path AS object, r.name AS rule, by_object.path AS loaded_by, n.name AS needed_as"
	" FROM scope_entries s"
	" JOIN applications a ON a.id = s.application_id"
	" JOIN locations l ON l.id = s.location_id"
	" JOIN objects o ON o.id = l.object_id"
	" JOIN rules r ON r.id = s.rule"
	" LEFT JOIN scope_entries b ON b.application_id = s.application_id"
	"  AND b.position = s.loaded_by AND s.position <> s.loaded_by"
	" LEFT JOIN locations by_location ON by_location.id = b.location_id"
	" LEFT JOIN objects by_object ON by_object.id = by_location.object_id"
	" LEFT JOIN needed n ON n.object_id = by_object.id AND n.position = s.needed;";

/* Data that consecutive epochs share is kept once: an unchanged application is the same record in
 * both, and the times of directories, which change with every package, belong to the epoch. The
 * inputs of an epoch are recorded too, so that the next one can find the changes. */
static const char version_2[] =
	"CREATE TABLE application_records ("
	" id INTEGER PRIMARY KEY,"
	" path TEXT NOT NULL,"
	" flags INTEGER NOT NULL,"
	" interpreter INTEGER NOT NULL,"
	" library_path TEXT);" /* LD_LIBRARY_PATH that it is valid for; NULL: none */
	"CREATE INDEX application_records_path ON application_records (path);"
	"INSERT INTO application_records (id, path, flags, interpreter)"
	" SELECT id, path, flags, interpreter FROM applications;"

	"CREATE TABLE epoch_applications ("
	" epoch_id INTEGER NOT NULL REFERENCES epochs ON DELETE CASCADE,"
	" application_id INTEGER NOT NULL REFERENCES application_records,"
	" PRIMARY KEY (epoch_id, application_id)) WITHOUT ROWID;"
	"CREATE INDEX epoch_applications_application ON epoch_applications (application_id);"
	"INSERT INTO epoch_applications SELECT epoch_id, id FROM applications;"

	"CREATE TABLE directory_paths (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);"
	"INSERT INTO directory_paths (path) SELECT DISTINCT path FROM directories;"
	"CREATE TABLE epoch_directories ("
	" epoch_id INTEGER NOT NULL REFERENCES epochs ON DELETE CASCADE,"
	" directory_id INTEGER NOT NULL REFERENCES directory_paths,"
	" mtime INTEGER NOT NULL,"
	" PRIMARY KEY (epoch_id, directory_id)) WITHOUT ROWID;"
	"CREATE INDEX epoch_directories_directory ON epoch_directories (directory_id);"
	"INSERT OR IGNORE INTO epoch_directories SELECT a.epoch_id, p.id, d.mtime FROM directories "
	"d"
	" JOIN applications a ON a.id = d.application_id JOIN directory_paths p ON p.path = d.path;"
	"CREATE TABLE application_directories ("
	" application_id INTEGER NOT NULL REFERENCES application_records ON DELETE CASCADE,"
	" position INTEGER NOT NULL,"
	" directory_id INTEGER NOT NULL REFERENCES directory_paths,"
	" PRIMARY KEY (application_id, position)) WITHOUT ROWID;"
	"CREATE INDEX application_directories_directory ON application_directories (directory_id);"
	"INSERT INTO application_directories SELECT d.application_id, d.position, p.id"
	" FROM directories d JOIN directory_paths p ON p.path = d.path;"

	"CREATE TABLE scope_entries_2 ("
	" application_id INTEGER NOT NULL REFERENCES application_records ON DELETE CASCADE,"
	" position INTEGER NOT NULL,"
	" location_id INTEGER NOT NULL REFERENCES locations,"
	" rule INTEGER NOT NULL REFERENCES rules,"
	" loaded_by INTEGER NOT NULL,"
	" needed INTEGER,"
	" vector_id INTEGER REFERENCES vectors,"
	" PRIMARY KEY (application_id, position)) WITHOUT ROWID;"
	"INSERT INTO scope_entries_2 SELECT application_id, position, location_id, rule, loaded_by,"
	" needed, vector_id FROM scope_entries;"
	"DROP VIEW scopes;"
	"DROP TABLE scope_entries;"
	"DROP TABLE directories;"
	"DROP TABLE applications;"
	"ALTER TABLE scope_entries_2 RENAME TO scope_entries;"
	"CREATE INDEX scope_entries_location ON scope_entries (location_id);"
	"CREATE INDEX scope_entries_vector ON scope_entries (vector_id);"

	"CREATE VIEW applications AS"
	" SELECT r.id, e.epoch_id, r.path, r.flags, r.interpreter, r.library_path"
	" FROM epoch_applications e JOIN application_records r ON r.id = e.application_id;"

	"CREATE VIEW directories AS"
	" SELECT e.epoch_id, a.application_id, a.position, p.path, d.mtime"
	" FROM epoch_applications e JOIN application_directories a ON a.application_id = "
	"e.application_id"
	" JOIN directory_paths p ON p.id = a.directory_id"
	" JOIN epoch_directories d ON d.epoch_id = e.epoch_id AND d.directory_id = a.directory_id;"

	"CREATE VIEW scopes AS"
	" SELECT a.epoch_id AS epoch, a.path AS application, s.position, l.path,"
	"  o.path AS object, r.name AS rule, by_object.path AS loaded_by, n.name AS needed_as"
	" FROM scope_entries s"
	" JOIN applications a ON a.id = s.application_id"
	" JOIN locations l ON l.id = s.location_id"
	" JOIN objects o ON o.id = l.object_id"
	" JOIN rules r ON r.id = s.rule"
	" LEFT JOIN scope_entries b ON b.application_id = s.application_id"
	"  AND b.position = s.loaded_by AND s.position <> s.loaded_by"
	" LEFT JOIN locations by_location ON by_location.id = b.location_id"
	" LEFT JOIN objects by_object ON by_object.id = by_location.object_id"
	" LEFT JOIN needed n ON n.object_id = by_object.id AND n.position = s.needed;"

	/* Numbers of files that a scan passed over. */
	"CREATE TABLE skipped ("
	" epoch_id INTEGER NOT NULL REFERENCES epochs ON DELETE CASCADE,"
	" kind TEXT NOT NULL,"
	" files INTEGER NOT NULL,"
	" PRIMARY KEY (epoch_id, kind)) WITHOUT ROWID;"

	"ALTER TABLE epochs ADD COLUMN circumstances TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE epochs ADD COLUMN scan_blob_id INTEGER REFERENCES blobs;"
	"ALTER TABLE epochs ADD COLUMN probes_blob_id INTEGER REFERENCES blobs;"
	"CREATE INDEX epochs_scan_blob ON epochs (scan_blob_id);"
	"CREATE INDEX epochs_probes_blob ON epochs (probes_blob_id);";

/* Loads with dlopen(). */
static const char version_3[] =
	"CREATE TABLE closures ("
	" id INTEGER PRIMARY KEY,"
	" application_id INTEGER NOT NULL REFERENCES application_records ON DELETE CASCADE,"
	" position INTEGER NOT NULL,"
	" root TEXT NOT NULL,"
	" reason TEXT," /* why it is left to ld.so; NULL: it is not */
	" UNIQUE (application_id, position));"

	/* Its objects, behind the application's own: positions go on where those of
	 * scope_entries end. */
	"CREATE TABLE closure_entries ("
	" closure_id INTEGER NOT NULL REFERENCES closures ON DELETE CASCADE,"
	" position INTEGER NOT NULL,"
	" location_id INTEGER NOT NULL REFERENCES locations,"
	" rule INTEGER NOT NULL REFERENCES rules,"
	" loaded_by INTEGER NOT NULL,"
	" needed INTEGER,"
	" vector_id INTEGER REFERENCES vectors,"
	" PRIMARY KEY (closure_id, position)) WITHOUT ROWID;"
	"CREATE INDEX closure_entries_location ON closure_entries (location_id);"
	"CREATE INDEX closure_entries_vector ON closure_entries (vector_id);";

/* Files that changed during an epoch although its mapping relies on them, and the applications that
 * have started plainly since. matrd writes it. */
static const char version_4[] =
	"CREATE TABLE violations ("
	" id INTEGER PRIMARY KEY,"
	" epoch_id INTEGER NOT NULL REFERENCES epochs ON DELETE CASCADE,"
	" time INTEGER NOT NULL," /* nanoseconds since 1970 */
	" path TEXT NOT NULL,"
	" kind TEXT NOT NULL,"	 /* modified, replaced, removed, added, attributes */
	" action TEXT NOT NULL," /* withdrawn, ended, none */
	" pid INTEGER,"		 /* whose doing; NULL: not known */
	" uid INTEGER,"
	" command TEXT,"
	" detail TEXT);"
	"CREATE INDEX violations_epoch ON violations (epoch_id);"

	"CREATE TABLE withdrawals ("
	" violation_id INTEGER NOT NULL REFERENCES violations ON DELETE CASCADE,"
	" application_id INTEGER NOT NULL REFERENCES application_records ON DELETE CASCADE,"
	" PRIMARY KEY (violation_id, application_id)) WITHOUT ROWID;"
	"CREATE INDEX withdrawals_application ON withdrawals (application_id);";

/* An epoch that equals the previous one continues with its image, which has the earlier epoch's
 * number. A program that was declined because its own file is malformed need not be read again
 * while the file does not change. */
static const char version_5[] =
	"ALTER TABLE epochs ADD COLUMN image_epoch INTEGER;" /* NULL: its own */
	"ALTER TABLE declined ADD COLUMN own_file INTEGER NOT NULL DEFAULT 0;"
	"INSERT INTO rules (id, name) VALUES (8, 'library path');";

/* An epoch that copies of the file tree may have, too. */
static const char version_6[] =
	"ALTER TABLE epochs ADD COLUMN portable INTEGER NOT NULL DEFAULT 0;";

/* Flags with which the library was seen to be loaded: "now", "lazy,global", ...; "-": not known. */
static const char version_7[] = "ALTER TABLE closures ADD COLUMN flags TEXT NOT NULL DEFAULT '-';";

/* Edits of mappings: the request, its result in an application, and the places where it failed.
 * `edits` is for people to write to (docs/edit.md). Numbers of edits are never reused. */
static const char version_8[] =
	"CREATE TABLE edits ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" program TEXT NOT NULL CHECK (program <> ''),"
	" symbol TEXT NOT NULL CHECK (symbol <> ''),"
	" version TEXT,"
	" requester TEXT,"
	" library TEXT NOT NULL CHECK (library <> ''),"
	" to_symbol TEXT,"
	" author TEXT NOT NULL DEFAULT 'unknown (SQL)',"
	" time INTEGER NOT NULL DEFAULT (unixepoch()),"
	" reason TEXT NOT NULL DEFAULT '',"
	" state TEXT NOT NULL DEFAULT 'new'," /* new, applied, partly, failed */
	" complaint TEXT);"

	"CREATE TABLE edited_bindings ("
	" application_id INTEGER NOT NULL REFERENCES application_records ON DELETE CASCADE,"
	" position INTEGER NOT NULL,"	/* of the requester in the scope */
	" relocation INTEGER NOT NULL," /* of the requester */
	" edit_id INTEGER NOT NULL,"
	" provider INTEGER NOT NULL," /* what ld.so binds: position; -2 weak; -3 undefined */
	" symbol INTEGER NOT NULL,"   /* of that provider */
	" PRIMARY KEY (application_id, position, relocation)) WITHOUT ROWID;"
	"CREATE INDEX edited_bindings_edit ON edited_bindings (edit_id);"

	"CREATE TABLE edit_failures ("
	" epoch_id INTEGER NOT NULL REFERENCES epochs ON DELETE CASCADE,"
	" edit_id INTEGER NOT NULL,"
	" path TEXT NOT NULL," /* the program */
	" reason TEXT NOT NULL,"
	" expected INTEGER NOT NULL," /* covered by a pattern only, and never mapped */
	" PRIMARY KEY (epoch_id, edit_id, path)) WITHOUT ROWID;"

	"ALTER TABLE epochs ADD COLUMN edits TEXT NOT NULL DEFAULT '';" /* hash of all */
	"ALTER TABLE application_records ADD COLUMN edits TEXT NOT NULL DEFAULT '';"
	"INSERT INTO rules (id, name) VALUES (9, 'edit');"

	/* The same with names. */
	"CREATE VIEW edited AS"
	" SELECT e.epoch_id AS epoch, b.edit_id AS edit, a.path AS application,"
	"  o.path AS requester, b.relocation, po.path AS original_provider"
	" FROM edited_bindings b JOIN epoch_applications e ON e.application_id = b.application_id"
	" JOIN application_records a ON a.id = b.application_id"
	" JOIN scope_entries s ON s.application_id = b.application_id AND s.position = b.position"
	" JOIN locations l ON l.id = s.location_id JOIN objects o ON o.id = l.object_id"
	" LEFT JOIN scope_entries p ON p.application_id = b.application_id"
	"  AND p.position = b.provider"
	" LEFT JOIN locations pl ON pl.id = p.location_id"
	" LEFT JOIN objects po ON po.id = pl.object_id;";

/* Since which epoch a record is as it is: that is known, too, when the epochs before are
 * removed. */
static const char version_9[] =
	"ALTER TABLE application_records ADD COLUMN since INTEGER NOT NULL DEFAULT 0;"
	"UPDATE application_records SET since = coalesce((SELECT min(epoch_id)"
	" FROM epoch_applications WHERE application_id = application_records.id), 0);";

/* An object that a closure needs may be found nowhere, and be in the process from an earlier
 * load. */
static const char version_10[] = "INSERT INTO rules (id, name) VALUES (10, 'loaded');";

/* Drop what only recognised an object in memory, when the hook of a program did that. Objects
 * get other hashes, and are written again: a libmatr builds on nothing that another has bound. */
static const char version_11[] = "ALTER TABLE objects DROP COLUMN dynamic_fingerprint;"
				 "ALTER TABLE objects DROP COLUMN witness_vaddr;"
				 "ALTER TABLE objects DROP COLUMN witness_word;";

/* A checksum of the file's bytes, so that a file with other times or another inode can be compared.
 * NULL: not known. */
static const char version_12[] = "ALTER TABLE objects ADD COLUMN content INTEGER;";

/* The reason why an epoch was begun. NULL: not known. */
static const char version_13[] = "ALTER TABLE epochs ADD COLUMN cause TEXT;";

static const char *const migrations[MATR_STORE_VERSION] = {
	version_1, version_2, version_3,  version_4,  version_5,  version_6,  version_7,
	version_8, version_9, version_10, version_11, version_12, version_13,
};

static int user_version(struct matr_store *store, int64_t *version, struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement(store, "PRAGMA user_version", err);
	if (!statement || store_step(store, statement, err) < 0)
		return -1;
	*version = sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	return 0;
}

/* Leave a database of version 0 that has tables alone: it belongs to another program. */
static int check_empty(struct matr_store *store, struct matr_error *err)
{
	sqlite3_stmt *statement = store_statement(store, "SELECT count(*) FROM sqlite_schema", err);
	if (!statement || store_step(store, statement, err) < 0)
		return -1;
	int64_t n = sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	return n == 0 ? 0 : store_damaged(store, err, "a database, but not one of MatR's");
}

static int migrate_one(struct matr_store *store, int64_t from, struct matr_error *err)
{
	char version[64];
	sqlite3_snprintf(sizeof version, version, "PRAGMA user_version = %lld",
			 (long long)from + 1);
	if (sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return store_fail(store, err);
	if (sqlite3_exec(store->db, migrations[from], NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(store->db, version, NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
		store_fail(store, err);
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
		return -1;
	}
	return 0;
}

int store_migrate(struct matr_store *store, bool writable, struct matr_error *err)
{
	int64_t version;

	if (user_version(store, &version, err) != 0)
		return -1;
	if (version > MATR_STORE_VERSION)
		return matr_fail(err, MATR_ERROR_STATE, store->path,
				 "store version %lld was written by a newer MatR (this one knows "
				 "version %d)",
				 (long long)version, MATR_STORE_VERSION);
	if (version < 0)
		return store_damaged(store, err, "negative version");
	if (version == 0 && check_empty(store, err) != 0)
		return -1;
	if (!writable && version == 0)
		return matr_fail(err, MATR_ERROR_NOT_FOUND, store->path, "the store is empty");
	if (!writable && version < MATR_STORE_VERSION)
		return matr_fail(err, MATR_ERROR_STATE, store->path,
				 "store version %lld is an older MatR's; begin an epoch",
				 (long long)version);
	for (; version < MATR_STORE_VERSION; version++)
		if (migrate_one(store, version, err) != 0)
			return -1;
	return 0;
}
