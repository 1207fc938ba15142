-- What 3-views.sql does where nothing is made within a transaction: statements that are noted, and done one by one.

-- Whether CREATE OR REPLACE would do: the columns of the view come first among those of the table that it is to show.
CREATE FUNCTION seeknal.keeps_columns(view oid, query text) RETURNS boolean
LANGUAGE sql STABLE AS $$
  WITH shown AS (SELECT to_regclass(substring(query FROM '^TABLE (.*)$')) AS of_table),
  columns AS (
    SELECT a.attrelid, row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS place, a.attname, a.atttypid, a.atttypmod, a.attcollation
    FROM pg_attribute a WHERE a.attrelid IN (view, (SELECT of_table FROM shown)) AND a.attnum > 0 AND NOT a.attisdropped
  )
  SELECT (SELECT of_table FROM shown) IS NOT NULL AND NOT EXISTS (
    SELECT FROM columns v LEFT JOIN columns t ON t.attrelid = (SELECT of_table FROM shown) AND t.place = v.place
    WHERE v.attrelid = view AND (v.attname, v.atttypid, v.atttypmod, v.attcollation) IS DISTINCT FROM (t.attname, t.atttypid, t.atttypmod, t.attcollation))
$$;

-- What point_view() does, as statements that are done one by one.
CREATE FUNCTION seeknal.point_statements(schema_name text, view_name text, query text, is_ours boolean) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
  view oid;
  kind "char";
  title text;
  made text;
  dependents jsonb;
BEGIN
  SELECT c.oid, c.relkind, c.oid::regclass INTO view, kind, title FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = schema_name AND c.relname = view_name;
  IF view IS NULL THEN
    RETURN ARRAY[format('CREATE VIEW %I.%I AS %s', schema_name, view_name, query)];
  END IF;
  IF kind <> 'v' OR NOT (is_ours OR pg_get_viewdef(view) LIKE '%seeknal_store.%') THEN
    RAISE EXCEPTION '%.% is there already, and seeknal did not make it', schema_name, view_name USING ERRCODE = 'SK004';
  END IF;
  IF seeknal.keeps_columns(view, query) THEN
    RETURN ARRAY[format('CREATE OR REPLACE VIEW %s AS %s', title, query)];
  END IF;
  dependents := (SELECT coalesce(jsonb_agg(jsonb_build_object('drop', d.drop_it, 'make', to_jsonb(d.make_it)) ORDER BY d.place), '[]') FROM seeknal.dependents_of(view) d);
  made := format('CREATE VIEW %s%s AS %s', title,
    coalesce((SELECT ' WITH (' || array_to_string(c.reloptions, ', ') || ')' FROM pg_class c WHERE c.oid = view), ''), query);
  RETURN ARRAY(SELECT d.value->>'drop' FROM jsonb_array_elements(dependents) WITH ORDINALITY d ORDER BY d.ordinality DESC)
    || ARRAY[format('DROP VIEW %s RESTRICT', title), made,
      format('ALTER VIEW %s OWNER TO %I', title, (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = view))]
    || seeknal.grants_of(view) || seeknal.comments_of(view, 'VIEW')
    || ARRAY(SELECT m.value FROM jsonb_array_elements(dependents) WITH ORDINALITY d,
      jsonb_array_elements_text(d.value->'make') WITH ORDINALITY m ORDER BY d.ordinality, m.ordinality);
END $$;

-- A table in place of a view is changed within a transaction only.
CREATE FUNCTION seeknal.require_view(shows jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF shows - ARRAY['schema', 'name', 'query'] <> '{}' THEN
    RAISE EXCEPTION '%.% is published as a table, which needs DDL in transactions', shows->>'schema', shows->>'name' USING ERRCODE = 'SK004';
  END IF;
END $$;

CREATE FUNCTION seeknal.note_later(statements text[]) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO seeknal.pending (project, lock, statement)
  SELECT current_setting('seeknal.project'), current_setting('seeknal.lock'), s.statement
  FROM unnest(statements) WITH ORDINALITY AS s(statement, place) ORDER BY s.place
$$;

-- What show_views() does, noted for the lock that the session says it holds.
CREATE FUNCTION seeknal.show_later(before jsonb, after jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE item record;
BEGIN
  FOR item IN
    SELECT a.value AS view, b.value IS NOT NULL AS is_ours
    FROM jsonb_array_elements(after) WITH ORDINALITY a
    LEFT JOIN jsonb_array_elements(before) b ON b.value->>'schema' = a.value->>'schema' AND b.value->>'name' = a.value->>'name'
    WHERE b.value IS NULL OR b.value IS DISTINCT FROM a.value
      OR to_regclass(format('%I.%I', a.value->>'schema', a.value->>'name')) IS NULL
    ORDER BY a.ordinality
  LOOP
    PERFORM seeknal.require_view(item.view);
    PERFORM seeknal.note_later(seeknal.point_statements(item.view->>'schema', item.view->>'name', item.view->>'query', item.is_ours));
  END LOOP;
  FOR item IN
    SELECT b.value->>'schema' AS schema, b.value->>'name' AS name, to_regclass(format('%I.%I', b.value->>'schema', b.value->>'name')) AS view
    FROM jsonb_array_elements(before) WITH ORDINALITY b
    WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(after) a
      WHERE a.value->>'schema' = b.value->>'schema' AND a.value->>'name' = b.value->>'name')
    ORDER BY b.ordinality DESC
  LOOP
    IF item.view IS NOT NULL AND EXISTS (SELECT FROM seeknal.dependents_of(item.view)) THEN
      RAISE EXCEPTION '%.% cannot be removed: other things depend on it', item.schema, item.name
        USING ERRCODE = 'SK004', DETAIL = (SELECT string_agg(d.title, '; ' ORDER BY d.place) FROM seeknal.dependents_of(item.view) d),
          HINT = 'Drop what depends on it, or let it read something else.';
    END IF;
    PERFORM seeknal.note_later(ARRAY[format('DROP VIEW IF EXISTS %I.%I RESTRICT', item.schema, item.name)]);
  END LOOP;
END $$;

-- What show_in_environment() does.
CREATE FUNCTION seeknal.show_by_steps(of_project text, of_environment text, shows jsonb, is_ours boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE was_shown boolean := EXISTS (SELECT FROM seeknal.shown s WHERE s.project = of_project AND s.environment = of_environment
  AND s.schema_name = shows->>'schema' AND s.table_name = shows->>'name');
BEGIN
  PERFORM seeknal.require_view(shows);
  PERFORM seeknal.note_later(seeknal.point_statements(shows->>'schema', shows->>'name', shows->>'query', is_ours OR was_shown));
  INSERT INTO seeknal.shown AS s (project, environment, schema_name, table_name, output)
  VALUES (of_project, of_environment, shows->>'schema', shows->>'name', shows)
  ON CONFLICT (project, environment, schema_name, table_name) DO UPDATE SET output = excluded.output;
END $$;

-- Does what is noted for the locks of a project that nobody else holds, in the transaction that asks for it: by psql, which has
-- DDL in transactions. A statement that was done before a kill is recognised by what the server says of doing it again.
CREATE FUNCTION seeknal.do_pending(of_project text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
  lock_name text;
  noted record;
BEGIN
  FOR lock_name IN SELECT DISTINCT p.lock FROM seeknal.pending p WHERE p.project = of_project LOOP
    CONTINUE WHEN NOT pg_try_advisory_xact_lock(seeknal.lock_key(of_project, lock_name))
      OR EXISTS (SELECT FROM seeknal.leases l WHERE l.lock = 'seeknal ' || of_project || ' ' || lock_name AND l.expires_at > clock_timestamp());
    FOR noted IN SELECT p.id, p.statement FROM seeknal.pending p WHERE p.project = of_project AND p.lock = lock_name ORDER BY p.id LOOP
      BEGIN
        EXECUTE noted.statement;
      EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE <> ALL (CASE WHEN noted.statement ~ '^(GRANT|COMMENT)\M' THEN ARRAY['42703']
          WHEN noted.statement ~ '^DROP\M' THEN ARRAY['42P01', '42883', '3F000'] ELSE ARRAY['42P06', '42P07', '42723', '42701', '23505'] END) THEN
          RAISE;
        END IF;
      END;
      DELETE FROM seeknal.pending p WHERE p.id = noted.id;
    END LOOP;
  END LOOP;
END $$;
