-- What readers find outputs by, views or tables, led from what was there to what is to be, each within one transaction. SQLSTATE
-- SK004: it cannot be changed.

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
-- they can be made; with schemas in every name. What depends on it in another way is named in an exception.
CREATE FUNCTION seeknal.dependents_of(view oid)
RETURNS TABLE (place integer, class oid, object oid, title text, drop_it text, make_it text[])
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
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

-- A relation becomes a view or a table of a query: made again, with what depends on it, its grants, comments and owner.
CREATE FUNCTION seeknal.remake_as(relation oid, kind text, query text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  -- With its schema: what is made without one goes where the search path begins.
  title text := (SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation);
  was text := (SELECT CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END FROM pg_class WHERE oid = relation);
  options text := (SELECT ' WITH (' || array_to_string(reloptions, ', ') || ')' FROM pg_class WHERE oid = relation AND relkind = 'v' AND kind = 'VIEW' AND reloptions IS NOT NULL);
  owner text := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = relation);
  own text[] := seeknal.grants_of(relation) || seeknal.comments_of(relation, kind);
  dependents jsonb := (SELECT coalesce(jsonb_agg(jsonb_build_object('title', d.title, 'drop', d.drop_it, 'make', to_jsonb(d.make_it)) ORDER BY d.place), '[]') FROM seeknal.dependents_of(relation) d);
  dependent jsonb;
BEGIN
  FOR dependent IN SELECT value FROM jsonb_array_elements(dependents) WITH ORDINALITY ORDER BY ordinality DESC LOOP
    EXECUTE dependent->>'drop';
  END LOOP;
  EXECUTE format('DROP %s %s RESTRICT', was, title);
  EXECUTE format('CREATE %s %s%s AS %s', kind, title, coalesce(options, ''), query);
  EXECUTE format('ALTER %s %s OWNER TO %I', kind, title, owner);
  PERFORM seeknal.again(own);
  FOR dependent IN SELECT value FROM jsonb_array_elements(dependents) WITH ORDINALITY ORDER BY ordinality LOOP
    BEGIN
      EXECUTE dependent->'make'->>0;
      PERFORM seeknal.again(ARRAY(SELECT jsonb_array_elements_text((dependent->'make') - 0)));
    EXCEPTION WHEN OTHERS THEN
      RAISE EXCEPTION '% is made anew as a %, and % cannot be made again: %', title, lower(kind), dependent->>'title', SQLERRM
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
    PERFORM seeknal.remake_as(view, 'VIEW', query);
  END;
END $$;

-- The rows of a table of the store in a table that stays the same one: columns that the output no longer has, or has with another
-- type, are changed; what depends on one of these is named, and nothing is changed.
CREATE FUNCTION seeknal.refill_table(relation oid, stored oid, made text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  title text := relation::regclass::text;
  names text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = stored AND attnum > 0 AND NOT attisdropped);
  along text := (SELECT string_agg(conname || ' of ' || conrelid::regclass::text, ', ' ORDER BY 1) FROM pg_constraint
    WHERE contype = 'f' AND confrelid = relation AND confdeltype IN ('c', 'n', 'd', 'r'));
  item record;
  others text[] := '{}';
BEGIN
  IF along IS NOT NULL THEN
    RAISE EXCEPTION 'replacing rows of % would delete or change rows of other tables: %', title, along USING ERRCODE = 'SK004';
  END IF;
  EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', title);
  FOR item IN
    SELECT coalesce(s.attname, p.attname) AS name, s.attname IS NULL AS gone, p.attname IS NULL AS missing,
      format_type(s.atttypid, s.atttypmod) AS type
    FROM (SELECT * FROM pg_attribute WHERE attrelid = stored AND attnum > 0 AND NOT attisdropped) s
    FULL JOIN (SELECT * FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped) p USING (attname)
    WHERE (s.attname IS NULL AND p.attname = ANY (made)) OR p.attname IS NULL OR s.atttypid <> p.atttypid OR s.atttypmod <> p.atttypmod
    ORDER BY s.attnum, p.attnum
  LOOP
    IF item.gone THEN others := others || format('DROP COLUMN %I RESTRICT', item.name);
    ELSIF item.missing THEN others := others || format('ADD COLUMN %I %s', item.name, item.type);
    ELSE others := others || format('ALTER COLUMN %I TYPE %s USING NULL::%s', item.name, item.type, item.type);
    END IF;
  END LOOP;
  IF cardinality(others) > 0 THEN
    EXECUTE format('DELETE FROM %s', title);
    EXECUTE format('ALTER TABLE %s %s', title, array_to_string(others, ', '));
  END IF;
  -- One statement, at whose end foreign keys of other tables find their rows again.
  EXECUTE format('WITH gone AS (DELETE FROM %1$s RETURNING 1) INSERT INTO %1$s (%2$s) SELECT %2$s FROM %3$s WHERE (SELECT count(*) FROM gone) IS NOT NULL',
    title, names, stored::regclass);
END $$;

-- A table of the output in place of its view; left alone when it has these rows already.
CREATE FUNCTION seeknal.publish_table(of_schema text, of_name text, of_query text, is_ours boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET row_security = off AS $$
DECLARE
  relation oid;
  kind "char";
  stored oid := substr(of_query, length('TABLE ') + 1)::regclass;
  known seeknal.published;
  state text;
  more text;
BEGIN
  SELECT c.oid, c.relkind INTO relation, kind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = of_schema AND c.relname = of_name;
  SELECT p.* INTO known FROM seeknal.published p WHERE p.schema_name = of_schema AND p.table_name = of_name FOR UPDATE;
  IF relation IS NULL THEN
    EXECUTE format('CREATE TABLE %I.%I AS %s', of_schema, of_name, of_query);
  ELSIF kind = 'v' AND (is_ours OR pg_get_viewdef(relation) LIKE '%seeknal_store.%') THEN
    PERFORM seeknal.remake_as(relation, 'TABLE', of_query);
  ELSIF kind <> 'r' OR known.query IS NULL THEN
    RAISE EXCEPTION '%.% is there already, and seeknal did not make it', of_schema, of_name USING ERRCODE = 'SK004';
  ELSIF known.query = of_query THEN
    RETURN;
  ELSE
    BEGIN
      PERFORM seeknal.refill_table(relation, stored, known.columns);
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, more = PG_EXCEPTION_DETAIL;
      RAISE EXCEPTION '%', CASE WHEN SQLERRM LIKE '%' || of_name || '%' THEN SQLERRM ELSE format('%s.%s: %s', of_schema, of_name, SQLERRM) END
        USING ERRCODE = CASE WHEN state IN ('55P03', '40P01') THEN state ELSE 'SK004' END, DETAIL = more;
    END;
  END IF;
  INSERT INTO seeknal.published (schema_name, table_name, query, columns)
  VALUES (of_schema, of_name, of_query,
    (SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute WHERE attrelid = stored AND attnum > 0 AND NOT attisdropped))
  ON CONFLICT (schema_name, table_name) DO UPDATE SET query = excluded.query, columns = excluded.columns;
END $$;

-- What readers find an output by: {"schema", "name", "query"}, and "table": true where it is a table.
CREATE FUNCTION seeknal.show_output(output jsonb, is_ours boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE relation oid;
BEGIN
  IF (output->>'table')::boolean THEN
    PERFORM seeknal.publish_table(output->>'schema', output->>'name', output->>'query', is_ours);
    RETURN;
  END IF;
  SELECT c.oid INTO relation FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN seeknal.published p ON p.schema_name = n.nspname AND p.table_name = c.relname
  WHERE n.nspname = output->>'schema' AND c.relname = output->>'name' AND c.relkind = 'r';
  IF relation IS NULL THEN
    PERFORM seeknal.point_view(output->>'schema', output->>'name', output->>'query', is_ours);
  ELSE
    PERFORM seeknal.remake_as(relation, 'VIEW', output->>'query');
    DELETE FROM seeknal.published WHERE schema_name = output->>'schema' AND table_name = output->>'name';
  END IF;
END $$;

-- From the views and tables that were there to those that are to be; tables first, since views keep readers out. Those that are
-- equal are left alone.
CREATE FUNCTION seeknal.show_now(before jsonb, after jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  item record;
  others text;
BEGIN
  FOR item IN
    SELECT a.value AS output, b.value IS NOT NULL AS is_ours
    FROM jsonb_array_elements(after) WITH ORDINALITY a
    LEFT JOIN jsonb_array_elements(before) b ON b.value->>'schema' = a.value->>'schema' AND b.value->>'name' = a.value->>'name'
    WHERE b.value IS NULL OR b.value->>'query' IS DISTINCT FROM a.value->>'query' OR b.value->>'table' IS DISTINCT FROM a.value->>'table'
      OR to_regclass(format('%I.%I', a.value->>'schema', a.value->>'name')) IS NULL
    ORDER BY coalesce((a.value->>'table')::boolean, false) DESC, a.ordinality
  LOOP
    PERFORM seeknal.show_output(item.output, item.is_ours);
  END LOOP;
  FOR item IN
    SELECT b.value AS output, EXISTS (SELECT FROM seeknal.published p
      WHERE p.schema_name = b.value->>'schema' AND p.table_name = b.value->>'name') AS is_table
    FROM jsonb_array_elements(before) WITH ORDINALITY b
    WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(after) a
      WHERE a.value->>'schema' = b.value->>'schema' AND a.value->>'name' = b.value->>'name')
    ORDER BY b.ordinality DESC
  LOOP
    BEGIN
      EXECUTE format('DROP %s IF EXISTS %I.%I RESTRICT', CASE WHEN item.is_table THEN 'TABLE' ELSE 'VIEW' END, item.output->>'schema', item.output->>'name');
    EXCEPTION WHEN dependent_objects_still_exist THEN
      GET STACKED DIAGNOSTICS others = PG_EXCEPTION_DETAIL;
      RAISE EXCEPTION '%.% cannot be removed: other things depend on it', item.output->>'schema', item.output->>'name'
        USING ERRCODE = 'SK004', DETAIL = replace(others, E'\n', '; '), HINT = 'Drop what depends on it, or let it read something else.';
    END;
    DELETE FROM seeknal.published WHERE schema_name = item.output->>'schema' AND table_name = item.output->>'name';
  END LOOP;
END $$;

-- The same, or noted where the session says for which lock: see 4-steps.sql.
CREATE FUNCTION seeknal.show_views(before jsonb, after jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF coalesce(current_setting('seeknal.lock', true), '') = '' THEN
    PERFORM seeknal.show_now(before, after);
  ELSE
    PERFORM seeknal.show_later(before, after);
  END IF;
END $$;

CREATE FUNCTION seeknal.show_in_environment(of_project text, of_environment text, shows jsonb, is_ours boolean) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM seeknal.show_output(shows, is_ours OR EXISTS (SELECT FROM seeknal.shown s WHERE s.project = of_project AND s.environment = of_environment
    AND s.schema_name = shows->>'schema' AND s.table_name = shows->>'name'));
  INSERT INTO seeknal.shown AS s (project, environment, schema_name, table_name, output)
  VALUES (of_project, of_environment, shows->>'schema', shows->>'name', shows)
  ON CONFLICT (project, environment, schema_name, table_name) DO UPDATE SET output = excluded.output;
END $$;

-- The views and tables of an environment as they are now.
CREATE FUNCTION seeknal.views_of(of_project text, of_environment text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
  SELECT coalesce(jsonb_agg(v.output ORDER BY v.output->>'schema', v.output->>'name'), '[]') FROM (
    SELECT s.output FROM seeknal.shown s WHERE s.project = of_project AND s.environment = of_environment
    UNION ALL
    SELECT e.value FROM seeknal.environments x, jsonb_array_elements(x.views) e
    WHERE x.project = of_project AND x.name = of_environment AND NOT EXISTS (SELECT FROM seeknal.shown s
      WHERE s.project = of_project AND s.environment = of_environment AND s.schema_name = e.value->>'schema' AND s.table_name = e.value->>'name')
  ) v
$$;
