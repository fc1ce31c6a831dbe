/* tables.c - the tables of the mapping: those that are queries, and the list of all.
 *
 * They are modules of SQLite that need no CREATE VIRTUAL TABLE. Where the connection has a store of
 * ours as a database, whose own tables have some of the same names, they are created as temporary
 * tables, which SQLite finds first: a query means the same everywhere.
 */
#include "sql/mapping/tables.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include <matr/epoch.h>

#include "sql/mapping/functions.h"
#include "sql/mapping/table.h"

#define BASENAME(path) "replace(" path ", rtrim(" path ", replace(" path ", '/', '')), '')"

/* ---- epochs ---- */

static const struct mapping_column epochs_columns[] = {
	{'i', '<', 0.5, 1}, {'t', '-', 1, 1}, {'t', '-', 1, 1}, {'i', '=', 0.5, 1},
	{'t', '=', 1, 1},   {'i', '-', 1, 1}, {'i', '-', 1, 1}, {'i', '-', 1, 1},
};

const struct mapping_schema mapping_epochs = {
	.name = "epochs",
	.create = "CREATE TABLE epochs (\n"
		  "  -- One row per epoch that the store has a record of.\n"
		  "  id INTEGER,           -- counts up\n"
		  "  begun TEXT,           -- YYYY-MM-DD HH:MM:SS, UTC\n"
		  "  ended TEXT,           -- the same; NULL: it has not ended\n"
		  "  in_force INTEGER,     -- 1: programs start with its mapping\n"
		  "  cpu_level TEXT,       -- glibc-hwcaps level it was resolved for; '': the "
		  "baseline\n"
		  "  applications INTEGER, -- how many\n"
		  "  declined INTEGER,     -- programs that were declined\n"
		  "  objects INTEGER       -- different ones in all scopes and closures\n"
		  ")",
	.rows = 2,
	.work = 2,
	.columns = epochs_columns,
	.n_columns = sizeof epochs_columns / sizeof *epochs_columns,
	.query =
		"SELECT id AS c0, datetime(begun, 'unixepoch') AS c1,"
		" datetime(ended, 'unixepoch') AS c2,"
		" id = (SELECT max(id) FROM epochs WHERE coalesce(image_epoch, id) = image_epoch())"
		" AND ended IS NULL AS c3, cpu_level AS c4,"
		" (SELECT count(*) FROM epoch_applications WHERE epoch_id = id) AS c5,"
		" (SELECT count(*) FROM declined WHERE epoch_id = id) AS c6,"
		" (SELECT count(DISTINCT l.object_id) FROM epoch_applications a"
		"  JOIN scope_entries s ON s.application_id = a.application_id"
		"  JOIN locations l ON l.id = s.location_id WHERE a.epoch_id = epochs.id)"
		" + (SELECT count(DISTINCT l.object_id) FROM epoch_applications a"
		"  JOIN closures k ON k.application_id = a.application_id"
		"  JOIN closure_entries s ON s.closure_id = k.id JOIN locations l ON l.id = "
		"s.location_id"
		"  WHERE a.epoch_id = epochs.id AND NOT EXISTS (SELECT 1 FROM locations l1"
		"   CROSS JOIN scope_entries s1 CROSS JOIN epoch_applications a1"
		"   WHERE l1.object_id = l.object_id AND s1.location_id = l1.id"
		"   AND a1.application_id = s1.application_id AND a1.epoch_id = epochs.id)) AS c7,"
		" id AS r FROM epochs",
	.rows_of = &mapping_query_rows,
};

/* ---- applications ---- */

static const struct mapping_column applications_columns[] = {
	{'i', '<', 0.9, 0.9}, {'t', '=', 0.001, 0.001}, {'t', '=', 0.001, 1}, {'t', '=', 0.9, 1},
	{'i', '<', 0.05, 1},  {'i', '<', 0.01, 1},	{'i', '<', 0.01, 1},  {'i', '=', 0.5, 1},
	{'i', '=', 0.5, 1},   {'t', '=', 0.1, 1},
};

const struct mapping_schema mapping_applications = {
	.name = "applications",
	.create =
		"CREATE TABLE applications (\n"
		"  -- One row per program that has a mapping in the epoch.\n"
		"  epoch INTEGER,       -- epochs.id\n"
		"  path TEXT,           -- canonical\n"
		"  name TEXT,           -- the last part of the path\n"
		"  interpreter TEXT,    -- its dynamic linker; NULL: not in its scope\n"
		"  objects INTEGER,     -- in its scope, itself included\n"
		"  relocations INTEGER, -- of all of these, relative ones not included\n"
		"  relatives INTEGER,   -- relative relocations of all of these\n"
		"  uses_origin INTEGER, -- 1: $ORIGIN took part in the search, its place matters\n"
		"  uses_cpu INTEGER,    -- 1: another CPU may find other libraries\n"
		"  library_path TEXT    -- LD_LIBRARY_PATH that the mapping is for; NULL: none\n"
		")",
	.rows = 1000,
	.work = 1000,
	.columns = applications_columns,
	.n_columns = sizeof applications_columns / sizeof *applications_columns,
	.query = "SELECT e.epoch_id AS c0, a.path AS c1, " BASENAME(
		"a.path") " AS c2,"
			  " (SELECT l.path FROM scope_entries s JOIN locations l ON l.id = "
			  "s.location_id"
			  "  WHERE s.application_id = a.id AND s.position = a.interpreter) AS c3,"
			  " (SELECT count(*) FROM scope_entries s WHERE s.application_id = a.id) "
			  "AS c4,"
			  " (SELECT sum(o.n_relocations) FROM scope_entries s JOIN locations l"
			  "  ON l.id = s.location_id JOIN objects o ON o.id = l.object_id"
			  "  WHERE s.application_id = a.id) AS c5,"
			  " (SELECT sum(o.n_relatives + o.n_relr) FROM scope_entries s JOIN "
			  "locations l"
			  "  ON l.id = s.location_id JOIN objects o ON o.id = l.object_id"
			  "  WHERE s.application_id = a.id) AS c6,"
			  " a.flags & 1 AS c7, a.flags >> 1 & 1 AS c8, a.library_path AS c9,"
			  " a.id << 10 | e.epoch_id & 1023 AS r"
			  " FROM application_records a JOIN epoch_applications e ON "
			  "e.application_id = a.id"
			  " WHERE e.epoch_id BETWEEN ?1 AND ?2",
	.rows_of = &mapping_query_rows,
};

/* ---- objects ---- */

static const struct mapping_column objects_columns[] = {
	{'i', '<', 0.9, 0.9},	{'t', '=', 0.0007, 0.0007}, {'t', '=', 0.001, 0.7},
	{'t', '=', 0.001, 0.7}, {'t', '=', 0.001, 0.7},	    {'t', '=', 0.4, 0.9},
	{'t', '=', 0.5, 0.9},	{'t', '=', 0.01, 0.9},	    {'t', '=', 0.01, 0.9},
	{'i', '<', 0.01, 0.9},	{'t', '-', 0.01, 1},	    {'i', '<', 0.01, 0.9},
	{'i', '<', 0.01, 0.9},	{'i', '<', 0.01, 0.9},	    {'i', '<', 0.1, 1},
	{'i', '=', 0.3, 0.9},	{'t', '=', 0.3, 1},	    {'i', '=', 0.05, 1},
	{'i', '=', 0.05, 0.9},	{'i', '=', 0.1, 0.9},	    {'i', '=', 0.1, 0.9},
	{'i', '<', 0.1, 1},
};

const struct mapping_schema mapping_objects = {
	.name = "objects",
	.create =
		"CREATE TABLE objects (\n"
		"  -- One row per ELF file in a scope or closure of the epoch, as it was when it "
		"began.\n"
		"  epoch INTEGER,        -- epochs.id\n"
		"  path TEXT,            -- canonical\n"
		"  name TEXT,            -- the last part of the path\n"
		"  soname TEXT,          -- DT_SONAME; NULL: none\n"
		"  build_id TEXT,        -- hexadecimal; NULL: none\n"
		"  type TEXT,            -- 'EXEC', 'PIE' (also a library that can be run), 'DYN'\n"
		"  interpreter TEXT,     -- PT_INTERP; NULL: none\n"
		"  rpath TEXT,           -- DT_RPATH as it is in the file; NULL: none\n"
		"  runpath TEXT,         -- DT_RUNPATH; NULL: none\n"
		"  size INTEGER,         -- of the file, bytes\n"
		"  mtime TEXT,           -- of the file: YYYY-MM-DD HH:MM:SS, UTC\n"
		"  symbols INTEGER,      -- dynamic ones\n"
		"  relocations INTEGER,  -- relative ones not included\n"
		"  relatives INTEGER,    -- relative relocations, packed ones (RELR) included\n"
		"  applications INTEGER, -- of the epoch that have it in their scope\n"
		"  bind_now INTEGER,     -- 1: asks to be bound at start\n"
		"  relro TEXT,           -- 'none', 'partial', 'full' (with bind_now)\n"
		"  executable_stack INTEGER, -- 1: asks for one (PT_GNU_STACK, or the lack of it)\n"
		"  textrel INTEGER,      -- 1: has text relocations\n"
		"  symbolic INTEGER,     -- 1: looks into itself first (DT_SYMBOLIC)\n"
		"  static_tls INTEGER,   -- 1: needs static TLS\n"
		"  closures INTEGER      -- of the epoch that bring it in\n"
		")",
	.rows = 1400,
	.work = 3000,
	.columns = objects_columns,
	.n_columns = sizeof objects_columns / sizeof *objects_columns,
	.query = "SELECT e.id AS c0, o.path AS c1, " BASENAME(
		"o.path") " AS c2, o.soname AS c3,"
			  " nullif(o.build_id, '') AS c4,"
			  " CASE WHEN o.flags & 2 THEN 'EXEC' WHEN o.flags & 1 THEN 'PIE' ELSE "
			  "'DYN' END"
			  " AS c5, o.interpreter AS c6, o.rpath AS c7, o.runpath AS c8, o.size AS "
			  "c9,"
			  " datetime(o.mtime / 1000000000, 'unixepoch') AS c10, o.n_symbols AS c11,"
			  " o.n_relocations AS c12, o.n_relatives + o.n_relr AS c13,"
			  " (SELECT count(DISTINCT ea.application_id) FROM locations l JOIN "
			  "scope_entries s"
			  "  ON s.location_id = l.id JOIN epoch_applications ea"
			  "  ON ea.application_id = s.application_id"
			  "  WHERE l.object_id = o.id AND ea.epoch_id = e.id) AS c14,"
			  " o.flags >> 3 & 1 AS c15, relro(o.id) AS c16, executable_stack(o.id) AS "
			  "c17,"
			  " o.flags >> 4 & 1 AS c18, o.flags >> 2 & 1 AS c19, o.flags >> 9 & 1 AS "
			  "c20,"
			  " (SELECT count(DISTINCT k.id) FROM locations l JOIN closure_entries s"
			  "  ON s.location_id = l.id JOIN closures k ON k.id = s.closure_id"
			  "  JOIN epoch_applications ea ON ea.application_id = k.application_id"
			  "  WHERE l.object_id = o.id AND ea.epoch_id = e.id) AS c21,"
			  " o.id << 10 | e.id & 1023 AS r"
			  " FROM objects o CROSS JOIN epochs e WHERE e.id BETWEEN ?1 AND ?2"
			  " AND " MAPPING_IN_EPOCH,
	.rows_of = &mapping_query_rows,
};

static const struct mapping_column needed_columns[] = {
	{'i', '<', 0.9, 0.9},
	{'t', '=', 0.0007, 0.0007},
	{'i', '<', 0.2, 1},
	{'t', '=', 0.005, 0.5},
};

const struct mapping_schema mapping_needed = {
	.name = "needed",
	.create = "CREATE TABLE needed (\n"
		  "  -- One row per DT_NEEDED entry of an object of the epoch.\n"
		  "  epoch INTEGER,    -- epochs.id\n"
		  "  object TEXT,      -- objects.path\n"
		  "  position INTEGER, -- from 0\n"
		  "  name TEXT         -- as it is in the file\n"
		  ")",
	.rows = 5000,
	.work = 6000,
	.columns = needed_columns,
	.n_columns = sizeof needed_columns / sizeof *needed_columns,
	.query = "SELECT e.id AS c0, o.path AS c1, n.position AS c2, n.name AS c3,"
		 " o.id << 26 | (e.id & 1023) << 16 | n.position & 65535 AS r"
		 " FROM objects o JOIN needed n ON n.object_id = o.id CROSS JOIN epochs e"
		 " WHERE e.id BETWEEN ?1 AND ?2 AND " MAPPING_IN_EPOCH,
	.rows_of = &mapping_query_rows,
};

/* ---- scopes ---- */

static const struct mapping_column scopes_columns[] = {
	{'i', '<', 0.9, 0.9},	  {'t', '=', 0.001, 0.001}, {'i', '<', 0.1, 1},
	{'t', '=', 0.002, 0.002}, {'t', '=', 0.002, 0.5},   {'t', '=', 0.3, 1},
	{'t', '=', 0.01, 1},	  {'t', '=', 0.005, 1},	    {'i', '=', 0.5, 1},
};

/* The application itself is in its scope under its own name, whatever other names the file has. */
#define SCOPE(object, where)                                                                       \
	"SELECT e.epoch_id AS c0, a.path AS c1, s.position AS c2, " object " AS c3,"               \
	" l.path AS c4, (SELECT name FROM rules WHERE id = s.rule) AS c5,"                         \
	" CASE WHEN s.position = s.loaded_by THEN NULL WHEN s.loaded_by = 0 THEN a.path"           \
	" ELSE (SELECT o2.path FROM scope_entries s2 JOIN locations l2 ON l2.id = s2.location_id"  \
	"  JOIN objects o2 ON o2.id = l2.object_id"                                                \
	"  WHERE s2.application_id = a.id AND s2.position = s.loaded_by) END AS c6,"               \
	" (SELECT n.name FROM scope_entries s2 JOIN locations l2 ON l2.id = s2.location_id"        \
	"  JOIN needed n ON n.object_id = l2.object_id AND n.position = s.needed"                  \
	"  WHERE s2.application_id = a.id AND s2.position = s.loaded_by) AS c7,"                   \
	" EXISTS (SELECT 1 FROM scope_entries s3 JOIN providers p ON p.vector_id = s3.vector_id"   \
	"  AND p.object_id = l.object_id WHERE s3.application_id = a.id) AS c8,"                   \
	" a.id << 26 | (e.epoch_id & 1023) << 16 | s.position & 65535 AS r"                        \
	" FROM scope_entries s JOIN application_records a ON a.id = s.application_id"              \
	" JOIN epoch_applications e ON e.application_id = a.id"                                    \
	" JOIN locations l ON l.id = s.location_id JOIN objects o ON o.id = l.object_id"           \
	" WHERE e.epoch_id BETWEEN ?1 AND ?2 AND " where

const struct mapping_schema mapping_scopes = {
	.name = "scopes",
	.create = "CREATE TABLE scopes (\n"
		  "  -- One row per object in the scope of an application, in the order of "
		  "look-ups.\n"
		  "  epoch INTEGER,    -- epochs.id\n"
		  "  application TEXT, -- applications.path\n"
		  "  position INTEGER, -- 0: the application itself\n"
		  "  object TEXT,      -- objects.path\n"
		  "  path TEXT,        -- as it was found: what ldd prints\n"
		  "  rule TEXT,        -- how: application, preload, path, rpath, runpath, cache, "
		  "default,\n"
		  "                    -- interpreter\n"
		  "  loaded_by TEXT,   -- the object that needed it first\n"
		  "  needed_as TEXT,   -- under this name\n"
		  "  used INTEGER      -- 1: some other object of the scope binds to it\n"
		  ")",
	.rows = 1e4,
	.work = 1e4,
	.columns = scopes_columns,
	.n_columns = sizeof scopes_columns / sizeof *scopes_columns,
	.query = SCOPE("o.path", "s.position > 0") " UNION ALL " SCOPE("a.path", "s.position = 0"),
	.rows_of = &mapping_query_rows,
};

/* ---- closures ---- */

static const struct mapping_column closures_columns[] = {
	{'i', '<', 0.9, 0.9}, {'t', '=', 0.05, 0.05}, {'t', '=', 0.05, 1},
	{'t', '=', 0.5, 1},   {'i', '<', 0.1, 1},     {'t', '=', 0.5, 1},
};

const struct mapping_schema mapping_closures = {
	.name = "closures",
	.create = "CREATE TABLE closures (\n"
		  "  -- One row per library that an application loads with dlopen(), as recorded.\n"
		  "  epoch INTEGER,    -- epochs.id\n"
		  "  application TEXT, -- applications.path\n"
		  "  library TEXT,     -- the library that is loaded: canonical\n"
		  "  flags TEXT,       -- how it was seen to be loaded: 'now', 'lazy,global', ...; "
		  "'-': not known\n"
		  "  objects INTEGER,  -- that it brings in, itself included\n"
		  "  reason TEXT       -- why it is left to ld.so; NULL: it is not\n"
		  ")",
	.rows = 100,
	.work = 100,
	.columns = closures_columns,
	.n_columns = sizeof closures_columns / sizeof *closures_columns,
	.query = "SELECT e.epoch_id AS c0, a.path AS c1, k.root AS c2, k.flags AS c3,"
		 " (SELECT count(*) FROM closure_entries s WHERE s.closure_id = k.id) AS c4,"
		 " k.reason AS c5, k.id << 10 | e.epoch_id & 1023 AS r"
		 " FROM application_records a JOIN closures k ON k.application_id = a.id"
		 " JOIN epoch_applications e ON e.application_id = a.id"
		 " WHERE e.epoch_id BETWEEN ?1 AND ?2",
	.rows_of = &mapping_query_rows,
};

static const struct mapping_column closure_scopes_columns[] = {
	{'i', '<', 0.9, 0.9},	{'t', '=', 0.05, 0.05}, {'t', '=', 0.05, 0.1}, {'i', '<', 0.1, 1},
	{'t', '=', 0.02, 0.02}, {'t', '=', 0.02, 0.5},	{'t', '=', 0.3, 1},    {'t', '=', 0.1, 1},
	{'t', '=', 0.05, 1},	{'i', '=', 0.5, 1},
};

/* What is told of the object that needed the one of s: of the scope, or of the closure. */
#define LOADER(wanted, more)                                                                       \
	"(SELECT " wanted " FROM (SELECT location_id, position FROM scope_entries"                 \
	"  WHERE application_id = a.id UNION ALL SELECT location_id, position FROM"                \
	"  closure_entries WHERE closure_id = k.id) s2 JOIN locations l2"                          \
	"  ON l2.id = s2.location_id " more " WHERE s2.position = s.loaded_by)"

const struct mapping_schema mapping_closure_scopes = {
	.name = "closure_scopes",
	.create = "CREATE TABLE closure_scopes (\n"
		  "  -- One row per object that a closure brings in; in its look-ups they come "
		  "behind the scope.\n"
		  "  epoch INTEGER,    -- epochs.id\n"
		  "  application TEXT, -- applications.path\n"
		  "  closure TEXT,     -- closures.library\n"
		  "  position INTEGER, -- goes on where that of the application's scope ends\n"
		  "  object TEXT,      -- objects.path\n"
		  "  path TEXT,        -- as it was found\n"
		  "  rule TEXT,        -- how, as in scopes\n"
		  "  loaded_by TEXT,   -- the object that needed it first; NULL: the root\n"
		  "  needed_as TEXT,   -- under this name\n"
		  "  used INTEGER      -- 1: some other object of the closure binds to it\n"
		  ")",
	.rows = 300,
	.work = 1000,
	.columns = closure_scopes_columns,
	.n_columns = sizeof closure_scopes_columns / sizeof *closure_scopes_columns,
	.query =
		"SELECT e.epoch_id AS c0, a.path AS c1, k.root AS c2, s.position AS c3,"
		" o.path AS c4, l.path AS c5, (SELECT name FROM rules WHERE id = s.rule) AS c6,"
		" CASE WHEN s.needed IS NULL THEN NULL WHEN s.loaded_by = 0 THEN a.path "
		"ELSE " LOADER(
			"o2.path",
			"JOIN objects o2 ON o2.id = l2.object_id") " END AS "
								   "c7, " LOADER(
									   "n."
									   "name",
									   "JOIN "
									   "neede"
									   "d n "
									   "ON "
									   "n."
									   "objec"
									   "t_id "
									   "= "
									   "l2."
									   "objec"
									   "t_id"
									   " AND "
									   "n."
									   "posit"
									   "ion "
									   "= "
									   "s."
									   "neede"
									   "d") " AS c8,"
										" EXISTS (SELECT 1 "
										"FROM "
										"closure_entries "
										"s3 JOIN providers "
										"p"
										"  ON p.vector_id "
										"= s3.vector_id "
										"AND p.object_id = "
										"l.object_id"
										"  WHERE "
										"s3.closure_id = "
										"k.id) AS c9,"
										" k.id << 26 | "
										"(e.epoch_id & "
										"1023) << 16 | "
										"s.position & "
										"65535 AS r"
										" FROM "
										"application_"
										"records a JOIN "
										"closures k ON "
										"k.application_id "
										"= a.id"
										" JOIN "
										"epoch_"
										"applications e ON "
										"e.application_id "
										"= a.id"
										" JOIN "
										"closure_entries s "
										"ON s.closure_id = "
										"k.id"
										" JOIN locations l "
										"ON l.id = "
										"s.location_id "
										"JOIN objects o ON "
										"o.id = l.object_id"
										" WHERE e.epoch_id "
										"BETWEEN ?1 AND ?2",
	.rows_of = &mapping_query_rows,
};

/* ---- what is not as it should be ---- */

static const struct mapping_column violations_columns[] = {
	{'i', '=', 0.01, 0.1}, {'i', '<', 0.9, 0.9}, {'t', '-', 0.1, 1}, {'t', '=', 0.1, 1},
	{'t', '=', 0.2, 1},    {'t', '=', 0.2, 1},   {'i', '<', 0.1, 1}, {'i', '=', 0.1, 1},
	{'i', '=', 0.1, 1},    {'t', '=', 0.1, 1},   {'t', '-', 0.1, 1},
};

const struct mapping_schema mapping_violations = {
	.name = "violations",
	.create =
		"CREATE TABLE violations (\n"
		"  -- One row per change, in an epoch, of something that its mapping relies on.\n"
		"  id INTEGER,        -- counts up\n"
		"  epoch INTEGER,     -- epochs.id\n"
		"  time TEXT,         -- when it was noticed: YYYY-MM-DD HH:MM:SS.SSS, UTC\n"
		"  path TEXT,         -- the file or directory\n"
		"  kind TEXT,         -- 'modified', 'replaced', 'removed', 'added', 'attributes'\n"
		"  action TEXT,       -- what was done: 'withdrawn', 'ended', 'none'\n"
		"  withdrawn INTEGER, -- how many applications lost their mapping\n"
		"  pid INTEGER,       -- who did it, as far as it is known; NULL: not known\n"
		"  uid INTEGER,       -- that process's user\n"
		"  command TEXT,      -- that process's program\n"
		"  detail TEXT        -- one line more; NULL: none\n"
		")",
	.rows = 100,
	.work = 100,
	.columns = violations_columns,
	.n_columns = sizeof violations_columns / sizeof *violations_columns,
	.query = "SELECT id AS c0, epoch_id AS c1,"
		 " strftime('%Y-%m-%d %H:%M:%f', time / 1e9, 'unixepoch') AS c2, path AS c3,"
		 " kind AS c4, action AS c5, (SELECT count(*) FROM withdrawals"
		 " WHERE violation_id = violations.id) AS c6, pid AS c7, uid AS c8, command AS c9,"
		 " detail AS c10, id AS r FROM violations WHERE epoch_id BETWEEN ?1 AND ?2",
	.rows_of = &mapping_query_rows,
};

static const struct mapping_column withdrawals_columns[] = {
	{'i', '<', 0.9, 0.9},
	{'i', '=', 0.01, 0.01},
	{'t', '=', 0.01, 0.1},
};

const struct mapping_schema mapping_withdrawals = {
	.name = "withdrawals",
	.create = "CREATE TABLE withdrawals (\n"
		  "  -- One row per application that lost its mapping, and the violation that did "
		  "it.\n"
		  "  epoch INTEGER,     -- epochs.id\n"
		  "  violation INTEGER, -- violations.id\n"
		  "  application TEXT   -- applications.path\n"
		  ")",
	.rows = 100,
	.work = 100,
	.columns = withdrawals_columns,
	.n_columns = sizeof withdrawals_columns / sizeof *withdrawals_columns,
	.query = "SELECT v.epoch_id AS c0, w.violation_id AS c1, a.path AS c2,"
		 " w.violation_id << 32 | a.id AS r FROM withdrawals w"
		 " JOIN violations v ON v.id = w.violation_id"
		 " JOIN application_records a ON a.id = w.application_id"
		 " WHERE v.epoch_id BETWEEN ?1 AND ?2",
	.rows_of = &mapping_query_rows,
};

static const struct mapping_column declined_columns[] = {
	{'i', '<', 0.9, 0.9},
	{'t', '=', 0.01, 0.01},
	{'t', '=', 0.1, 1},
};

const struct mapping_schema mapping_declined = {
	.name = "declined",
	.create =
		"CREATE TABLE declined (\n"
		"  -- One row per program that has no mapping in the epoch: it gets plain starts.\n"
		"  epoch INTEGER, -- epochs.id\n"
		"  path TEXT,     -- canonical\n"
		"  reason TEXT    -- one line\n"
		")",
	.rows = 100,
	.work = 100,
	.columns = declined_columns,
	.n_columns = sizeof declined_columns / sizeof *declined_columns,
	/* The store's table has no row ids: its rank is one. */
	.query = "SELECT d.epoch_id AS c0, d.path AS c1, d.reason AS c2,"
		 " (SELECT count(*) FROM declined b WHERE b.epoch_id = d.epoch_id"
		 "  AND b.path < d.path) << 10 | d.epoch_id & 1023 AS r"
		 " FROM declined d WHERE d.epoch_id BETWEEN ?1 AND ?2",
	.rows_of = &mapping_query_rows,
};

/* ---- all ---- */

enum { N_SCHEMAS = 15 };

static const struct mapping_schema *const schemas[N_SCHEMAS] = {
	&mapping_epochs,	 &mapping_applications,	    &mapping_objects,
	&mapping_needed,	 &mapping_scopes,	    &mapping_bindings,
	&mapping_relocations,	 &mapping_symbols,	    &mapping_closures,
	&mapping_closure_scopes, &mapping_closure_bindings, &mapping_closure_relocations,
	&mapping_declined,	 &mapping_violations,	    &mapping_withdrawals,
};

/* matr_epoch(ID), matr_epoch('current'), matr_epoch('previous'), matr_epoch('all'): which epochs the tables are about from the
 * next query on; without an argument: which they are. */
static void select_epoch(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	struct mapping_store *store = sqlite3_user_data(context);

	if (argc == 1 && sqlite3_value_type(argv[0]) == SQLITE_INTEGER &&
	    sqlite3_value_int64(argv[0]) > 0) {
		store->selection = sqlite3_value_int64(argv[0]);
	} else if (argc == 1) {
		const char *word = (const char *)sqlite3_value_text(argv[0]);
		if (word && sqlite3_stricmp(word, "all") == 0) {
			store->selection = MATR_SQL_EPOCH_ALL;
		} else if (word && sqlite3_stricmp(word, "current") == 0) {
			store->selection = MATR_SQL_EPOCH_CURRENT;
		} else if (word && sqlite3_stricmp(word, "previous") == 0) {
			store->selection = MATR_SQL_EPOCH_PREVIOUS;
		} else {
			sqlite3_result_error(
				context,
				"matr_epoch(): an id, 'current', 'previous' or 'all', please", -1);
			return;
		}
	}
	if (store->selection == MATR_SQL_EPOCH_ALL)
		sqlite3_result_text(context, "all", -1, SQLITE_STATIC);
	else if (store->selection == MATR_SQL_EPOCH_CURRENT)
		sqlite3_result_text(context, "current", -1, SQLITE_STATIC);
	else if (store->selection == MATR_SQL_EPOCH_PREVIOUS)
		sqlite3_result_text(context, "previous", -1, SQLITE_STATIC);
	else
		sqlite3_result_int64(context, store->selection);
}

/* Has some database of the connection the tables of a store? */
static bool has_store(sqlite3 *db)
{
	sqlite3_stmt *databases;
	bool found = false;

	if (sqlite3_prepare_v2(db, "PRAGMA database_list", -1, &databases, NULL) != SQLITE_OK)
		return false;
	while (!found && sqlite3_step(databases) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(databases, 1);
		found = sqlite3_table_column_metadata(db, name, "scope_entries", "vector_id", NULL,
						      NULL, NULL, NULL, NULL) == SQLITE_OK;
	}
	sqlite3_finalize(databases);
	return found;
}

static int create_temporary(sqlite3 *db, const struct mapping_schema *schema,
			    struct matr_error *err)
{
	char *text = sqlite3_mprintf("CREATE VIRTUAL TABLE IF NOT EXISTS temp.%s USING %s",
				     schema->name, schema->name);
	if (!text)
		return matr_fail_memory(err);
	int result = sqlite3_exec(db, text, NULL, NULL, NULL);
	sqlite3_free(text);
	return result == SQLITE_OK ? 0 : sql_fail(db, err);
}

int mapping_tables_register(struct matr_sql *sql, struct matr_error *err)
{
	sql->mapping = mapping_store_new(sql->prefix, sql->epoch, sql->copy, mapping_functions_add);
	if (!sql->mapping)
		return matr_fail_memory(err);
	for (size_t i = 0; i < N_SCHEMAS; i++)
		if (mapping_table_register(sql, schemas[i], err) < 0)
			return -1;
	for (int arguments = 0; arguments < 2; arguments++)
		if (sqlite3_create_function_v2(sql->db, "matr_epoch", arguments,
					       SQLITE_UTF8 | SQLITE_DIRECTONLY, sql->mapping,
					       select_epoch, NULL, NULL, NULL) != SQLITE_OK)
			return sql_fail(sql->db, err);
	if (!has_store(sql->db))
		return 0;
	for (size_t i = 0; i < N_SCHEMAS; i++)
		if (create_temporary(sql->db, schemas[i], err) != 0)
			return -1;
	return 0;
}

char *mapping_tables_schema(size_t i)
{
	return i < N_SCHEMAS ? sqlite3_mprintf("%s", schemas[i]->create) : NULL;
}
