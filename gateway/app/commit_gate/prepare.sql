-- Prepares a database for dbgate's commit gate (docs/commit-gate.md): what transactions change is kept for those who
-- have to approve them, until the transaction ends. Needs the ownership of the tables, or a superuser. May be run again,
-- and has to be for tables that came later. Undone by DROP SCHEMA dbgate_gate CASCADE.
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS dbgate_gate;
REVOKE ALL ON SCHEMA dbgate_gate FROM PUBLIC;

-- A row lives no longer than the transaction that has made it: no other transaction ever sees one. Unlogged: none
-- reaches replicas or backups.
CREATE UNLOGGED TABLE IF NOT EXISTS dbgate_gate.change (
  place bigint GENERATED ALWAYS AS IDENTITY,
  transaction text NOT NULL,
  relation oid NOT NULL,
  kind "char" NOT NULL, -- I, U, D; B: what counters said when the gate was opened
  before jsonb,
  after jsonb
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
REVOKE ALL ON dbgate_gate.change FROM PUBLIC;

-- Whether the transaction at hand is one that dbgate has opened the gate for.
CREATE OR REPLACE FUNCTION dbgate_gate.is_open() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(current_setting('dbgate.gate', true) = pg_current_xact_id_if_assigned()::text, false)
$$;

-- Versions of a table's rows that this transaction has made and ended, and what the connection has not reported yet of
-- earlier ones. A row that moves to another partition is ended in one and made in the other.
CREATE OR REPLACE FUNCTION dbgate_gate.made(relation oid) RETURNS bigint
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  SELECT pg_stat_get_xact_tuples_inserted(relation) + pg_stat_get_xact_tuples_updated(relation)
$$;
CREATE OR REPLACE FUNCTION dbgate_gate.ended(relation oid) RETURNS bigint
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  SELECT pg_stat_get_xact_tuples_deleted(relation) + pg_stat_get_xact_tuples_updated(relation)
$$;
DROP FUNCTION IF EXISTS dbgate_gate.changed(oid); -- of an earlier version

-- Stand where transition tables of these names go before them: whoever reads the trigger knows all its tables.
CREATE OR REPLACE VIEW dbgate_gate.dbgate_old AS SELECT 0 AS nothing WHERE false;
CREATE OR REPLACE VIEW dbgate_gate.dbgate_new AS SELECT 0 AS nothing WHERE false;
REVOKE ALL ON dbgate_gate.dbgate_old, dbgate_gate.dbgate_new FROM PUBLIC;

CREATE OR REPLACE FUNCTION dbgate_gate.capture() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, dbgate_gate, pg_temp
-- Values are shown whole, whatever the requester has set.
SET extra_float_digits = 1 SET DateStyle = 'ISO, YMD' SET IntervalStyle = postgres SET bytea_output = hex
SET lc_monetary = 'C' SET xmlbinary = base64 AS $$
<<gate>>
DECLARE
  this text := pg_current_xact_id_if_assigned()::text;
  virtual text[];
BEGIN
  IF NOT dbgate_gate.is_open() THEN RETURN NULL; END IF;
  -- PostgreSQL 18 leaves virtual columns empty in transition tables: what they are computed from is there.
  SELECT coalesce(array_agg(attname::text), '{}') INTO virtual FROM pg_attribute WHERE attrelid = TG_RELID AND attgenerated = 'v';
  -- Qualified: tables have columns of any name.
  IF TG_OP = 'INSERT' THEN
    INSERT INTO dbgate_gate.change (transaction, relation, kind, after)
    SELECT gate.this, capture.tg_relid, 'I', to_jsonb(dbgate_row.*) - gate.virtual FROM dbgate_new dbgate_row;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO dbgate_gate.change (transaction, relation, kind, before)
    SELECT gate.this, capture.tg_relid, 'D', to_jsonb(dbgate_row.*) - gate.virtual FROM dbgate_old dbgate_row;
  ELSE
    -- The server fills both tables row by row.
    INSERT INTO dbgate_gate.change (transaction, relation, kind, before, after)
    SELECT gate.this, capture.tg_relid, 'U', was.image, becomes.image
    FROM (SELECT row_number() OVER () AS nr, to_jsonb(dbgate_row.*) - gate.virtual AS image FROM dbgate_old dbgate_row) was
    FULL JOIN (SELECT row_number() OVER () AS nr, to_jsonb(dbgate_row.*) - gate.virtual AS image FROM dbgate_new dbgate_row) becomes
      USING (nr)
    ORDER BY nr;
  END IF;
  RETURN NULL;
END $$;

-- For what transition tables do not show: TRUNCATE, foreign tables, parents whose children have columns of their own.
CREATE OR REPLACE FUNCTION dbgate_gate.refuse() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF dbgate_gate.is_open() THEN
    RAISE insufficient_privilege USING MESSAGE =
      format('dbgate cannot show what %s changes in %s to those who approve it', TG_OP, TG_RELID::regclass);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION dbgate_gate.is_prepared(of oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT count(*) = 3 FROM pg_trigger
  WHERE tgrelid = of AND tgenabled = 'A' AND tgfoid = 'dbgate_gate.capture()'::regprocedure
    AND tgname IN ('dbgate_gate_insert', 'dbgate_gate_update', 'dbgate_gate_delete')
$$;

-- Called by dbgate before the first statement that may change something.
CREATE OR REPLACE FUNCTION dbgate_gate.open() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  this text := pg_current_xact_id()::text;
BEGIN
  IF current_setting('track_counts') <> 'on' THEN
    RAISE object_not_in_prerequisite_state USING MESSAGE = 'the commit gate needs track_counts = on';
  END IF;
  IF dbgate_gate.is_open() THEN RETURN; END IF;
  INSERT INTO dbgate_gate.change (transaction, relation, kind, before, after)
  SELECT this, oid, 'B', to_jsonb(dbgate_gate.ended(oid)), to_jsonb(dbgate_gate.made(oid)) FROM pg_class
  WHERE relkind IN ('r', 'm', 'p') AND dbgate_gate.ended(oid) + dbgate_gate.made(oid) > 0;
  PERFORM set_config('dbgate.gate', this, true);
END $$;

-- A value too long to be read by anybody is shown by its beginning and its hash.
CREATE OR REPLACE FUNCTION dbgate_gate.shortened(image jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN image IS NULL OR length(image::text) <= 16384 THEN image ELSE (
    SELECT jsonb_object_agg(key, CASE WHEN length(value::text) <= 4096 THEN value ELSE
      to_jsonb(format('%s… (%s characters, MD5 %s)', left(value #>> '{}', 256), length(value #>> '{}'), md5(value #>> '{}')))
      END)
    FROM jsonb_each(image)) END
$$;

-- Called by dbgate before COMMIT. Lines: O the gate was open; U a table that was changed and cannot be shown; L one of
-- which the server has counted other changes than were kept, or has no way to count any (a function with SET
-- track_counts = off, on a table without triggers: what may have been changed holds the lock for that); T a table and how many rows; R a row. What was kept is gone
-- afterwards.
CREATE OR REPLACE FUNCTION dbgate_gate.changes(most bigint) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  this text := pg_current_xact_id()::text;
BEGIN
  IF current_setting('track_counts') <> 'on' THEN
    RAISE object_not_in_prerequisite_state USING MESSAGE = 'the commit gate needs track_counts = on';
  END IF;
  IF NOT dbgate_gate.is_open() THEN RETURN; END IF;
  RETURN NEXT 'O';
  RETURN QUERY
    WITH counted AS MATERIALIZED (
      SELECT c.oid, coalesce(pg_partition_root(c.oid), c.oid) AS whole,
             dbgate_gate.ended(c.oid) - coalesce((k.before #>> '{}')::bigint, 0) AS ended,
             dbgate_gate.made(c.oid) - coalesce((k.after #>> '{}')::bigint, 0) AS made
      FROM pg_class c
      LEFT JOIN dbgate_gate.change k ON k.transaction = this AND k.kind = 'B' AND k.relation = c.oid
      WHERE c.relkind IN ('r', 'm', 'p') AND c.relpersistence <> 't' AND c.oid <> 'dbgate_gate.change'::regclass
    ), kept AS (
      SELECT coalesce(pg_partition_root(k.relation), k.relation) AS whole, count(k.before) AS ended, count(k.after) AS made
      FROM dbgate_gate.change k WHERE k.transaction = this AND k.kind <> 'B' GROUP BY 1
    )
    SELECT 'U' || c.oid::regclass::text FROM counted c
    WHERE c.ended + c.made > 0 AND NOT dbgate_gate.is_prepared(c.oid)
    UNION ALL
    SELECT 'L' || whole::regclass::text
    FROM (SELECT c.whole, sum(c.ended) AS ended, sum(c.made) AS made FROM counted c GROUP BY c.whole) c
    FULL JOIN kept USING (whole)
    WHERE (coalesce(c.ended, 0), coalesce(c.made, 0)) <> (coalesce(kept.ended, 0), coalesce(kept.made, 0))
      AND dbgate_gate.is_prepared(whole)
    UNION ALL
    SELECT 'L' || c.oid::regclass::text
    FROM pg_locks l JOIN counted c ON c.oid = l.relation
    WHERE l.locktype = 'relation' AND l.pid = pg_backend_pid() AND l.mode = 'RowExclusiveLock' AND l.granted
      AND c.oid >= 16384 AND NOT dbgate_gate.is_prepared(c.oid)
      AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
    ORDER BY 1;
  RETURN QUERY
    SELECT 'T' || jsonb_build_object('name', k.relation::regclass::text,
                                     'inserted', count(*) FILTER (WHERE k.kind = 'I'),
                                     'updated', count(*) FILTER (WHERE k.kind = 'U'),
                                     'deleted', count(*) FILTER (WHERE k.kind = 'D'))::text
    FROM dbgate_gate.change k WHERE k.transaction = this AND k.kind <> 'B'
    GROUP BY k.relation ORDER BY k.relation::regclass::text;
  RETURN QUERY
    WITH gone AS (DELETE FROM dbgate_gate.change k WHERE k.transaction = this RETURNING k.*)
    SELECT 'R' || jsonb_build_object('table', g.relation::regclass::text,
                                     'change', CASE g.kind WHEN 'I' THEN 'insert' WHEN 'U' THEN 'update' ELSE 'delete' END,
                                     'before', dbgate_gate.shortened(g.before),
                                     'after', dbgate_gate.shortened(g.after))::text
    FROM gone g WHERE g.kind <> 'B' ORDER BY g.place LIMIT most;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA dbgate_gate FROM PUBLIC;

-- Triggers of every table, ENABLE ALWAYS: session_replication_role does not switch them off. Where no gate is open they
-- are not even called.
DO $$
DECLARE
  one record;
  event text;
  seen text;
  gated text := $when$WHEN (current_setting('dbgate.gate', true) <> '')$when$;
BEGIN
  FOR one IN
    SELECT c.oid::regclass AS name, c.relkind,
           c.relkind = 'f' OR (c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid)) AS opaque
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't'
      AND n.nspname NOT IN ('information_schema', 'dbgate_gate') AND n.nspname !~ '^pg_'
    ORDER BY c.oid
  LOOP
    FOREACH event IN ARRAY ARRAY['insert', 'update', 'delete', 'truncate'] LOOP
      CONTINUE WHEN one.relkind = 'f' AND event = 'truncate';
      EXECUTE format('DROP TRIGGER IF EXISTS dbgate_gate_%s ON %s', event, one.name);
      seen := CASE event WHEN 'insert' THEN 'REFERENCING NEW TABLE AS dbgate_new'
                         WHEN 'update' THEN 'REFERENCING OLD TABLE AS dbgate_old NEW TABLE AS dbgate_new'
                         ELSE 'REFERENCING OLD TABLE AS dbgate_old' END;
      IF one.opaque OR event = 'truncate' THEN
        EXECUTE format('CREATE TRIGGER dbgate_gate_%s BEFORE %s ON %s FOR EACH STATEMENT %s EXECUTE FUNCTION dbgate_gate.refuse()',
                       event, event, one.name, gated);
      ELSE
        EXECUTE format('CREATE TRIGGER dbgate_gate_%s AFTER %s ON %s %s FOR EACH STATEMENT %s EXECUTE FUNCTION dbgate_gate.capture()',
                       event, event, one.name, seen, gated);
      END IF;
      EXECUTE format('ALTER %s %s ENABLE ALWAYS TRIGGER dbgate_gate_%s',
                     CASE one.relkind WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, one.name, event);
    END LOOP;
  END LOOP;
END $$;
COMMIT;
