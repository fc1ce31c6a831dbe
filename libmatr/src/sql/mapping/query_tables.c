/* query_tables.c - the tables of the mapping that are queries over the store's own tables. */
#include "sql/mapping/tables.h"

#include "sql/mapping/table.h"

static const struct mapping_column epochs[] = {
	{"id", 'i', '<', 0.5, 1, "counts up", "id"},
	{"begun", 't', '-', 1, 1, "YYYY-MM-DD HH:MM:SS, UTC", "datetime(begun, 'unixepoch')"},
	{"ended", 't', '-', 1, 1, "the same; NULL: it has not ended",
	 "datetime(ended, 'unixepoch')"},
	{"in_force", 'i', '=', 0.5, 1, "1: programs start with its mapping",
	 "id = (SELECT max(id) FROM epochs WHERE coalesce(image_epoch, id) = image_epoch()) "
	 "AND ended IS NULL"},
	{"cpu_level", 't', '=', 1, 1, "glibc-hwcaps level it was resolved for; '': the baseline",
	 "cpu_level"},
	{"applications", 'i', '-', 1, 1, "how many",
	 "(SELECT count(*) FROM epoch_applications WHERE epoch_id = id)"},
	{"declined", 'i', '-', 1, 1, "programs that were declined",
	 "(SELECT count(*) FROM declined WHERE epoch_id = id)"},
	{"objects", 'i', '-', 1, 1, "different ones in all scopes and closures",
	 "(SELECT count(DISTINCT l.object_id) FROM epoch_applications a JOIN scope_entries s "
	 "ON s.application_id = a.application_id JOIN locations l ON l.id = s.location_id "
	 "WHERE a.epoch_id = epochs.id) + (SELECT count(DISTINCT l.object_id) FROM "
	 "epoch_applications a JOIN closures k ON k.application_id = a.application_id JOIN "
	 "closure_entries s ON s.closure_id = k.id JOIN locations l ON l.id = s.location_id "
	 "WHERE a.epoch_id = epochs.id AND NOT EXISTS (SELECT 1 FROM locations l1 CROSS JOIN "
	 "scope_entries s1 CROSS JOIN epoch_applications a1 WHERE l1.object_id = l.object_id "
	 "AND s1.location_id = l1.id AND a1.application_id = s1.application_id AND "
	 "a1.epoch_id = epochs.id))"},
	{0},
};

const struct mapping_schema mapping_epochs = {
	.name = "epochs",
	.about = "One row per epoch that the store has a record of.",
	.rows = 2,
	.work = 2,
	.parts = {epochs},
	.from = "FROM epochs",
	.number = "id",
	.rows_of = &mapping_query_rows,
};

static const struct mapping_column applications[] = {
	{"epoch", 'i', '<', 0.9, 0.9, "epochs.id", "e.epoch_id"},
	{"path", 't', '=', 0.001, 0.001, "canonical", "a.path"},
	{"name", 't', '=', 0.001, 1, "the last part of the path", "base_name(a.path)"},
	{"interpreter", 't', '=', 0.9, 1, "its dynamic linker; NULL: not in its scope",
	 "(SELECT l.path FROM scope_entries s JOIN locations l ON l.id = s.location_id WHERE "
	 "s.application_id = a.id AND s.position = a.interpreter)"},
	{"objects", 'i', '<', 0.05, 1, "in its scope, itself included",
	 "(SELECT count(*) FROM scope_entries s WHERE s.application_id = a.id)"},
	{"relocations", 'i', '<', 0.01, 1, "of all of these, relative ones not included",
	 "(SELECT sum(o.n_relocations) FROM scope_entries s JOIN locations l ON l.id = "
	 "s.location_id JOIN objects o ON o.id = l.object_id WHERE s.application_id = a.id)"},
	{"relatives", 'i', '<', 0.01, 1, "relative relocations of all of these",
	 "(SELECT sum(o.n_relatives + o.n_relr) FROM scope_entries s JOIN locations l ON l.id "
	 "= s.location_id JOIN objects o ON o.id = l.object_id WHERE s.application_id = a.id)"},
	{"uses_origin", 'i', '=', 0.5, 1, "1: $ORIGIN took part in the search, its place matters",
	 "a.flags & 1"},
	{"uses_cpu", 'i', '=', 0.5, 1, "1: another CPU may find other libraries",
	 "a.flags >> 1 & 1"},
	{"library_path", 't', '=', 0.1, 1, "LD_LIBRARY_PATH that the mapping is for; NULL: none",
	 "a.library_path"},
	{0},
};

const struct mapping_schema mapping_applications = {
	.name = "applications",
	.about = "One row per program that has a mapping in the epoch.",
	.rows = 1000,
	.work = 1000,
	.parts = {applications},
	.from = "FROM application_records a JOIN epoch_applications e ON e.application_id = a.id"
		" WHERE e.epoch_id BETWEEN ?1 AND ?2",
	.number = "a.id << 10 | e.epoch_id & 1023",
	.rows_of = &mapping_query_rows,
};

static const struct mapping_column objects[] = {
	{"epoch", 'i', '<', 0.9, 0.9, "epochs.id", "e.id"},
	{"path", 't', '=', 0.0007, 0.0007, "canonical", "o.path"},
	{"name", 't', '=', 0.001, 0.7, "the last part of the path", "base_name(o.path)"},
	{"soname", 't', '=', 0.001, 0.7, "DT_SONAME; NULL: none", "o.soname"},
	{"build_id", 't', '=', 0.001, 0.7, "hexadecimal; NULL: none", "nullif(o.build_id, '')"},
	{"type", 't', '=', 0.4, 0.9, "'EXEC', 'PIE' (also a library that can be run), 'DYN'",
	 "CASE WHEN o.flags & 2 THEN 'EXEC' WHEN o.flags & 1 THEN 'PIE' ELSE 'DYN' END"},
	{"interpreter", 't', '=', 0.5, 0.9, "PT_INTERP; NULL: none", "o.interpreter"},
	{"rpath", 't', '=', 0.01, 0.9, "DT_RPATH as it is in the file; NULL: none", "o.rpath"},
	{"runpath", 't', '=', 0.01, 0.9, "DT_RUNPATH; NULL: none", "o.runpath"},
	{"size", 'i', '<', 0.01, 0.9, "of the file, bytes", "o.size"},
	{"mtime", 't', '-', 0.01, 1, "of the file: YYYY-MM-DD HH:MM:SS, UTC",
	 "datetime(o.mtime / 1000000000, 'unixepoch')"},
	{"symbols", 'i', '<', 0.01, 0.9, "dynamic ones", "o.n_symbols"},
	{"relocations", 'i', '<', 0.01, 0.9, "relative ones not included", "o.n_relocations"},
	{"relatives", 'i', '<', 0.01, 0.9, "relative relocations, packed ones (RELR) included",
	 "o.n_relatives + o.n_relr"},
	{"applications", 'i', '<', 0.1, 1, "of the epoch that have it in their scope",
	 "(SELECT count(DISTINCT ea.application_id) FROM locations l JOIN scope_entries s ON "
	 "s.location_id = l.id JOIN epoch_applications ea ON ea.application_id = "
	 "s.application_id WHERE l.object_id = o.id AND ea.epoch_id = e.id)"},
	{"bind_now", 'i', '=', 0.3, 0.9, "1: asks to be bound at start", "o.flags >> 3 & 1"},
	{"relro", 't', '=', 0.3, 1, "'none', 'partial', 'full' (with bind_now)", "relro(o.id)"},
	{"executable_stack", 'i', '=', 0.05, 1, "1: asks for one (PT_GNU_STACK, or the lack of it)",
	 "executable_stack(o.id)"},
	{"textrel", 'i', '=', 0.05, 0.9, "1: has text relocations", "o.flags >> 4 & 1"},
	{"symbolic", 'i', '=', 0.1, 0.9, "1: looks into itself first (DT_SYMBOLIC)",
	 "o.flags >> 2 & 1"},
	{"static_tls", 'i', '=', 0.1, 0.9, "1: needs static TLS", "o.flags >> 9 & 1"},
	{"closures", 'i', '<', 0.1, 1, "of the epoch that bring it in",
	 "(SELECT count(DISTINCT k.id) FROM locations l JOIN closure_entries s ON "
	 "s.location_id = l.id JOIN closures k ON k.id = s.closure_id JOIN epoch_applications "
	 "ea ON ea.application_id = k.application_id WHERE l.object_id = o.id AND ea.epoch_id "
	 "= e.id)"},
	{0},
};

const struct mapping_schema mapping_objects = {
	.name = "objects",
	.about =
		"One row per ELF file in a scope or closure of the epoch, as it was when it began.",
	.rows = 1400,
	.work = 3000,
	.parts = {objects},
	.from = "FROM objects o CROSS JOIN epochs e WHERE e.id BETWEEN ?1 AND ?2 "
		"AND " MAPPING_IN_EPOCH,
	.number = "o.id << 10 | e.id & 1023",
	.rows_of = &mapping_query_rows,
};

static const struct mapping_column needed[] = {
	{"epoch", 'i', '<', 0.9, 0.9, "epochs.id", "e.id"},
	{"object", 't', '=', 0.0007, 0.0007, "objects.path", "o.path"},
	{"position", 'i', '<', 0.2, 1, "from 0", "n.position"},
	{"name", 't', '=', 0.005, 0.5, "as it is in the file", "n.name"},
	{0},
};

const struct mapping_schema mapping_needed = {
	.name = "needed",
	.about = "One row per DT_NEEDED entry of an object of the epoch.",
	.rows = 5000,
	.work = 6000,
	.parts = {needed},
	.from = "FROM objects o JOIN needed n ON n.object_id = o.id CROSS JOIN epochs e"
		" WHERE e.id BETWEEN ?1 AND ?2 AND " MAPPING_IN_EPOCH,
	.number = "o.id << 26 | (e.id & 1023) << 16 | n.position & 65535",
	.rows_of = &mapping_query_rows,
};

static const struct mapping_column scopes[] = {
	{"epoch", 'i', '<', 0.9, 0.9, "epochs.id", "e.epoch_id"},
	{"application", 't', '=', 0.001, 0.001, "applications.path", "a.path"},
	{"position", 'i', '<', 0.1, 1, "0: the application itself", "s.position"},
	{"object", 't', '=', 0.002, 0.002, "objects.path", "o.path"},
	{"path", 't', '=', 0.002, 0.5, "as it was found: what ldd prints", "l.path"},
	{"rule", 't', '=', 0.3, 1,
	 "how: application, preload, path, rpath, runpath, cache, default,\n"
	 "interpreter",
	 "(SELECT name FROM rules WHERE id = s.rule)"},
	{"loaded_by", 't', '=', 0.01, 1, "the object that needed it first",
	 "CASE WHEN s.position = s.loaded_by THEN NULL WHEN s.loaded_by = 0 THEN a.path ELSE "
	 "(SELECT o2.path FROM scope_entries s2 JOIN locations l2 ON l2.id = s2.location_id "
	 "JOIN objects o2 ON o2.id = l2.object_id WHERE s2.application_id = a.id AND "
	 "s2.position = s.loaded_by) END"},
	{"needed_as", 't', '=', 0.005, 1, "under this name",
	 "(SELECT n.name FROM scope_entries s2 JOIN locations l2 ON l2.id = s2.location_id "
	 "JOIN needed n ON n.object_id = l2.object_id AND n.position = s.needed WHERE "
	 "s2.application_id = a.id AND s2.position = s.loaded_by)"},
	{"used", 'i', '=', 0.5, 1, "1: some other object of the scope binds to it",
	 "EXISTS (SELECT 1 FROM scope_entries s3 JOIN providers p ON p.vector_id = "
	 "s3.vector_id AND p.object_id = l.object_id WHERE s3.application_id = a.id)"},
	{0},
};

const struct mapping_schema mapping_scopes = {
	.name = "scopes",
	.about = "One row per object in the scope of an application, in the order of look-ups.",
	.rows = 1e4,
	.work = 1e4,
	.parts = {scopes},
	.from = "FROM scope_entries s JOIN application_records a ON a.id = s.application_id"
		" JOIN epoch_applications e ON e.application_id = a.id"
		" JOIN locations l ON l.id = s.location_id JOIN objects o ON o.id = l.object_id"
		" WHERE e.epoch_id BETWEEN ?1 AND ?2",
	.number = "a.id << 26 | (e.epoch_id & 1023) << 16 | s.position & 65535",
	/* The application is in its scope under its own name, not the file's other ones. */
	.where = "s.position > 0",
	.also = {.where = "s.position = 0", .column = 3, .sql = "a.path"},
	.rows_of = &mapping_query_rows,
};

static const struct mapping_column closures[] = {
	{"epoch", 'i', '<', 0.9, 0.9, "epochs.id", "e.epoch_id"},
	{"application", 't', '=', 0.05, 0.05, "applications.path", "a.path"},
	{"library", 't', '=', 0.05, 1, "the library that is loaded: canonical", "k.root"},
	{"flags", 't', '=', 0.5, 1,
	 "how it was seen to be loaded: 'now', 'lazy,global', ...; '-': not known", "k.flags"},
	{"objects", 'i', '<', 0.1, 1, "that it brings in, itself included",
	 "(SELECT count(*) FROM closure_entries s WHERE s.closure_id = k.id)"},
	{"reason", 't', '=', 0.5, 1, "why it is left to ld.so; NULL: it is not", "k.reason"},
	{0},
};

const struct mapping_schema mapping_closures = {
	.name = "closures",
	.about = "One row per library that an application loads with dlopen(), as recorded.",
	.rows = 100,
	.work = 100,
	.parts = {closures},
	.from = "FROM application_records a JOIN closures k ON k.application_id = a.id"
		" JOIN epoch_applications e ON e.application_id = a.id"
		" WHERE e.epoch_id BETWEEN ?1 AND ?2",
	.number = "k.id << 10 | e.epoch_id & 1023",
	.rows_of = &mapping_query_rows,
};

static const struct mapping_column closure_scopes[] = {
	{"epoch", 'i', '<', 0.9, 0.9, "epochs.id", "e.epoch_id"},
	{"application", 't', '=', 0.05, 0.05, "applications.path", "a.path"},
	{"closure", 't', '=', 0.05, 0.1, "closures.library", "k.root"},
	{"position", 'i', '<', 0.1, 1, "goes on where that of the application's scope ends",
	 "s.position"},
	{"object", 't', '=', 0.02, 0.02, "objects.path", "o.path"},
	{"path", 't', '=', 0.02, 0.5, "as it was found", "l.path"},
	{"rule", 't', '=', 0.3, 1, "how, as in scopes",
	 "(SELECT name FROM rules WHERE id = s.rule)"},
	{"loaded_by", 't', '=', 0.1, 1, "the object that needed it first; NULL: the root",
	 "CASE WHEN s.needed IS NULL THEN NULL WHEN s.loaded_by = 0 THEN a.path ELSE (SELECT "
	 "o2.path FROM (SELECT location_id, position FROM scope_entries WHERE application_id "
	 "= a.id UNION ALL SELECT location_id, position FROM closure_entries WHERE closure_id "
	 "= k.id) s2 JOIN locations l2 ON l2.id = s2.location_id JOIN objects o2 ON o2.id = "
	 "l2.object_id WHERE s2.position = s.loaded_by) END"},
	{"needed_as", 't', '=', 0.05, 1, "under this name",
	 "(SELECT n.name FROM (SELECT location_id, position FROM scope_entries WHERE "
	 "application_id = a.id UNION ALL SELECT location_id, position FROM closure_entries "
	 "WHERE closure_id = k.id) s2 JOIN locations l2 ON l2.id = s2.location_id JOIN needed "
	 "n ON n.object_id = l2.object_id AND n.position = s.needed WHERE s2.position = "
	 "s.loaded_by)"},
	{"used", 'i', '=', 0.5, 1, "1: some other object of the closure binds to it",
	 "EXISTS (SELECT 1 FROM closure_entries s3 JOIN providers p ON p.vector_id = "
	 "s3.vector_id AND p.object_id = l.object_id WHERE s3.closure_id = k.id)"},
	{0},
};

const struct mapping_schema mapping_closure_scopes = {
	.name = "closure_scopes",
	.about =
		"One row per object that a closure brings in; in its look-ups they come behind the "
		"scope.",
	.rows = 300,
	.work = 1000,
	.parts = {closure_scopes},
	.from = "FROM application_records a JOIN closures k ON k.application_id = a.id"
		" JOIN epoch_applications e ON e.application_id = a.id"
		" JOIN closure_entries s ON s.closure_id = k.id"
		" JOIN locations l ON l.id = s.location_id JOIN objects o ON o.id = l.object_id"
		" WHERE e.epoch_id BETWEEN ?1 AND ?2",
	.number = "k.id << 26 | (e.epoch_id & 1023) << 16 | s.position & 65535",
	.rows_of = &mapping_query_rows,
};

static const struct mapping_column violations[] = {
	{"id", 'i', '=', 0.01, 0.1, "counts up", "id"},
	{"epoch", 'i', '<', 0.9, 0.9, "epochs.id", "epoch_id"},
	{"time", 't', '-', 0.1, 1, "when it was noticed: YYYY-MM-DD HH:MM:SS.SSS, UTC",
	 "strftime('%Y-%m-%d %H:%M:%f', time / 1e9, 'unixepoch')"},
	{"path", 't', '=', 0.1, 1, "the file or directory", "path"},
	{"kind", 't', '=', 0.2, 1, "'modified', 'replaced', 'removed', 'added', 'attributes'",
	 "kind"},
	{"action", 't', '=', 0.2, 1, "what was done: 'withdrawn', 'ended', 'none'", "action"},
	{"withdrawn", 'i', '<', 0.1, 1, "how many applications lost their mapping",
	 "(SELECT count(*) FROM withdrawals WHERE violation_id = violations.id)"},
	{"pid", 'i', '=', 0.1, 1, "who did it, as far as it is known; NULL: not known", "pid"},
	{"uid", 'i', '=', 0.1, 1, "that process's user", "uid"},
	{"command", 't', '=', 0.1, 1, "that process's program", "command"},
	{"detail", 't', '-', 0.1, 1, "one line more; NULL: none", "detail"},
	{0},
};

const struct mapping_schema mapping_violations = {
	.name = "violations",
	.about = "One row per change, in an epoch, of something that its mapping relies on.",
	.rows = 100,
	.work = 100,
	.parts = {violations},
	.from = "FROM violations WHERE epoch_id BETWEEN ?1 AND ?2",
	.number = "id",
	.rows_of = &mapping_query_rows,
};

static const struct mapping_column withdrawals[] = {
	{"epoch", 'i', '<', 0.9, 0.9, "epochs.id", "v.epoch_id"},
	{"violation", 'i', '=', 0.01, 0.01, "violations.id", "w.violation_id"},
	{"application", 't', '=', 0.01, 0.1, "applications.path", "a.path"},
	{0},
};

const struct mapping_schema mapping_withdrawals = {
	.name = "withdrawals",
	.about = "One row per application that lost its mapping, and the violation that did it.",
	.rows = 100,
	.work = 100,
	.parts = {withdrawals},
	.from = "FROM withdrawals w JOIN violations v ON v.id = w.violation_id"
		" JOIN application_records a ON a.id = w.application_id"
		" WHERE v.epoch_id BETWEEN ?1 AND ?2",
	.number = "w.violation_id << 32 | a.id",
	.rows_of = &mapping_query_rows,
};

static const struct mapping_column declined[] = {
	{"epoch", 'i', '<', 0.9, 0.9, "epochs.id", "d.epoch_id"},
	{"path", 't', '=', 0.01, 0.01, "canonical", "d.path"},
	{"reason", 't', '=', 0.1, 1, "one line", "d.reason"},
	{0},
};

const struct mapping_schema mapping_declined = {
	.name = "declined",
	.about = "One row per program that has no mapping in the epoch: it gets plain starts.",
	.rows = 100,
	.work = 100,
	.parts = {declined},
	.from = "FROM declined d WHERE d.epoch_id BETWEEN ?1 AND ?2",
	.number = "(SELECT count(*) FROM declined b WHERE b.epoch_id = d.epoch_id "
		  "AND b.path < d.path) "
		  "<< 10 | d.epoch_id & 1023",
	.rows_of = &mapping_query_rows,
};
