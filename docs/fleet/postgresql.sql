-- The database of many machines that `matr export --to postgresql://...` fills: docs/fleet.md.
-- PostgreSQL 15 or later, encoding UTF8: psql -d fleet -f postgresql.sql
--
-- What is the same on many machines is there once: how an object binds (binding_sets, bindings), an
-- object, an application with its scope, and all of a machine's state. A machine whose state is known
-- costs a row of exports.
BEGIN;
CREATE SCHEMA matr;
SET LOCAL search_path = matr;

CREATE TABLE format (version integer PRIMARY KEY);
INSERT INTO format VALUES (1);

CREATE TABLE binding_sets (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  hash bytea NOT NULL UNIQUE,
  bindings integer NOT NULL);

-- Paths and names are compared as bytes.
CREATE TABLE bindings (
  binding_set integer NOT NULL REFERENCES binding_sets ON DELETE CASCADE,
  symbol text COLLATE "C" NOT NULL,
  version text COLLATE "C" NOT NULL, -- '': none asked for
  provider text COLLATE "C" NOT NULL, -- a path, 'null' or 'undefined'
  PRIMARY KEY (symbol, binding_set, version, provider));
CREATE INDEX bindings_set ON bindings (binding_set);
CREATE INDEX bindings_provider ON bindings (provider);

CREATE TABLE objects (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  hash bytea NOT NULL UNIQUE, -- of the columns below
  path text COLLATE "C" NOT NULL,
  build_id text COLLATE "C",
  soname text COLLATE "C",
  size bigint NOT NULL,
  package text COLLATE "C",
  version text COLLATE "C",
  binding_set integer REFERENCES binding_sets); -- NULL: it binds nothing
CREATE INDEX objects_path ON objects (path);
CREATE INDEX objects_package ON objects (package, version);
CREATE INDEX objects_build_id ON objects (build_id);
CREATE INDEX objects_set ON objects (binding_set);

CREATE TABLE applications (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  hash bytea NOT NULL UNIQUE, -- of the columns below and the scope
  path text COLLATE "C" NOT NULL,
  edited boolean NOT NULL,
  library_path text COLLATE "C");
CREATE INDEX applications_path ON applications (path);

CREATE TABLE scope (
  application integer NOT NULL REFERENCES applications ON DELETE CASCADE,
  load text COLLATE "C" NOT NULL, -- '': there at the start
  position integer NOT NULL,
  object text COLLATE "C" NOT NULL, -- a path: another file there is the same application
  rule text NOT NULL,
  loaded_by integer,
  PRIMARY KEY (application, load, position));
CREATE INDEX scope_object ON scope (object, application);

-- All objects and applications of an epoch: ids, sorted.
CREATE TABLE states (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  hash bytea NOT NULL UNIQUE,
  objects integer[] NOT NULL,
  applications integer[] NOT NULL);
CREATE INDEX states_objects ON states USING gin (objects);
CREATE INDEX states_applications ON states USING gin (applications);

CREATE TABLE declined (
  state integer NOT NULL REFERENCES states ON DELETE CASCADE,
  path text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (state, path));

CREATE TABLE exports (
  host text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  begun timestamptz NOT NULL,
  ended timestamptz,
  loaded timestamptz NOT NULL DEFAULT now(),
  matr text NOT NULL,
  cpu_level text NOT NULL,
  portable boolean NOT NULL,
  cause text NOT NULL,
  state integer NOT NULL REFERENCES states,
  PRIMARY KEY (host, epoch));
CREATE INDEX exports_state ON exports (state);
CREATE INDEX exports_begun ON exports (begun);

CREATE TABLE edits (
  host text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  id bigint NOT NULL,
  program text COLLATE "C" NOT NULL,
  requester text COLLATE "C",
  symbol text COLLATE "C" NOT NULL,
  version text COLLATE "C",
  library text COLLATE "C" NOT NULL,
  to_symbol text COLLATE "C",
  author text NOT NULL,
  reason text NOT NULL,
  time bigint NOT NULL,
  state text NOT NULL,
  complaint text,
  PRIMARY KEY (host, epoch, id),
  FOREIGN KEY (host, epoch) REFERENCES exports ON DELETE CASCADE);

CREATE TABLE violations (
  host text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  id bigint NOT NULL,
  time bigint NOT NULL, -- nanoseconds since 1970
  path text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  action text NOT NULL,
  pid bigint,
  uid bigint,
  command text,
  detail text,
  withdrawn bigint NOT NULL,
  PRIMARY KEY (host, epoch, id),
  FOREIGN KEY (host, epoch) REFERENCES exports ON DELETE CASCADE);

-- The newest epoch of each host.
CREATE VIEW current_exports AS
  SELECT DISTINCT ON (host) * FROM exports ORDER BY host, epoch DESC;

-- Their objects and applications.
CREATE VIEW current_objects AS
  SELECT e.host, e.epoch, e.begun, o.*
  FROM objects o JOIN states s ON s.objects @> ARRAY[o.id] JOIN current_exports e ON e.state = s.id;
CREATE VIEW current_applications AS
  SELECT e.host, e.epoch, e.begun, a.*
  FROM applications a JOIN states s ON s.applications @> ARRAY[a.id]
  JOIN current_exports e ON e.state = s.id;

-- And how they bind.
CREATE VIEW current_bindings AS
  SELECT o.host, o.epoch, o.path AS requester, b.symbol, b.version, b.provider
  FROM bindings b JOIN current_objects o ON o.binding_set = b.binding_set;
COMMIT;
