-- What changes production, an environment's views or the ledger's generation, each called within one transaction of a run or of
-- psql. SQLSTATE SK001: production moved; SK002: not applied; SK003: somebody else writes; SK004: a view cannot be changed.

CREATE FUNCTION seeknal.lock_key(project text, lock text) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT hashtextextended('seeknal ' || project || ' ' || lock, 0) $$;

-- Taken to the end of the transaction; refused while another session holds it.
CREATE FUNCTION seeknal.take_lock(project text, lock text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF NOT pg_try_advisory_xact_lock(seeknal.lock_key(project, lock)) THEN
    RAISE EXCEPTION '% of project % is being written by another session', lock, project USING ERRCODE = 'SK003';
  END IF;
END $$;

-- GRANT statements that give a relation the privileges that it has now, columns included.
CREATE FUNCTION seeknal.grants_of(relation oid) RETURNS text[]
LANGUAGE sql STABLE AS $$
  SELECT coalesce(array_agg(format('GRANT %s%s ON %s TO %s%s', g.privilege_type, g.columns, relation::regclass,
    CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
    CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) ORDER BY g.columns, g.grantee, g.privilege_type), '{}')
  FROM (
    SELECT a.privilege_type, a.grantee, a.is_grantable, '' AS columns
    FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = relation AND a.grantee <> c.relowner
    UNION ALL
    SELECT a.privilege_type, a.grantee, a.is_grantable, format(' (%I)', t.attname)
    FROM pg_attribute t, aclexplode(t.attacl) a WHERE t.attrelid = relation AND NOT t.attisdropped
  ) AS g
$$;

-- COMMENT statements of a view and of its columns.
CREATE FUNCTION seeknal.comments_of(relation oid, kind text) RETURNS text[]
LANGUAGE sql STABLE AS $$
  SELECT coalesce(array_agg(statement), '{}') FROM (
    SELECT format('COMMENT ON %s %s IS %L', kind, relation::regclass, d.description) AS statement
    FROM pg_description d WHERE d.classoid = 'pg_class'::regclass AND d.objoid = relation AND d.objsubid = 0
    UNION ALL
    SELECT format('COMMENT ON COLUMN %s.%I IS %L', relation::regclass, t.attname, d.description)
    FROM pg_description d JOIN pg_attribute t ON t.attrelid = d.objoid AND t.attnum = d.objsubid
    WHERE d.classoid = 'pg_class'::regclass AND d.objoid = relation AND d.objsubid > 0
  ) AS s
$$;

-- Statements about a relation, but for those about a column that is gone.
CREATE FUNCTION seeknal.again(statements text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE statement text;
BEGIN
  FOREACH statement IN ARRAY statements LOOP
    BEGIN
      EXECUTE statement;
    EXCEPTION WHEN undefined_column THEN NULL;
    END;
  END LOOP;
END $$;

-- Views, materialized views and functions that depend on a view, as statements that make them again, in an order in which
-- they can be made. What depends on it in another way is named in an exception.
CREATE FUNCTION seeknal.dependents_of(view oid)
RETURNS TABLE (place integer, class oid, object oid, title text, drop_it text, make_it text[])
LANGUAGE plpgsql AS $$
DECLARE other text;
BEGIN
  CREATE TEMP TABLE IF NOT EXISTS seeknal_dependents (class oid, object oid, place integer) ON COMMIT DROP;
  TRUNCATE seeknal_dependents;
  INSERT INTO seeknal_dependents
  WITH RECURSIVE found AS (
    SELECT 'pg_class'::regclass::oid AS class, view AS object, 0 AS place
    UNION
    SELECT d.class, d.object, found.place + 1
    FROM found CROSS JOIN LATERAL (
      SELECT CASE WHEN p.classid = 'pg_rewrite'::regclass THEN 'pg_class'::regclass::oid ELSE p.classid END AS class,
        CASE WHEN p.classid = 'pg_rewrite'::regclass THEN (SELECT r.ev_class FROM pg_rewrite r WHERE r.oid = p.objid) ELSE p.objid END AS object
      FROM pg_depend p
      WHERE p.deptype IN ('n', 'a') AND (
        (p.refclassid = found.class AND p.refobjid = found.object)
        OR (found.class = 'pg_class'::regclass AND p.refclassid = 'pg_type'::regclass AND p.refobjid IN (
          SELECT t.oid FROM pg_type t WHERE t.typrelid = found.object
          UNION ALL SELECT t.typarray FROM pg_type t WHERE t.typrelid = found.object)))
    ) AS d
    WHERE d.object <> found.object AND found.place < 100
  )
  SELECT f.class, f.object, max(f.place) FROM found f WHERE f.place > 0 GROUP BY f.class, f.object;
  SELECT string_agg(pg_describe_object(s.class, s.object, 0), ', ') INTO other
  FROM seeknal_dependents s LEFT JOIN pg_class c ON s.class = 'pg_class'::regclass AND c.oid = s.object
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
  FROM seeknal_dependents s LEFT JOIN pg_class c ON s.class = 'pg_class'::regclass AND c.oid = s.object
  WHERE c.relkind IS NULL OR c.relkind <> 'i';
END $$;

-- A view with other columns: made again, with what depends on it, its grants, comments and owner.
CREATE FUNCTION seeknal.remake_view(view oid, query text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  title text := view::regclass::text;
  owner text := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = view);
  options text := (SELECT ' WITH (' || array_to_string(reloptions, ', ') || ')' FROM pg_class WHERE oid = view AND reloptions IS NOT NULL);
  own text[] := seeknal.grants_of(view) || seeknal.comments_of(view, 'VIEW');
  dependents jsonb := (SELECT coalesce(jsonb_agg(jsonb_build_object('title', d.title, 'drop', d.drop_it, 'make', to_jsonb(d.make_it)) ORDER BY d.place), '[]') FROM seeknal.dependents_of(view) d);
  dependent jsonb;
BEGIN
  FOR dependent IN SELECT value FROM jsonb_array_elements(dependents) WITH ORDINALITY ORDER BY ordinality DESC LOOP
    EXECUTE dependent->>'drop';
  END LOOP;
  EXECUTE format('DROP VIEW %s RESTRICT', title);
  EXECUTE format('CREATE VIEW %s%s AS %s', title, coalesce(options, ''), query);
  EXECUTE format('ALTER VIEW %s OWNER TO %I', title, owner);
  PERFORM seeknal.again(own);
  FOR dependent IN SELECT value FROM jsonb_array_elements(dependents) WITH ORDINALITY ORDER BY ordinality LOOP
    BEGIN
      EXECUTE dependent->'make'->>0;
      PERFORM seeknal.again(ARRAY(SELECT jsonb_array_elements_text((dependent->'make') - 0)));
    EXCEPTION WHEN OTHERS THEN
      RAISE EXCEPTION 'the columns of % change, and % cannot be made again: %', title, dependent->>'title', SQLERRM
        USING ERRCODE = 'SK004';
    END;
  END LOOP;
END $$;

-- The view of an output leads to another query. What is no view, or was not made by seeknal, is refused.
CREATE FUNCTION seeknal.point_view(schema_name text, view_name text, query text, is_ours boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  view oid;
  kind "char";
BEGIN
  SELECT c.oid, c.relkind INTO view, kind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = schema_name AND c.relname = view_name;
  IF view IS NULL THEN
    EXECUTE format('CREATE VIEW %I.%I AS %s', schema_name, view_name, query);
    RETURN;
  END IF;
  IF kind <> 'v' OR NOT (is_ours OR pg_get_viewdef(view) LIKE '%seeknal_store.%') THEN
    RAISE EXCEPTION '%.% is there already, and seeknal did not make it', schema_name, view_name USING ERRCODE = 'SK004';
  END IF;
  BEGIN
    EXECUTE format('CREATE OR REPLACE VIEW %I.%I AS %s', schema_name, view_name, query);
  EXCEPTION WHEN invalid_table_definition THEN
    PERFORM seeknal.remake_view(view, query);
  END;
END $$;

-- From the views that were there to those that are to be. Those that are equal are left alone.
CREATE FUNCTION seeknal.show_views(before jsonb, after jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE item record;
BEGIN
  FOR item IN
    SELECT a.value AS view, b.value IS NOT NULL AS is_ours
    FROM jsonb_array_elements(after) WITH ORDINALITY a
    LEFT JOIN jsonb_array_elements(before) b ON b.value->>'schema' = a.value->>'schema' AND b.value->>'name' = a.value->>'name'
    WHERE b.value IS NULL OR b.value->>'query' IS DISTINCT FROM a.value->>'query'
      OR to_regclass(format('%I.%I', a.value->>'schema', a.value->>'name')) IS NULL
    ORDER BY a.ordinality
  LOOP
    PERFORM seeknal.point_view(item.view->>'schema', item.view->>'name', item.view->>'query', item.is_ours);
  END LOOP;
  FOR item IN
    SELECT b.value AS view FROM jsonb_array_elements(before) WITH ORDINALITY b
    WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(after) a
      WHERE a.value->>'schema' = b.value->>'schema' AND a.value->>'name' = b.value->>'name')
    ORDER BY b.ordinality DESC
  LOOP
    BEGIN
      EXECUTE format('DROP VIEW IF EXISTS %I.%I RESTRICT', item.view->>'schema', item.view->>'name');
    EXCEPTION WHEN dependent_objects_still_exist THEN
      RAISE EXCEPTION '%.% cannot be removed: other things depend on it', item.view->>'schema', item.view->>'name'
        USING ERRCODE = 'SK004', DETAIL = SQLERRM;
    END;
  END LOOP;
END $$;

CREATE FUNCTION seeknal.utc_now() RETURNS text
LANGUAGE sql STABLE AS $$ SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;

CREATE FUNCTION seeknal.views_now(of_project text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT g.views FROM seeknal.projects p JOIN seeknal.generations g ON g.project = p.project AND g.number = p.generation
    WHERE p.project = of_project), '[]')
$$;

-- The one way in which production changes. `expected`: the generation that it is made on; NULL: there is none.
CREATE FUNCTION seeknal.switch_to(of_project text, expected bigint, wanted bigint, switch_kind text, switch_run text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE present bigint;
BEGIN
  SELECT generation INTO present FROM seeknal.projects WHERE project = of_project FOR UPDATE;
  IF present IS DISTINCT FROM expected THEN
    RAISE EXCEPTION 'production moved: it was generation % and is % now', coalesce(expected::text, 'none'), coalesce(present::text, 'none')
      USING ERRCODE = 'SK001', HINT = 'Plan and apply again; what is still right is not executed again.';
  END IF;
  PERFORM seeknal.show_views(seeknal.views_now(of_project),
    (SELECT views FROM seeknal.generations WHERE project = of_project AND number = wanted));
  UPDATE seeknal.projects SET generation = wanted WHERE project = of_project;
  INSERT INTO seeknal.switches (project, at, kind, from_generation, to_generation, run_id)
  VALUES (of_project, seeknal.utc_now(), switch_kind, expected, wanted, switch_run);
END $$;

-- A new generation becomes production.
CREATE FUNCTION seeknal.make_generation(of_project text, made jsonb, switch_kind text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM seeknal.projects WHERE project = of_project FOR UPDATE;
  INSERT INTO seeknal.generations (project, number, manifest, run_state, record, bundle, views)
  VALUES (of_project, (made->>'number')::bigint, made->>'manifest', made->>'run_state', made->>'record', made->>'bundle', made->'views');
  PERFORM seeknal.switch_to(of_project, (made->>'base')::bigint, (made->>'number')::bigint, switch_kind, made->>'run_id');
END $$;

CREATE FUNCTION seeknal.note_promoted(of_project text, environment text, generation bigint) RETURNS void
LANGUAGE sql AS $$
  UPDATE seeknal.environments SET documents = jsonb_set(documents, '{env_config.json}', to_jsonb((
    (documents->>'env_config.json')::jsonb || jsonb_build_object('status', 'promoted', 'promoted_to', 'production',
      'promoted_generation', generation, 'last_used_at', seeknal.utc_now()))::text))
  WHERE project = of_project AND name = environment
$$;

-- By hand: what applying prepared becomes production, when production is as it was then.
CREATE FUNCTION seeknal.promote_applied(of_project text, environment text, of_manifest text, of_base text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  found seeknal.environments;
  base_now text;
BEGIN
  PERFORM seeknal.take_lock(of_project, 'production');
  PERFORM seeknal.take_lock(of_project, 'environment-' || environment);
  SELECT * INTO found FROM seeknal.environments e WHERE e.project = of_project AND e.name = environment FOR UPDATE;
  IF found.promotion IS NULL OR (found.documents->>'env_config.json')::jsonb->>'status' <> 'applied' THEN
    RAISE EXCEPTION 'environment % is not applied', environment
      USING ERRCODE = 'SK002', HINT = 'Run seeknal env apply, or seeknal exec bundle.';
  END IF;
  IF encode(sha256(convert_to(found.documents->>'manifest.json', 'UTF8')), 'hex') <> of_manifest THEN
    RAISE EXCEPTION 'environment % was not applied by this bundle', environment USING ERRCODE = 'SK002', HINT = 'Apply it again.';
  END IF;
  SELECT encode(sha256(convert_to(g.manifest, 'UTF8')), 'hex') INTO base_now
  FROM seeknal.projects p JOIN seeknal.generations g ON g.project = p.project AND g.number = p.generation WHERE p.project = of_project;
  IF base_now IS DISTINCT FROM of_base THEN
    RAISE EXCEPTION 'production is not what this bundle was planned against' USING ERRCODE = 'SK001', HINT = 'Plan and apply again.';
  END IF;
  PERFORM seeknal.make_generation(of_project, found.promotion, 'promote');
  PERFORM seeknal.note_promoted(of_project, environment, (found.promotion->>'number')::bigint);
  RETURN (found.promotion->>'number')::bigint;
END $$;

-- By hand: takes back what promote_applied() made last.
CREATE FUNCTION seeknal.roll_back_promotion(of_project text, environment text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  present seeknal.generations;
  parent bigint;
BEGIN
  PERFORM seeknal.take_lock(of_project, 'production');
  SELECT g.* INTO present FROM seeknal.projects p JOIN seeknal.generations g ON g.project = p.project AND g.number = p.generation
  WHERE p.project = of_project;
  IF present.number IS NULL OR present.record::jsonb->>'environment' IS DISTINCT FROM environment THEN
    RAISE EXCEPTION 'production is not what environment % made', environment USING ERRCODE = 'SK001', HINT = 'See seeknal history.';
  END IF;
  parent := (present.record::jsonb->>'parent')::bigint;
  IF parent IS NULL OR NOT EXISTS (SELECT FROM seeknal.generations g WHERE g.project = of_project AND g.number = parent) THEN
    RAISE EXCEPTION 'there is no earlier generation to go back to' USING ERRCODE = 'SK002';
  END IF;
  PERFORM seeknal.switch_to(of_project, present.number, parent, 'rollback', present.record::jsonb->>'run_id');
  RETURN parent;
END $$;
