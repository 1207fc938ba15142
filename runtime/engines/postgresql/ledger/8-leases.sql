-- Locks where a server has no advisory locks, or a role may not use them; and what depends on a view without a temporary table.

CREATE TABLE seeknal.leases (
  -- What is locked; of one of several holders with its token.
  lock text PRIMARY KEY,
  token text NOT NULL,
  holder text NOT NULL,
  -- Renewed while the holder lives.
  expires_at timestamptz NOT NULL
);

-- Taken to the end of the transaction; refused while another session holds it, by an advisory lock or a lease.
CREATE OR REPLACE FUNCTION seeknal.take_lock(project text, lock text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  is_free boolean;
  own text := 'seeknal ' || project || ' ' || lock;
BEGIN
  IF coalesce(has_function_privilege(to_regprocedure('pg_catalog.pg_try_advisory_xact_lock(bigint)'), 'EXECUTE'), false) THEN
    is_free := pg_try_advisory_xact_lock(seeknal.lock_key(project, lock));
  ELSE
    -- Whoever changes production waits for this row.
    PERFORM FROM seeknal.projects p WHERE p.project = take_lock.project FOR UPDATE;
    is_free := NOT EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_backend_pid()
      AND ((l.classid::bigint << 32) | l.objid::bigint) = seeknal.lock_key(project, lock));
  END IF;
  IF NOT is_free OR EXISTS (SELECT FROM seeknal.leases l WHERE l.lock = own AND l.expires_at > clock_timestamp()) THEN
    RAISE EXCEPTION '% of project % is being written by another session', lock, project USING ERRCODE = 'SK003';
  END IF;
END $$;

-- Views, materialized views and functions that depend on a view, as statements that make them again, in an order in which
-- they can be made. What depends on it in another way is named in an exception.
CREATE OR REPLACE FUNCTION seeknal.dependents_of(view oid)
RETURNS TABLE (place integer, class oid, object oid, title text, drop_it text, make_it text[])
LANGUAGE plpgsql AS $$
DECLARE
  other text;
  found_all jsonb;
BEGIN
  WITH RECURSIVE found AS (
    SELECT 'pg_class'::regclass::oid AS class, view AS object, 0 AS place
    UNION
    SELECT d.class, d.object, found.place + 1
    FROM found CROSS JOIN LATERAL (
      SELECT CASE WHEN p.classid = 'pg_rewrite'::regclass THEN 'pg_class'::regclass::oid ELSE p.classid END AS class,
        CASE WHEN p.classid = 'pg_rewrite'::regclass THEN (SELECT r.ev_class FROM pg_rewrite r WHERE r.oid = p.objid) ELSE p.objid END AS object
      -- Each is found by an index: a catalogue may know tens of thousands of tables.
      FROM (
        SELECT found.class AS class, found.object AS object
        UNION ALL
        SELECT 'pg_type'::regclass, t.oid FROM pg_class c JOIN pg_type r ON r.oid = c.reltype JOIN pg_type t ON t.oid IN (r.oid, r.typarray)
        WHERE found.class = 'pg_class'::regclass AND c.oid = found.object
      ) AS named JOIN pg_depend p ON p.refclassid = named.class AND p.refobjid = named.object
      WHERE p.deptype IN ('n', 'a')
    ) AS d
    WHERE d.object <> found.object AND found.place < 100
  )
  SELECT coalesce(jsonb_agg(jsonb_build_object('class', g.class, 'object', g.object, 'place', g.place)), '[]') INTO found_all
  FROM (SELECT f.class, f.object, max(f.place) AS place FROM found f WHERE f.place > 0 GROUP BY f.class, f.object) AS g;
  SELECT string_agg(pg_describe_object(s.class, s.object, 0), ', ') INTO other
  FROM jsonb_to_recordset(found_all) AS s (class oid, object oid, place integer) LEFT JOIN pg_class c ON s.class = 'pg_class'::regclass AND c.oid = s.object
  WHERE NOT (s.class = 'pg_proc'::regclass OR (s.class = 'pg_class'::regclass AND c.relkind IN ('v', 'm', 'i')));
  IF other IS NOT NULL THEN
    RAISE EXCEPTION 'the columns of % change, and what depends on it cannot be made again: %', view::regclass, other
      USING ERRCODE = 'SK004';
  END IF;
  RETURN QUERY
  SELECT s.place, s.class, s.object, pg_describe_object(s.class, s.object, 0),
    CASE WHEN c.relkind = 'v' THEN format('DROP VIEW %s RESTRICT', c.oid::regclass)
      WHEN c.relkind = 'm' THEN format('DROP MATERIALIZED VIEW %s RESTRICT', c.oid::regclass)
      ELSE format('DROP ROUTINE %s RESTRICT', s.object::regprocedure) END,
    CASE WHEN c.relkind = 'v' THEN
        ARRAY[format('CREATE VIEW %s%s AS %s', c.oid::regclass,
          coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', ''), pg_get_viewdef(c.oid)),
          format('ALTER VIEW %s OWNER TO %I', c.oid::regclass, pg_get_userbyid(c.relowner))]
        || seeknal.grants_of(c.oid) || seeknal.comments_of(c.oid, 'VIEW')
      WHEN c.relkind = 'm' THEN
        ARRAY[format('CREATE MATERIALIZED VIEW %s AS %s %s', c.oid::regclass, rtrim(pg_get_viewdef(c.oid), ';'),
          CASE WHEN c.relispopulated THEN 'WITH DATA' ELSE 'WITH NO DATA' END),
          format('ALTER MATERIALIZED VIEW %s OWNER TO %I', c.oid::regclass, pg_get_userbyid(c.relowner))]
        || (SELECT coalesce(array_agg(pg_get_indexdef(i.indexrelid)), '{}') FROM pg_index i WHERE i.indrelid = c.oid)
        || seeknal.grants_of(c.oid) || seeknal.comments_of(c.oid, 'MATERIALIZED VIEW')
      ELSE ARRAY[pg_get_functiondef(s.object),
          format('ALTER ROUTINE %s OWNER TO %I', s.object::regprocedure, (SELECT pg_get_userbyid(p.proowner) FROM pg_proc p WHERE p.oid = s.object))]
        || (SELECT coalesce(array_agg(format('GRANT EXECUTE ON ROUTINE %s TO %s', s.object::regprocedure,
            CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)), '{}')
          FROM pg_proc p, aclexplode(p.proacl) a WHERE p.oid = s.object AND a.grantee <> p.proowner)
        || (SELECT coalesce(array_agg(format('COMMENT ON ROUTINE %s IS %L', s.object::regprocedure, d.description)), '{}')
          FROM pg_description d WHERE d.classoid = 'pg_proc'::regclass AND d.objoid = s.object) END
  FROM jsonb_to_recordset(found_all) AS s (class oid, object oid, place integer) LEFT JOIN pg_class c ON s.class = 'pg_class'::regclass AND c.oid = s.object
  WHERE c.relkind IS NULL OR c.relkind <> 'i';
END $$;
